//! Made-up bindings of an access provider, for the demonstration and for benchmarks.
//!
//! Relay `r` (from 0) serves link `r + 1`, 3fff:0:r::/64 with the relay at ::1, and delegates
//! /56 prefixes out of 3fff:(0x100 + r)::/32. Every client has an address and a prefix, and its
//! message came through that relay with Relay-ID, Remote-ID and Interface-ID. All addresses are
//! of the documentation prefix 3fff::/20 (RFC 9637).

use std::net::Ipv6Addr;

use leasebook_store::{Binding, IaKind, Lease, LeaseName, LeaseState, LinkId, RelayData};
use leasebook_wire::Duid;

/// The most relays: their prefixes stay inside 3fff::/20.
pub const MAX_RELAYS: u32 = 0xe00;

/// The enterprise number in remote-ids: that of the Broadband Forum.
const ENTERPRISE: u32 = 3561;

/// Octets of a relay message before its options (RFC 8415 §9).
const RELAY_HEADER_OCTETS: usize = 34;

/// Clients on one line card; they share a Remote-ID where lines are told by card.
const CLIENTS_PER_CARD: u32 = 128;

/// Who is there, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Clients, spread evenly over the relays.
    pub clients: u32,
    /// Relays, 1 to [`MAX_RELAYS`].
    pub relays: u32,
    /// The present: Unix seconds. Clients were last heard within the hour before.
    pub now: u64,
    /// All clients of a relay have one Remote-ID, as where it names the access node; else
    /// one for each line card.
    pub one_remote_id: bool,
}

impl Sample {
    /// The Relay-ID of a relay: a DUID-LL.
    pub fn relay_id(relay: u32) -> Vec<u8> {
        [&[0, 3, 0, 1, 2, 0][..], &relay.to_be_bytes()].concat()
    }

    /// The Remote-ID of a client of a relay: enterprise number and text.
    pub fn remote_id(&self, relay: u32, client: u32) -> Vec<u8> {
        let card = if self.one_remote_id {
            0
        } else {
            client / CLIENTS_PER_CARD
        };
        [
            &ENTERPRISE.to_be_bytes()[..],
            format!("an{relay}/card{card}").as_bytes(),
        ]
        .concat()
    }

    /// The link-address of a relay.
    pub fn link_address(relay: u32) -> Ipv6Addr {
        Ipv6Addr::from_bits((0x3fff << 112) | (u128::from(relay) << 80) | 1)
    }

    /// The DUID of a client of a relay: a DUID-LL whose address looks as random as real ones.
    pub fn client_id(relay: u32, client: u32) -> Vec<u8> {
        let mixed = client.wrapping_mul(0x9e37_79b1).to_be_bytes();
        let [_, _, high, low] = relay.to_be_bytes();
        let [_, _, third, fourth] = mixed;
        let head = [0, 3, 0, 1, 2, high, low ^ fourth];
        let [first, second, _, _] = mixed;
        [&head[..], &[first, second, third ^ fourth, fourth]].concat()
    }

    /// All bindings, relay by relay.
    pub fn bindings(self) -> impl Iterator<Item = Binding> {
        let relays = self.relays.clamp(1, MAX_RELAYS);
        let each = self.clients.div_ceil(relays);
        (0..self.clients).filter_map(move |number| self.binding(number / each, number % each))
    }

    /// The binding of a client of a relay; always there, since what is made is sound.
    pub fn binding(&self, relay: u32, client: u32) -> Option<Binding> {
        let clt = self.now - u64::from(client.wrapping_mul(7919) % 3600);
        let lease = |name, kind| Lease {
            name,
            kind,
            iaid: 1,
            state: LeaseState::Bound,
            clt,
            preferred: 43_200,
            valid: 86_400,
        };
        let link = Self::link_address(relay).to_bits() & !1;
        let address = Ipv6Addr::from_bits(link | (1 << 32) | u128::from(client));
        let prefix = (0x3fff_0100 + u128::from(relay)) << 96 | u128::from(client) << 72;
        Some(Binding {
            link: LinkId(relay + 1),
            client: Duid::new(&Self::client_id(relay, client)).ok()?,
            leases: vec![
                lease(LeaseName::Address(address), IaKind::Na),
                lease(
                    LeaseName::prefix(Ipv6Addr::from_bits(prefix), 56)?,
                    IaKind::Pd,
                ),
            ],
            relay: Some(self.relayed(relay, client)),
            options: Vec::new(),
        })
    }

    fn relayed(&self, relay: u32, client: u32) -> RelayData {
        let link_local = Ipv6Addr::from_bits((0xfe80 << 112) | (u128::from(client) + 0x100));
        let mut chain = Vec::with_capacity(RELAY_HEADER_OCTETS + 64);
        chain.extend_from_slice(&[12, 0]);
        chain.extend_from_slice(&Self::link_address(relay).octets());
        chain.extend_from_slice(&link_local.octets());
        put(&mut chain, 18, b"pon0");
        put(&mut chain, 37, &self.remote_id(relay, client));
        put(&mut chain, 53, &Self::relay_id(relay));
        RelayData {
            peer: Self::link_address(relay),
            chain,
        }
    }

    /// The configuration that belongs to the bindings; `data` and `tcp` go into it.
    pub fn configuration(&self, data: &std::path::Path, tcp: &[std::net::SocketAddr]) -> String {
        use std::fmt::Write as _;
        let listen: Vec<String> = tcp.iter().map(|address| format!("\"{address}\"")).collect();
        let data = data.display().to_string();
        let mut text = format!(
            "data = {data:?}\n\n[listen]\ntcp = [{}]\n",
            listen.join(", ")
        );
        for relay in 0..self.relays.clamp(1, MAX_RELAYS) {
            let link = Self::link_address(relay);
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n[[link]]\nid = {}\nname = \"access-{relay}\"\non-link = [\"{}/64\"]\nrelay-addresses = [\"{link}\"]\n\
                 [[link.prefix-pool]]\nprefix = \"{:x}:{:x}::/32\"\ndelegated-length = 56\n",
                relay + 1,
                Ipv6Addr::from_bits(link.to_bits() & !1),
                0x3fff,
                0x100 + relay,
            );
        }
        text
    }
}

fn put(octets: &mut Vec<u8>, code: u16, data: &[u8]) {
    octets.extend_from_slice(&code.to_be_bytes());
    octets.extend_from_slice(&u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
    octets.extend_from_slice(data);
}

#[cfg(test)]
mod tests {
    use super::*;
    use leasebook_store::{Change, LeaseStore, MemoryStore};

    #[test]
    fn bindings_are_sound_and_all_different() {
        let sample = Sample {
            clients: 600,
            relays: 3,
            now: 2_000_000_000,
            one_remote_id: false,
        };
        let store = MemoryStore::new();
        let changes: Vec<Change> = sample.bindings().map(Change::Put).collect();
        assert_eq!(changes.len(), 600);
        store.commit(changes).unwrap();
        let stats = store.stats().unwrap();
        assert_eq!((stats.bindings, stats.leases), (600, 1200));
    }

    #[test]
    fn the_configuration_is_one() {
        let sample = Sample {
            clients: 10,
            relays: 2,
            now: 2_000_000_000,
            one_remote_id: true,
        };
        let text = sample.configuration("/tmp/x".as_ref(), &["[::1]:1547".parse().unwrap()]);
        let loaded = crate::config::parse(&text, "sample.toml".as_ref()).unwrap();
        assert_eq!(loaded.config.links.len(), 2);
        assert_eq!(loaded.warnings, []);
    }
}
