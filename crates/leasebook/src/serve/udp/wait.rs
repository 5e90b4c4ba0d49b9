//! Waiting for what comes next.

use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::socket::Listener;
use crate::control::Control;

/// What there is to do.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Listeners that have something.
    pub(super) listeners: Vec<usize>,
    /// An operator asks for something.
    pub(super) is_asked: bool,
}

/// Waits until a listener has something, somebody asks or wakes us, or patience ends.
pub(super) fn wait(
    listeners: &[Listener],
    control: Option<&Control>,
    woken: &OwnedFd,
    patience: Duration,
) -> Heard {
    let mut fds: Vec<PollFd<'_>> = listeners
        .iter()
        .map(|listener| PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN))
        .collect();
    let asked = control.map(|control| PollFd::from_borrowed_fd(control.as_fd(), PollFlags::IN));
    fds.push(PollFd::from_borrowed_fd(woken.as_fd(), PollFlags::IN));
    fds.extend(asked);
    let timeout = Timespec {
        tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: patience.subsec_nanos().into(),
    };
    // An interrupted wait is a short one.
    if poll(&mut fds, Some(&timeout)).is_err() {
        return Heard::default();
    }
    if fds
        .get(listeners.len())
        .is_some_and(|fd| !fd.revents().is_empty())
    {
        // Who set it may have been heard already.
        let _ = rustix::io::read(woken, &mut [0_u8; 8]);
    }
    let readable = fds.iter().take(listeners.len()).enumerate();
    let readable = readable.filter(|(_, fd)| !fd.revents().is_empty());
    let asked = fds.get(listeners.len() + 1);
    Heard {
        listeners: readable.map(|(at, _)| at).collect(),
        is_asked: asked.is_some_and(|fd| !fd.revents().is_empty()),
    }
}
