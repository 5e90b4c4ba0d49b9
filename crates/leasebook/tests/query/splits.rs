//! Every recorded reply, split at every octet, into the machine itself.

use leasebook_protocol::requestor::{
    Action, Ask, Config, Connection, Ending, Event, Input, Question,
};
use leasebook_protocol::{Mono, Now};
use leasebook_wire::Duid;

use super::support::{CLIENT_ID, recorded, with_xid};

const REPLIES: &[&str] = &[
    "kea-3.3.1/by-address-in-prefix.reply",
    "kea-3.3.1/by-address.reply",
    "kea-3.3.1/by-client-id.reply",
    "kea-3.3.1/by-link-address-unknown.reply",
    "kea-3.3.1/by-link-address.reply",
    "kea-3.3.1/by-relay-id-missing.reply",
    "kea-3.3.1/by-relay-id-none.reply",
    "kea-3.3.1/by-relay-id-on-link.reply",
    "kea-3.3.1/by-relay-id-outer-hop.reply",
    "kea-3.3.1/by-relay-id.reply",
    "kea-3.3.1/by-remote-id.reply",
    "kea-3.3.1/relay-data-asked.reply",
    "kea-3.3.1/unknown-query-type.reply",
    "kea-3.3.1-many/by-link-address.reply",
    "kea-3.3.1-many/by-relay-id.reply",
];

const NOW: Now = Now {
    mono: Mono(1),
    wall: 1_800_000_000,
};

/// A machine that has asked under transaction-id 0.
fn asked() -> Connection {
    let client: Duid = CLIENT_ID.parse().expect("a DUID");
    let mut machine = Connection::new(Config::new(client.clone()), Box::new(|| 0));
    machine
        .ask(NOW, Ask::everywhere(Question::RelayId(client)))
        .expect("a query");
    machine.handle(NOW, Input::Connected, &mut |_| {});
    while let Some(action) = machine.poll() {
        if let Action::Send(octets) = action {
            machine.handle(NOW, Input::Sent(octets.len()), &mut |_| {});
        }
    }
    machine
}

/// What the pieces told: leases by client, and how it ended.
fn told(pieces: &[&[u8]]) -> (u64, u64, Option<Ending>) {
    let mut machine = asked();
    let (mut sum, mut leases, mut end) = (0_u64, 0, None);
    for piece in pieces {
        machine.handle(NOW, Input::Octets(piece), &mut |event| match event {
            Event::Binding(binding) => {
                for lease in binding.claim.leases() {
                    // Depends on the order as well.
                    sum = sum
                        .wrapping_mul(31)
                        .wrapping_add(u64::from(lease.valid) + u64::from(binding.claim.clt_age()));
                    leases += 1;
                }
            }
            Event::Ended { ending, .. } => end = Some(ending),
            _ => {}
        });
    }
    (sum, leases, end)
}

/// BLQ-R-032, WIRE-062: every recorded reply tells the same, wherever it is split.
#[test]
fn every_split_of_every_reply_tells_the_same() {
    for name in REPLIES {
        let octets = with_xid(&recorded(name), &[0, 0, 0]);
        let whole = told(&[&octets]);
        assert!(whole.2.is_some(), "{name} does not end");
        let single: Vec<&[u8]> = octets.chunks(1).collect();
        assert_eq!(told(&single), whole, "{name} octet by octet");
        // The long ones repeat the same few messages: splits of the first messages, and of
        // every one at a step that meets all positions within them.
        let step = if octets.len() > 2000 { 151 } else { 1 };
        for at in (0..400.min(octets.len())).chain((0..octets.len()).step_by(step)) {
            let (first, second) = octets.split_at(at);
            assert_eq!(told(&[first, second]), whole, "{name} split at {at}");
        }
    }
}
