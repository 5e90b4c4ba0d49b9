//! What was offered and is kept for a while (DHCP-S-065).

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use leasebook_store::{IaKind, LeaseName, LinkId};

use crate::time::Mono;

/// Offers kept at most; the oldest give way, so that a flood of SOLICITs costs a bound.
const MAX_OFFERS: usize = 65_536;

/// An IA of a client on a link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct IaRef {
    pub(super) link: LinkId,
    pub(super) client: Box<[u8]>,
    pub(super) kind: IaKind,
    pub(super) iaid: u32,
}

/// A lease, and the length of prefix that was wished for.
type Offer = (LeaseName, Option<u8>);

/// Leases on offer.
#[derive(Debug, Default)]
pub(super) struct Offers {
    /// What each IA is offered, and the length of prefix it had wished for.
    by_ia: HashMap<IaRef, Offer>,
    by_name: HashMap<(LinkId, LeaseName), IaRef>,
    /// In the order of their ends; some have ended early.
    ends: VecDeque<(Mono, IaRef, LeaseName)>,
}

impl Offers {
    /// What the IA is offered, and the length it had wished for.
    pub(super) fn of(&self, ia: &IaRef) -> Option<Offer> {
        self.by_ia.get(ia).copied()
    }

    /// Whether a lease is on offer to another IA on the same link.
    pub(super) fn is_others(&self, name: LeaseName, ia: &IaRef) -> bool {
        let held = self.by_name.get(&(ia.link, name));
        held.is_some_and(|holder| holder != ia)
    }

    /// Keeps the lease for the IA until `until`; returns what it was offered before instead.
    pub(super) fn keep(
        &mut self,
        ia: IaRef,
        (name, wish): Offer,
        until: Mono,
    ) -> Option<LeaseName> {
        let before = self.by_ia.insert(ia.clone(), (name, wish));
        let before = before.map(|(before, _)| before);
        if before == Some(name) {
            return None;
        }
        if let Some(before) = before {
            self.by_name.remove(&(ia.link, before));
        }
        self.by_name.insert((ia.link, name), ia.clone());
        self.ends.push_back((until, ia, name));
        before
    }

    /// The IA got a lease; returns what it was offered.
    pub(super) fn end(&mut self, ia: &IaRef) -> Option<LeaseName> {
        let (name, _) = self.by_ia.remove(ia)?;
        self.by_name.remove(&(ia.link, name));
        Some(name)
    }

    /// Ends what has run out, or is too much; each that was still on offer is given to `ended`.
    pub(super) fn expire(&mut self, now: Mono, ended: &mut dyn FnMut(LinkId, LeaseName)) {
        while let Some((until, ..)) = self.ends.front() {
            if *until > now && self.ends.len() <= MAX_OFFERS {
                return;
            }
            let Some((_, ia, name)) = self.ends.pop_front() else {
                return;
            };
            if self.by_ia.get(&ia).is_some_and(|(kept, _)| *kept == name) {
                self.end(&ia);
                ended(ia.link, name);
            }
        }
    }
}

/// When an offer made at `now` ends.
pub(super) fn until(now: Mono, hold_secs: u32) -> Mono {
    now.after(Duration::from_secs(u64::from(hold_secs)))
}
