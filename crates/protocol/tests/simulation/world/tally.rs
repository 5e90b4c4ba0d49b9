//! What happened in a run, and whether that was enough.

use std::collections::BTreeMap;

use leasebook_wire::code::MessageType;

use super::World;

/// What happened how often.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) said: BTreeMap<u8, u64>,
    pub(super) heard: u64,
    pub(super) lost: u64,
    pub(super) doubled: u64,
    pub(super) crashes: u64,
    pub(super) stops: u64,
    pub(super) reloads: u64,
    pub(super) recalled: u64,
    pub(super) obeyed: u64,
    pub(super) refusals: u64,
    pub(super) queried: usize,
    pub(super) steps: u64,
}

impl World {
    pub(crate) fn told(&self) -> String {
        format!(
            "seed {}: {:?}, replayed {}, torn {}, checkpoints {}, declined {}, exhausted {}, answered {}, misplaced {}, unanswered {}",
            self.seed,
            self.tally,
            self.host.recovered,
            self.host.torn,
            self.host.checkpoints,
            self.host.declined,
            self.host.exhausted,
            self.host.answered,
            self.host.misplaced,
            self.host.unanswered
        )
    }

    /// A run in which nothing went wrong proves nothing.
    pub(crate) fn assert_eventful(&self) {
        let kinds = [
            MessageType::SOLICIT,
            MessageType::REQUEST,
            MessageType::RENEW,
            MessageType::REBIND,
            MessageType::CONFIRM,
            MessageType::RELEASE,
            MessageType::DECLINE,
            MessageType::INFORMATION_REQUEST,
        ];
        for kind in kinds {
            assert!(self.tally.said.contains_key(&kind.0), "nobody sent {kind}");
        }
        assert!(self.tally.crashes > 0 && self.tally.lost > 0 && self.tally.doubled > 0);
        assert!(self.host.recovered > 0 && self.host.checkpoints > 0 && self.tally.queried > 0);
        assert!(self.host.exhausted > 0 && self.host.declined > 0);
        assert!(self.tally.recalled > self.tally.obeyed && self.tally.obeyed > 0);
        assert!(self.tally.reloads > 0 && self.host.misplaced > 0);
    }
}
