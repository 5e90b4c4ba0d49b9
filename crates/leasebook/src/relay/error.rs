//! Why the relay does not run.

use std::io;
use std::path::PathBuf;

use crate::config::ConfigError;
use crate::identity::IdentityError;
use crate::log::LogError;
use crate::metrics::MetricsError;
use crate::serve::udp::UdpError;

/// Why the relay does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The relay has no identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Counters cannot be told.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A VRF that is configured is not there.
    #[error(
        "there is no VRF or interface `{0}`; make it before the relay starts, as with \
         `ip link add {0} type vrf table 100`, or correct [vrf]"
    )]
    NoVrf(String),
    /// Clients and servers cannot be heard.
    #[error("{0}")]
    Listen(String),
    /// Routes cannot be changed.
    #[error("cannot change the kernel's routes: {source}{}", advice(source))]
    Routes {
        /// What the system said.
        source: io::Error,
    },
    /// There is a relay already.
    #[error(
        "another relay runs and answers on the control socket {}; stop it, or give this one a \
         control socket, a state directory and a port or protocol of its own", .0.display()
    )]
    Running(PathBuf),
    /// Operators cannot ask.
    #[error("cannot listen on the control socket {}: {source}", path.display())]
    Control {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused something else.
    #[error("cannot {action}: {source}")]
    System {
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// What helps against an error.
fn advice(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied {
        "; that needs CAP_NET_ADMIN: run under the systemd unit, or as root"
    } else {
        ""
    }
}

impl From<UdpError> for RelayError {
    fn from(error: UdpError) -> Self {
        Self::Listen(error.to_string())
    }
}

pub(super) fn system(action: &'static str) -> impl FnOnce(io::Error) -> RelayError {
    move |source| RelayError::System { action, source }
}
