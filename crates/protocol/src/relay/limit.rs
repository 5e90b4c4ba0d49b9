//! How often clients are heard (SEC-019, RFC 6221 §9).

use leasebook_wire::code::MessageType;

use super::config::Config;
use super::forward::Received;
use super::ports::PortNo;
use crate::rate::{Rate, spend};
use crate::time::Mono;

/// What the clients of each port have sent lately.
#[derive(Clone, Debug, Default)]
pub(super) struct Rates {
    /// Of each port, by its number: when its bucket is full again.
    ports: Vec<u64>,
    clients: Rate,
}

impl Rates {
    /// Whether one more message is relayed. A relay behind the port speaks for many clients, so
    /// only the port's limit holds for it.
    ///
    /// A client that is above its own limit takes nothing from the others of its port.
    pub(super) fn allow(
        &mut self,
        now: Mono,
        config: &Config,
        no: PortNo,
        received: &Received<'_>,
    ) -> bool {
        let is_from_relay = received.octets.first() == Some(&MessageType::RELAY_FORW.0);
        if !is_from_relay {
            let mut sender = [0; 20];
            let (number, address) = sender.split_at_mut(4);
            number.copy_from_slice(&no.0.to_ne_bytes());
            address.copy_from_slice(&received.source.octets());
            if !self.clients.allows(&sender, config.client_rate, now) {
                return false;
            }
        }
        let place = usize::try_from(no.0).unwrap_or(usize::MAX);
        if self.ports.len() <= place && config.port_rate > 0 {
            self.ports.resize(place.saturating_add(1), 0);
        }
        match self.ports.get_mut(place) {
            Some(full_at) => spend(full_at, config.port_rate, now),
            None => true,
        }
    }
}
