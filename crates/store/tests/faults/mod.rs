//! Books that something happens to, and what is in them.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};

use leasebook_store::{
    Binding, Book, BookOptions, Change, IaKind, Lease, LeaseName, LeaseState, LeaseStore, LinkId,
    StoreError,
};
use leasebook_wire::Duid;

/// Small enough that checkpoints come often.
pub(crate) const OPTIONS: BookOptions = BookOptions {
    overlay_octets: 24_000,
    overlay_growth: 1,
    load_octets: 1 << 20,
};

pub(crate) fn open(dir: &Path) -> Book {
    let (book, _) = Book::open(dir, OPTIONS, 7).unwrap();
    book
}

pub(crate) fn refused(dir: &Path) -> StoreError {
    Book::open(dir, OPTIONS, 7).map(drop).unwrap_err()
}

pub(crate) fn duid(number: u32) -> Duid {
    Duid::new(&[&[0, 3, 0, 1][..], &number.to_be_bytes()].concat()).unwrap()
}

pub(crate) fn binding(number: u32) -> Binding {
    Binding {
        link: LinkId(1),
        client: duid(number),
        leases: vec![Lease {
            name: LeaseName::Address(Ipv6Addr::from_bits(u128::from(number))),
            kind: IaKind::Na,
            iaid: 1,
            state: LeaseState::Bound,
            clt: 1000,
            preferred: 50,
            valid: 100,
        }],
        relay: None,
        options: Vec::new(),
    }
}

pub(crate) fn put(book: &Book, numbers: std::ops::Range<u32>) {
    for number in numbers {
        book.commit(vec![Change::Put(binding(number))]).unwrap();
    }
}

/// Whether the book has the clients of just these numbers.
pub(crate) fn has(book: &Book, numbers: std::ops::Range<u32>) {
    let count = u64::from(numbers.end - numbers.start);
    assert_eq!(book.stats().unwrap().bindings, count);
    for number in numbers {
        let record = book.binding(LinkId(1), duid(number).octets()).unwrap();
        assert_eq!(
            record.unwrap().view().to_binding().unwrap(),
            binding(number)
        );
    }
}

pub(crate) fn ledger_file(dir: &Path) -> PathBuf {
    dir.join("ledger/data.mdb")
}
