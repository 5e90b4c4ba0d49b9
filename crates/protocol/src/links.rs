//! The configured links, and which of them an address in a query means.
//!
//! Leasequery names a link by an address on it (RFC 5460 §5.3.2). The table answers in a few
//! hash look-ups, one per prefix length in use, however many links there are.

use std::collections::HashMap;
use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use leasebook_store::LinkId;
use leasebook_store::binding::mask;

/// One link of the configuration, as far as queries can name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The link's number.
    pub id: LinkId,
    /// Prefixes whose addresses are on the link.
    #[expect(
        clippy::struct_field_names,
        reason = "on-link is the RFCs' word (RFC 4861)"
    )]
    pub on_link: Vec<Ipv6Net>,
    /// Addresses relays put into link-address for this link, on it or not.
    pub relay_addresses: Vec<Ipv6Addr>,
    /// Pools from which prefixes are delegated to clients of the link; they are not on-link.
    pub delegated: Vec<Ipv6Net>,
}

/// All configured links, made to be searched by address.
///
/// Source: RFC 5007 §4.1.2.1, RFC 5460 §5.3.2, D-04.
#[derive(Clone, Debug, Default)]
pub struct Links {
    on_link: PrefixTable,
    delegated: PrefixTable,
    relays: HashMap<Ipv6Addr, Vec<LinkId>>,
}

impl Links {
    /// The table of these links. Several links may share a prefix or a relay address.
    pub fn new(links: Vec<Link>) -> Self {
        let mut table = Self::default();
        for link in links {
            for prefix in link.on_link {
                table.on_link.insert(prefix, link.id);
            }
            for prefix in link.delegated {
                table.delegated.insert(prefix, link.id);
            }
            for address in link.relay_addresses {
                table.relays.entry(address).or_default().push(link.id);
            }
        }
        table.on_link.order();
        table.delegated.order();
        table
    }

    /// The links that `link_address` could be on, ascending, each once; empty if none is configured.
    ///
    /// The links with the longest on-link prefix around it, and those that have it as a
    /// configured relay address. Pools of delegated prefixes do not count, and a link-local
    /// address, which any link may have, only as a configured relay address (BLQ-S-034, D-04).
    /// `::` means all links and is for the caller; here it selects none.
    pub fn select(&self, link_address: Ipv6Addr) -> Vec<LinkId> {
        if link_address.is_unspecified() {
            return Vec::new();
        }
        let named = self.relays.get(&link_address).into_iter().flatten();
        let mut found: Vec<LinkId> = named.copied().collect();
        if !link_address.is_unicast_link_local() {
            found.extend_from_slice(self.on_link.longest(link_address));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The links a leased `address` belongs to, ascending, each once: by on-link prefix, else
    /// by the delegated pool around it (BLQ-S-025, D-06).
    ///
    /// Empty if neither covers it; the caller then looks among the leases there are.
    pub fn select_for_address(&self, address: Ipv6Addr) -> Vec<LinkId> {
        let on_link = self.on_link.longest(address);
        let mut found = match on_link {
            [] => self.delegated.longest(address).to_vec(),
            _ => on_link.to_vec(),
        };
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Prefixes and the links that have them, by length.
#[derive(Clone, Debug, Default)]
struct PrefixTable {
    /// Longest first; 129 lengths at most.
    lengths: Vec<(u8, HashMap<Ipv6Addr, Vec<LinkId>>)>,
}

impl PrefixTable {
    fn insert(&mut self, prefix: Ipv6Net, link: LinkId) {
        let len = prefix.prefix_len();
        let at = self.lengths.iter().position(|(known, _)| *known == len);
        let at = at.unwrap_or_else(|| {
            self.lengths.push((len, HashMap::new()));
            self.lengths.len() - 1
        });
        if let Some((_, prefixes)) = self.lengths.get_mut(at) {
            prefixes.entry(prefix.network()).or_default().push(link);
        }
    }

    fn order(&mut self) {
        self.lengths.sort_by_key(|(len, _)| std::cmp::Reverse(*len));
    }

    /// The links whose prefix around `address` is the longest of all.
    fn longest(&self, address: Ipv6Addr) -> &[LinkId] {
        self.lengths
            .iter()
            .find_map(|(len, prefixes)| prefixes.get(&mask(address, *len)))
            .map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(id: u32, on_link: &[&str], relays: &[&str], delegated: &[&str]) -> Link {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Link {
            id: LinkId(id),
            on_link: nets(on_link),
            relay_addresses: relays.iter().map(|text| text.parse().unwrap()).collect(),
            delegated: nets(delegated),
        }
    }

    fn table() -> Links {
        Links::new(vec![
            link(1, &["2001:db8:1::/48"], &["2001:db8:ff::1"], &["3000::/16"]),
            link(
                2,
                &["2001:db8:1:2::/64"],
                &["fe80::1", "2001:db8:1:2::9"],
                &[],
            ),
            link(4, &["2001:db8:4::/64"], &[], &["3000:4::/32"]),
            link(3, &["2001:db8:4::/64"], &["2001:db8:1:2::9"], &[]),
        ])
    }

    fn ids(links: &[LinkId]) -> Vec<u32> {
        links.iter().map(|link| link.0).collect()
    }

    fn select(address: &str) -> Vec<u32> {
        ids(&table().select(address.parse().unwrap()))
    }

    fn for_address(address: &str) -> Vec<u32> {
        ids(&table().select_for_address(address.parse().unwrap()))
    }

    /// BLQ-S-034: the longest on-link prefix selects, and all links that share it.
    #[test]
    fn the_longest_on_link_prefix_selects() {
        assert_eq!(select("2001:db8:1::7"), [1]);
        assert_eq!(select("2001:db8:1:2::7"), [2]);
        assert_eq!(select("2001:db8:4::7"), [3, 4]);
        assert_eq!(select("2001:db8:5::7"), [0; 0]);
    }

    /// BLQ-S-034: a configured relay address selects its links besides those it is on.
    #[test]
    fn a_relay_address_selects_its_links() {
        assert_eq!(select("2001:db8:ff::1"), [1]);
        assert_eq!(select("2001:db8:1:2::9"), [2, 3]);
    }

    /// BLQ-S-034: pools of delegated prefixes do not select, nor does `::`.
    #[test]
    fn pools_and_the_unspecified_address_select_nothing() {
        assert_eq!(select("3000::1"), [0; 0]);
        assert_eq!(select("::"), [0; 0]);
        let all = Links::new(vec![link(1, &["::/0"], &[], &[])]);
        assert_eq!(all.select(Ipv6Addr::UNSPECIFIED), []);
    }

    /// BLQ-S-034: a link-local address selects only where it is configured.
    #[test]
    fn a_link_local_address_selects_only_as_relay_address() {
        assert_eq!(select("fe80::1"), [2]);
        let links = Links::new(vec![link(1, &["fe80::/64", "::/0"], &[], &[])]);
        assert_eq!(links.select("fe80::2".parse().unwrap()), []);
    }

    /// BLQ-S-025: a queried address selects by on-link prefix, then by delegated pool.
    #[test]
    fn a_queried_address_selects_by_prefix_then_by_pool() {
        assert_eq!(for_address("2001:db8:1:2::7"), [2]);
        assert_eq!(for_address("3000:1::"), [1]);
        assert_eq!(for_address("3000:4::1"), [4]);
        assert_eq!(for_address("2001:db8:9::"), [0; 0]);
    }

    /// BLQ-S-034: a look-up is a few hash probes also among 100,000 links.
    #[test]
    fn finds_one_link_among_very_many() {
        let links = (0..100_000u32).map(|id| {
            let base = Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) | (u128::from(id) << 64));
            Link {
                id: LinkId(id),
                on_link: vec![Ipv6Net::new(base, 64).unwrap()],
                relay_addresses: Vec::new(),
                delegated: Vec::new(),
            }
        });
        let links = Links::new(links.collect());
        for id in (0..100_000u32).step_by(997) {
            let base = (0x2001_0db8_u128 << 96) | (u128::from(id) << 64);
            assert_eq!(links.select(Ipv6Addr::from_bits(base | 1)), [LinkId(id)]);
        }
    }
}
