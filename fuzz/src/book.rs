//! What holds of a book, whoever changes it.

use std::collections::BTreeMap;

use leasebook_store::{
    Cursor, Flow, LeaseName, LeaseStore, LinkId, Links, MemoryStore, Query, Record, Selector,
};

/// All records with a live lease on any link, by link and client.
pub fn live(store: &MemoryStore, now: u64) -> BTreeMap<(LinkId, Vec<u8>), Record> {
    let query = Query {
        selector: Selector::All,
        links: Links::Any,
    };
    let mut cursor = Cursor::new(query, store.last_seq());
    let mut clients = Vec::new();
    while !cursor.is_done() {
        store
            .scan(&mut cursor, now, &mut |run| {
                clients.extend(run.iter().map(|view| (view.link(), view.client().to_vec())));
                Flow::Continue
            })
            .expect("memory is read");
    }
    let record = |(link, client): (LinkId, Vec<u8>)| {
        let found = store.binding(link, &client).expect("memory is read");
        ((link, client), found.expect("what was told is there"))
    };
    clients.into_iter().map(record).collect()
}

/// The live leases of a record.
pub fn live_leases(record: &Record, now: u64) -> Vec<LeaseName> {
    let view = record.view();
    let live = view.leases().filter(|lease| lease.is_live(now));
    live.map(|lease| lease.name).collect()
}

/// No lease is live for two clients or on two links, nor does one lie in another's prefix
/// (DHCP-S-027); gives each with its holder.
pub fn check_holders(store: &MemoryStore, now: u64) -> BTreeMap<LeaseName, (LinkId, Vec<u8>)> {
    let mut holders: BTreeMap<LeaseName, (LinkId, Vec<u8>)> = BTreeMap::new();
    for (holder, record) in live(store, now) {
        for name in live_leases(&record, now) {
            if let Some(other) = holders.insert(name, holder.clone()) {
                panic!("{name} is leased to {other:?} and to {holder:?}");
            }
        }
    }
    // In order of address and length what a prefix contains follows it.
    let prefixes = holders.keys().filter_map(|name| match *name {
        LeaseName::Prefix { prefix, len } => Some((prefix, len)),
        LeaseName::Address(_) => None,
    });
    let mut around: Option<LeaseName> = None;
    for (prefix, len) in prefixes {
        let inner = LeaseName::Prefix { prefix, len };
        match around {
            Some(outer) if outer.contains(prefix) => {
                assert_eq!(holders[&outer], holders[&inner], "{inner} lies in {outer}");
            }
            _ => around = Some(inner),
        }
    }
    holders
}
