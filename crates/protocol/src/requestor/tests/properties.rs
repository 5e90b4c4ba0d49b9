//! What holds for any octets and any splitting of them.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A message that may fit or not.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let xid = 1..4_u64;
    prop_oneof![
        4 => (xid.clone(), 0..9_u16).prop_map(|(xid, client)| data(xid, client)),
        2 => (xid.clone(), 0..9_u16).prop_map(|(xid, client)| reply(xid, &[client_data(client)])),
        1 => xid.clone().prop_map(|xid| reply(xid, &[])),
        1 => xid.clone().prop_map(done),
        1 => (xid.clone(), 0..13_u16).prop_map(|(xid, code)| frame(16, xid, &[status(code, "x")])),
        1 => (any::<u8>(), xid, vec(any::<u8>(), 0..40))
            .prop_map(|(kind, xid, junk)| frame(kind, xid, &[junk])),
        1 => vec(any::<u8>(), 0..60),
    ]
}

/// Feeds `octets` in pieces of the given sizes to a machine with three queries outstanding.
fn run(octets: &[u8], sizes: &[usize]) -> (Vec<Told>, Deviations, usize) {
    let mut world = World::new(Config {
        pipelined: 3,
        retries: 1,
        ..config()
    });
    for _ in 0..3 {
        world.ask(by_relay_id());
    }
    world.connect();
    let mut rest = octets;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = sizes
            .next()
            .map_or(rest.len(), |&size| size.min(rest.len()));
        let (piece, next) = rest.split_at(size);
        world.hear(piece);
        rest = next;
    }
    let deviations = world.machine.deviations().clone();
    (world.told(), deviations, world.machine.pending())
}

proptest! {
    /// BLQ-R-016, WIRE-062: any splitting of the same octets tells the same.
    #[test]
    fn splitting_changes_nothing(
        messages in vec(message(), 0..30),
        sizes in vec(1..50_usize, 1..8),
    ) {
        let octets = messages.concat();
        let at_once = run(&octets, &[usize::MAX]);
        prop_assert_eq!(&run(&octets, &sizes), &at_once);
        prop_assert_eq!(&run(&octets, &[1]), &at_once);
    }

    /// WIRE-016, BLQ-R-041: any octets are survived, and every query ends exactly once.
    #[test]
    fn any_octets_are_survived(octets in vec(any::<u8>(), 0..600), stop in any::<bool>()) {
        let mut world = World::asked(config());
        world.hear(&octets);
        world.input(if stop { Input::Stop } else { Input::PeerClosed });
        prop_assert_eq!(world.endings().len(), 1);
    }

    /// WIRE-016: a CLIENT_DATA of any octets gives leases that can be used, or an error.
    #[test]
    fn any_client_data_is_survived(body in vec(any::<u8>(), 0..300)) {
        let mut deviations = Deviations::default();
        if let Ok(claim) = Claim::read(&body, &mut deviations) {
            for lease in claim.leases() {
                prop_assert!(lease.valid > 0 && lease.preferred <= lease.valid);
            }
            prop_assert_eq!(u32::try_from(claim.leases().count()).ok(), Some(claim.lease_count()));
        }
    }
}
