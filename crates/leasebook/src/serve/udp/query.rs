//! Leasequery over UDP, answered by the thread that hears DHCPv6.

use std::net::{IpAddr, SocketAddrV6};
use std::sync::Arc;

use leasebook_protocol::Now;
use leasebook_protocol::leasequery::relayed::reply_port;
use leasebook_protocol::leasequery::udp::{UdpDropped, UdpOutcome, UdpResponder, UdpSettings};
use leasebook_protocol::rate::Rate;
use leasebook_protocol::server::{Arrival, Batch, Reply};
use leasebook_store::LeaseStore;
use leasebook_wire::RelayChain;
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, MessageType};

use super::tally::Tally;
use crate::log::events;
use crate::serve::connection::name_of;
use crate::serve::registry::octets_of;
use crate::serve::settings::Settings;
use crate::tell;

/// What queries are answered by.
pub(in crate::serve) struct Queries {
    settings: Arc<Settings>,
    rate: Rate,
}

impl Queries {
    pub(in crate::serve) fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            rate: Rate::default(),
        }
    }

    /// Answers a LEASEQUERY; false if the datagram is something else.
    pub(super) fn hear(
        &mut self,
        now: Now,
        arrival: &Arrival,
        octets: &[u8],
        store: &dyn LeaseStore,
        (batch, tally): (&mut Batch, &mut Tally),
    ) -> bool {
        let kind = octets.first().map(|kind| MessageType(*kind));
        if !matches!(
            kind,
            Some(MessageType::LEASEQUERY | MessageType::RELAY_FORW)
        ) {
            return false;
        }
        // What cannot be read is counted where most of it belongs.
        let Ok(chain) = RelayChain::parse(octets, DEFAULT_NESTING_LIMIT) else {
            return false;
        };
        if chain.message().msg_type() != MessageType::LEASEQUERY {
            return false;
        }
        let source = IpAddr::V6(*arrival.from.ip());
        if !self.is_in_time(source, now) {
            tally.count("leasequery", "too-often");
            return true;
        }
        let responder = UdpResponder {
            config: &self.settings.config,
            links: &self.settings.links,
            settings: UdpSettings::default(),
            store,
        };
        let mut reply = Vec::new();
        let outcome = responder.answer_chain(now.wall, source, &chain, &mut reply);
        tally.count("leasequery", told(&outcome));
        if let UdpOutcome::Failed(error) = &outcome {
            tell!(events::STORE_FAILED, error = %error);
        }
        if let UdpOutcome::Answered(answer) = &outcome
            && !answer.left_out.is_nothing()
        {
            tell!(events::LQ_UDP_LEFT_OUT, peer = %arrival.from, leases = answer.left_out.leases, options = answer.left_out.options);
        }
        if !reply.is_empty() {
            let mut to: SocketAddrV6 = arrival.from;
            to.set_port(reply_port(&chain, arrival.from.port()));
            let envelope = Reply {
                to,
                from: (!arrival.to.is_multicast()).then_some(arrival.to),
                interface: arrival.interface,
                octets: 0..0,
                is_bound: false,
            };
            batch.reply(envelope, &reply);
        }
        true
    }
}

impl Queries {
    /// Whether the source keeps to its rate (SEC-006). Those that are not listed share one, so
    /// that forged addresses do not use up what belongs to who is.
    fn is_in_time(&mut self, source: IpAddr, now: Now) -> bool {
        let config = &self.settings.config;
        let limit = config.limits.queries_per_second;
        let sender = match config.rights(source) {
            Some(_) => octets_of(source.to_canonical()),
            None => Vec::new(),
        };
        self.rate.allows(&sender, limit, now.mono)
    }
}

/// The name of an outcome, for a label.
fn told(outcome: &UdpOutcome) -> &'static str {
    match outcome {
        UdpOutcome::Answered(_) => "answered",
        UdpOutcome::Refused { .. } => "refused",
        UdpOutcome::Failed(_) => "store-failed",
        UdpOutcome::Dropped(UdpDropped::NotListed) => "not-listed",
        UdpOutcome::Dropped(UdpDropped::Relayed) => "relayed",
        UdpOutcome::Dropped(UdpDropped::NoRoom) => "too-large",
        UdpOutcome::Dropped(UdpDropped::Message(why)) => name_of(*why),
    }
}
