//! The packet log: what is heard and told, readable, at debug level.
//!
//! Keys for RECONFIGURE are not shown (SEC-026); that is [`Shown`]'s part.

use leasebook_protocol::server::{Arrival, Reply};
use leasebook_wire::show::Shown;

use crate::log::events;
use crate::tell;

/// Tells of a datagram and what became of it.
pub(super) fn heard(arrival: &Arrival, octets: &[u8], outcome: &str) {
    tell!(
        events::DHCP_HEARD,
        from = %arrival.from,
        to = %arrival.to,
        interface = arrival.interface,
        outcome,
        message = %Shown(octets)
    );
}

/// Tells of replies on their way, which lie in `octets`.
pub(super) fn told(replies: &[&Reply], octets: &[u8]) {
    for reply in replies {
        let octets = octets.get(reply.octets.clone());
        tell!(
            events::DHCP_TOLD,
            to = %reply.to,
            message = %Shown(octets.unwrap_or_default())
        );
    }
}
