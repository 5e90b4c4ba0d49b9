//! A DHCPv6 server in a namespace of its own.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tempfile::TempDir;

use super::load::Load;
use super::{Leases, Shape};
use crate::field::{Far, Process, binary};

/// Bits of a client's number that one run has for itself.
const RUN_BITS: u32 = 20;

/// Syncs that are averaged.
const SYNCS: u32 = 20;

/// One server, its data, and how it is reached.
pub(super) struct Site {
    name: &'static str,
    interface: String,
    number: u16,
    /// Runs so far.
    runs: u64,
    process: Option<Process>,
    far: Far,
    dir: TempDir,
}

impl Site {
    /// `leasebook serve`; sites of one field have different numbers.
    pub(super) fn leasebook(number: u16) -> anyhow::Result<Self> {
        let mut site = Self::new("leasebook", number)?;
        site.start_leasebook("")?;
        site.wait_for_answer()?;
        Ok(site)
    }

    /// The namespace and the directory for a server that is started later.
    pub(super) fn new(name: &'static str, number: u16) -> anyhow::Result<Self> {
        let far = Far::new()?;
        let interface = format!("bench{number}");
        far.join(&interface, relay(number), server(number))?;
        let dir = tempfile::Builder::new()
            .prefix("leasebook-dhcp-")
            .tempdir()?;
        Ok(Self {
            name,
            interface,
            number,
            runs: 0,
            process: None,
            far,
            dir,
        })
    }

    /// Debian's `kea-dhcp6` with its memfile: tuned, it logs warnings alone; as it comes, every
    /// lease, as Debian's configuration has it.
    pub(super) fn kea(number: u16, is_tuned: bool) -> anyhow::Result<Self> {
        let (name, severity) = if is_tuned {
            ("kea tuned", "WARN")
        } else {
            ("kea", "INFO")
        };
        let mut site = Self::new(name, number)?;
        let dir = site.dir.path();
        let text = kea_configuration(number, dir, severity);
        let path = dir.join("kea.json");
        fs::write(&path, text)?;
        let mut command = site.far.command("kea-dhcp6");
        command
            .arg("-c")
            .arg(path)
            .env("KEA_PIDFILE_DIR", dir)
            .env("KEA_LOCKFILE_DIR", dir);
        site.process = Some(Process::start(&mut command, &dir.join("log"))?);
        site.wait_for_answer()?;
        Ok(site)
    }

    /// Starts `leasebook serve` on the data that is there; `more` goes into its configuration.
    pub(super) fn start_leasebook(&mut self, more: &str) -> anyhow::Result<()> {
        let dir = self.dir.path();
        let path = dir.join("leasebook.toml");
        fs::write(&path, configuration(self.number, &self.data()) + more)?;
        let mut command = self.far.command(binary()?);
        command.args(["serve", "--config"]).arg(path);
        self.process = Some(Process::start(&mut command, &dir.join("log"))?);
        Ok(())
    }

    /// Ends the server as a power cut does.
    pub(super) fn end(&mut self) {
        self.process = None;
    }

    /// Where leasebook's data lies.
    pub(super) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The near interface and its address.
    pub(super) fn near(&self) -> (&str, Ipv6Addr) {
        (&self.interface, relay(self.number))
    }

    /// The server's address.
    pub(super) fn far(&self) -> Ipv6Addr {
        server(self.number)
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The number of the first of clients that no run had so far.
    pub(super) fn clients(&mut self) -> u64 {
        self.runs += 1;
        self.runs << RUN_BITS
    }

    /// What the server logged.
    pub(super) fn said(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Processor time the server took so far.
    pub(super) fn processor_time(&self) -> anyhow::Result<Duration> {
        let process = self.process.as_ref().context("no server runs")?;
        process.processor_time()
    }

    /// Waits until the server answers a client.
    pub(super) fn wait_for_answer(&mut self) -> anyhow::Result<()> {
        let first = self.clients();
        let shape = Shape {
            leases: Leases::Prefix,
            hops: 0,
        };
        let mut load = Load::new(self.near(), self.far(), shape, first)?;
        let process = self.process.as_mut().context("no server runs")?;
        process.wait(self.name, || load.knock())
    }

    /// What it takes to make 4 KiB durable beside the server's data, on average.
    pub(super) fn sync_time(&self) -> anyhow::Result<Duration> {
        let mut file = File::create(self.dir.path().join("sync"))?;
        // A journal's segment is there before it is written to: only its octets are synced.
        file.write_all(&vec![0; 4096 * SYNCS as usize])?;
        file.sync_all()?;
        let mut file = File::options()
            .write(true)
            .open(self.dir.path().join("sync"))?;
        let began = Instant::now();
        for _ in 0..SYNCS {
            file.write_all(&[1; 4096])?;
            file.sync_data()?;
        }
        Ok(began.elapsed() / SYNCS)
    }
}

/// The address of relays, on the near side.
fn relay(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, number, 0, 0, 0, 0, 2)
}

fn server(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, number, 0, 0, 0, 0, 1)
}

fn configuration(number: u16, data: &Path) -> String {
    format!(
        "data = {:?}\n\
         [listen]\nudp = [\"[::]:547\"]\n\
         [bulk]\n[[bulk.allow]]\nsource = \"2001:db8:{number:x}::/64\"\n\
         [[link]]\nid = 1\nname = \"bench\"\non-link = [\"2001:db8:{number:x}::/64\"]\n\
         interfaces = [\"bench{number}-far\"]\n\
         [[link.pool]]\naddresses = \"2001:db8:{number:x}:0:0:1::/96\"\n\
         [[link.prefix-pool]]\nprefix = \"3fff:100::/32\"\ndelegated-length = 56\n",
        data.display().to_string(),
    )
}

/// The same links and pools.
fn kea_configuration(number: u16, dir: &Path, severity: &str) -> String {
    let dir = dir.display();
    format!(
        r#"{{ "Dhcp6": {{
  "data-directory": "{dir}",
  "interfaces-config": {{ "interfaces": ["bench{number}-far/2001:db8:{number:x}::1"] }},
  "lease-database": {{ "type": "memfile", "name": "{dir}/leases.csv", "lfc-interval": 0 }},
  "preferred-lifetime": 3000, "valid-lifetime": 4000,
  "store-extended-info": true,
  "subnet6": [ {{
    "id": 1, "subnet": "2001:db8:{number:x}::/64", "interface": "bench{number}-far",
    "pools": [ {{ "pool": "2001:db8:{number:x}:0:0:1::/96" }} ],
    "pd-pools": [ {{ "prefix": "3fff:100::", "prefix-len": 32, "delegated-len": 56 }} ]
  }} ],
  "loggers": [ {{ "name": "kea-dhcp6", "severity": "{severity}", "output_options": [ {{ "output": "stderr" }} ] }} ]
}} }}"#
    )
}
