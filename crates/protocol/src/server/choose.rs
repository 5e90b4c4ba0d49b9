//! Which leases are chosen for an identity association that gets new ones.

use leasebook_store::{IaKind, Lease, LeaseName, LeaseState, StoreError};

use super::asked::AskedIa;
use super::exchange::Exchange;
use super::holders::Holders;
use super::pool::{FindError, Trust, Wish};

impl Exchange<'_> {
    /// Whether the lease is reserved for this IA.
    pub(super) fn is_reserved_here(&self, name: LeaseName, asked: &AskedIa<'_>) -> bool {
        self.reserved_for(asked).any(|reserved| reserved == name)
    }

    fn reserved_for(&self, asked: &AskedIa<'_>) -> impl Iterator<Item = LeaseName> {
        let (iaid, wants_prefix) = (asked.iaid, asked.kind == IaKind::Pd);
        // What is always the same is no temporary address (DHCP-S-025).
        let is_temporary = asked.kind == IaKind::Ta;
        let own = self.reservations.iter().filter(move |reservation| {
            let is_others = matches!(reservation.whom, super::config::Match::ClientIa { iaid: own, .. } if own != iaid);
            !is_temporary && !is_others
        });
        own.flat_map(|reservation| reservation.leases.iter().copied())
            .filter(move |name| matches!(name, LeaseName::Prefix { .. }) == wants_prefix)
    }

    /// Whether the lease is neither reserved nor excluded.
    pub(super) fn is_for_all(&self, name: LeaseName) -> bool {
        !self.reserved.contains(&name) && !self.link.excludes(name)
    }

    /// New leases for an IA, free ones: those reserved for it, the one on offer, those named, the
    /// one it had last, or any (DHCP-S-028 to DHCP-S-031).
    pub(super) fn choose(&mut self, asked: &AskedIa<'_>) -> Result<Vec<LeaseName>, FindError> {
        let reserved: Vec<LeaseName> = self.reserved_for(asked).collect();
        let reserved = self.free_of(reserved, asked)?;
        if !reserved.is_empty() {
            return Ok(reserved);
        }
        // A SOLICIT with another wish is met anew: none is remembered (DHCP-S-030, DHCP-S-033).
        let offered = self.offers.of(&self.ia_ref(asked));
        let offered = offered.filter(|(_, wish)| !self.is_offer || *wish == asked.len);
        let offered: Vec<LeaseName> = offered.map(|(name, _)| name).into_iter().collect();
        let named: Vec<LeaseName> = asked.named.iter().map(|(name, _)| *name).collect();
        let wished = if named.is_empty() { offered } else { named };
        let wished = wished
            .into_iter()
            .filter(|name| self.is_open(*name, asked))
            .take(self.config.leases_per_client)
            .collect();
        let wished = self.free_of(wished, asked)?;
        if !wished.is_empty() {
            return Ok(wished);
        }
        let mut last: Vec<&Lease> = self.binding.leases.iter().collect();
        last.retain(|lease| lease.kind == asked.kind && lease.iaid == asked.iaid);
        last.retain(|lease| {
            matches!(
                lease.state,
                LeaseState::Bound | LeaseState::Released | LeaseState::Reclaimed
            )
        });
        last.sort_by_key(|lease| std::cmp::Reverse(lease.clt));
        let had = last.into_iter().map(|lease| lease.name);
        let had = had.filter(|name| self.is_open(*name, asked) && has_len(*name, asked.len));
        let had: Vec<LeaseName> = had.collect();
        if let Some(name) = self.free_of(had, asked)?.first() {
            return Ok(vec![*name]);
        }
        Ok(self.search(asked)?.into_iter().collect())
    }

    /// Whether this client may have the lease from a pool.
    fn is_open(&self, name: LeaseName, asked: &AskedIa<'_>) -> bool {
        self.link.fits(name, asked.kind)
            && self.is_for_all(name)
            && self.pools.may_have(self.link.id, name, &self.class_names)
    }

    fn free_of(
        &self,
        names: Vec<LeaseName>,
        asked: &AskedIa<'_>,
    ) -> Result<Vec<LeaseName>, StoreError> {
        let mut free = Vec::new();
        for name in names {
            if self.is_free(name, asked)? {
                free.push(name);
            }
        }
        Ok(free)
    }

    fn search(&mut self, asked: &AskedIa<'_>) -> Result<Option<LeaseName>, FindError> {
        let configured = self.setting(None, |settings| settings.delegated_len);
        let wish = Wish {
            link: self.link.id,
            kind: asked.kind,
            classes: &self.class_names,
            len: asked.len.or(configured),
        };
        let ia = self.ia_ref(asked);
        let holders = Holders {
            ia: &ia,
            binding: &self.binding,
            given: &self.given,
            store: self.store,
            batch: self.batch,
            offers: self.offers,
            now: self.now.wall,
        };
        // An offer binds nothing: the book need not say what is known. A REQUEST asks it.
        let (is_offer, reserved, link) = (self.is_offer, self.reserved, self.link);
        let found = self.pools.find(&wish, self.random, &mut |name, trust| {
            if reserved.contains(&name) || link.excludes(name) {
                return Ok(false);
            }
            if is_offer && trust == Trust::Known {
                return Ok(holders.seems_free(name).unwrap_or(true));
            }
            holders.is_free(name)
        })?;
        Ok(found.map(|found| found.name))
    }

    fn is_free(&self, name: LeaseName, asked: &AskedIa<'_>) -> Result<bool, StoreError> {
        let ia = self.ia_ref(asked);
        let holders = Holders {
            ia: &ia,
            binding: &self.binding,
            given: &self.given,
            store: self.store,
            batch: self.batch,
            offers: self.offers,
            now: self.now.wall,
        };
        holders.is_free(name)
    }

    /// A prefix of the length that a SOLICIT wishes for, in place of those of another length that
    /// the client had; a REQUEST for it gets what was offered so (RFC 8168 §3.2, DHCP-S-030).
    pub(super) fn in_place_of(
        &mut self,
        bound: &[LeaseName],
        asked: &AskedIa<'_>,
        is_request: bool,
    ) -> Result<Option<LeaseName>, FindError> {
        if asked.kind != IaKind::Pd {
            return Ok(None);
        }
        if is_request {
            let offered = self.offers.of(&self.ia_ref(asked)).map(|(name, _)| name);
            let is_asked = |name: &LeaseName| asked.named.iter().any(|(asked, _)| asked == name);
            let offered = offered.filter(|name| is_asked(name) && !bound.contains(name));
            return Ok(match offered {
                Some(name) if self.is_open(name, asked) && self.is_free(name, asked)? => Some(name),
                _ => None,
            });
        }
        let has_other_len = |name: &LeaseName| !has_len(*name, asked.len);
        // With Rapid Commit this may be an old SOLICIT, whose client has the prefix and uses it
        // (DHCP-S-027); only a REQUEST shows that the client wants another.
        if !self.is_offer || !asked.named.is_empty() || !bound.iter().all(has_other_len) {
            return Ok(None);
        }
        let found = match self.choose(asked) {
            // What it has is surely there.
            Err(FindError::Unsure) => Vec::new(),
            found => found?,
        };
        Ok(found.into_iter().find(|name| has_len(*name, asked.len)))
    }
}

fn has_len(name: LeaseName, wished: Option<u8>) -> bool {
    match (name, wished) {
        (LeaseName::Prefix { len, .. }, Some(wished)) => len == wished,
        _ => true,
    }
}
