//! Which leases are free: a guess that is nearly always right.
//!
//! The book is the truth, and whoever asks says for each find whether it is free there. What is
//! kept here makes the guess good: a bitmap for each pool of up to 2^24 slots. A larger pool is
//! so sparse that a random slot is free.

mod slots;

use std::collections::HashMap;
use std::net::Ipv6Addr;

use leasebook_store::{IaKind, LeaseName, LinkId, StoreError};

use super::config::{Config, Order, Settings};
use slots::Slots;

/// The most slots that get a bitmap, of at most 2 MiB.
const MAX_SLOTS: u128 = 1 << 24;

/// How many finds of one pool may turn out to be taken before it is given up: each is taken
/// down, so the next search goes on behind them.
const MAX_CORRECTIONS: usize = 256;

/// Why a search for a free lease has no result.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The book could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// All that seemed free was taken, and there is more that seems so: not all of the book's
    /// leases have been told yet ([`Server::occupy`](super::Server::occupy)). Each search
    /// learns, so a later one may find something.
    #[error("which leases are free is not known yet")]
    Unsure,
}

/// All pools of all links.
#[derive(Debug, Default)]
pub struct Pools {
    links: HashMap<LinkId, Vec<Pool>>,
    /// Every lease of the book has been told, so that bitmaps are right.
    is_complete: bool,
}

/// A pool of a link: its place in [`ServedLink::pools`](super::config::ServedLink::pools) or
/// [`prefix_pools`](super::config::ServedLink::prefix_pools).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolRef {
    /// Of addresses.
    Addresses(usize),
    /// Of prefixes.
    Prefixes(usize),
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The client's link.
    pub link: LinkId,
    /// Addresses or prefixes.
    pub kind: IaKind,
    /// Names of the classes that the client is in.
    pub classes: &'a [String],
    /// The length of prefix wished for (RFC 8168).
    pub len: Option<u8>,
}

/// What is known of a find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// As far as the pools were told, the lease is free; the book knows.
    Guess,
    /// The book has no live lease of it: the pools were told of all.
    Known,
}

/// A lease that is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: LeaseName,
    /// Where it comes from.
    pub pool: PoolRef,
}

/// How full a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The link.
    pub link: LinkId,
    /// The pool.
    pub pool: PoolRef,
    /// Leases in it.
    pub total: u128,
    /// Those of them that are in use, or kept from use.
    pub taken: usize,
}

#[derive(Clone, Debug)]
struct Pool {
    at: PoolRef,
    range: Range,
    order: Order,
    classes: Vec<String>,
    /// None if it is too large for a bitmap.
    slots: Option<Slots>,
    /// Leases in use in a pool without bitmap.
    sparse: usize,
    /// Of a pool without bitmap: all slots below were found taken, so that the lowest free one is
    /// not looked for among them again.
    lowest: u128,
}

/// Equal pieces of the address space, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u128,
    /// Pieces less one, so that all of the address space has a number.
    last_slot: u128,
    /// The length of a piece; 128 in a pool of addresses.
    len: u8,
    is_prefix: bool,
}

impl Range {
    fn name(&self, slot: u128) -> Option<LeaseName> {
        let shift = u32::from(128_u8.checked_sub(self.len)?);
        let offset = slot.checked_shl(shift).unwrap_or(0);
        let bits = Ipv6Addr::from_bits(self.first.checked_add(offset)?);
        if self.is_prefix {
            return LeaseName::prefix(bits, self.len);
        }
        Some(LeaseName::Address(bits))
    }

    /// The slots that a lease lies in or covers; none if it has no part of the range.
    fn slots(&self, name: LeaseName) -> Option<(u128, u128)> {
        let (first, last) = match name {
            LeaseName::Address(address) => (address.to_bits(), address.to_bits()),
            LeaseName::Prefix { prefix, len } => {
                let size = u128::MAX.checked_shr(u32::from(len)).unwrap_or(0);
                (prefix.to_bits(), prefix.to_bits() | size)
            }
        };
        let shift = u32::from(128_u8.saturating_sub(self.len));
        let slot = |bits: u128| {
            let offset = bits.saturating_sub(self.first);
            offset.checked_shr(shift).unwrap_or(0)
        };
        if last < self.first || slot(first) > self.last_slot {
            return None;
        }
        Some((slot(first), slot(last).min(self.last_slot)))
    }

    /// Whether a lease is just one of the pieces.
    fn is_piece(&self, name: LeaseName) -> bool {
        self.slots(name)
            .is_some_and(|(slot, _)| self.name(slot) == Some(name))
    }
}

impl Pools {
    /// The pools of a configuration, all free but for what is excluded or reserved.
    pub fn new(config: &Config) -> Self {
        let mut pools = Self::default();
        pools.reconfigure(config);
        pools
    }

    /// Every lease of the book has been told by [`Pools::take`], and every change since is.
    pub fn complete(&mut self) {
        self.is_complete = true;
    }

    /// Takes over another configuration. Which leases are taken has to be told again.
    pub fn reconfigure(&mut self, config: &Config) {
        self.is_complete = false;
        self.links = config
            .links
            .iter()
            .map(|link| {
                let addresses = link.pools.iter().enumerate().map(|(at, pool)| {
                    let first = pool.first.to_bits();
                    let range = Range {
                        first,
                        last_slot: pool.last.to_bits().saturating_sub(first),
                        len: 128,
                        is_prefix: false,
                    };
                    Pool::new(PoolRef::Addresses(at), range, pool.order, &pool.classes)
                });
                let prefixes = link.prefix_pools.iter().enumerate().map(|(at, pool)| {
                    let more = pool.delegated_len.saturating_sub(pool.prefix.prefix_len());
                    let range = Range {
                        first: pool.prefix.network().to_bits(),
                        last_slot: !u128::MAX.checked_shl(u32::from(more)).unwrap_or(0),
                        len: pool.delegated_len,
                        is_prefix: true,
                    };
                    Pool::new(PoolRef::Prefixes(at), range, pool.order, &pool.classes)
                });
                (link.id, addresses.chain(prefixes).collect())
            })
            .collect();
        for link in &config.links {
            let own = link.reservations.iter().chain(&config.reservations);
            let reserved = own.flat_map(|reservation| &reservation.leases);
            // They keep out whatever they touch, addresses or prefixes.
            for name in link.exclusions.iter().chain(reserved) {
                for pool in self.links.get_mut(&link.id).into_iter().flatten() {
                    pool.mark(*name, true);
                }
            }
        }
    }

    /// A free lease from the pools that the client may draw from: pools for its classes first,
    /// then those for everyone, each in the order configured.
    ///
    /// A prefix has the length wished for; if no pool of that length has one, or none is wished
    /// for, the nearest shorter length that has (RFC 8168 §3.2, DHCP-S-030), then any.
    ///
    /// `is_free` has the last word on each find; it is told whether the find is more than a guess
    /// ([`Trust`]). `random` gives numbers nobody can predict. None if nothing is free.
    pub fn find(
        &mut self,
        wish: &Wish<'_>,
        random: &mut dyn FnMut() -> u64,
        is_free: &mut dyn FnMut(LeaseName, Trust) -> Result<bool, StoreError>,
    ) -> Result<Option<Found>, FindError> {
        let is_complete = self.is_complete;
        let Some(pools) = self.links.get_mut(&wish.link) else {
            return Ok(None);
        };
        let wants_prefix = wish.kind == IaKind::Pd;
        let mut may: Vec<&mut Pool> = pools
            .iter_mut()
            .filter(|pool| pool.range.is_prefix == wants_prefix && pool.is_for(wish.classes))
            .collect();
        let rank = |pool: &Pool| match wish.len {
            Some(len) if pool.range.len <= len => u16::from(len - pool.range.len),
            // Too small for the wish: better than nothing, the larger the better.
            Some(_) => 256 + u16::from(pool.range.len),
            None => 0,
        };
        may.sort_by_key(|pool| (rank(pool), pool.classes.is_empty()));
        let mut is_unsure = false;
        for pool in may {
            let trust = if is_complete && pool.slots.is_some() {
                Trust::Known
            } else {
                Trust::Guess
            };
            match pool.find(random, &mut |name| is_free(name, trust)) {
                Ok(Some(name)) => {
                    let pool = pool.at;
                    return Ok(Some(Found { name, pool }));
                }
                Ok(None) => {}
                Err(FindError::Unsure) => is_unsure = true,
                Err(error) => return Err(error),
            }
        }
        if is_unsure {
            return Err(FindError::Unsure);
        }
        Ok(None)
    }

    /// A lease is in use. Again is no error, but counts again in a pool that is too large for a
    /// bitmap.
    pub fn take(&mut self, link: LinkId, name: LeaseName) {
        for pool in self.kin(link, name) {
            pool.mark(name, true);
        }
    }

    /// A lease is free again; the same holds.
    pub fn give_back(&mut self, link: LinkId, name: LeaseName) {
        for pool in self.kin(link, name) {
            pool.mark(name, false);
        }
    }

    /// A lease is in use that was counted when it began.
    pub(super) fn hold(&mut self, link: LinkId, name: LeaseName) {
        for pool in self.kin(link, name).filter(|pool| pool.slots.is_some()) {
            pool.mark(name, true);
        }
    }

    /// A lease counts, or no more, in a pool that is too large for a bitmap, whether or not it is
    /// in use.
    pub(super) fn count(&mut self, link: LinkId, name: LeaseName, is_taken: bool) {
        for pool in self.kin(link, name).filter(|pool| pool.slots.is_none()) {
            pool.mark(name, is_taken);
        }
    }

    /// The link's pools of addresses or of prefixes, as the lease is one: an address inside a
    /// prefix that is delegated takes nothing from the pool of the prefix, and frees nothing there.
    fn kin(&mut self, link: LinkId, name: LeaseName) -> impl Iterator<Item = &mut Pool> {
        let is_prefix = matches!(name, LeaseName::Prefix { .. });
        let pools = self.links.get_mut(&link).into_iter().flatten();
        pools.filter(move |pool| pool.range.is_prefix == is_prefix)
    }

    /// A lease that was on offer, and is not bound, is free to be found again.
    pub fn offer_ended(&mut self, link: LinkId, name: LeaseName) {
        for pool in self.kin(link, name) {
            if pool.slots.is_some() {
                pool.mark(name, false);
            } else if let Some((first, _)) = pool.range.slots(name) {
                pool.lowest = pool.lowest.min(first);
            }
        }
    }

    /// The pool of the link that `name` is a piece of, whoever may draw from it.
    pub fn pool_of(&self, link: LinkId, name: LeaseName) -> Option<PoolRef> {
        let pools = self.links.get(&link)?;
        let kind = matches!(name, LeaseName::Prefix { .. });
        let pool = pools
            .iter()
            .find(|pool| pool.range.is_prefix == kind && pool.range.is_piece(name))?;
        Some(pool.at)
    }

    /// Whether a client in these classes may have `name` from a pool of the link.
    pub fn may_have(&self, link: LinkId, name: LeaseName, classes: &[String]) -> bool {
        let kind = matches!(name, LeaseName::Prefix { .. });
        let mut pools = self.links.get(&link).into_iter().flatten();
        !is_reserved_identifier(name)
            && pools.any(|pool| {
                pool.range.is_prefix == kind && pool.is_for(classes) && pool.range.is_piece(name)
            })
    }

    /// How full each pool is.
    pub fn usage(&self) -> impl Iterator<Item = Usage> {
        self.links.iter().flat_map(|(link, pools)| {
            pools.iter().map(|pool| Usage {
                link: *link,
                pool: pool.at,
                total: pool.range.last_slot.saturating_add(1),
                taken: pool.slots.as_ref().map_or(pool.sparse, Slots::taken),
            })
        })
    }
}

impl PoolRef {
    /// The pool's own settings.
    pub fn settings(self, link: &super::config::ServedLink) -> Option<&Settings> {
        match self {
            Self::Addresses(at) => link.pools.get(at).map(|pool| &pool.settings),
            Self::Prefixes(at) => link.prefix_pools.get(at).map(|pool| &pool.settings),
        }
    }
}

impl Pool {
    fn new(at: PoolRef, range: Range, order: Order, classes: &[String]) -> Self {
        let is_small = range.last_slot < MAX_SLOTS;
        let len = usize::try_from(range.last_slot.saturating_add(1)).unwrap_or(0);
        Self {
            at,
            range,
            order,
            classes: classes.to_vec(),
            slots: is_small.then(|| Slots::new(len)),
            sparse: 0,
            lowest: 0,
        }
    }

    fn is_for(&self, classes: &[String]) -> bool {
        self.classes.is_empty() || self.classes.iter().any(|class| classes.contains(class))
    }

    fn mark(&mut self, name: LeaseName, is_taken: bool) {
        let Some((first, last)) = self.range.slots(name) else {
            return;
        };
        let Some(slots) = &mut self.slots else {
            self.sparse = if is_taken {
                self.sparse.saturating_add(1)
            } else {
                self.lowest = self.lowest.min(first);
                self.sparse.saturating_sub(1)
            };
            return;
        };
        let slot = |slot: u128| usize::try_from(slot).unwrap_or(usize::MAX);
        for slot in slot(first)..=slot(last) {
            if is_taken {
                slots.take(slot);
            } else {
                slots.give_back(slot);
            }
        }
    }

    fn find(
        &mut self,
        random: &mut dyn FnMut() -> u64,
        is_free: &mut dyn FnMut(LeaseName) -> Result<bool, StoreError>,
    ) -> Result<Option<LeaseName>, FindError> {
        let mut from = match self.order {
            Order::Lowest => self.lowest,
            Order::Random => self.any_slot(random),
        };
        for correction in 0..MAX_CORRECTIONS {
            let slot = match &self.slots {
                Some(slots) => {
                    let from = usize::try_from(from).unwrap_or(0);
                    let Some(slot) = slots.next_free(from) else {
                        return Ok(None);
                    };
                    slot as u128
                }
                None => from,
            };
            let name = self.range.name(slot);
            if let Some(name) = name.filter(|name| !is_reserved_identifier(*name))
                && is_free(name)?
            {
                return Ok(Some(name));
            }
            if let Some(slots) = &mut self.slots {
                slots.take(usize::try_from(slot).unwrap_or(usize::MAX));
            } else if slot == self.lowest {
                self.lowest = slot.saturating_add(1).min(self.range.last_slot);
            }
            // The neighbours of a lease that was not known to be taken are likely taken too. In a
            // sparse pool any other is better than none, where the lowest free one is far.
            let is_far = self.slots.is_none() && correction >= MAX_CORRECTIONS / 2;
            from = match slot.checked_add(1) {
                _ if self.order == Order::Random || is_far => self.any_slot(random),
                Some(next) if next <= self.range.last_slot => next,
                _ => 0,
            };
        }
        match &self.slots {
            Some(slots) if slots.next_free(0).is_some() => Err(FindError::Unsure),
            _ => Ok(None),
        }
    }

    /// A slot, every one as likely as any other but for less than one part in 2^40.
    fn any_slot(&self, random: &mut dyn FnMut() -> u64) -> u128 {
        let slots = self.range.last_slot.checked_add(1);
        let number = wide(random);
        // With all of the address space for slots every number is one.
        slots.map_or(number, |slots| number % slots)
    }
}

fn wide(random: &mut dyn FnMut() -> u64) -> u128 {
    u128::from(random()) << 64 | u128::from(random())
}

/// Interface identifiers set aside by RFC 5453: the subnet-router anycast address, and the
/// highest 128 of a subnet of /64 (DHCP-S-023).
fn is_reserved_identifier(name: LeaseName) -> bool {
    let LeaseName::Address(address) = name else {
        return false;
    };
    let identifier = address.to_bits() & u128::from(u64::MAX);
    identifier == 0 || (0xfdff_ffff_ffff_ff80..=0xfdff_ffff_ffff_ffff).contains(&identifier)
}
