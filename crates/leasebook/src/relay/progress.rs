//! Recoveries: when one begins, how far it is, and what comes of its end.

use super::control;
use super::daemon::Daemon;
use super::recover::{Manner, Recovery};
use crate::log::events;
use crate::tell;

impl Daemon {
    /// Asks all servers, at once if nobody is being asked: who does not answer is no reason to
    /// wait (RELAY-068), and who is in the middle of it is not interrupted.
    pub(super) fn recover_soon(&mut self, cause: &'static str) {
        if self.recovery.as_ref().is_none_or(Recovery::is_settled) {
            self.recover(cause);
        } else {
            self.again = Some(cause);
        }
    }

    /// Asks all servers; a recovery under way is given up for it.
    pub(super) fn recover(&mut self, cause: &str) {
        let manner = Manner::of(&self.config, &self.shared.relay());
        let servers = self
            .config
            .servers
            .iter()
            .filter(|server| server.bulk.is_some());
        tell!(events::RELAY_RECOVERING, servers = servers.count(), cause);
        self.recovery = None;
        match Recovery::begin(&manner, &self.shared, None) {
            Ok(recovery) => self.recovery = Some(recovery),
            Err(error) => {
                tell!(events::LBK_TASK_FAILED, what = "recovery", error = %error);
            }
        }
        self.progressed();
    }

    /// Looks how far the recovery is.
    pub(super) fn progressed(&mut self) {
        if self.recovery.as_ref().is_some_and(Recovery::is_settled)
            && let Some(cause) = self.again.take()
        {
            self.look_how_far();
            self.recover(cause);
            return;
        }
        self.look_how_far();
    }

    fn look_how_far(&mut self) {
        let Some(recovery) = &self.recovery else {
            self.is_settled = true;
            return;
        };
        if recovery.is_settled() && !self.is_settled {
            self.is_settled = true;
            let relay = self.shared.relay();
            tell!(
                events::RELAY_SETTLED,
                routed = relay.table().routed(),
                known = relay.table().len(),
                millis = self.began.elapsed().as_millis()
            );
        }
        let (is_settled, is_complete) = (recovery.is_settled(), recovery.is_complete());
        if is_complete && !self.is_swept {
            // Routes of an earlier run that nobody told of are no more.
            self.is_swept = true;
            let forgotten = {
                let mut relay = self.shared.relay();
                let forgotten = relay.forget_kept();
                self.shared.settle(&mut relay);
                forgotten
            };
            if forgotten > 0 {
                tell!(events::RELAY_KEPT_FORGOTTEN, delegations = forgotten);
            }
            self.shared.hold(false);
            if let Some(filter) = self.shared.filter() {
                filter.complete();
            }
        }
        if !is_settled {
            return;
        }
        // Who asked is not kept waiting for a server that is down.
        let outcome = control::recovered(self.server_states());
        for answer in self.waiting.drain(..) {
            // Who asked and left does not need it.
            let _ = answer.send(Ok(outcome.clone()));
        }
    }
}
