//! What is said, as octets.

use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::message::RelayHeader;
use leasebook_wire::{ComposeError, Composer, Xid};

pub(crate) const RELAY_ID: &[u8] = &[0, 3, 0, 1, 2, 0, 0, 0, 0, 0x11];
pub(crate) const OTHER_RELAY_ID: &[u8] = &[0, 3, 0, 1, 2, 0, 0, 0, 0, 0x22];

pub(crate) fn duid(client: u8) -> Vec<u8> {
    vec![0, 3, 0, 1, 2, 0, 0, 0, 1, client]
}

/// A client's address on whatever link it is.
pub(crate) fn address(client: u8) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xc, u16::from(client))
}

pub(crate) fn link_address(port: usize) -> Ipv6Addr {
    let port = u16::try_from(port).unwrap();
    Ipv6Addr::new(0x2001, 0xdb8, 7, port, 0, 0, 0, 1)
}

pub(crate) fn interface(port: usize) -> String {
    format!("eth{port}")
}

/// A prefix with its lifetime in seconds.
fn ia_prefix(out: &mut Composer<'_>, prefix: Ipv6Net, valid: u32) -> Result<(), ComposeError> {
    out.nested(OptionCode::IAPREFIX, |lease| {
        lease.put_u32(valid);
        lease.put_u32(valid);
        lease.put_u8(prefix.prefix_len());
        lease.put_ipv6(prefix.addr());
        Ok(())
    })
}

/// A message of a client, or the REPLY to one: with a prefix and its lifetime, if there is any.
pub(crate) fn exchange(kind: MessageType, client: u8, lease: Option<(Ipv6Net, u32)>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut message = Composer::client(&mut out, kind, Xid([0, 0, client]));
    message.option(OptionCode::CLIENTID, &duid(client)).unwrap();
    let put =
        |ia: &mut Composer<'_>| lease.map_or(Ok(()), |(net, valid)| ia_prefix(ia, net, valid));
    message.ia_pd(1, [0, 0], put).unwrap();
    message.finish().unwrap();
    out
}

/// A RELAY-FORW or RELAY-REPL around a message, as the relay makes the one and hears the other.
pub(crate) fn relayed(
    kind: MessageType,
    inner: Option<&[u8]>,
    (relay_id, client, port): (&[u8], u8, usize),
) -> Vec<u8> {
    let mut out = Vec::new();
    let header = RelayHeader {
        msg_type: kind,
        hop_count: 0,
        link_address: link_address(port),
        peer_address: address(client),
    };
    let mut level = Composer::relay(&mut out, &header);
    level.option(OptionCode::RELAY_ID, relay_id).unwrap();
    let id = interface(port).into_bytes();
    level.option(OptionCode::INTERFACE_ID, &id).unwrap();
    if let Some(inner) = inner {
        level.option(OptionCode::RELAY_MSG, inner).unwrap();
    }
    level.finish().unwrap();
    out
}

/// What a server tells of one lease.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) client: u8,
    pub(crate) prefix: Ipv6Net,
    pub(crate) valid: u32,
    pub(crate) age: u32,
    /// The chain of relays, without the client's message.
    pub(crate) chain: Vec<u8>,
}

/// A message of a reply to a bulk query, as it goes over TCP.
pub(crate) fn bulk(
    kind: MessageType,
    xid: Xid,
    told: Option<&Told>,
    status: Option<u16>,
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut message = Composer::framed(&mut out, kind, xid);
    if kind == MessageType::LEASEQUERY_REPLY {
        message.option(OptionCode::CLIENTID, RELAY_ID).unwrap();
        let server = [0, 2, 0, 0, 0, 1];
        message.option(OptionCode::SERVERID, &server).unwrap();
    }
    if let Some(status) = status {
        let status = status.to_be_bytes();
        message.option(OptionCode::STATUS_CODE, &status).unwrap();
    }
    if let Some(told) = told {
        client_data(&mut message, told).unwrap();
    }
    message.finish().unwrap();
    out
}

fn client_data(message: &mut Composer<'_>, told: &Told) -> Result<(), ComposeError> {
    message.nested(OptionCode::CLIENT_DATA, |data| {
        data.option(OptionCode::CLIENTID, &duid(told.client))?;
        ia_prefix(data, told.prefix, told.valid)?;
        data.option(OptionCode::CLT_TIME, &told.age.to_be_bytes())?;
        data.nested(OptionCode::LQ_RELAY_DATA, |relay| {
            relay.put_ipv6(link_address(0));
            relay.put(&told.chain);
            Ok(())
        })
    })
}
