//! A relay that loses its power, for the demonstration and for benchmarks.
//!
//! ```text
//!  a network namespace of our own
//!    leasebook serve  ◄── Bulk Leasequery over [::1] ──  leasebook relay ──► kernel's routes on pon0
//! ```
//!
//! Nothing outside the namespace is touched, and all of it goes with the process.

use std::fs;
use std::io::{self, Read as _};
use std::net::{Ipv6Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

use crate::sample::Sample;

/// The client-facing interface; the Interface-ID of the sample's bindings is its name.
const INTERFACE: &str = "pon0";

/// The other end of it.
const FAR_END: &str = "pon0-far";

/// Where the server listens, inside.
const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::LOCALHOST), 1547);

/// The routing protocol that marks the relay's routes.
const PROTOCOL: &str = "147";

/// How long anything may take before it is given up.
const PATIENCE: Duration = Duration::from_mins(2);

/// How long is waited between looks at the number of routes.
const LOOK_EVERY: Duration = Duration::from_micros(500);

/// How long the kernel is left alone after routes were taken away, so that what it still frees
/// does not count for what comes next.
const REST: Duration = Duration::from_millis(500);

/// Bindings made at a time.
const LOAD_BINDINGS: usize = 1 << 17;

/// Puts this process, which must have one thread alone, into a network namespace of its own.
///
/// Without root's rights it becomes root of a user namespace as well, where the system permits
/// that.
pub fn enter_namespace() -> anyhow::Result<()> {
    let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    if user.is_root() {
        unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace")?;
    } else {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET).context(
            "cannot make a network namespace: become root, or permit user namespaces (sysctl kernel.unprivileged_userns_clone=1)",
        )?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
        fs::write("/proc/self/gid_map", format!("0 {group} 1"))?;
    }
    ip(&["link", "set", "lo", "up"])
}

/// The relay's routes as the kernel of this namespace shows them, sorted.
pub fn routes() -> anyhow::Result<Vec<String>> {
    let shown = ip_says(&["-6", "route", "show", "proto", PROTOCOL])?;
    let mut lines: Vec<String> = shown.lines().map(|line| line.trim().to_owned()).collect();
    lines.sort_unstable();
    Ok(lines)
}

/// A server with bindings, and a relay that can be started and killed.
#[derive(Debug)]
pub struct Site {
    binary: PathBuf,
    dir: TempDir,
    clients: u32,
    server: Option<Child>,
    relay: Option<Child>,
}

/// What one cold start of the relay took, from starting the program.
#[derive(Clone, Copy, Debug)]
pub struct ColdStart {
    /// Until the kernel had the first route.
    pub first: Duration,
    /// Until it had all of them.
    pub all: Duration,
    /// The most memory the relay had, in KiB, what it maps of files included.
    pub peak_kib: u64,
}

impl Site {
    /// Makes a book of so many sample clients and has `binary` serve it; `now` is Unix seconds.
    pub fn new(binary: &Path, clients: u32, now: u64) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("leasebook-reboot-")
            .tempdir()
            .context("cannot make a temporary directory")?;
        let sample = Sample {
            clients,
            relays: 1,
            now,
            one_remote_id: false,
        };
        let data = dir.path().join("data");
        fill(&data, sample)?;
        fs::write(
            dir.path().join("server.toml"),
            sample.configuration(&data, &[SERVER]) + "\n[[bulk.allow]]\nsource = \"::1\"\n",
        )?;
        fs::write(
            dir.path().join("relay.toml"),
            relay_configuration(dir.path())?,
        )?;
        let mut site = Self {
            binary: binary.to_owned(),
            dir,
            clients,
            server: None,
            relay: None,
        };
        site.server = Some(site.start("serve", "server")?);
        site.wait("the server", |_| TcpStream::connect(SERVER).is_ok())?;
        Ok(site)
    }

    /// The machine after power came back: the interface is new, and there are no routes.
    pub fn power_cycle(&mut self) -> anyhow::Result<()> {
        end(&mut self.relay);
        if Path::new("/proc/sys/net/ipv6/conf")
            .join(INTERFACE)
            .exists()
        {
            ip(&["link", "delete", INTERFACE])?;
        }
        ip(&[
            "link", "add", "name", INTERFACE, "type", "veth", "peer", "name", FAR_END,
        ])?;
        for end in [INTERFACE, FAR_END] {
            // Two ends on one machine need not look for duplicate addresses.
            let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{end}/accept_dad"), "0");
            ip(&["link", "set", end, "up"])?;
        }
        let address = format!("{}/64", Sample::link_address(0));
        ip(&["-6", "address", "add", &address, "dev", INTERFACE, "nodad"])?;
        self.wait("the interface", |_| {
            ip_says(&["-6", "address", "show", "dev", INTERFACE, "tentative"])
                .is_ok_and(|shown| shown.trim().is_empty())
        })?;
        std::thread::sleep(REST);
        ensure!(routes()?.is_empty(), "routes outlived their interface");
        Ok(())
    }

    /// Starts the relay and waits for its last route.
    pub fn cold_start(&mut self) -> anyhow::Result<ColdStart> {
        let before = entries()?;
        let goal = before + u64::from(self.clients);
        let began = Instant::now();
        self.relay = Some(self.start("relay", "relay")?);
        let mut first = None;
        self.wait("the relay", |_| {
            let now = entries().unwrap_or(before);
            if now > before && first.is_none() {
                first = Some(began.elapsed());
            }
            now >= goal
        })?;
        let all = began.elapsed();
        let peak_kib = self.relay.as_ref().map_or(0, |relay| peak(relay.id()));
        Ok(ColdStart {
            first: first.unwrap_or(all),
            all,
            peak_kib,
        })
    }

    /// What `ip -6 -batch` takes to install the same routes from a file: the kernel's own limit.
    pub fn batch(&self) -> anyhow::Result<Duration> {
        let path = self.dir.path().join("routes");
        if !path.exists() {
            let server = SERVER.to_string();
            let relay_id = leasebook_wire::Duid::new(&Sample::relay_id(0))?.to_string();
            let lines = Command::new(&self.binary)
                .args(["query", &server, "relay-id", &relay_id])
                .args(["--format", "routes", "--protocol", PROTOCOL])
                .args([
                    "--metric",
                    "1024",
                    "--no-expires",
                    "--dev",
                    INTERFACE,
                    "--quiet",
                ])
                .output()
                .context("cannot ask the server")?;
            ensure!(
                lines.status.success(),
                "the query failed: {}",
                String::from_utf8_lossy(&lines.stderr)
            );
            fs::write(&path, &lines.stdout)?;
        }
        let began = Instant::now();
        ip(&["-6", "-batch", path_text(&path)?])?;
        Ok(began.elapsed())
    }

    /// What `leasebook relay` says when it is asked this.
    pub fn ask(&self, what: &[&str]) -> anyhow::Result<String> {
        let config = self.dir.path().join("relay.toml");
        let asked = Command::new(&self.binary)
            .arg("relay")
            .args(what)
            .arg("--config")
            .arg(config)
            .output()?;
        Ok(String::from_utf8_lossy(&asked.stdout).into_owned())
    }

    fn start(&self, command: &str, name: &str) -> anyhow::Result<Child> {
        let log = fs::File::create(self.log(name))?;
        Command::new(&self.binary)
            .arg(command)
            .arg("--config")
            .arg(self.dir.path().join(format!("{name}.toml")))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.log"))
    }

    /// Waits until `is_there`; fails with the logs when a process ends or time is up.
    fn wait(&mut self, what: &str, mut is_there: impl FnMut(&Self) -> bool) -> anyhow::Result<()> {
        let began = Instant::now();
        while !is_there(self) {
            let children = [&mut self.server, &mut self.relay];
            let mut started = children.into_iter().flatten();
            let is_dead = started.any(|child| !matches!(child.try_wait(), Ok(None)));
            drop(started);
            if is_dead || began.elapsed() > PATIENCE {
                let log = |name| fs::read_to_string(self.log(name)).unwrap_or_default();
                bail!(
                    "{what} did not come\nserver:\n{}\nrelay:\n{}",
                    log("server"),
                    log("relay")
                );
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        end(&mut self.relay);
        end(&mut self.server);
    }
}

/// The relay that the sample's bindings came through, with nothing on disk but who it is.
fn relay_configuration(dir: &Path) -> anyhow::Result<String> {
    let relay_id = leasebook_wire::Duid::new(&Sample::relay_id(0))?;
    let (state, control) = (dir.join("state"), dir.join("control"));
    Ok(format!(
        "relay-id = \"{relay_id}\"\nstate = {:?}\ncontrol = {:?}\n\
         [[server]]\naddress = \"::1\"\nbulk = \"{SERVER}\"\n\
         [[interface]]\nname = \"{INTERFACE}\"\n",
        path_text(&state)?,
        path_text(&control)?,
    ))
}

fn fill(data: &Path, sample: Sample) -> anyhow::Result<()> {
    let (book, _) = crate::book::open(data)?;
    let mut bindings = sample.bindings();
    loop {
        let some: Vec<_> = bindings.by_ref().take(LOAD_BINDINGS).collect();
        if some.is_empty() {
            break;
        }
        book.load(some)?;
    }
    Ok(book.close()?)
}

/// Ends a process as a power cut does.
fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        // One that is gone already needs no end.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn path_text(path: &Path) -> anyhow::Result<&str> {
    path.to_str()
        .context("the temporary directory has a name that is no text")
}

/// Runs iproute2's `ip`.
pub fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    ip_says(arguments).map(drop)
}

fn ip_says(arguments: &[&str]) -> anyhow::Result<String> {
    let ran = Command::new("ip").args(arguments).output();
    let ran = ran.context("cannot run ip; install the package iproute2")?;
    ensure!(
        ran.status.success(),
        "ip {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&ran.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// Routes of IPv6 in this namespace, of every kind.
fn entries() -> io::Result<u64> {
    /// The place of the number of entries among the numbers of the file.
    const ENTRIES: usize = 3;
    let mut text = String::new();
    fs::File::open("/proc/self/net/rt6_stats")?.read_to_string(&mut text)?;
    let number = text.split_whitespace().nth(ENTRIES).unwrap_or_default();
    u64::from_str_radix(number, 16).map_err(io::Error::other)
}

/// The most memory a process had, in KiB.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix("kB"));
    number
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or_default()
}
