//! What holds for any octets and any records.

use proptest::prelude::*;

use super::*;
use crate::leasequery::reply::{Recipient, Replier};
use leasebook_store::{Record, Run};

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
