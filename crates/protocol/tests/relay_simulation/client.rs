//! Clients: who binds, renews, moves, releases, or falls silent.

use ipnet::Ipv6Net;
use leasebook_wire::code::MessageType;
use rand::RngExt as _;
use rand::rngs::StdRng;

/// What a client is about to do, until it succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Bind,
    Renew,
    /// It has been put on another link, and says so.
    Rebind,
    Release,
}

impl Intent {
    pub(crate) fn kind(self) -> MessageType {
        match self {
            Self::Bind => MessageType::REQUEST,
            Self::Renew => MessageType::RENEW,
            Self::Rebind => MessageType::REBIND,
            Self::Release => MessageType::RELEASE,
        }
    }
}

/// What a client holds, as the last REPLY that came through the relay had it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) prefix: Ipv6Net,
    /// In milliseconds.
    pub(crate) since: u64,
    pub(crate) until: u64,
}

pub(crate) struct Client {
    pub(crate) number: u8,
    pub(crate) port: usize,
    /// The place of its server.
    pub(crate) server: usize,
    pub(crate) held: Option<Held>,
    pub(crate) intent: Option<Intent>,
    pub(crate) tries_at: u64,
    /// It is off until then.
    pub(crate) off_until: u64,
}

impl Client {
    pub(crate) fn new(number: u8, port: usize, server: usize) -> Self {
        Self {
            number,
            port,
            server,
            held: None,
            intent: None,
            tries_at: 0,
            off_until: 0,
        }
    }

    /// Makes up its mind.
    pub(crate) fn decide(&mut self, now: u64, ports: usize, chance: &mut StdRng) {
        if self.held.is_some_and(|held| held.until <= now) {
            self.held = None;
            self.intent = None;
        }
        if self.intent.is_some() || now < self.off_until {
            return;
        }
        let Some(held) = self.held else {
            if chance.random_ratio(1, 20) {
                self.intent = Some(Intent::Bind);
            }
            return;
        };
        let is_half = now >= held.since + (held.until - held.since) / 2;
        match chance.random_range(0..2000) {
            0..4 => self.intent = Some(Intent::Release),
            4..12 => {
                self.port = chance.random_range(0..ports);
                self.intent = Some(Intent::Rebind);
            }
            12..18 => self.off_until = now + chance.random_range(0..120_000),
            _ if is_half => self.intent = Some(Intent::Renew),
            _ => {}
        }
    }
}
