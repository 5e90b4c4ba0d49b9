//! What holds for any octets and any records.

use proptest::prelude::*;

use super::*;
use crate::leasequery::reply::{Recipient, Replier};
use leasebook_store::{Book, BookOptions, Cursor, Flow, Query, Record, Run, Selector};

fn any_lease() -> impl Strategy<Value = Lease> {
    let lifetime = prop_oneof![0..40_u32, Just(u32::MAX), Just(u32::MAX - 1)];
    (
        any::<u128>(),
        0..=129_u8,
        lifetime.clone(),
        lifetime,
        0..30_u64,
        0..6_u8,
    )
        .prop_map(|(bits, len, preferred, valid, age, state)| {
            let name = Ipv6Addr::from_bits(bits);
            let name = LeaseName::prefix(name, len).unwrap_or(LeaseName::Address(name));
            let state = if state == 0 {
                LeaseState::Released
            } else {
                LeaseState::Bound
            };
            Lease {
                state,
                clt: BEGIN - age,
                ..lease(name, preferred, valid)
            }
        })
}

fn recipient(wants_base_time: bool) -> Recipient {
    Recipient {
        xid: Xid([1, 2, 3]),
        client_id: Duid::new(REQUESTOR).unwrap(),
        asked: Vec::new(),
        wants_base_time,
    }
}

proptest! {
    /// BLQ-S-067, BLQ-S-068: the template path tells what the composed path tells.
    #[test]
    fn both_paths_tell_the_same(
        mut leases in prop::collection::vec(any_lease(), 1..6),
        same_age in any::<bool>(),
        passed in 0..20_u64,
    ) {
        if same_age {
            let clt = leases[0].clt;
            for lease in &mut leases {
                lease.clt = clt;
            }
        }
        // No binding holds a lease twice.
        leases.sort_by_key(|lease| lease.name);
        leases.dedup_by_key(|lease| lease.name);
        let record = Record::encode(&binding(1, 1, leases), 1).unwrap();
        let server_id = Duid::new(SERVER).unwrap();
        let replier = Replier { server_id: &server_id, sensitive: &[], now: BEGIN + passed };
        let run = Run::one(record.view());
        let (mut template, mut composed) = (Vec::new(), Vec::new());
        let told = replier.run(&recipient(false), &run, &mut false, &mut template).unwrap();
        // Asking for the base time leaves the template path.
        let again = replier.run(&recipient(true), &run, &mut false, &mut composed).unwrap();
        prop_assert_eq!(told, again);
        let (template, composed) = (decode(&template), decode(&composed));
        prop_assert_eq!(template.len(), composed.len());
        for (one, other) in template.iter().zip(&composed) {
            prop_assert_eq!(one.data().octets(), other.data().octets());
            prop_assert_eq!((one.kind, one.xid), (other.kind, other.xid));
            for (_, preferred, valid) in one.leases() {
                prop_assert!(preferred <= valid && valid > 0);
            }
        }
    }

    /// BLQ-S-067, BLQ-S-068, BLQ-S-073: runs out of the book's blocks, patched where they lie
    /// behind one another, tell what their records tell one by one; so does the short way for
    /// relay data.
    #[test]
    fn blocks_tell_what_their_records_tell(
        clients in prop::collection::vec(
            (prop::collection::vec(any_lease(), 1..4), any::<bool>(), any::<bool>()),
            1..60,
        ),
        passed in 0..20_u64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (book, _) = Book::open(dir.path(), BookOptions::default(), 1).unwrap();
        let bindings = (1..).zip(clients).map(|(number, (mut leases, same_age, is_relayed))| {
            let clt = leases[0].clt;
            leases.iter_mut().filter(|_| same_age).for_each(|lease| lease.clt = clt);
            leases.sort_by_key(|lease| lease.name);
            leases.dedup_by_key(|lease| lease.name);
            let mut binding = binding(1, number, leases);
            binding.relay = is_relayed.then(relayed);
            binding
        });
        book.load(bindings).unwrap();

        let server_id = Duid::new(SERVER).unwrap();
        let replier = Replier { server_id: &server_id, sensitive: &[], now: BEGIN + passed };
        let asking = |asked: &[OptionCode], wants_base_time| Recipient {
            asked: asked.to_vec(),
            ..recipient(wants_base_time)
        };
        let relay_data = OptionCode::LQ_RELAY_DATA;
        // What leaves the short ways: the base time, and an option that nobody has.
        let short = [asking(&[], false), asking(&[relay_data], false)];
        let long = [asking(&[], true), asking(&[relay_data, OptionCode(65_000)], false)];
        for (short, long) in short.iter().zip(&long) {
            let (mut in_runs, mut one_by_one) = (Vec::new(), Vec::new());
            let query = Query { selector: Selector::All, links: leasebook_store::Links::Any };
            let mut cursor = Cursor::new(query, book.last_seq());
            while !cursor.is_done() {
                book.scan(&mut cursor, replier.now, &mut |run| {
                    let told = replier.run(short, &run, &mut false, &mut in_runs).unwrap();
                    let single = run.iter().map(|record| {
                        replier.run(long, &Run::one(record), &mut false, &mut one_by_one).unwrap()
                    });
                    assert_eq!(told, single.sum::<u64>());
                    Flow::Continue
                }).unwrap();
            }
            let (in_runs, one_by_one) = (decode(&in_runs), decode(&one_by_one));
            prop_assert_eq!(in_runs.len(), one_by_one.len());
            for (one, other) in in_runs.iter().zip(&one_by_one) {
                prop_assert_eq!(one.data().octets(), other.data().octets());
                prop_assert_eq!((one.kind, one.xid), (other.kind, other.xid));
            }
        }
    }

    /// BLQ-S-080, WIRE-016: no octets make a connection panic or grow, cut however they are.
    #[test]
    fn no_octets_harm(
        frames in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..60),
                (any::<u32>(), 0..7_u8, any::<[u8; 16]>(), prop::collection::vec(any::<u8>(), 0..40))
                    .prop_map(|(xid, kind, link, options)| {
                        let lq_query = [&[kind][..], &link, &options].concat();
                        let options = [
                            (OptionCode::CLIENTID, REQUESTOR),
                            (OptionCode::LQ_QUERY, &lq_query[..]),
                        ];
                        message(MessageType::LEASEQUERY, xid % 4, &options)[2..].to_vec()
                    }),
            ],
            0..40,
        ),
        cut in 1..200_usize,
        tail in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let mut octets = Vec::new();
        for frame in frames {
            octets.extend_from_slice(&u16::try_from(frame.len()).unwrap().to_be_bytes());
            octets.extend_from_slice(&frame);
        }
        octets.extend_from_slice(&tail);
        let mut session = Session::new(many(5));
        for part in octets.chunks(cut) {
            session.connection.octets(at(0), part);
            prop_assert!(session.connection.queries_in_progress() <= 4);
            session.drain(0);
        }
        session.connection.peer_closed_sending(at(0));
        session.drain(0);
        prop_assert!(session.connection.wants_close());
    }
}
