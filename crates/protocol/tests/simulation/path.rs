//! Relays between clients and the server (RFC 8415 §19).

use std::net::{Ipv6Addr, SocketAddrV6};

use leasebook_protocol::server::{Arrival, Reply};
use leasebook_store::LeaseName;
use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::message::RelayHeader;
use leasebook_wire::{Composer, RelayChain};

/// How many relays stand before a link, and what they put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attached {
    /// Clients are heard by multicast on an interface of the server's.
    Directly,
    /// By the relay on the link.
    ByOne,
    /// By a second relay behind that one, whose link-address is `::` or its own.
    ByTwo { outer_is_set: bool },
}

/// What the server answers by on every link.
pub(crate) const SERVER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xff, 0, 0, 0, 0, 2);

/// All_DHCP_Relay_Agents_and_Servers.
const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

/// One client's place: its link and the relays before it.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) link: u16,
    pub(crate) attached: Attached,
    /// The client's own link-local address.
    pub(crate) client: Ipv6Addr,
    pub(crate) port: u32,
}

/// A datagram at the server.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    pub(crate) arrival: Arrival,
    pub(crate) octets: Vec<u8>,
}

impl Path {
    /// The interface of the server's through which datagrams come.
    pub(crate) fn interface(&self) -> u32 {
        10 + u32::from(self.link)
    }

    /// The DUID of the relay on the link.
    pub(crate) fn relay_id(link: u16) -> Vec<u8> {
        [&[0, 3, 0, 1, 0xee][..], &link.to_be_bytes()].concat()
    }

    fn relay_address(link: u16) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, link, 0, 0, 0, 0, 1)
    }

    /// The headers of the relays, innermost first.
    fn headers(&self) -> Vec<RelayHeader> {
        let inner = RelayHeader {
            msg_type: MessageType::RELAY_FORW,
            hop_count: 0,
            link_address: Self::relay_address(self.link),
            peer_address: self.client,
        };
        let outer = |outer_is_set: bool| RelayHeader {
            hop_count: 1,
            link_address: if outer_is_set {
                Ipv6Addr::new(0x2001, 0xdb8, 0xee, 0, 0, 0, 0, 1)
            } else {
                Ipv6Addr::UNSPECIFIED
            },
            peer_address: Self::relay_address(self.link),
            ..inner
        };
        match self.attached {
            Attached::Directly => Vec::new(),
            Attached::ByOne => vec![inner],
            Attached::ByTwo { outer_is_set } => vec![inner, outer(outer_is_set)],
        }
    }

    /// The Interface-ID that the relay of this hop puts in.
    fn interface_id(&self, hop: usize) -> Vec<u8> {
        format!("hop{hop}/{}", self.port).into_bytes()
    }

    /// A client's message as it comes to the server.
    pub(crate) fn forward(&self, message: &[u8]) -> Datagram {
        let mut octets = message.to_vec();
        let headers = self.headers();
        for (hop, header) in headers.iter().enumerate() {
            let mut out = Vec::new();
            let mut level = Composer::relay(&mut out, header);
            level
                .option(OptionCode::INTERFACE_ID, &self.interface_id(hop))
                .unwrap();
            if hop == 0 {
                let remote = [&[0, 0, 0x0d, 0xe9][..], &self.port.to_be_bytes()].concat();
                level.option(OptionCode::REMOTE_ID, &remote).unwrap();
                level
                    .option(OptionCode::RELAY_ID, &Self::relay_id(self.link))
                    .unwrap();
            }
            level.option(OptionCode::RELAY_MSG, &octets).unwrap();
            level.finish().unwrap();
            octets = out;
        }
        Datagram {
            arrival: self.arrival(),
            octets,
        }
    }

    fn arrival(&self) -> Arrival {
        let from = match self.attached {
            Attached::Directly => {
                let (address, scope) = (self.client, self.interface());
                SocketAddrV6::new(address, 546, 0, scope)
            }
            Attached::ByOne => SocketAddrV6::new(Self::relay_address(self.link), 547, 0, 0),
            Attached::ByTwo { .. } => {
                SocketAddrV6::new(Ipv6Addr::new(0x2001, 0xdb8, 0xee, 0, 0, 0, 0, 1), 547, 0, 0)
            }
        };
        let is_direct = self.attached == Attached::Directly;
        Arrival {
            from,
            to: if is_direct { GROUP } else { SERVER },
            interface: self.interface(),
        }
    }

    /// What reaches the client of a reply; a reply that does not go back this way is a failure.
    pub(crate) fn back(&self, reply: &Reply, octets: &[u8]) -> Vec<u8> {
        let arrival = self.arrival();
        assert_eq!(reply.to, arrival.from, "the reply goes elsewhere");
        assert_eq!(reply.interface, self.interface());
        self.unwrap(octets)
    }

    /// The same of a message that answers nothing, to a client with these leases. A relay that was
    /// not heard since the start is told by its address alone.
    pub(crate) fn unasked(&self, reply: &Reply, octets: &[u8], leases: &[LeaseName]) -> Vec<u8> {
        let arrival = self.arrival();
        if self.attached == Attached::Directly {
            assert!(leases.contains(&LeaseName::Address(*reply.to.ip())));
            assert_eq!(reply.to.port(), 546);
            assert_eq!((reply.from, reply.interface), (None, self.interface()));
        } else {
            assert_eq!(reply.to, arrival.from, "the message goes elsewhere");
            let known = (Some(SERVER), self.interface());
            let way = (reply.from, reply.interface);
            assert!(way == known || way == (None, 0), "{way:?}");
        }
        self.unwrap(octets)
    }

    /// What is inside of the relays' replies.
    fn unwrap(&self, octets: &[u8]) -> Vec<u8> {
        let chain = RelayChain::parse(octets, 32).unwrap();
        let headers = self.headers();
        let levels: Vec<_> = chain.levels().collect();
        assert_eq!(levels.len(), headers.len(), "not the same relays");
        for (hop, (header, level)) in headers.iter().zip(levels.iter().rev()).enumerate() {
            let expected = RelayHeader {
                msg_type: MessageType::RELAY_REPL,
                ..*header
            };
            assert_eq!(level.header(), expected);
            let id = level.options().first(OptionCode::INTERFACE_ID).unwrap();
            assert_eq!(id.data, self.interface_id(hop));
        }
        chain.message().octets().to_vec()
    }
}
