//! What the daemon tells of itself, and the rehearsal of a recovery.

use std::sync::Arc;

use leasebook_protocol::relay::{Phase, Rehearsal};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::control;
use super::daemon::Daemon;
use super::lightweight::Lightweight;
use super::recover::{Manner, Recovery, ServerState};
use super::shared::Shared;
use super::status::{InterfaceStatus, Recovered, ServerStatus, Status};
use crate::metrics::relay as counters;

impl Daemon {
    /// A recovery that touches nothing, and what would differ after it (RELAY-085).
    pub(super) fn rehearse(&self, answer: oneshot::Sender<Result<Recovered, String>>) {
        let (rehearsal, manner) = {
            let relay = self.shared.relay();
            let manner = Manner::of(&self.config, &relay).once();
            (Arc::new(Mutex::new(relay.rehearsal())), manner)
        };
        let mut recovery = match Recovery::begin(&manner, &self.shared, Some(&rehearsal)) {
            Ok(recovery) => recovery,
            Err(error) => {
                let _ = answer.send(Err(error.to_string()));
                return;
            }
        };
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            while !recovery.is_finished() {
                recovery.progressed().await;
            }
            let states = recovery.states();
            let status = states
                .iter()
                .map(|state| ServerStatus::of(shared.server(state.server), state));
            let outcome = control::recovered(status.collect());
            let Rehearsal {
                same,
                missing,
                extra,
                elsewhere,
            } = shared.relay().compare(&rehearsal.lock());
            let _ = answer.send(Ok(Recovered {
                same: Some(same),
                missing,
                extra,
                elsewhere,
                ..outcome
            }));
        });
    }

    pub(super) fn server_states(&self) -> Vec<ServerStatus> {
        let states = self.recovery.as_ref().map(Recovery::states);
        let states = states.unwrap_or_default();
        let status = |state: &_| status_of(&self.shared, state);
        states.iter().map(status).collect()
    }

    pub(super) fn status(&self) -> Status {
        let relay = self.shared.relay();
        let table = relay.table();
        let mut standing = std::collections::BTreeMap::new();
        for one in table.iter() {
            *standing.entry(one.standing.name().to_owned()).or_default() += 1;
        }
        let interfaces = relay.ports().present().map(|(no, port)| InterfaceStatus {
            interface: port.name.clone(),
            link_address: port.link_address.to_string(),
            routed: table.routed_on(no),
        });
        let progress = self.shared.keeper().progress();
        Status {
            relay_id: self.relay_id.to_string(),
            up_secs: self.began.elapsed().as_secs(),
            settled: self.is_settled,
            known: table.len(),
            routed: table.routed(),
            standing,
            routes_waiting: progress.waiting(),
            routes_refused: progress.failed(),
            interfaces: interfaces.collect(),
            lightweight: self
                .lightweight
                .as_ref()
                .map(Lightweight::status)
                .unwrap_or_default(),
            servers: self.server_states(),
        }
    }

    /// What `systemctl status` shows.
    pub(super) fn one_line(&self) -> String {
        let (known, routed) = {
            let relay = self.shared.relay();
            (relay.table().len(), relay.table().routed())
        };
        let mut line = format!("{routed} of {known} delegations routed");
        let states = self.recovery.as_ref().map(Recovery::states);
        let states = states.unwrap_or_default();
        let done = states.iter().filter(|state| state.phase == Phase::Done);
        let done = done.count();
        if done < states.len() {
            line = format!("{line}; {done} of {} servers have told all", states.len());
        }
        let waiting = self.shared.keeper().progress().waiting();
        if waiting > 0 {
            line = format!("{line}; {waiting} route changes to go");
        }
        line
    }

    /// Counters that are not counted where things happen.
    pub(super) fn tell_counters(&self) {
        counters::tell_delegations(self.shared.relay().table());
        counters::tell_waiting(self.shared.keeper().progress().waiting());
        let states = self.recovery.as_ref().map(Recovery::states);
        for state in states.unwrap_or_default() {
            let name = self.shared.server(state.server);
            counters::tell_server(name, &state.phase, &state.counts);
        }
    }
}

fn status_of(shared: &Shared, state: &ServerState) -> ServerStatus {
    ServerStatus::of(shared.server(state.server), state)
}
