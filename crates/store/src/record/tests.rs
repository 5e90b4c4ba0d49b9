use std::net::Ipv6Addr;

use leasebook_wire::Duid;

use super::{IdKind, Record, RecordView};
use crate::binding::{Binding, IaKind, Lease, LeaseName, LeaseState, LinkId, RelayData};
use crate::key::{RelayTag, relay_of};

fn lease(name: LeaseName, state: LeaseState, clt: u64, valid: u32) -> Lease {
    let kind = match name {
        LeaseName::Address(_) => IaKind::Na,
        LeaseName::Prefix { .. } => IaKind::Pd,
    };
    Lease {
        name,
        kind,
        iaid: 7,
        state,
        clt,
        preferred: valid / 2,
        valid,
    }
}

fn address(last: u16) -> LeaseName {
    LeaseName::Address(Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, last))
}

fn prefix(third: u16) -> LeaseName {
    LeaseName::prefix(Ipv6Addr::new(0x3fff, 0x100, third, 0, 0, 0, 0, 0), 56).unwrap()
}

fn option(code: u16, data: &[u8]) -> Vec<u8> {
    let mut octets = code.to_be_bytes().to_vec();
    octets.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
    octets.extend_from_slice(data);
    octets
}

fn level(options: &[Vec<u8>]) -> Vec<u8> {
    let mut octets = vec![12, 0];
    octets.extend_from_slice(&[0; 32]);
    octets.extend(options.concat());
    octets
}

fn binding() -> Binding {
    let inner = level(&[option(53, b"inner-relay"), option(37, b"\0\0\0\x09line-1")]);
    let outer = level(&[option(53, b"outer-relay"), option(9, &inner)]);
    Binding {
        link: LinkId(3),
        client: Duid::new(&[0, 3, 0, 1, 2, 2]).unwrap(),
        leases: vec![
            lease(prefix(0), LeaseState::Bound, 1000, 600),
            lease(address(9), LeaseState::Declined, 900, 100),
            lease(address(1), LeaseState::Bound, 1000, 300),
        ],
        relay: Some(RelayData {
            peer: "fe80::1".parse().unwrap(),
            chain: outer,
        }),
        options: option(39, b"\0\x01a\0"),
    }
}

#[test]
fn a_record_gives_back_the_binding() {
    let mut binding = binding();
    let record = Record::encode(&binding, 42).unwrap();
    let view = RecordView::parse(record.octets()).unwrap();
    binding.sort_leases();
    assert_eq!(view.to_binding().unwrap(), binding);
    assert_eq!(view, record.view());
    assert_eq!((view.seq(), view.clt()), (42, 1000));
    assert!(view.is_uniform() && view.has_inactive());
    assert_eq!(Record::from_view(&view), record);
}

/// BLQ-S-039, BLQ-S-040: every Relay-ID and Remote-ID of the chain is kept, the nearest in the key.
#[test]
fn every_relay_identity_is_found_and_the_nearest_is_in_the_key() {
    let record = Record::encode(&binding(), 1).unwrap();
    let view = record.view();
    let ids: Vec<_> = view.ids().collect();
    assert_eq!(
        ids,
        [
            (IdKind::Relay, &b"outer-relay"[..]),
            (IdKind::Relay, b"inner-relay"),
            (IdKind::Remote, b"\0\0\0\x09line-1"),
        ]
    );
    assert!(view.has_many_ids());
    assert_eq!(relay_of(view.key()), Some(RelayTag::of(b"inner-relay")));
}

/// BLQ-S-036: one comparison tells whether all, some or none of the leases are live.
#[test]
fn the_head_tells_when_leases_end() {
    let record = Record::encode(&binding(), 1).unwrap();
    let view = record.view();
    assert!(view.is_all_live(1299) && !view.is_all_live(1300));
    assert!(view.is_any_live(1599) && !view.is_any_live(1600));
    assert!(view.is_all_live(0), "a clock that ran back ends nothing");
    assert_eq!(view.ends_at(), Some(1600));
}

/// BLQ-S-063, BLQ-S-065, BLQ-S-066: the frame has the client, bound leases in order, CLT_TIME.
/// BLQ-S-068, D-10: a lease declined later is the newest transaction, and does not end the others where the clock ran back behind it.
#[test]
fn a_lease_declined_later_counts_for_the_age_and_not_for_the_others() {
    let mut binding = binding();
    binding.leases = vec![
        lease(address(1), LeaseState::Bound, 1000, 9),
        lease(address(2), LeaseState::Declined, 1009, 100),
    ];
    let record = Record::encode(&binding, 1).unwrap();
    let view = record.view();
    assert_eq!((view.clt(), view.age(1010)), (1009, 1));
    assert!(view.is_any_live(1008) && !view.is_any_live(1009));
    assert_eq!(view.ends_at(), Some(1009));
    assert!(!view.head().is_template(1008));
}

#[test]
fn the_frame_is_a_leasequery_data_with_the_bound_leases() {
    let record = Record::encode(&binding(), 1).unwrap();
    let frame = record.view().frame();
    let mut expected = vec![17, 0, 0, 0];
    let mut data = option(1, &[0, 3, 0, 1, 2, 2]);
    let address: Ipv6Addr = "3fff::1".parse().unwrap();
    data.extend(option(
        5,
        &[
            &address.octets()[..],
            &150u32.to_be_bytes(),
            &300u32.to_be_bytes(),
        ]
        .concat(),
    ));
    let prefix: Ipv6Addr = "3fff:100::".parse().unwrap();
    let lifetimes = [
        &300u32.to_be_bytes()[..],
        &600u32.to_be_bytes(),
        &[56],
        &prefix.octets(),
    ]
    .concat();
    data.extend(option(26, &lifetimes));
    data.extend(option(46, &[0; 4]));
    expected.extend(option(45, &data));
    assert_eq!(
        frame[..2],
        u16::try_from(expected.len()).unwrap().to_be_bytes()
    );
    assert_eq!(frame[2..], expected);
    assert_eq!(
        (record.view().address_count(), record.view().prefix_count()),
        (1, 1)
    );
}

#[test]
fn leases_too_many_for_a_message_leave_the_frame_empty() {
    let mut binding = binding();
    binding.leases = (0..3000)
        .map(|n| lease(address(n), LeaseState::Bound, 1000, 10))
        .collect();
    let record = Record::encode(&binding, 1).unwrap();
    assert!(record.view().is_oversize() && record.view().frame().is_empty());
    assert_eq!(record.view().leases().count(), 3000);
}

#[test]
fn any_cut_or_lengthened_record_is_refused() {
    let record = Record::encode(&binding(), 1).unwrap();
    for end in 0..record.octets().len() {
        assert!(
            RecordView::parse(&record.octets()[..end]).is_err(),
            "cut at {end}"
        );
    }
    assert!(RecordView::parse(&[record.octets(), &[0]].concat()).is_err());
}

#[test]
fn what_is_no_binding_cannot_be_encoded() {
    let refused = |change: fn(&mut Binding)| {
        let mut binding = binding();
        change(&mut binding);
        Record::encode(&binding, 1).unwrap_err().to_string()
    };
    assert_eq!(
        refused(|b| b.leases.clear()),
        "the binding of client 00:03:00:01:02:02 has no lease"
    );
    assert_eq!(
        refused(|b| b.leases[0].name = address(1)),
        "lease 3fff::1 occurs twice in one binding"
    );
    assert_eq!(
        refused(|b| b.leases[0].kind = IaKind::Na),
        "lease 3fff:100::/56 does not fit its kind of association"
    );
    assert!(
        refused(|b| b.relay.as_mut().unwrap().chain.truncate(33))
            .starts_with("the relay chain is malformed")
    );
    assert!(refused(|b| b.options.push(1)).starts_with("the kept options are malformed"));
}
