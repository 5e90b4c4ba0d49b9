//! What the machine says of this process: processor time and memory.

use std::fs;
use std::time::Duration;

/// Processor time that the threads with names beginning so have had, by the kernel's account:
/// steadier than the clock on the wall where other work wants the processors too.
pub(crate) fn processor_time(name: &str) -> Duration {
    let Ok(threads) = fs::read_dir("/proc/self/task") else {
        return Duration::ZERO;
    };
    threads
        .flatten()
        .map(|thread| thread.path())
        .filter(|path| {
            fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.starts_with(name))
        })
        .filter_map(|path| on_processor(&path.join("schedstat").to_string_lossy()))
        .sum()
}

/// Processor time that this thread has had.
pub(crate) fn own_processor_time() -> Duration {
    on_processor("/proc/thread-self/schedstat").unwrap_or_default()
}

/// The first field of a `schedstat`: nanoseconds on a processor.
fn on_processor(path: &str) -> Option<Duration> {
    let text = fs::read_to_string(path).ok()?;
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// Memory of this process that is not backed by files, in octets.
pub(crate) fn anonymous_octets() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
