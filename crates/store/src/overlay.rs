//! What changed since the last checkpoint, in memory.
//!
//! A key that an overlay holds, be it as gone, hides whatever older layers say of that key. So
//! a look-up is what overlays find, newest first, and then what the ledger finds under keys
//! that no overlay holds.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::iter::Peekable;
use std::ops::Bound;

use crate::index::{self, Index};
use crate::overlay_index::Tables;
use crate::record::{Record, RecordView};
use crate::short::Short;

/// Records changed or gone, with index entries of those that are there.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    records: BTreeMap<Short, Option<Record>>,
    indexes: Tables,
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
        self.octets += record.octets().len() + COST_OCTETS;
        let key = record.view().key().into();
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

    /// Takes in what `newer` says: its word holds. The same as all that was done there done
    /// here, but what is in memory already is moved and not made anew.
    pub(crate) fn absorb(&mut self, newer: Self) {
        self.octets += newer.octets;
        for (key, said) in newer.records {
            let before = self.records.insert(key, said);
            self.forget(before.flatten().as_ref());
        }
        self.indexes.absorb(newer.indexes);
    }

    /// The value of an index entry.
    pub(crate) fn find(&self, index: Index, key: &[u8]) -> Option<&[u8]> {
        self.indexes.find(index, key)
    }

    /// The first index entry from `key` on.
    pub(crate) fn next(&self, index: Index, key: &[u8]) -> Option<(&[u8], &[u8])> {
        self.indexes.next(index, key)
    }

    fn enter(&mut self, record: &RecordView<'_>) {
        index::entries(record, &mut |entry| self.indexes.enter(&entry));
    }

    /// Takes out the entries of a record that is no more; a lease that another record has taken
    /// meanwhile stays that one's.
    fn forget(&mut self, record: Option<&Record>) {
        let Some(record) = record else { return };
        self.octets = self
            .octets
            .saturating_sub(record.octets().len() + COST_OCTETS);
        index::entries(&record.view(), &mut |entry| self.indexes.forget(&entry));
    }
}

/// The records of several overlays in the order of their keys, of each key the newest.
struct Merged<'a> {
    /// Newest first.
    layers: Vec<Peekable<Layer<'a>>>,
}

type Layer<'a> = Range<'a, Short, Option<Record>>;

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
                least = Some(least.map_or(&**key, |least| least.min(&**key)));
            }
        }
        let least = least?;
        let mut newest = None;
        for layer in &mut self.layers {
            if let Some((_, record)) = layer.next_if(|(key, _)| ***key == *least) {
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

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use leasebook_wire::Duid;
    use proptest::prelude::*;

    use super::*;
    use crate::binding::{Binding, IaKind, Lease, LeaseName, LeaseState, LinkId};

    /// A client's record that holds the lease of that number.
    fn record(client: u8, lease: u8, seq: u64) -> Record {
        let name = LeaseName::prefix(Ipv6Addr::from_bits(u128::from(lease) << 72), 56).unwrap();
        let binding = Binding {
            link: LinkId(1),
            client: Duid::new(&[0, 3, 0, 1, client]).unwrap(),
            leases: vec![Lease {
                name,
                kind: IaKind::Pd,
                iaid: 1,
                state: LeaseState::Bound,
                clt: 1000,
                preferred: 50,
                valid: 100 + u32::from(lease),
            }],
            relay: None,
            options: Vec::new(),
        };
        Record::encode(&binding, seq).unwrap()
    }

    /// Client `client` gets a lease that is taken from whoever has it, or goes.
    fn change(overlay: &mut Overlay, (client, lease, stays): (u8, u8, bool), seq: u64) {
        let new = record(client, lease, seq);
        if !stays {
            return overlay.remove(new.view().key());
        }
        let name = index::lease_key(new.view().leases().next().unwrap().name);
        let holder = overlay.find(Index::Lease, &name).map(<[u8]>::to_vec);
        if let Some(holder) = holder.filter(|holder| holder != new.view().key()) {
            overlay.remove(&holder);
        }
        overlay.put(&new);
    }

    proptest! {
        /// Groups taken in one after the other say what their changes would have said.
        #[test]
        fn absorbed_groups_say_what_their_changes_say(
            groups in prop::collection::vec(
                prop::collection::vec((0..6_u8, 0..6_u8, any::<bool>()), 0..5),
                1..6,
            ),
        ) {
            let (mut whole, mut absorbed) = (Overlay::default(), Overlay::default());
            let mut seq = 0;
            for changes in groups {
                let mut group = Overlay::default();
                for change_of in changes {
                    seq += 1;
                    // As a book does: the holder that loses its lease may be in the layer below.
                    let new = record(change_of.0, change_of.1, seq);
                    let name = index::lease_key(new.view().leases().next().unwrap().name);
                    let below = absorbed.find(Index::Lease, &name).map(<[u8]>::to_vec);
                    let loses = below.filter(|key| change_of.2 && key != new.view().key() && !group.holds(key));
                    if let Some(key) = loses {
                        group.remove(&key);
                        whole.remove(&key);
                    }
                    change(&mut group, change_of, seq);
                    change(&mut whole, change_of, seq);
                }
                absorbed.absorb(group);
                prop_assert_eq!(&absorbed.records, &whole.records);
                prop_assert_eq!(&absorbed.indexes, &whole.indexes);
            }
        }
    }
}
