//! Answering queries: where the next match may be, and the records from there on.
//!
//! The book is read in the order of keys, block by block. An index only says where to go
//! on: every record of a block that is opened anyway is compared with the query, since a
//! neighbour that matches costs less to compare than to look up. A block in which many
//! match is followed by the next one; after one in which few do the index is asked again.

use super::view::View;
use crate::index::{self, Table};
use crate::key::{BindingKey, RelayTag, RemoteTag, link_of};
use crate::lease_store::StoreError;
use crate::ledger::block::Block;
use crate::query::{Cursor, Flow, Links, Phase, Progress, Query, Run, Selector};
use crate::record::RecordView;
use crate::{LeaseName, LinkId};

/// Blocks looked at in one scan: bounds the time a read transaction is held.
const BLOCKS_PER_SCAN: usize = 512;

/// Changes looked at in one scan.
const CHANGES_PER_SCAN: usize = 256;

/// One scan.
pub(super) struct Scan<'s, 'v> {
    pub(super) view: &'s View<'v>,
    pub(super) cursor: &'s mut Cursor,
    pub(super) now: u64,
    pub(super) last_seq: u64,
    pub(super) visit: &'s mut dyn FnMut(Run<'_>) -> Flow,
}

/// Where the next match may be.
struct Candidate {
    from: Vec<u8>,
    /// Up to here every record is likely one; none: the index told of just one.
    until: Option<Until>,
}

enum Until {
    Key(Vec<u8>),
    End,
}

/// How many records of a block were looked at, and how many matched.
#[derive(Default)]
struct Density {
    seen: usize,
    matched: usize,
}

impl Scan<'_, '_> {
    /// Goes on from the cursor until the visitor stops, the work's bound, or the end.
    pub(super) fn run(&mut self) -> Result<Progress, StoreError> {
        if let Phase::Main { from } = &self.cursor.phase {
            let from = from.clone();
            if let Selector::Address(address) = self.cursor.query.selector {
                self.cursor.phase = Phase::Done;
                if let Some(record) = self.covering(address)? {
                    (self.visit)(Run::one(record.view()));
                }
                return Ok(Progress::Done);
            }
            if self.main(from)? == Flow::Stop {
                return Ok(Progress::More);
            }
            self.cursor.phase = Phase::Changes {
                after: self.cursor.began_at,
                until: self.last_seq,
            };
        }
        self.changes()
    }

    /// The book in order; stops at the visitor's word or the work's bound.
    fn main(&mut self, mut at: Vec<u8>) -> Result<Flow, StoreError> {
        let mut budget = BLOCKS_PER_SCAN;
        let view = self.view;
        while let Some(candidate) = candidate(view, &self.cursor.query, at)? {
            at = candidate.from;
            let mut blocks = view.ledger.blocks_from(&at)?.peekable();
            loop {
                let block = blocks.next().transpose()?;
                let upper = match blocks.peek() {
                    Some(Ok((key, _))) => Some(key.to_vec()),
                    Some(Err(_)) | None => None,
                };
                let (flow, density) =
                    self.block(block.map(|(_, block)| block), &at, upper.as_deref());
                if flow == Flow::Stop {
                    return Ok(Flow::Stop);
                }
                let Some(next) = upper else {
                    return Ok(Flow::Continue);
                };
                at = next;
                self.cursor.phase = Phase::Main { from: at.clone() };
                budget -= 1;
                if budget == 0 {
                    return Ok(Flow::Stop);
                }
                let go_on = match &candidate.until {
                    Some(Until::End) => true,
                    Some(Until::Key(until)) => at < *until,
                    None => density.matched * 4 >= density.seen,
                };
                if !go_on {
                    break;
                }
            }
        }
        Ok(Flow::Continue)
    }

    /// The records from `from` on in `block` and in the layers over it, before `upper`.
    fn block(
        &mut self,
        block: Option<Block<'_>>,
        from: &[u8],
        upper: Option<&[u8]>,
    ) -> (Flow, Density) {
        let mut density = Density::default();
        let changes = self.view.changes(from, upper);
        let start = block.map_or(0, |block| block.search(from).unwrap_or_else(|at| at));
        let end = block.map_or(0, |block| block.len());
        let mut at = start;
        if let Some(block) = block {
            for (key, said) in changes {
                let place = block.search(key);
                let before = place.unwrap_or_else(|at| at);
                if self.records(block, at, before, &mut density) == Flow::Stop {
                    return (Flow::Stop, density);
                }
                at = before + usize::from(place.is_ok());
                if let Some(record) = said
                    && self.one(record.view(), &mut density) == Flow::Stop
                {
                    return (Flow::Stop, density);
                }
            }
            let flow = self.records(block, at, end, &mut density);
            return (flow, density);
        }
        for said in changes.into_values().flatten() {
            if self.one(said.view(), &mut density) == Flow::Stop {
                return (Flow::Stop, density);
            }
        }
        (Flow::Continue, density)
    }

    /// The matching records of `block` from `from` up to and without `to`, in runs.
    fn records(&mut self, block: Block<'_>, from: usize, to: usize, density: &mut Density) -> Flow {
        density.seen += to.saturating_sub(from);
        let matches = |scan: &Self, at| {
            block
                .get(at)
                .is_some_and(|record| scan.cursor.query.matches(&record, scan.now))
        };
        let mut at = from;
        while at < to {
            if !matches(self, at) {
                at += 1;
                continue;
            }
            let begin = at;
            while at < to && matches(self, at) {
                at += 1;
            }
            density.matched += at - begin;
            if self.tell(Run::block(block, begin, at), block.key(at - 1)) == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    fn one(&mut self, record: RecordView<'_>, density: &mut Density) -> Flow {
        density.seen += 1;
        if !self.cursor.query.matches(&record, self.now) {
            return Flow::Continue;
        }
        density.matched += 1;
        self.tell(Run::one(record), record.key())
    }

    /// Hands a run over; the cursor moves behind its last record.
    fn tell(&mut self, run: Run<'_>, last: &[u8]) -> Flow {
        let flow = (self.visit)(run);
        if flow == Flow::Stop {
            self.cursor.phase = Phase::Main { from: behind(last) };
        }
        flow
    }

    /// What changed since the answer began (D-21).
    fn changes(&mut self) -> Result<Progress, StoreError> {
        let Phase::Changes { mut after, until } = self.cursor.phase else {
            return Ok(Progress::Done);
        };
        let changed = self.view.changed(after, until, CHANGES_PER_SCAN)?;
        let is_last = changed.len() < CHANGES_PER_SCAN;
        for (seq, key) in changed {
            after = seq;
            let Some(record) = self.view.record(&key)? else {
                continue;
            };
            let matches = self.cursor.query.matches(&record.view(), self.now);
            if matches && (self.visit)(Run::one(record.view())) == Flow::Stop {
                self.cursor.phase = Phase::Changes { after, until };
                return Ok(Progress::More);
            }
        }
        if is_last {
            self.cursor.phase = Phase::Done;
            return Ok(Progress::Done);
        }
        self.cursor.phase = Phase::Changes { after, until };
        Ok(Progress::More)
    }

    /// The record with the address itself, else with the longest prefix around it (D-06).
    fn covering(&self, address: std::net::Ipv6Addr) -> Result<Option<crate::Record>, StoreError> {
        let lengths = self.view.prefix_lengths()?;
        let prefixes = lengths
            .into_iter()
            .filter_map(|len| LeaseName::prefix(address, len));
        for name in std::iter::once(LeaseName::Address(address)).chain(prefixes) {
            let Some(record) = self.view.holder(name)? else {
                continue;
            };
            let view = record.view();
            let is_live = view
                .leases()
                .any(|lease| lease.name == name && lease.is_live(self.now));
            if is_live && self.cursor.query.links.contains(view.link()) {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }
}

/// The lowest place from `at` on where a match may be.
fn candidate(view: &View<'_>, query: &Query, at: Vec<u8>) -> Result<Option<Candidate>, StoreError> {
    match &query.selector {
        Selector::All => Ok(on_links(&query.links, at)),
        Selector::RelayId(id) => by_relay(view, RelayTag::of(id), &at),
        Selector::RemoteId(id) => {
            let tag = RemoteTag::of(id).0;
            let from = index::tagged(tag, &at);
            Ok(view
                .next_hit(Table::Remote, &from, &tag.to_be_bytes())?
                .map(alone))
        }
        Selector::Client(client) => {
            let link = link_of(&at).map_or(0, |link| link.0);
            let prefix = index::client_key(client, None);
            let from = index::client_key(client, Some(link));
            let mut hit = view.next_hit(Table::Client, &from, &prefix)?;
            if hit.as_ref().is_some_and(|hit| *hit < at) {
                let from = link
                    .checked_add(1)
                    .map(|link| index::client_key(client, Some(link)));
                hit = from.map_or(Ok(None), |from| {
                    view.next_hit(Table::Client, &from, &prefix)
                })?;
            }
            Ok(hit.map(alone))
        }
        Selector::Address(_) => Ok(None),
    }
}

fn alone(from: Vec<u8>) -> Candidate {
    Candidate { from, until: None }
}

fn on_links(links: &Links, at: Vec<u8>) -> Option<Candidate> {
    let Links::Of(links) = links else {
        return Some(Candidate {
            from: at,
            until: Some(Until::End),
        });
    };
    let here = link_of(&at).unwrap_or(LinkId(0));
    let index = links.partition_point(|link| *link < here);
    let link = *links.get(index)?;
    let start = link.0.to_be_bytes().to_vec();
    let until = link
        .0
        .checked_add(1)
        .map_or(Until::End, |next| Until::Key(next.to_be_bytes().to_vec()));
    Some(Candidate {
        from: at.max(start),
        until: Some(until),
    })
}

/// The relay's own records, link by link, and those it relayed further out.
fn by_relay(view: &View<'_>, tag: RelayTag, at: &[u8]) -> Result<Option<Candidate>, StoreError> {
    let mut link = link_of(at).unwrap_or(LinkId(0)).0;
    let mut own = None;
    while let Some(found) = view.next_relay_link(tag.0, link)? {
        let start = BindingKey::new(LinkId(found), tag, &[]).into_octets();
        let end = tag
            .0
            .checked_add(1)
            .map(|next| BindingKey::new(LinkId(found), RelayTag(next), &[]).into_octets());
        if end.as_ref().is_none_or(|end| at < end.as_slice()) {
            let until = Some(end.map_or(Until::End, Until::Key));
            own = Some(Candidate {
                from: start.max(at.to_vec()),
                until,
            });
            break;
        }
        let Some(next) = found.checked_add(1) else {
            break;
        };
        link = next;
    }
    let from = index::tagged(tag.0, at);
    let further = view.next_hit(Table::Relay, &from, &tag.0.to_be_bytes())?;
    Ok(match (own, further) {
        (Some(own), Some(further)) if further < own.from => Some(alone(further)),
        (Some(own), _) => Some(own),
        (None, further) => further.map(alone),
    })
}

/// The first key behind `key`.
pub(super) fn behind(key: &[u8]) -> Vec<u8> {
    let mut key = key.to_vec();
    key.push(0);
    key
}

/// Tells every record from `from` on, whatever it holds.
pub(super) fn visit_all(
    view: &View<'_>,
    from: &mut Vec<u8>,
    visit: &mut dyn FnMut(RecordView<'_>) -> Flow,
) -> Result<Progress, StoreError> {
    let mut blocks = view.ledger.blocks_from(from)?.peekable();
    for _ in 0..BLOCKS_PER_SCAN {
        let block = blocks.next().transpose()?.map(|(_, block)| block);
        let upper = match blocks.peek() {
            Some(Ok((key, _))) => Some(key.to_vec()),
            Some(Err(_)) | None => None,
        };
        let changes = view.changes(from, upper.as_deref());
        let start = block.map_or(0, |block| block.search(from).unwrap_or_else(|at| at));
        let count = block.map_or(0, |block| block.len());
        let old = (start..count).filter_map(|at| block.and_then(|block| block.get(at)));
        let kept = old.filter(|record| !changes.contains_key(record.key()));
        let new = changes
            .values()
            .filter_map(|said| said.as_ref().map(crate::Record::view));
        let mut records: Vec<RecordView<'_>> = kept.chain(new).collect();
        records.sort_unstable_by(|a, b| a.key().cmp(b.key()));
        for record in records {
            *from = behind(record.key());
            if visit(record) == Flow::Stop {
                return Ok(Progress::More);
            }
        }
        match upper {
            Some(upper) => *from = upper,
            None => return Ok(Progress::Done),
        }
    }
    Ok(Progress::More)
}
