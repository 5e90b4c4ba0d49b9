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
    names: HashMap<LinkId, Ipv6Addr>,
}

impl Links {
    /// The table of these links. Several links may share a prefix or a relay address.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the table replaces the list it is made of"
    )]
    pub fn new(links: Vec<Link>) -> Self {
        let mut table = Self::default();
        for link in &links {
            for prefix in &link.on_link {
                table.on_link.insert(*prefix, link.id);
            }
            for prefix in &link.delegated {
                table.delegated.insert(*prefix, link.id);
            }
            for address in &link.relay_addresses {
                table.relays.entry(*address).or_default().push(link.id);
            }
        }
        table.on_link.order();
        table.delegated.order();
        let names = links
            .iter()
            .filter_map(|link| Some((link.id, table.find_name(link)?)));
        table.names = names.collect();
        table
    }

    /// The address that stands for `link` where links are listed (RFC 5007 §4.1.2.5, D-34):
    /// its first relay address, else the lowest address of its first on-link prefix, of those
    /// that [select](Self::select) this link and no other.
    ///
    /// A link that shares all its addresses with others is named by one that selects it among
    /// them; one without any, as an unknown link, has no name.
    pub fn name_of(&self, link: LinkId) -> Option<Ipv6Addr> {
        self.names.get(&link).copied()
    }

    /// Whether `address` selects `link` and no other.
    pub fn is_alone(&self, link: LinkId, address: Ipv6Addr) -> bool {
        self.select(address) == [link]
    }

    fn find_name(&self, link: &Link) -> Option<Ipv6Addr> {
        let relays = || link.relay_addresses.iter().copied();
        // LQ_CLIENT_LINK is said to list global addresses, so others come last.
        let global = || relays().filter(|address| !address.is_unicast_link_local());
        let is_own = |address: &Ipv6Addr| self.is_alone(link.id, *address);
        let mut on_link = link.on_link.iter();
        global()
            .find(is_own)
            .or_else(|| on_link.find_map(|prefix| self.lowest_own(*prefix, link.id)))
            .or_else(|| relays().find(is_own))
            .or_else(|| global().next())
            .or_else(|| {
                let mut lowest = link.on_link.iter().map(Ipv6Net::network);
                lowest.find(|address| self.select(*address).contains(&link.id))
            })
    }

    /// The lowest address in `prefix` that selects `link` alone: not one that a prefix nested
    /// in it, or a relay of another link, has. Looks once at each of these.
    fn lowest_own(&self, prefix: Ipv6Net, link: LinkId) -> Option<Ipv6Addr> {
        let mut address = prefix.network();
        loop {
            if self.is_alone(link, address) {
                return Some(address);
            }
            let taken = match self.on_link.longest_match(address) {
                _ if address.is_unicast_link_local() => 10,
                Some((len, links)) if links.iter().any(|other| *other != link) => len,
                _ => 128,
            };
            let end = address.to_bits() | u128::MAX.checked_shr(u32::from(taken)).unwrap_or(0);
            if end >= prefix.broadcast().to_bits() {
                return None;
            }
            address = Ipv6Addr::from_bits(end + 1);
        }
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
        self.longest_match(address).map_or(&[], |(_, links)| links)
    }

    /// The same with the length of that prefix; `None` if none is around `address`.
    fn longest_match(&self, address: Ipv6Addr) -> Option<(u8, &[LinkId])> {
        self.lengths.iter().find_map(|(len, prefixes)| {
            let links = prefixes.get(&mask(address, *len))?;
            Some((*len, links.as_slice()))
        })
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

    /// BLQ-S-034, D-04: the longest on-link prefix selects, and all links that share it.
    #[test]
    fn the_longest_on_link_prefix_selects() {
        assert_eq!(select("2001:db8:1::7"), [1]);
        assert_eq!(select("2001:db8:1:2::7"), [2]);
        assert_eq!(select("2001:db8:4::7"), [3, 4]);
        assert_eq!(select("2001:db8:5::7"), [0; 0]);
    }

    /// BLQ-S-034, D-04: a configured relay address selects its links besides those it is on.
    #[test]
    fn a_relay_address_selects_its_links() {
        assert_eq!(select("2001:db8:ff::1"), [1]);
        assert_eq!(select("2001:db8:1:2::9"), [2, 3]);
    }

    /// BLQ-S-034, D-04: pools of delegated prefixes do not select, nor does `::`.
    #[test]
    fn pools_and_the_unspecified_address_select_nothing() {
        assert_eq!(select("3000::1"), [0; 0]);
        assert_eq!(select("::"), [0; 0]);
        let all = Links::new(vec![link(1, &["::/0"], &[], &[])]);
        assert_eq!(all.select(Ipv6Addr::UNSPECIFIED), []);
    }

    /// BLQ-S-034, D-04: a link-local address selects only where it is configured.
    #[test]
    fn a_link_local_address_selects_only_as_relay_address() {
        assert_eq!(select("fe80::1"), [2]);
        let links = Links::new(vec![link(1, &["fe80::/64", "::/0"], &[], &[])]);
        assert_eq!(links.select("fe80::2".parse().unwrap()), []);
    }

    /// LQ-UDP-018, D-34: a link is named by an address that selects it and no other.
    #[test]
    fn a_link_is_named_by_an_address_of_its_own() {
        let links = Links::new(vec![
            link(1, &["2001:db8::/48"], &[], &[]),
            link(2, &["2001:db8::/64"], &["2001:db8:9::1"], &[]),
            link(3, &["2001:db8:0:1::/64"], &["2001:db8:9::1"], &[]),
            link(4, &["2001:db8:4::/64"], &["fe80::4", "2001:db8:4::1"], &[]),
            link(5, &["2001:db8:5::/64"], &["fe80::5"], &[]),
            link(
                6,
                &["fe80::/64"],
                &["2001:db8:4::", "fe80::6"],
                &["3000::/16"],
            ),
        ]);
        let name = |id| links.name_of(LinkId(id)).map(|name| name.to_string());
        // Behind both links nested at its beginning.
        assert_eq!(name(1).as_deref(), Some("2001:db8:0:2::"));
        // Not the relay address that two share.
        assert_eq!(name(2).as_deref(), Some("2001:db8::"));
        assert_eq!(name(3).as_deref(), Some("2001:db8:0:1::"));
        assert_eq!(name(4).as_deref(), Some("2001:db8:4::1"));
        // A global address before a link-local one.
        assert_eq!(name(5).as_deref(), Some("2001:db8:5::"));
        assert_eq!(name(6).as_deref(), Some("fe80::6"));
        assert_eq!(name(7), None);
        for id in 1..=6 {
            let name = links.name_of(LinkId(id)).unwrap();
            assert!(links.is_alone(LinkId(id), name), "link {id}: {name}");
        }
    }

    /// LQ-UDP-018: links that nothing tells apart share a name; one without addresses has none.
    #[test]
    fn links_that_share_everything_share_a_name() {
        let links = Links::new(vec![
            link(1, &["2001:db8::/64"], &[], &[]),
            link(2, &["2001:db8::/64"], &[], &[]),
            link(3, &[], &["2001:db8:3::1"], &[]),
            link(4, &[], &["2001:db8:3::1"], &[]),
            link(5, &[], &[], &["3000::/16"]),
            link(6, &["fe80::/64"], &[], &[]),
        ]);
        let names: Vec<_> = (1..=6).map(|id| links.name_of(LinkId(id))).collect();
        let [prefix, relay] = ["2001:db8::", "2001:db8:3::1"].map(|name| name.parse().ok());
        assert_eq!(names, [prefix, prefix, relay, relay, None, None]);
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
