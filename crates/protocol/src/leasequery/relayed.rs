//! The way back of a reply through the relays its query came by.

use leasebook_wire::code::{DHCP_SERVER_PORT, MessageType, OptionCode};
use leasebook_wire::message::RelayHeader;
use leasebook_wire::option::Ero;
use leasebook_wire::{ComposeError, Composer, RelayChain, RelayMessage};

/// Appends `reply`, wrapped in a RELAY-REPL for each RELAY-FORW of `chain`; without relays the
/// reply itself.
///
/// Hop-count, link-address and peer-address are those of the RELAY-FORW; INTERFACE_ID and
/// RELAY_PORT are copied, and what the level's ERO names (DHCP-S-099 to DHCP-S-101). Fails,
/// with `out` as it was, if the whole is longer than a message can be.
///
/// Source: RFC 8415 §19.3, RFC 4994 §2, RFC 8357 §5.2.
pub fn wrap_reply(
    chain: &RelayChain<'_>,
    reply: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), ComposeError> {
    let levels: Vec<_> = chain.levels().collect();
    let mut datagram = Composer::bare(out);
    put_level(&mut datagram, &levels, reply)?;
    datagram.finish().map(|_| ())
}

/// The UDP port the answer goes to, at the datagram's source address: to a requestor the port
/// it asked from (LQ-UDP-011), to a relay 547, or with RELAY_PORT the port it sent from (D-32).
pub fn reply_port(chain: &RelayChain<'_>, source_port: u16) -> u16 {
    match chain.outermost() {
        Some(relay) if relay.options().first(OptionCode::RELAY_PORT).is_none() => DHCP_SERVER_PORT,
        _ => source_port,
    }
}

/// The recursion goes as deep as the chain, which was parsed with a limit.
fn put_level(
    datagram: &mut Composer<'_>,
    levels: &[RelayMessage<'_>],
    reply: &[u8],
) -> Result<(), ComposeError> {
    let Some((level, below)) = levels.split_first() else {
        datagram.put(reply);
        return Ok(());
    };
    datagram.relay_header(&RelayHeader {
        msg_type: MessageType::RELAY_REPL,
        ..level.header()
    });
    let ero = level.options().view_or_absent::<Ero<'_>>();
    let is_echoed = |code: OptionCode| match code {
        OptionCode::RELAY_MSG | OptionCode::ERO => false,
        OptionCode::INTERFACE_ID | OptionCode::RELAY_PORT => true,
        other => ero.is_some_and(|ero| ero.contains(other)),
    };
    for option in level.options() {
        if is_echoed(option.code) {
            datagram.option(option.code, option.data)?;
        }
    }
    datagram.nested(OptionCode::RELAY_MSG, |inner| {
        put_level(inner, below, reply)
    })
}
