//! The rules that keep originals from passing the bridge (RELAY-036), in a table of our own of the
//! family bridge.
//!
//! They name interfaces as the configuration does, so they hold for one that comes later before it
//! comes. They stay when the relay ends: without it no message of a client goes on unmarked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::super::filter::{Nft, watch};
use crate::config::relay::Lightweight as Settings;
use crate::log::events;
use crate::serve::Seldom;
use crate::tell;

/// The first wait after a failure, and the shortest time between two repairs.
const RETRY_FIRST: Duration = Duration::from_millis(500);

/// The longest wait after failures.
const RETRY_LAST: Duration = Duration::from_mins(1);

/// Has the rules put in, and again when somebody changed them. The flag tells whether they are
/// in force: nothing is relayed before.
pub(super) fn keep(settings: &Settings, nft: &str, port: u16) -> std::io::Result<Arc<AtomicBool>> {
    let in_force = Arc::new(AtomicBool::new(false));
    let (script, nft) = (script(settings, port), Nft::new(nft));
    let (touch, touched) = channel();
    let begin = touch.clone();
    if let Err(error) = watch(&settings.table, nft.own(), move || touch.send(()).is_ok()) {
        tell!(events::RELAY_FILTER_UNWATCHED, error = %error);
    }
    let (flag, failed) = (Arc::clone(&in_force), Seldom::default());
    std::thread::Builder::new()
        .name("originals".to_owned())
        .spawn(move || {
            // Kept, so that the thread goes on where nobody watches.
            let _begin = begin;
            let mut wait = RETRY_FIRST;
            loop {
                let done = nft.run(&script);
                flag.store(done.is_ok(), Ordering::Release);
                let next = match done {
                    Ok(()) => {
                        tell!(events::RELAY_LIGHTWEIGHT_GUARDED);
                        wait = RETRY_FIRST;
                        touched.recv().map_err(|_| RecvTimeoutError::Disconnected)
                    }
                    Err(error) => {
                        if let Some(times) = failed.now() {
                            tell!(events::RELAY_LIGHTWEIGHT_UNGUARDED, error, times);
                        }
                        let next = touched.recv_timeout(wait);
                        wait = (wait * 2).min(RETRY_LAST);
                        next
                    }
                };
                if next == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
                // One flush is told in many notifications.
                std::thread::sleep(RETRY_FIRST);
                while touched.try_recv().is_ok() {}
            }
        })?;
    Ok(in_force)
}

/// What nft(8) reads: the table made anew, in one transaction.
fn script(settings: &Settings, port: u16) -> String {
    let table = format!("bridge {}", settings.table);
    let mut text = format!("add table {table}\ndelete table {table}\ntable {table} {{\n");
    text += " chain originals {\n  type filter hook prerouting priority -350; policy accept;\n";
    let to_relays = format!("ip6 daddr ff02::1:2 udp dport {port}");
    for one in &settings.interfaces {
        let name = &one.name;
        text.extend(["  iifname \"", name, "\" ", &to_relays, " counter drop\n"]);
    }
    let link = "ip6 saddr fe80::/10 ip6 daddr { fe80::/10, ff02::/16, ff12::/16 }";
    let from_network = format!("{link} udp dport {port}");
    for name in &settings.network {
        text.extend([
            "  iifname \"",
            name,
            "\" ",
            &from_network,
            " counter drop\n",
        ]);
    }
    text += " }\n}\n";
    text
}
