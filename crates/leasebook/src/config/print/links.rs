//! Links and their pools.

use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use leasebook_protocol::server::config::{AddressPool, Exclude, PrefixPool};

use super::{Printer, Written, list, quoted, texts};
use crate::config::file::{LinkFile, PoolFile, PrefixPoolFile};
use crate::config::runtime::LinkConfig;
use crate::config::values::{AddressRange, PoolOrder};
use crate::text::octets;

impl Printer {
    /// One `[[link]]` with its pools and reservations.
    pub(super) fn link(&mut self, link: &LinkConfig) {
        let doc = &LinkFile::DOC;
        self.section(doc, "[[link]]");
        self.setting(doc, "id", Written::Set(link.id.to_string()));
        self.setting(doc, "name", Written::Set(quoted(&link.name)));
        let subnets = list(&link.kea_subnet_ids, u32::to_string);
        self.setting(doc, "kea_subnet_ids", Written::Set(subnets));
        let on_link = texts(&link.on_link);
        self.setting(doc, "on_link", Written::Set(on_link));
        let relays = texts(&link.relay_addresses);
        self.setting(doc, "relay_addresses", Written::Set(relays));
        let interface_ids = list(&link.interface_ids, |id| quoted(octets::show(id)));
        self.setting(doc, "interface_ids", Written::Set(interface_ids));
        let interfaces = texts(&link.interfaces);
        self.setting(doc, "interfaces", Written::Set(interfaces));
        let exclusions = texts(&link.exclusions);
        self.setting(doc, "exclusions", Written::Set(exclusions));
        self.setting(doc, "allow", Written::Set(texts(&link.allow)));
        self.setting(doc, "deny", Written::Set(texts(&link.deny)));
        self.level(doc, &link.settings);
        for pool in &link.pools {
            self.pool(pool);
        }
        for pool in &link.prefix_pools {
            self.prefix_pool(pool);
        }
        for reservation in &link.reservations {
            self.reservation("[[link.reservation]]", reservation);
        }
    }

    /// One `[[link.pool]]`.
    fn pool(&mut self, pool: &AddressPool) {
        let doc = &PoolFile::DOC;
        self.section(doc, "[[link.pool]]");
        let addresses = quoted(AddressRange::of(pool).show());
        self.setting(doc, "addresses", Written::Set(addresses));
        let order = quoted(PoolOrder(pool.order).word());
        self.setting(doc, "order", Written::Set(order));
        self.setting(doc, "classes", Written::Set(texts(&pool.classes)));
        self.level(doc, &pool.settings);
    }

    /// One `[[link.prefix-pool]]`.
    fn prefix_pool(&mut self, pool: &PrefixPool) {
        let doc = &PrefixPoolFile::DOC;
        self.section(doc, "[[link.prefix-pool]]");
        self.setting(doc, "prefix", Written::Set(quoted(pool.prefix)));
        let length = Written::Set(pool.delegated_len.to_string());
        self.setting(doc, "delegated_length", length);
        let exclude = pool
            .exclude
            .and_then(excluded)
            .map_or(Written::Unset("\"0:0:0:ff::/64\""), |net| {
                Written::Set(quoted(net))
            });
        self.setting(doc, "pd_exclude", exclude);
        let order = quoted(PoolOrder(pool.order).word());
        self.setting(doc, "order", Written::Set(order));
        self.setting(doc, "classes", Written::Set(texts(&pool.classes)));
        self.level(doc, &pool.settings);
    }
}

/// The excluded part, as a prefix of which only the bits behind the delegated length are set.
fn excluded(exclude: Exclude) -> Option<Ipv6Net> {
    Ipv6Net::new(Ipv6Addr::from_bits(exclude.bits), exclude.len).ok()
}
