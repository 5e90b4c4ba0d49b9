//! Telling records: block by block, with overlays laid over, in runs.

use std::iter::Peekable;

use super::Shared;
use super::plan::{self, Rule, Stretch, behind};
use super::view::{View, Walking};
use crate::binding::LinkId;
use crate::block::BlockView;
use crate::index;
use crate::key::RemoteTag;
use crate::lease_store::StoreError;
use crate::ledger::{Piece, Reader, Walk};
use crate::overlay::{Shadow, Shadows};
use crate::query::{Flow, Progress, Query, Run, Selector};
use crate::record::{IdKind, RecordView};

/// Blocks looked at in one call: keeps read transactions short, which hold back the reuse of
/// pages and the visibility of changes for as long as they last. About a millisecond.
const WORK_BLOCKS: usize = 512;

/// Records of overlays that count as much as a block.
const BLOCK_RECORDS: usize = 16;

/// As how many of these a change counts, for which a record has to be looked up.
const CHANGE_RECORDS: usize = 8;

/// Of the records of a block, one in so many has to match for its neighbour to be worth a look
/// before the index is asked again.
const DENSE: usize = 4;

/// One call of a scan.
pub(super) struct Scan<'s> {
    query: &'s Query,
    now: u64,
    visit: &'s mut dyn FnMut(Run<'_>) -> Flow,
    work: Work,
}

/// What is left of the work of one call.
struct Work {
    blocks: usize,
    records: usize,
}

impl Work {
    fn new() -> Self {
        Self {
            blocks: WORK_BLOCKS,
            records: 0,
        }
    }

    fn block(&mut self) {
        self.blocks = self.blocks.saturating_sub(1);
    }

    fn record(&mut self) {
        self.records += 1;
        if self.records == BLOCK_RECORDS {
            self.records = 0;
            self.block();
        }
    }

    fn change(&mut self) {
        for _ in 0..CHANGE_RECORDS {
            self.record();
        }
    }

    fn is_done(&self) -> bool {
        self.blocks == 0
    }
}

/// What came of one piece.
#[derive(Default)]
struct Told {
    seen: usize,
    matched: usize,
    /// The visitor, or the end of the work, stopped it; the next call goes on here.
    stopped_at: Option<Vec<u8>>,
}

impl<'s> Scan<'s> {
    pub(super) fn new(
        query: &'s Query,
        now: u64,
        visit: &'s mut dyn FnMut(Run<'_>) -> Flow,
    ) -> Self {
        Self {
            query,
            now,
            visit,
            work: Work::new(),
        }
    }

    /// Tells what answers from the key `from` on, and moves it; `Done` at the end of the book.
    ///
    /// Overlays are looked at only while the next stretch is planned; going through it keeps
    /// nobody waiting, however long the thread that does it is not given a processor.
    pub(super) fn keys(
        &mut self,
        shared: &Shared,
        from: &mut Vec<u8>,
    ) -> Result<Progress, StoreError> {
        let query = self.query;
        self.stretches(shared, from, |view, from| plan::next(view, query, from))
    }

    /// Tells what a client has from the key `from` on, link by link, and moves it.
    pub(super) fn of_client(
        &mut self,
        view: &View<'_>,
        client: &[u8],
        from: &mut Vec<u8>,
    ) -> Result<Progress, StoreError> {
        let mut link = plan::link_at(from);
        while let Some(wanted) = plan::next_link(&self.query.links, link) {
            let Some(found) = view.next_link(client, wanted)? else {
                break;
            };
            // What the layer says of the link may be out of date: the whole look decides.
            let record = view.of_client(found, client)?;
            let record = record.filter(|record| record.key() >= from.as_slice());
            let record = record.filter(|record| self.query.matches(record, self.now));
            let flow = record.map(|record| {
                *from = behind(record.key());
                (self.visit)(Run::one(record))
            });
            self.work.change();
            let Some(next) = found.0.checked_add(1) else {
                break;
            };
            link = LinkId(next);
            if flow == Some(Flow::Stop) || self.work.is_done() {
                *from = link.0.to_be_bytes().to_vec();
                return Ok(Progress::More);
            }
        }
        Ok(Progress::Done)
    }

    /// Tells every record from the key `from` on, and moves it.
    pub(super) fn everything(
        &mut self,
        shared: &Shared,
        from: &mut Vec<u8>,
    ) -> Result<Progress, StoreError> {
        self.stretches(shared, from, |_, from| {
            Ok(Some(Stretch {
                from: from.to_vec(),
                until: None,
                rule: Rule::Everything,
                is_sparse: false,
            }))
        })
    }

    fn stretches(
        &mut self,
        shared: &Shared,
        from: &mut Vec<u8>,
        plan: impl Fn(&Walking<'_>, &[u8]) -> Result<Option<Stretch>, StoreError>,
    ) -> Result<Progress, StoreError> {
        loop {
            let (reader, planned) = shared.look_ahead(|view| {
                let stretch = plan(view, from)?;
                Ok(stretch.map(|mut stretch| {
                    let until = stretch.until.as_deref();
                    let shadows = Shadows::copy(view.orders(), &stretch.from, until);
                    if let Some(horizon) = &shadows.horizon {
                        stretch.until = Some(horizon.to_vec());
                    }
                    (stretch, shadows)
                }))
            })?;
            let Some((stretch, shadows)) = planned else {
                return Ok(Progress::Done);
            };
            match self.stretch(&reader, &stretch, &shadows)? {
                Some(next) => *from = next,
                None => return Ok(Progress::Done),
            }
            if self.work.is_done() {
                return Ok(Progress::More);
            }
        }
    }

    /// Goes through a stretch, or, if it is sparse, as far as it pays. Returns where to go on;
    /// none at the end of the book.
    fn stretch(
        &mut self,
        reader: &Reader<'_>,
        stretch: &Stretch,
        shadows: &Shadows,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut walk = Walk::new(reader);
        let mut shadows = shadows.iter().peekable();
        let mut piece = walk.seek(&stretch.from)?;
        let mut from: Option<&[u8]> = Some(&stretch.from);
        loop {
            let ends_here = match (piece.end, stretch.until.as_deref()) {
                (Some(end), Some(until)) => until <= end,
                (None, _) => true,
                (Some(_), None) => false,
            };
            let end = if ends_here {
                stretch.until.as_deref()
            } else {
                piece.end
            };
            let cut = end.filter(|_| ends_here);
            let bounds = Bounds { from, end, cut };
            let told = self.piece(&piece, bounds, &mut shadows, stretch.rule);
            self.work.block();
            if let Some(at) = told.stopped_at {
                // Whatever is left of the work, the visitor wants no more of it.
                self.work.blocks = 0;
                return Ok(Some(at));
            }
            if ends_here {
                return Ok(stretch.until.clone());
            }
            let Some(end) = piece.end else {
                return Ok(None);
            };
            let is_thin = stretch.is_sparse && told.matched * DENSE < told.seen;
            if is_thin || self.work.is_done() {
                return Ok(Some(end.to_vec()));
            }
            from = None;
            piece = walk.next()?;
        }
    }

    /// Tells what matches in one piece: the block's records and those laid over them.
    fn piece<'v>(
        &mut self,
        piece: &Piece<'_>,
        bounds: Bounds<'_>,
        shadows: &mut Peekable<impl Iterator<Item = Shadow<'v>>>,
        rule: Rule,
    ) -> Told {
        let mut told = Told::default();
        let mut rest = piece.block.map(|block| {
            // Most pieces are whole blocks, whose keys need no looking at.
            let from = bounds.from.map_or(0, |from| block.lower_bound(from));
            let to = bounds
                .cut
                .map_or(block.len(), |end| block.count_before(end));
            Part::new(block, from, to.max(from))
        });
        let is_here = |shadow: &Shadow<'v>| bounds.end.is_none_or(|end| shadow.0 < end);
        while let Some((key, said)) = shadows.next_if(is_here) {
            if let Some(part) = &mut rest {
                let before = part.split_at(key);
                self.part(before, rule, &mut told);
                if told.stopped_at.is_some() {
                    return told;
                }
            }
            if let Some(record) = said {
                self.one(record, rule, &mut told);
            }
            self.work.record();
            if told.stopped_at.is_none() && self.work.is_done() {
                told.stopped_at = Some(behind(key));
            }
            if told.stopped_at.is_some() {
                return told;
            }
        }
        if let Some(part) = rest {
            self.part(part, rule, &mut told);
        }
        told
    }

    /// Tells what matches in a part of a block.
    fn part(&mut self, part: Part<'_>, rule: Rule, told: &mut Told) {
        let (block, now, query) = (part.block, self.now, self.query);
        match rule {
            Rule::Everything => self.runs(part, told, |_| true),
            Rule::Live => self.runs(part, told, |at| block.is_any_live(at, now)),
            Rule::OwnRelay if block.relays_agree() && own_relay_agrees(part, query) => {
                self.runs(part, told, |at| block.is_any_live(at, now));
            }
            Rule::Remote(tag) if block.remotes_agree() => {
                self.remotes(part, tag, told);
            }
            Rule::OwnRelay | Rule::Remote(_) | Rule::Query => {
                self.runs(part, told, |at| {
                    block
                        .get(at)
                        .is_some_and(|record| query.matches(&record, now))
                });
            }
        }
    }

    /// By Remote-ID, in a block in which equal tags mean equal nearest Remote-IDs: octets have
    /// to be compared for one record only, and for those with several Remote-IDs.
    fn remotes(&mut self, part: Part<'_>, tag: RemoteTag, told: &mut Told) {
        let (block, now, query) = (part.block, self.now, self.query);
        let mut is_it: Option<bool> = None;
        self.runs(part, told, |at| {
            let has_tag = block.remote_tag(at) == tag.0;
            if !has_tag && !block.has_many_ids(at) || !block.is_any_live(at, now) {
                return false;
            }
            let nearest_is_it = || {
                let record = block.get(at);
                let nearest = record.and_then(|record| nearest(&record, IdKind::Remote));
                matches!(&query.selector, Selector::RemoteId(id) if nearest == Some(id))
            };
            if has_tag && *is_it.get_or_insert_with(nearest_is_it) {
                return true;
            }
            block
                .get(at)
                .is_some_and(|record| query.matches(&record, now))
        });
    }

    /// Tells the records of a part that `matches` says yes to, neighbours together.
    #[inline]
    fn runs(&mut self, part: Part<'_>, told: &mut Told, mut matches: impl FnMut(usize) -> bool) {
        let Part { block, from, to } = part;
        told.seen += to - from;
        let mut at = from;
        while at < to {
            if !matches(at) {
                at += 1;
                continue;
            }
            let start = at;
            at += 1;
            while at < to && matches(at) {
                at += 1;
            }
            told.matched += at - start;
            if (self.visit)(Run::block(block, start, at)) == Flow::Stop {
                told.stopped_at = Some(behind(block.key(at - 1)));
                return;
            }
        }
    }

    /// Tells a record of an overlay if it matches.
    fn one(&mut self, record: RecordView<'_>, rule: Rule, told: &mut Told) {
        told.seen += 1;
        let matches = match rule {
            Rule::Everything => true,
            Rule::Live => record.is_any_live(self.now),
            _ => self.query.matches(&record, self.now),
        };
        if !matches {
            return;
        }
        told.matched += 1;
        if (self.visit)(Run::one(record)) == Flow::Stop {
            told.stopped_at = Some(behind(record.key()));
        }
    }

    /// Tells what changed, from the entry `from` of [`index::Index::Changed`] on, and moves it;
    /// `Done` when there is nothing newer.
    ///
    /// It goes on to what is newest now, not when it began: a record that waits here to be told
    /// may be changed once more, and is found behind then.
    pub(super) fn changes(
        &mut self,
        view: &View<'_>,
        from: &mut Vec<u8>,
    ) -> Result<Progress, StoreError> {
        while let Some((from_seq, from_key)) = index::split_tagged(from)
            && let Some((seq, key)) = view.next_changed(from_seq, from_key)?
        {
            *from = behind(index::tagged_key(seq, key).octets());
            let record = view.get(key)?;
            // A layer may have a newer word on the record, and then a later entry for it.
            let current = record.filter(|record| record.seq() == seq);
            let found = current.filter(|record| self.query.matches(record, self.now));
            if let Some(record) = found
                && (self.visit)(Run::one(record)) == Flow::Stop
            {
                return Ok(Progress::More);
            }
            self.work.change();
            if self.work.is_done() {
                return Ok(Progress::More);
            }
        }
        Ok(Progress::Done)
    }
}

/// The keys of a piece that are asked for.
#[derive(Clone, Copy)]
struct Bounds<'b> {
    /// Where they begin inside the block; none at its beginning.
    from: Option<&'b [u8]>,
    /// Where the piece ends.
    end: Option<&'b [u8]>,
    /// The same, if it lies inside the block.
    cut: Option<&'b [u8]>,
}

/// Some records of a block that follow one another.
#[derive(Clone, Copy)]
struct Part<'v> {
    block: BlockView<'v>,
    from: usize,
    to: usize,
}

impl<'v> Part<'v> {
    fn new(block: BlockView<'v>, from: usize, to: usize) -> Self {
        Self { block, from, to }
    }

    /// Takes off what is before `key`, and leaves out the record with `key` itself.
    fn split_at(&mut self, key: &[u8]) -> Self {
        let at = self.block.lower_bound(key).clamp(self.from, self.to);
        let before = Self { to: at, ..*self };
        let is_hidden = at < self.to && self.block.key(at) == key;
        self.from = at + usize::from(is_hidden);
        before
    }
}

/// Whether the nearest Relay-ID of the part's first record is the one asked for: then in this
/// block it is for all with its tag.
fn own_relay_agrees(part: Part<'_>, query: &Query) -> bool {
    let record = part.block.get(part.from);
    let nearest = record.and_then(|record| nearest(&record, IdKind::Relay));
    matches!(&query.selector, Selector::RelayId(id) if nearest == Some(id))
}

/// The identity that the relay nearest to the client gave.
fn nearest<'a>(record: &RecordView<'a>, kind: IdKind) -> Option<&'a [u8]> {
    let ids = record.ids().filter(|(found, _)| *found == kind);
    ids.last().map(|(_, id)| id)
}
