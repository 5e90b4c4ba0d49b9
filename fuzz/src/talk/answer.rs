//! What the client is told.

use leasebook_protocol::server::{ADDR_REG_INFORM, ADDR_REG_REPLY};
use leasebook_store::LeaseName;
use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::option::{IaAddr, IaPrefix};
use leasebook_wire::{Options, RelayChain};

use super::message::Message;
use crate::site::SERVER;

/// An answer that fits its message.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) kind: MessageType,
    /// Each lease with its valid lifetime; 0 takes it away.
    pub(super) leases: Vec<(LeaseName, u32)>,
}

impl Answer {
    /// Reads the answer to a message, and holds it to what every answer must be.
    pub(super) fn read(message: &Message, octets: &[u8]) -> Self {
        let asked = RelayChain::parse(&message.octets, 32).expect("composed");
        let told = RelayChain::parse(octets, 32).expect("what is sent can be read");
        assert_eq!(told.depth(), asked.depth());
        for (back, there) in told.levels().zip(asked.levels()) {
            assert_eq!(back.msg_type(), MessageType::RELAY_REPL);
            assert_eq!(back.link_address(), there.link_address());
            assert_eq!(back.peer_address(), there.peer_address());
        }
        let told = told.message();
        assert_eq!(told.xid(), message.xid);
        let option = |code| told.options().first(code).map(|option| option.data);
        assert_eq!(option(OptionCode::SERVERID), Some(SERVER));
        assert_eq!(option(OptionCode::CLIENTID), Some(&message.duid()[..]));
        let kind = told.msg_type();
        let is_rapid = told.options().contains(OptionCode::RAPID_COMMIT);
        match message.kind {
            MessageType::SOLICIT if is_rapid => assert_eq!(kind, MessageType::REPLY),
            MessageType::SOLICIT => assert_eq!(kind, MessageType::ADVERTISE),
            ADDR_REG_INFORM => assert_eq!(kind, ADDR_REG_REPLY),
            _ => assert_eq!(kind, MessageType::REPLY),
        }
        let mut leases = Vec::new();
        for option in told.options() {
            let header = match option.code {
                OptionCode::IA_NA | OptionCode::IA_PD => 12,
                OptionCode::IA_TA => 4,
                _ => continue,
            };
            let inside = Options::parse(&option.data[header..], 0).expect("composed by us");
            take(inside, &mut leases);
        }
        Self { kind, leases }
    }
}

fn take(inside: Options<'_>, leases: &mut Vec<(LeaseName, u32)>) {
    for lease in inside.views::<IaAddr<'_>>() {
        let lease = lease.expect("composed by us");
        assert!(lease.preferred_lifetime <= lease.valid_lifetime);
        leases.push((LeaseName::Address(lease.address), lease.valid_lifetime));
    }
    for lease in inside.views::<IaPrefix<'_>>() {
        let lease = lease.expect("composed by us");
        assert!(lease.preferred_lifetime <= lease.valid_lifetime);
        let name = LeaseName::prefix(lease.prefix, lease.prefix_len).expect("a prefix");
        leases.push((name, lease.valid_lifetime));
    }
}
