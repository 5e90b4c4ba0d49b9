//! Network namespaces joined by virtual interfaces, and the processes that are measured there.
//!
//! ```text
//!  near: this process, the load         far: what is measured, each in its own
//!    NAME ──────────────────────────────── NAME-far
//! ```
//!
//! All of them go with this process, however it ends.

use std::ffi::OsStr;
use std::fs;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use leasebook::reboot::ip;

/// How long anything may take to come up.
const PATIENCE: Duration = Duration::from_mins(2);

/// How long is waited between looks.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Ticks a second in `/proc/PID/stat`, on every Linux (`USER_HZ`).
const TICKS: u32 = 100;

/// Takes this process into a namespace of its own, the near one.
///
/// Must be called before there is a second thread.
pub(crate) fn enter() -> anyhow::Result<()> {
    leasebook::reboot::enter_namespace()
}

/// A far namespace.
pub(crate) struct Far {
    /// Holds it until its input ends, and that is when this process ends.
    holder: Child,
}

impl Far {
    /// Makes one, from within the near one.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let holder = Command::new("unshare")
            .args(["--net", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot run unshare; install the package util-linux")?;
        let far = Self { holder };
        let near = fs::read_link("/proc/self/ns/net")?;
        wait("the far namespace", || {
            Ok(fs::read_link(far.namespace())? != near)
        })?;
        far.ip(&["link", "set", "lo", "up"])?;
        Ok(far)
    }

    /// Joins it with the near one by a pair of interfaces, `NAME` and `NAME-far`, with these
    /// addresses of one /64.
    pub(crate) fn join(&self, name: &str, near: Ipv6Addr, far: Ipv6Addr) -> anyhow::Result<()> {
        let far_name = format!("{name}-far");
        let pid = self.holder.id().to_string();
        // The kernel takes a namespace that ended apart in its own time, and with it the near end.
        let earlier = Path::new("/proc/sys/net/ipv6/conf").join(name);
        wait("the end of an interface before", || Ok(!earlier.exists()))?;
        ip(&[
            "link", "add", "name", name, "type", "veth", "peer", "name", &far_name, "netns", &pid,
        ])?;
        // Two ends on one machine need not look for duplicate addresses.
        let quiet = |name: &str| format!("net.ipv6.conf.{name}.accept_dad=0");
        run(Command::new("sysctl").args(["-qw", &quiet(name)]))?;
        run(self.command("sysctl").args(["-qw", &quiet(&far_name)]))?;
        ip(&["link", "set", name, "up"])?;
        self.ip(&["link", "set", &far_name, "up"])?;
        let (near, far) = (format!("{near}/64"), format!("{far}/64"));
        ip(&["-6", "address", "add", &near, "dev", name, "nodad"])?;
        self.ip(&["-6", "address", "add", &far, "dev", &far_name, "nodad"])?;
        wait("link-local addresses", || {
            let here = run(Command::new("ip").args(LINK_LOCAL).args(["dev", name]))?;
            let there = run(self.command("ip").args(LINK_LOCAL).args(["dev", &far_name]))?;
            Ok(!here.is_empty() && !there.is_empty())
        })
    }

    /// A command that will run there, as the process that is started.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", self.namespace().display()))
            // Whatever ends this process ends what it measures.
            .args(["setpriv", "--pdeathsig", "KILL"])
            .arg(program);
        command
    }

    fn ip(&self, arguments: &[&str]) -> anyhow::Result<()> {
        run(self.command("ip").args(arguments)).map(drop)
    }

    fn namespace(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.holder.id()).into()
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        // One that is gone already needs no end.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// What shows an interface's link-local addresses that are in use: also without looking for
/// duplicates the kernel takes its time until one is.
const LINK_LOCAL: [&str; 7] = ["-6", "-o", "address", "show", "scope", "link", "-tentative"];

/// A program that runs until this is dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, whose output goes to the file `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let file = fs::File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let log = log.to_owned();
        Ok(Self { child, log })
    }

    /// Processor time it took so far, in its own code and in the kernel for it.
    pub(crate) fn processor_time(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, fields) = stat.rsplit_once(')').context("no /proc/PID/stat")?;
        // utime and stime are the 12th and 13th behind the name (proc(5)).
        let ticks: u32 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|field| field.parse().unwrap_or(0))
            .sum();
        Ok(Duration::from_secs(ticks.into()) / TICKS)
    }

    /// Waits until `is_there`; fails with its log if it ends before, or if that takes too long.
    pub(crate) fn wait(
        &mut self,
        what: &str,
        mut is_there: impl FnMut() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let (child, log) = (&mut self.child, &self.log);
        wait(what, || {
            if let Some(status) = child.try_wait()? {
                let said = fs::read_to_string(log).unwrap_or_default();
                bail!("{what} ended ({status}):\n{said}");
            }
            is_there()
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `is_there`.
pub(crate) fn wait(
    what: &str,
    mut is_there: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let began = Instant::now();
    while !is_there()? {
        ensure!(began.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// Runs a command to its end and gives what it printed.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<String> {
    let ran = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    ensure!(
        ran.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// Whether a program is installed; if not, says what is left out.
pub(crate) fn has(program: &str, package: &str) -> bool {
    let places = ["/usr/sbin", "/usr/bin"];
    let is_there = places
        .iter()
        .any(|place| Path::new(place).join(program).exists());
    if !is_there {
        println!("  {program} is not installed (Debian package {package}): left out");
    }
    is_there
}

/// The binary that was built with this benchmark.
pub(crate) fn binary() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let path = own.with_file_name("leasebook");
    ensure!(
        path.exists(),
        "{} is missing; build it: cargo build --release -p leasebook",
        path.display()
    );
    path.canonicalize().context("cannot find the binary")
}

/// The load of this machine over the last minute, as Linux tells it.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}

/// The middle one.
pub(crate) fn median<T: PartialOrd + Copy + Default>(values: &[T]) -> T {
    let mut sorted = values.to_vec();
    sorted.sort_by(|one, other| one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal));
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
