//! CLIENT_DATA read into leases.

use super::*;
use leasebook_store::LeaseName;

fn who() -> Vec<u8> {
    option(1, &[0, 3, 0, 1, 2, 1])
}

fn prefix(preferred: u32, valid: u32, len: u8, octets: [u8; 16]) -> Vec<u8> {
    let data = [
        &preferred.to_be_bytes()[..],
        &valid.to_be_bytes(),
        &[len],
        &octets,
    ]
    .concat();
    option(26, &data)
}

type Seen = Vec<(Deviation, u64)>;

/// The leases of a CLIENT_DATA and what was counted.
fn read(options: &[Vec<u8>]) -> (Result<Vec<ClaimedLease>, Deviation>, Seen) {
    let mut deviations = Deviations::default();
    let body = options.concat();
    let leases = Claim::read(&body, &mut deviations).map(|claim| {
        let leases: Vec<_> = claim.leases().collect();
        assert_eq!(leases.len(), usize::try_from(claim.lease_count()).unwrap());
        leases
    });
    (leases, deviations.seen().collect())
}

fn lifetimes(options: &[Vec<u8>]) -> (Vec<(u32, u32, bool)>, Seen) {
    let (leases, seen) = read(options);
    let lifetimes = leases
        .unwrap()
        .iter()
        .map(|lease| (lease.preferred, lease.valid, lease.is_doubtful))
        .collect();
    (lifetimes, seen)
}

/// BLQ-R-030, BLQ-R-031: CLIENT_DATA without CLIENTID, lease or CLT_TIME is dropped and counted.
#[test]
fn drops_what_lacks_client_lease_or_age() {
    let lease = || address(1, 1, 2);
    let table = [
        (vec![lease(), clt(1)], Deviation::ClientDataWithoutClientId),
        (vec![who(), clt(1)], Deviation::ClientDataWithoutLease),
        (vec![who(), lease()], Deviation::ClientDataWithoutCltTime),
        (
            vec![who(), lease(), clt(1), vec![0]],
            Deviation::MalformedClientData,
        ),
    ];
    for (options, kind) in table {
        assert_eq!(read(&options), (Err(kind), vec![(kind, 1)]));
    }
}

/// WIRE-027: a body that its format forbids counts as absent.
#[test]
fn takes_a_malformed_option_as_absent() {
    let table = [
        (
            vec![option(1, &[]), address(1, 1, 2), clt(1)],
            Deviation::ClientDataWithoutClientId,
        ),
        (
            vec![option(1, &[7; 131]), address(1, 1, 2), clt(1)],
            Deviation::ClientDataWithoutClientId,
        ),
        (
            vec![who(), option(5, &[0; 23]), clt(1)],
            Deviation::ClientDataWithoutLease,
        ),
        (
            vec![who(), prefix(1, 2, 129, [0; 16]), clt(1)],
            Deviation::ClientDataWithoutLease,
        ),
        (
            vec![who(), address(1, 1, 2), option(46, &[0; 5])],
            Deviation::ClientDataWithoutCltTime,
        ),
    ];
    for (options, kind) in table {
        let (leases, seen) = read(&options);
        assert_eq!(leases, Err(kind));
        assert_eq!(seen, [(kind, 1), (Deviation::MalformedOption, 1)]);
    }
}

/// BLQ-R-037, BLQ-R-045: preferred above valid is lowered to valid and the lease kept.
#[test]
fn lowers_preferred_to_valid() {
    let seen = lifetimes(&[who(), address(1, 500, 400), address(2, 300, 400), clt(1)]);
    assert_eq!(
        seen,
        (
            vec![(400, 400, false), (300, 400, false)],
            vec![(Deviation::PreferredAboveValid, 1)]
        )
    );
}

/// BLQ-R-045: lifetimes within a day of 0xffffffff are infinite, others are not.
#[test]
fn takes_near_infinity_as_infinity() {
    let edge = u32::MAX - 86_400;
    let seen = lifetimes(&[
        who(),
        address(1, edge, edge),
        address(2, edge - 1, edge - 1),
        address(3, u32::MAX, u32::MAX),
        clt(9),
    ]);
    assert_eq!(
        seen,
        (
            vec![
                (u32::MAX, u32::MAX, false),
                (edge - 1, edge - 1, false),
                (u32::MAX, u32::MAX, false)
            ],
            vec![(Deviation::NearInfinite, 1)]
        )
    );
}

/// BLQ-R-045: a lease with an age at or above what it has left is doubtful and kept.
#[test]
fn marks_what_is_older_than_it_has_left() {
    let seen = lifetimes(&[
        who(),
        address(1, 50, 100),
        address(2, 50, 101),
        address(3, u32::MAX, u32::MAX),
        clt(100),
    ]);
    assert_eq!(
        seen,
        (
            vec![
                (50, 100, true),
                (50, 101, false),
                (u32::MAX, u32::MAX, false)
            ],
            vec![(Deviation::Doubtful, 1)]
        )
    );
}

/// BLQ-R-037: valid lifetime 0 is no lease, or no longer one.
#[test]
fn takes_valid_zero_as_ended() {
    let mut deviations = Deviations::default();
    let body = [who(), address(1, 0, 0), address(2, 1, 9), clt(1)].concat();
    let claim = Claim::read(&body, &mut deviations).unwrap();
    let ended: Vec<_> = claim.ended().map(|name| name.to_string()).collect();
    let live: Vec<_> = claim.leases().map(|lease| lease.name.to_string()).collect();
    assert_eq!(
        (ended, live),
        (vec!["2001:db8::1".into()], vec!["2001:db8::2".into()])
    );
    assert_eq!(deviations.of(Deviation::ZeroValid), 1);
    assert_eq!(deviations.of(Deviation::Doubtful), 0);
}

/// WIRE-039: bits past the prefix length are cleared.
#[test]
fn clears_prefix_bits_past_the_length() {
    let mut octets = [0xff; 16];
    octets[0] = 0x20;
    let (leases, seen) = read(&[who(), prefix(1, 2, 9, octets), clt(1)]);
    assert_eq!(
        leases.unwrap()[0].name,
        LeaseName::prefix("2080::".parse().unwrap(), 9).unwrap()
    );
    assert_eq!(seen, [(Deviation::PrefixBits, 1)]);
}

/// BLQ-R-032: repeated and unknown options are accepted; of a repeated one the first counts.
#[test]
fn accepts_repeated_and_unknown_options() {
    let mut deviations = Deviations::default();
    let body = [
        option(65_000, &[1, 2, 3]),
        who(),
        option(1, &[0, 3, 0, 1, 9, 9]),
        address(1, 10, 20),
        clt(1),
        clt(30),
    ]
    .concat();
    let claim = Claim::read(&body, &mut deviations).unwrap();
    assert_eq!(claim.client(), [0, 3, 0, 1, 2, 1]);
    assert_eq!(claim.clt_age(), 1);
    assert_eq!(deviations.of(Deviation::RepeatedOption), 2);
    assert_eq!(deviations.seen().count(), 1);
}

/// BLQ-R-012: relay data is handed on, and tells the link as far as it is known.
#[test]
fn tells_the_link_from_relay_data() {
    let mut chain = vec![0; 16];
    chain.extend([12, 0]);
    chain.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    chain.extend([0xfe; 16]);
    let mut deviations = Deviations::default();
    let body = [who(), address(1, 1, 2), clt(1), option(47, &chain)].concat();
    let claim = Claim::read(&body, &mut deviations).unwrap();
    assert_eq!(claim.relay_data(), Some(&chain[..]));
    assert_eq!(claim.link_address(), "2001:db8::1".parse().ok());
    assert_eq!(deviations.seen().count(), 0);
}
