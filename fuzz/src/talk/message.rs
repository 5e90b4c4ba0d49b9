//! One message of a client, through its relays.

use std::net::{Ipv6Addr, SocketAddrV6};

use leasebook_protocol::server::{ADDR_REG_INFORM, Arrival};
use leasebook_store::{LeaseName, LinkId};
use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::{Composer, Xid};

use super::{Ids, Who};
use crate::plan::Plan;
use crate::site::{DIRECT, SERVER, duid, ip, put_ia, relayed};

/// A message as it reaches the server.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) client: u8,
    pub(super) kind: MessageType,
    pub(super) xid: Xid,
    pub(super) link: LinkId,
    /// The leases it names.
    pub(super) named: Vec<LeaseName>,
    /// What its relays say of themselves.
    pub(super) ids: Ids,
    pub(super) arrival: Arrival,
    pub(super) octets: Vec<u8>,
}

impl Message {
    /// A message of a client that may name these leases.
    pub(super) fn draw(plan: &mut Plan<'_>, client: u8, xid: u16, named: &[LeaseName]) -> Self {
        let kind = plan.one_of(&KINDS);
        let [high, low] = xid.to_be_bytes();
        let mut message = Self {
            client,
            kind,
            xid: Xid([9, high, low]),
            link: LinkId(1),
            named: named.to_vec(),
            ids: Ids::default(),
            arrival: Arrival {
                from: SocketAddrV6::new(peer(client), 546, 0, DIRECT),
                to: ip("ff02::1:2"),
                interface: DIRECT,
            },
            octets: Vec::new(),
        };
        message.octets = message.compose(plan);
        for _ in 0..plan.below(4) {
            message.relay(plan);
        }
        message
    }

    pub(super) fn duid(&self) -> Vec<u8> {
        duid(self.client)
    }

    pub(super) fn who(&self) -> Who {
        (self.link, self.duid())
    }

    /// Whether it ends the leases it names.
    pub(super) fn ends_leases(&self) -> bool {
        [MessageType::RELEASE, MessageType::DECLINE].contains(&self.kind)
    }

    /// Whether it may change the book: what only asks may not (SEC-016).
    pub(super) fn may_commit(&self) -> bool {
        let asks = [MessageType::CONFIRM, MessageType::INFORMATION_REQUEST];
        // Link 2 has Rapid Commit.
        let only_solicits = self.kind == MessageType::SOLICIT && self.link == LinkId(1);
        !asks.contains(&self.kind) && !only_solicits
    }

    fn compose(&self, plan: &mut Plan<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        let mut message = Composer::client(&mut out, self.kind, self.xid);
        let put = |message: &mut Composer<'_>, code, data: &[u8]| {
            message.option(code, data).expect("short");
        };
        put(&mut message, OptionCode::CLIENTID, &self.duid());
        let is_to_us = [
            MessageType::REQUEST,
            MessageType::RENEW,
            MessageType::RELEASE,
            MessageType::DECLINE,
        ];
        if is_to_us.contains(&self.kind) {
            put(&mut message, OptionCode::SERVERID, SERVER);
        }
        let choice = plan.octet();
        if choice & 1 == 1 {
            put(&mut message, OptionCode::RAPID_COMMIT, &[]);
        }
        if choice & 2 == 2 {
            // What a client says of relays counts for nothing (BLQ-S-043, SEC-015).
            put(&mut message, OptionCode::RELAY_ID, &relay_id(7));
            put(&mut message, OptionCode::REMOTE_ID, &remote_id(7));
        }
        if self.kind == MessageType::INFORMATION_REQUEST {
            message.finish().expect("short");
            return out;
        }
        if self.kind == ADDR_REG_INFORM {
            message
                .nested(OptionCode::IAADDR, |lease| {
                    lease.put_ipv6(peer(self.client));
                    lease.put_u32(100);
                    lease.put_u32(200);
                    Ok(())
                })
                .expect("short");
            message.finish().expect("short");
            return out;
        }
        let (addresses, prefixes): (Vec<LeaseName>, Vec<LeaseName>) = self
            .named
            .iter()
            .partition(|name| matches!(name, LeaseName::Address(_)));
        let iaid = u32::from(choice >> 7);
        if choice & 4 == 0 {
            put_ia(&mut message, OptionCode::IA_NA, iaid, &addresses);
        }
        if choice & 8 == 0 {
            put_ia(&mut message, OptionCode::IA_PD, iaid, &prefixes);
        }
        if choice & 0x30 == 0x30 {
            put_ia(&mut message, OptionCode::IA_TA, iaid, &[]);
        }
        if choice & 0x40 == 0x40 {
            put_ia(&mut message, OptionCode::IA_NA, iaid + 2, &[]);
        }
        message.finish().expect("short");
        out
    }

    /// One relay more, which may name itself and the client's line.
    fn relay(&mut self, plan: &mut Plan<'_>) {
        let choice = plan.octet();
        let (relay_id, remote_id) = (relay_id(choice >> 6), remote_id((choice >> 4) & 3));
        let mut options: Vec<(OptionCode, &[u8])> = vec![(OptionCode::INTERFACE_ID, b"eth0")];
        if choice & 1 == 1 {
            options.push((OptionCode::RELAY_ID, &relay_id));
            self.ids.0.insert(0, relay_id.clone());
        }
        if choice & 2 == 2 {
            options.push((OptionCode::REMOTE_ID, &remote_id));
            self.ids.1.insert(0, remote_id.clone());
        }
        let is_first = self.arrival.from.port() == 546;
        let number = 1 + u32::from((choice >> 2) & 1);
        let link_address = if is_first {
            self.link = LinkId(number);
            format!("2001:db8:{number}::1")
        } else {
            format!("2001:db8:{}::2", 3 - number)
        };
        let peer_address = *self.arrival.from.ip();
        let header = (0, ip(&link_address), peer_address);
        self.octets = relayed(&self.octets, header, &options).expect("short");
        self.arrival.from = SocketAddrV6::new(ip("2001:db8:ff::1"), 547, 0, 0);
    }
}

/// An address or prefix that may be had, or not.
pub(super) fn any_name(plan: &mut Plan<'_>) -> LeaseName {
    let link = 1 + plan.octet() % 2;
    let last = plan.octet();
    if last & 1 == 0 {
        return LeaseName::Address(ip(&format!("2001:db8:{link}::{:x}", 0x10 + last % 12)));
    }
    let prefix = ip(&format!("2001:db8:f00{link}:{:x}00::", last % 9));
    let len = plan.one_of(&[56, 56, 57, 60, 55, 64]);
    LeaseName::prefix(prefix, len).expect("at most 128")
}

/// The address that a client speaks from; what it registers is this one.
fn peer(client: u8) -> Ipv6Addr {
    if client % 2 == 0 {
        ip(&format!("fe80::{client}"))
    } else {
        ip(&format!("2001:db8:1::1{client}"))
    }
}

fn relay_id(number: u8) -> Vec<u8> {
    vec![0, 3, 0, 1, 4, number]
}

fn remote_id(number: u8) -> Vec<u8> {
    vec![0, 0, 0, 9, number]
}

/// What clients send, the frequent ones more than once.
const KINDS: [MessageType; 13] = [
    MessageType::REQUEST,
    MessageType::REQUEST,
    MessageType::REQUEST,
    MessageType::SOLICIT,
    MessageType::SOLICIT,
    MessageType::RENEW,
    MessageType::RENEW,
    MessageType::REBIND,
    MessageType::RELEASE,
    MessageType::DECLINE,
    MessageType::CONFIRM,
    MessageType::INFORMATION_REQUEST,
    ADDR_REG_INFORM,
];
