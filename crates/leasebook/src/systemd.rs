//! What systemd is told: ready, reloading, stopping, alive.
//!
//! Outside of systemd (no `NOTIFY_SOCKET`) all of this does nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// The service has started; `status` is shown by `systemctl status`.
pub fn ready(status: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// A reload has begun; [`ready`] ends it.
pub fn reloading() {
    // systemd from 253 on wants to know when.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(_) => send(&[NotifyState::Reloading]),
    }
}

/// An orderly stop has begun.
pub fn stopping() {
    send(&[NotifyState::Stopping]);
}

/// What `systemctl status` shows.
pub fn status(status: &str) {
    send(&[NotifyState::Status(status)]);
}

/// The service is alive; to be told every [`watchdog_interval`].
pub fn alive() {
    send(&[NotifyState::Watchdog]);
}

/// How often [`alive`] is expected, if it is: half of `WatchdogSec`, as sd_watchdog_enabled(3)
/// advises.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled()
        .map(|limit| limit / 2)
        .filter(|interval| !interval.is_zero())
}

/// Tells it; a service manager that cannot be reached is no reason to fail.
fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "service manager not told");
    }
}
