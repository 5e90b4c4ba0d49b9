//! What changed since the last checkpoint, in memory.
//!
//! A key that an overlay holds, be it as gone, hides whatever older layers say of that key. So
//! a look-up is what overlays find, newest first, and then what the ledger finds under keys
//! that no overlay holds.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::iter::Peekable;
use std::ops::Bound;

use crate::index::{self, Entry, Index};
use crate::record::{Record, RecordView};

/// Records changed or gone, with index entries of those that are there.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    records: BTreeMap<Box<[u8]>, Option<Record>>,
    /// By the number of the index and the entry's key.
    index: BTreeMap<Box<[u8]>, Value>,
    octets: usize,
}

/// What an overlay says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said<R> {
    /// Nothing: older layers know.
    Nothing,
    /// There is no record, whatever older layers say.
    Gone,
    /// This is the record.
    Record(R),
}

impl Said<&Record> {
    pub(crate) fn to_owned(self) -> Said<Record> {
        match self {
            Self::Nothing => Said::Nothing,
            Self::Gone => Said::Gone,
            Self::Record(record) => Said::Record(record.clone()),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Value {
    Octets(Box<[u8]>),
    Count(u64),
}

/// What a record costs in memory besides its octets, roughly: tree nodes, index entries.
const COST_OCTETS: usize = 640;

impl Overlay {
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Roughly how much memory it takes, in octets.
    pub(crate) fn octets(&self) -> usize {
        self.octets
    }

    pub(crate) fn get(&self, key: &[u8]) -> Said<&Record> {
        match self.records.get(key) {
            None => Said::Nothing,
            Some(None) => Said::Gone,
            Some(Some(record)) => Said::Record(record),
        }
    }

    pub(crate) fn holds(&self, key: &[u8]) -> bool {
        self.records.contains_key(key)
    }

    /// All keys it holds, in order.
    pub(crate) fn records(&self) -> impl Iterator<Item = Shadow<'_>> {
        self.records
            .iter()
            .map(|(key, record)| (&**key, record.as_ref().map(Record::view)))
    }

    pub(crate) fn put(&mut self, record: &Record) {
        let key: Box<[u8]> = record.view().key().into();
        self.octets += record.octets().len() + COST_OCTETS;
        let before = self.records.insert(key, Some(record.clone()));
        self.forget(before.flatten().as_ref());
        self.enter(&record.view());
    }

    pub(crate) fn remove(&mut self, key: &[u8]) {
        let before = self.records.insert(key.into(), None);
        self.octets += key.len() + COST_OCTETS / 4;
        self.forget(before.flatten().as_ref());
    }

    /// Lets it say of a key what it said before.
    pub(crate) fn restore(&mut self, key: &[u8], said: Said<Record>) {
        match said {
            Said::Record(record) => self.put(&record),
            Said::Gone => self.remove(key),
            Said::Nothing => {
                let before = self.records.remove(key);
                self.forget(before.flatten().as_ref());
            }
        }
    }

    /// The value of an index entry.
    pub(crate) fn find(&self, index: Index, key: &[u8]) -> Option<&[u8]> {
        match self.index.get(&*full_key(index, key))? {
            Value::Octets(octets) => Some(octets),
            Value::Count(_) => Some(&[]),
        }
    }

    /// The first index entry from `key` on.
    pub(crate) fn next(&self, index: Index, key: &[u8]) -> Option<(&[u8], &[u8])> {
        let from = full_key(index, key);
        let range = (Bound::Included(&*from), Bound::Unbounded);
        let (found, value) = self.index.range::<[u8], _>(range).next()?;
        let (&kind, found) = found.split_first()?;
        let value = match value {
            Value::Octets(octets) => &**octets,
            Value::Count(_) => &[],
        };
        (kind == index as u8).then_some((found, value))
    }

    fn enter(&mut self, record: &RecordView<'_>) {
        index::entries(record, &mut |entry: Entry<'_>| {
            let key = full_key(entry.index, entry.key);
            if entry.index.counts() {
                let value = self.index.entry(key).or_insert(Value::Count(0));
                if let Value::Count(count) = value {
                    *count += 1;
                }
            } else {
                self.index.insert(key, Value::Octets(entry.value.into()));
            }
        });
    }

    /// Takes out the entries of a record that is no more; a lease that another record has taken
    /// meanwhile stays that one's.
    fn forget(&mut self, record: Option<&Record>) {
        let Some(record) = record else { return };
        self.octets = self
            .octets
            .saturating_sub(record.octets().len() + COST_OCTETS);
        index::entries(&record.view(), &mut |entry: Entry<'_>| {
            let key = full_key(entry.index, entry.key);
            match self.index.get_mut(&key) {
                Some(Value::Count(count)) if *count > 1 => *count -= 1,
                Some(Value::Octets(value)) if **value != *entry.value => {}
                _ => {
                    self.index.remove(&key);
                }
            }
        });
    }
}

/// The records of several overlays in the order of their keys, of each key the newest.
struct Merged<'a> {
    /// Newest first.
    layers: Vec<Peekable<Layer<'a>>>,
}

type Layer<'a> = Range<'a, Box<[u8]>, Option<Record>>;

/// A key that overlays hold, with its record or as gone.
pub(crate) type Shadow<'a> = (&'a [u8], Option<RecordView<'a>>);

impl<'a> Merged<'a> {
    /// Of `overlays`, newest first, what is at `from` or behind.
    fn new(overlays: &[&'a Overlay], from: &[u8]) -> Self {
        let range = (Bound::Included(from), Bound::Unbounded);
        let layers = overlays
            .iter()
            .filter(|overlay| !overlay.is_empty())
            .map(|overlay| overlay.records.range::<[u8], _>(range).peekable());
        Self {
            layers: layers.collect(),
        }
    }
}

impl<'a> Iterator for Merged<'a> {
    type Item = (&'a [u8], Option<Record>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut least: Option<&'a [u8]> = None;
        for layer in &mut self.layers {
            if let Some((key, _)) = layer.peek() {
                least = Some(least.map_or(&***key, |least| least.min(&***key)));
            }
        }
        let least = least?;
        let mut newest = None;
        for layer in &mut self.layers {
            if let Some((_, record)) = layer.next_if(|(key, _)| &***key == least) {
                newest = newest.or(Some(record));
            }
        }
        newest.map(|record| (least, record.clone()))
    }
}

/// What overlays hold of a stretch of keys, copied so that nobody has to wait while it is read:
/// a record is shared, not copied, and there is a limit.
#[derive(Debug)]
pub(crate) struct Shadows {
    held: Vec<Held>,
    /// From here on they were not looked at; none if all were.
    pub(crate) horizon: Option<Box<[u8]>>,
}

#[derive(Debug)]
enum Held {
    Gone(Box<[u8]>),
    Record(Record),
}

/// The most keys that are copied at once: some 10 microseconds.
const MAX_SHADOWS: usize = 512;

impl Shadows {
    /// Of `overlays`, newest first, what is at `from` or behind, and before `until`.
    pub(crate) fn copy(overlays: &[&Overlay], from: &[u8], until: Option<&[u8]>) -> Self {
        let mut held = Vec::new();
        for (key, said) in Merged::new(overlays, from) {
            if until.is_some_and(|until| key >= until) {
                break;
            }
            if held.len() == MAX_SHADOWS {
                let horizon = Some(key.into());
                return Self { held, horizon };
            }
            held.push(said.map_or_else(|| Held::Gone(key.into()), Held::Record));
        }
        let horizon = None;
        Self { held, horizon }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Shadow<'_>> {
        self.held.iter().map(|held| match held {
            Held::Gone(key) => (&**key, None),
            Held::Record(record) => {
                let view = record.view();
                (view.key(), Some(view))
            }
        })
    }
}

fn full_key(index: Index, key: &[u8]) -> Box<[u8]> {
    let mut full = Vec::with_capacity(1 + key.len());
    full.push(index as u8);
    full.extend_from_slice(key);
    full.into()
}
