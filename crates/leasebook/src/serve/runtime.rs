//! The threads that serve queries over TCP.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// The name of these threads, by which `top -H` and benchmarks tell what streaming takes.
pub const THREADS: &str = "bulk";

/// Their rank, setpriority(2): they give way to all others.
///
/// A query has work for a whole processor as long as its peer reads, an exchange for some 20 µs,
/// and a client that waits behind a turn of such a thread waits for milliseconds
/// (docs/benchmarks.md, `dhcp-bulk`). On a machine that is full of other work a query keeps some
/// hundredth of a processor, which is tens of thousands of bindings a second.
const RANK: i32 = 19;

/// A runtime of such threads.
///
/// # Errors
/// If the system gives no threads.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .thread_name(THREADS)
        .on_thread_start(|| {
            // If the system refuses, clients wait longer beside a query; all works.
            let _ = rustix::process::setpriority_process(None, RANK);
        })
        .enable_all()
        .build()
}
