//! What connections of the control socket have the daemon do.

use std::sync::Arc;

use ipnet::Ipv6Net;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::status::{Recovered, ServerSays, Status};

/// What connections of the control socket have the daemon do.
pub(super) enum Order {
    /// Tell how it is.
    Status(oneshot::Sender<Status>),
    /// Ask all servers again; rehearsed, with the difference.
    Recover {
        /// Only rehearse it.
        dry_run: bool,
        /// Where the outcome goes, when it is over.
        answer: oneshot::Sender<Result<Recovered, String>>,
    },
    /// Ask every server about a prefix.
    Ask {
        /// The prefix.
        prefix: Ipv6Net,
        /// Where the answers gather.
        says: Arc<Mutex<Vec<ServerSays>>>,
        /// Told when all have answered.
        done: oneshot::Sender<()>,
    },
}
