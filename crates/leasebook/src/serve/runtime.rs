//! The threads that serve queries over TCP.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// The name of these threads, by which `top -H` and benchmarks tell what streaming takes.
///
/// They have the rank of all others. Making them nicer than the thread of DHCPv6, and letting
/// them offer their processor after each chunk, was measured and changed nothing
/// (docs/benchmarks.md).
pub const THREADS: &str = "bulk";

/// A runtime of such threads.
///
/// # Errors
/// If the system gives no threads.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .thread_name(THREADS)
        .enable_all()
        .build()
}
