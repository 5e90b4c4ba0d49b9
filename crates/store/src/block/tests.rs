use std::net::Ipv6Addr;

use leasebook_wire::Duid;

use super::{BLOCK_CAPACITY, BlockBuilder, BlockView, record_octets};
use crate::binding::{Binding, IaKind, Lease, LeaseName, LeaseState, LinkId, RelayData};
use crate::record::Record;

/// Where the relay tag lies in the one-record form: behind lengths, head and link.
const TAG_AT: usize = 12 + 40 + 4;
/// Where the remote tag lies in the one-record form.
const REMOTE_TAG_AT: usize = 12 + 24;

fn option(code: u16, data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).unwrap();
    [&code.to_be_bytes()[..], &len.to_be_bytes(), data].concat()
}

fn record(client: u8, relay: &[u8], remote: &[u8]) -> Record {
    let mut chain = vec![12, 0];
    chain.extend_from_slice(&[0; 32]);
    chain.extend(option(53, relay));
    chain.extend(option(37, remote));
    let binding = Binding {
        link: LinkId(1),
        client: Duid::new(&[0, 3, 0, 1, client]).unwrap(),
        leases: vec![Lease {
            name: LeaseName::Address(Ipv6Addr::from_bits(u128::from(client))),
            kind: IaKind::Na,
            iaid: 1,
            state: LeaseState::Bound,
            clt: 1000,
            preferred: 50,
            valid: 100,
        }],
        relay: Some(RelayData {
            peer: Ipv6Addr::LOCALHOST,
            chain,
        }),
        options: Vec::new(),
    };
    Record::encode(&binding, u64::from(client)).unwrap()
}

fn block(records: &[Record]) -> Vec<u8> {
    let mut builder = BlockBuilder::new();
    for record in records {
        builder.push(&record.view());
    }
    let mut octets = Vec::new();
    builder.finish(&mut octets);
    octets
}

fn records() -> Vec<Record> {
    (1..6)
        .map(|client| record(client, b"relay", b"\0\0\0\x09line"))
        .collect()
}

#[test]
fn a_block_gives_back_its_records_and_their_frames_in_one_piece() {
    let records = records();
    let octets = block(&records);
    let view = BlockView::open_checked(&octets).unwrap();
    view.check().unwrap();
    assert_eq!(view.len(), 5);
    for (at, record) in records.iter().enumerate() {
        assert_eq!(view.get(at), Some(record.view()));
        assert!(view.is_any_live(at, 1099) && !view.is_any_live(at, 1100));
        assert_eq!(view.remote_tag(at), record.view().remote_tag());
    }
    let frames: Vec<&[u8]> = records[1..4].iter().map(|one| one.view().frame()).collect();
    assert_eq!(view.frames(1, 4), frames.concat());
    assert_eq!(view.get(5), None);
}

#[test]
fn keys_are_found_where_they_stand_or_would_stand() {
    let records = records();
    let octets = block(&records);
    let view = BlockView::open(&octets).unwrap();
    let key = records[2].view().key();
    assert_eq!(view.find(key), Some(records[2].view()));
    assert_eq!(view.lower_bound(key), 2);
    assert_eq!(view.lower_bound(&[key, &[0]].concat()), 3);
    assert_eq!(view.lower_bound(&[]), 0);
    assert_eq!(view.count_before(&[0xff]), 5);
    assert!(view.find(&key[..key.len() - 1]).is_none());
}

#[test]
fn a_full_block_is_what_one_page_holds() {
    let record = record(1, b"relay", b"\0\0\0\x09line");
    let octets = record_octets(&record.view());
    let mut builder = BlockBuilder::new();
    while builder.has_room(octets) {
        builder.push(&record.view());
    }
    let mut block = Vec::new();
    let said = builder.octets();
    builder.finish(&mut block);
    assert_eq!(block.len(), said);
    assert!(block.len() <= BLOCK_CAPACITY && block.len() + octets > BLOCK_CAPACITY);
}

/// BLQ-S-028, BLQ-S-032: a tag of two different identities is noticed, so that octets decide.
#[test]
fn a_block_tells_whether_equal_tags_mean_equal_identities() {
    let octets = block(&records());
    let view = BlockView::open(&octets).unwrap();
    assert!(view.relays_agree() && view.remotes_agree());

    let other = record(9, b"other", b"\0\0\0\x09else");
    let octets = block(&[records()[0].clone(), other.clone()]);
    let view = BlockView::open(&octets).unwrap();
    assert!(view.relays_agree() && view.remotes_agree());

    let first = records()[0].clone();
    for (at, relays_agree, remotes_agree) in [(TAG_AT, false, true), (REMOTE_TAG_AT, true, false)] {
        let mut forged = other.octets().to_vec();
        forged[at..at + 8].copy_from_slice(&first.octets()[at..at + 8]);
        let forged = Record::from_octets(&forged).unwrap();
        let octets = block(&[first.clone(), forged]);
        let view = BlockView::open(&octets).unwrap();
        assert_eq!(view.relays_agree(), relays_agree);
        assert_eq!(view.remotes_agree(), remotes_agree);
    }
}

#[test]
fn any_flipped_octet_fails_the_check() {
    let octets = block(&records());
    for at in 0..octets.len() {
        let mut flipped = octets.clone();
        flipped[at] ^= 0x20;
        assert!(BlockView::open_checked(&flipped).is_err(), "octet {at}");
    }
}

#[test]
fn a_damaged_block_is_read_without_panicking() {
    let octets = block(&records());
    for at in 0..octets.len() {
        for value in [0, 0x7f, 0xff] {
            let mut damaged = octets.clone();
            damaged[at] = value;
            let Ok(view) = BlockView::open(&damaged) else {
                continue;
            };
            let _ = view.check();
            let _ = view.frames(0, view.len());
            let _ = view.lower_bound(b"some key");
            for index in 0..=view.len() {
                let _ = (view.key(index), view.remote_tag(index));
                if let Some(record) = view.get(index) {
                    let _ = (record.leases().count(), record.ids().count());
                    let _ = (record.options(), record.to_binding());
                }
            }
        }
    }
}
