use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;

use leasebook_wire::Duid;
use proptest::prelude::*;

use super::*;
use crate::binding::{Binding, IaKind, Lease, LeaseState, RelayData};
use crate::index::{Index, entries};

/// A client's record, behind a relay, that holds the lease of that number.
fn record(client: u8, relay: u8, lease: u8, seq: u64) -> Record {
    let option = |code: u8, id: &[u8]| {
        let mut option = vec![0, code, 0, u8::try_from(id.len()).unwrap()];
        option.extend_from_slice(id);
        option
    };
    let mut chain = vec![12, 0];
    chain.extend_from_slice(&[0; 32]);
    chain.extend(option(37, &[0, 0, 0, 9, relay / 2]));
    chain.extend(option(53, &[0, 3, 0, 1, relay]));
    let binding = Binding {
        link: LinkId(1 + u32::from(client % 2)),
        client: Duid::new(&[0, 3, 0, 1, client / 2]).unwrap(),
        leases: vec![Lease {
            name: name(lease),
            kind: IaKind::Pd,
            iaid: 1,
            state: if lease == 5 {
                LeaseState::Released
            } else {
                LeaseState::Bound
            },
            clt: 1000,
            preferred: 50,
            valid: 100 + u32::from(lease / 2),
        }],
        relay: Some(RelayData {
            peer: Ipv6Addr::LOCALHOST,
            chain,
        }),
        options: Vec::new(),
    };
    Record::encode(&binding, seq).unwrap()
}

fn name(lease: u8) -> LeaseName {
    let prefix = Ipv6Addr::from_bits(u128::from(lease) << 72);
    LeaseName::prefix(prefix, 56 - lease % 2 * 4).unwrap()
}

/// What an overlay holds, in the plainest way.
#[derive(Clone, Default)]
struct Model(BTreeMap<Vec<u8>, Option<Record>>);

impl Model {
    fn records(&self) -> impl Iterator<Item = &Record> {
        self.0.values().flatten()
    }

    fn of_client(&self, link: LinkId, client: &[u8]) -> Option<&Record> {
        let is_it =
            |record: &&Record| record.view().link() == link && record.view().client() == client;
        self.records().find(is_it)
    }

    fn holder(&self, lease: LeaseName) -> Option<&Record> {
        self.records()
            .find(|record| record.view().leases().any(|held| held.name == lease))
    }
}

/// A client puts a binding behind a relay, with a lease that is taken from whoever has it; or goes.
#[derive(Clone, Copy, Debug)]
struct Change {
    client: u8,
    relay: u8,
    lease: u8,
    stays: bool,
}

fn any_change() -> impl Strategy<Value = Change> {
    (0..6_u8, 0..4_u8, 0..6_u8, prop::bool::weighted(0.8)).prop_map(
        |(client, relay, lease, stays)| Change {
            client,
            relay,
            lease,
            stays,
        },
    )
}

/// What a change does, as a book resolves it against what is there.
fn resolve(there: &Model, change: Change, seq: u64) -> Vec<(Vec<u8>, Option<Record>)> {
    let new = record(change.client, change.relay, change.lease, seq);
    let view = new.view();
    let mut effects = Vec::new();
    if let Some(former) = there.of_client(view.link(), view.client())
        && (!change.stays || former.key() != new.key())
    {
        effects.push((former.key().to_vec(), None));
    }
    if change.stays {
        let holder = there.holder(name(change.lease));
        if let Some(holder) = holder.filter(|holder| {
            (holder.view().link(), holder.view().client()) != (view.link(), view.client())
        }) {
            effects.push((holder.key().to_vec(), None));
        }
        effects.push((new.key().to_vec(), Some(new)));
    }
    effects
}

fn apply(overlay: &mut Overlay, effects: &[(Vec<u8>, Option<Record>)]) {
    for (key, record) in effects {
        match record {
            Some(record) => overlay.put(record.clone()),
            None => overlay.remove(key),
        }
    }
}

fn compare_changes(overlay: &Overlay, model: &Model) -> Result<(), TestCaseError> {
    let changed: BTreeSet<_> = model
        .records()
        .map(|record| (record.view().seq(), record.key().to_vec()))
        .collect();
    let (mut walked, mut from) = (BTreeSet::new(), (0, Vec::new()));
    while let Some((seq, key)) = overlay.next_changed(from.0, &from.1, u64::MAX) {
        from = (seq, [key, &[0]].concat());
        walked.insert((seq, key.to_vec()));
    }
    for last in changed.iter().map(|(seq, _)| *seq).chain([0]) {
        let found = overlay.next_changed(0, &[], last);
        let first = changed.first().filter(|(seq, _)| *seq <= last);
        prop_assert_eq!(found, first.map(|(seq, key)| (*seq, key.as_slice())));
    }
    prop_assert_eq!(walked, changed);
    Ok(())
}

/// All that can be asked of `overlay` is answered as `model` does.
fn compare(overlay: &Overlay, model: &Model) -> Result<(), TestCaseError> {
    for (key, record) in &model.0 {
        let said = match record {
            Some(record) => Said::Record(record),
            None => Said::Gone,
        };
        prop_assert_eq!(overlay.get(KeyName::new(key)), said);
    }
    prop_assert_eq!(
        overlay.get(KeyName::new(b"none has this key")),
        Said::Nothing
    );
    for client in 0..7 {
        let one = record(client, 0, 0, 1);
        let (link, client) = (one.view().link(), one.view().client());
        let found = overlay.of_client(&ClientName::new(link, client));
        prop_assert_eq!(found, model.of_client(link, client));
    }
    for client in 0..4 {
        let client = [0, 3, 0, 1, client];
        for from in 0..4 {
            let name = ClientName::new(LinkId(from), &client);
            let on = model.records().map(Record::view);
            let on = on.filter(|view| view.client() == client && view.link().0 >= from);
            prop_assert_eq!(overlay.next_link(&name), on.map(|view| view.link()).min());
        }
    }
    compare_changes(overlay, model)?;
    for lease in 0..7 {
        let found = overlay.holder(&LeaseTag::of(name(lease)));
        prop_assert_eq!(found, model.holder(name(lease)));
    }
    let lengths = model.records().flat_map(|record| record.view().leases());
    let lengths: BTreeSet<u8> = lengths
        .filter_map(|lease| match lease.name {
            LeaseName::Prefix { len, .. } => Some(len),
            LeaseName::Address(_) => None,
        })
        .collect();
    prop_assert!(overlay.lengths().eq(lengths));
    for now in [1099, 1100, 1101, 1200] {
        let mut found: Vec<_> = overlay
            .ended(now)
            .map(|(at, record)| (at, record.key()))
            .collect();
        prop_assert!(found.is_sorted_by_key(|(at, _)| *at));
        found.sort_unstable();
        let ends = model
            .records()
            .filter_map(|record| Some((index::ends_at(&record.view())?, record.key())));
        let mut ended: Vec<_> = ends.filter(|(at, _)| *at <= now).collect();
        ended.sort_unstable();
        prop_assert_eq!(found, ended);
    }
    let records = overlay
        .records()
        .map(|(key, record)| (key.to_vec(), record.map(|view| Record::from_view(&view))));
    prop_assert!(records.eq(model.0.clone()));
    let octets: usize = model
        .0
        .iter()
        .map(|(key, record)| {
            COST_OCTETS
                + record
                    .as_ref()
                    .map_or(key.len(), |record| record.octets().len())
        })
        .sum();
    prop_assert_eq!(overlay.octets, octets);
    Ok(())
}

/// What is walked in order comes as `model` has it.
fn compare_order(overlay: &Overlay, model: &Model, most: usize) -> Result<(), TestCaseError> {
    while !overlay.put_in_order(most) {}
    prop_assert!(overlay.is_in_order());
    let order = overlay.order();
    for index in [Index::Hop, Index::Remote, Index::Relay] {
        let mut expected = BTreeSet::new();
        for record in model.records() {
            entries(&record.view(), &mut |entry| {
                if entry.index == index {
                    expected.insert(entry.key.to_vec());
                }
            });
        }
        let mut from = Vec::new();
        let mut walked = BTreeSet::new();
        while let Some((key, _)) = order.next(index, &from) {
            from = [key, &[0]].concat();
            walked.insert(key.to_vec());
        }
        prop_assert_eq!(walked, expected, "{:?}", index);
    }
    let shadows = Shadows::copy(&[(overlay, &order)], &[], None);
    let shadows = shadows
        .iter()
        .map(|(key, record)| (key.to_vec(), record.map(|view| Record::from_view(&view))));
    prop_assert!(shadows.collect::<Vec<_>>() == model.0.clone().into_iter().collect::<Vec<_>>());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    /// Groups of requests taken in one after the other, some of them taken back, say what a plain
    /// map says to which the others were done; walked now and then or at the end only.
    #[test]
    fn an_overlay_says_what_a_plain_map_says(
        groups in prop::collection::vec(
            (prop::collection::vec((prop::collection::vec(any_change(), 0..3), prop::bool::weighted(0.8)), 0..4), any::<bool>()),
            1..8,
        ),
        most in 1..5_usize,
    ) {
        let (mut model, mut overlay, mut group) = (Model::default(), Overlay::default(), Overlay::default());
        let mut seq = 0;
        for (requests, walks) in groups {
            let mut of_group = Model::default();
            for (changes, succeeds) in requests {
                let (before, group_before) = (model.clone(), of_group.clone());
                group.begin_request();
                for change in changes {
                    seq += 1;
                    let effects = resolve(&model, change, seq);
                    apply(&mut group, &effects);
                    model.0.extend(effects.clone());
                    of_group.0.extend(effects);
                }
                if !succeeds {
                    group.rewind();
                    (model, of_group) = (before, group_before);
                }
                compare(&group, &of_group)?;
            }
            overlay.absorb(&mut group);
            prop_assert!(group.is_empty());
            compare(&group, &Model::default())?;
            compare(&overlay, &model)?;
            if walks {
                compare_order(&overlay, &model, most)?;
            }
        }
        compare_order(&overlay, &model, most)?;
    }
}

#[test]
fn what_changed_twice_in_a_request_that_is_taken_back_leaves_nothing() {
    let mut group = Overlay::default();
    group.put(record(0, 0, 0, 1));
    group.begin_request();
    for (client, seq) in [(1, 2), (2, 3), (1, 4), (0, 5), (2, 6)] {
        group.put(record(client, 0, client, seq));
    }
    group.rewind();
    let first = record(0, 0, 0, 1);
    let mut model = Model::default();
    model.0.insert(first.key().to_vec(), Some(first));
    compare(&group, &model).unwrap();
}
