//! Sending back the way it came (RFC 8415 §19.3).

use std::net::SocketAddrV6;

use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::message::RelayHeader;
use leasebook_wire::option::Ero;
use leasebook_wire::{ComposeError, Composer, RelayChain, RelayMessage};

use super::batch::{Arrival, Reply};

/// The port of clients (RFC 8415 §7.2).
pub(super) const CLIENT_PORT: u16 = 546;

/// The port of servers and relays.
pub(super) const SERVER_PORT: u16 = 547;

/// Where a reply goes; its octets are put in later.
pub(super) fn envelope(
    arrival: &Arrival,
    chain: &RelayChain<'_>,
    to_source_port: bool,
    is_bound: bool,
) -> Reply {
    let has_port = |level: &RelayMessage<'_>| level.options().contains(OptionCode::RELAY_PORT);
    let port = match chain.outermost() {
        _ if to_source_port => arrival.from.port(),
        Some(level) if has_port(&level) => arrival.from.port(),
        Some(_) => SERVER_PORT,
        None => CLIENT_PORT,
    };
    let (ip, scope) = (*arrival.from.ip(), arrival.from.scope_id());
    Reply {
        to: SocketAddrV6::new(ip, port, 0, scope),
        from: (!arrival.to.is_multicast()).then_some(arrival.to),
        interface: arrival.interface,
        octets: 0..0,
        is_bound,
    }
}

/// Puts one RELAY-REPL for each RELAY-FORW around what `inner` composes, each with the header of
/// its counterpart (DHCP-S-099 to DHCP-S-101).
pub(super) fn wrap(
    chain: &RelayChain<'_>,
    message: &mut Composer<'_>,
    inner: &mut dyn FnMut(&mut Composer<'_>) -> Result<(), ComposeError>,
) -> Result<(), ComposeError> {
    let levels: Vec<RelayMessage<'_>> = chain.levels().collect();
    wrap_levels(&levels, message, inner)
}

/// The same for levels, outermost first.
pub(super) fn wrap_levels(
    levels: &[RelayMessage<'_>],
    message: &mut Composer<'_>,
    inner: &mut dyn FnMut(&mut Composer<'_>) -> Result<(), ComposeError>,
) -> Result<(), ComposeError> {
    let Some((level, rest)) = levels.split_first() else {
        return inner(message);
    };
    message.relay_header(&RelayHeader {
        msg_type: MessageType::RELAY_REPL,
        ..level.header()
    });
    for option in echoed(level) {
        message.option(option.code, option.data)?;
    }
    message.nested(OptionCode::RELAY_MSG, |message| {
        wrap_levels(rest, message, inner)
    })
}

/// The options of a level that go back with it: its Interface-ID, its port, and what it asks for
/// in an ERO; each once.
fn echoed<'a>(
    level: &RelayMessage<'a>,
) -> impl Iterator<Item = leasebook_wire::RawOption<'a>> + use<'a> {
    let options = level.options();
    let mut codes = vec![OptionCode::INTERFACE_ID, OptionCode::RELAY_PORT];
    if let Some(ero) = options.view_or_absent::<Ero<'_>>() {
        for code in ero.codes() {
            if code != OptionCode::RELAY_MSG && code != OptionCode::ERO && !codes.contains(&code) {
                codes.push(code);
            }
        }
    }
    codes
        .into_iter()
        .filter_map(move |code| options.first(code))
}
