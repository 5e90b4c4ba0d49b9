//! From [`KeaConfig`] to leasebook.toml.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::Ipv6Addr;

use crate::kea_config::model::{
    Class, KeaConfig, KeaOption, LeaseDatabase, LeaseQuery, Link, MAX_CONNECTIONS, MAX_IDLE_SECS,
    MAX_PROBATION_SECS, MAX_QUERIES, NotCarried, PdPool, Pool, Range, Reservation, Settings,
    Subnet,
};
use crate::kea_config::settings::{Outer, joined, push_clients, push_level, push_server, time};
use crate::kea_config::write::{data, push_list, push_string, quoted, quoted_text};
use crate::text::push_colon_hex;

/// The port of DHCPv6 servers, for TCP too (RFC 5460 §5.6).
const SERVER_PORT: u16 = 547;

/// The class of Kea's whose clients get no answer.
const DROPPED: &str = "DROP";

/// The option that has clients use unicast. Source: RFC 8415 §21.12.
const UNICAST: u16 = 12;

/// A member of a class that no client is, whatever it sends.
const NO_ONE: &str = "{ option = { code = 1 }, unless = [{ option = { code = 1 } }] }";

/// Kea's default lease file, relative to its data directory.
const DEFAULT_LEASE_FILE: &str = "/var/lib/kea/kea-leases6.csv";

/// The configuration as leasebook.toml, and what it cannot say, in the order of the file.
pub fn to_leasebook_toml(config: &KeaConfig) -> (String, Vec<NotCarried>) {
    let mut out = String::new();
    push_head(config, &mut out);
    push_listen(config, &mut out);
    push_bulk(config.leasequery.as_ref(), &mut out);
    let outer = push_dhcp(config, &mut out);
    for class in &config.classes {
        push_class(class, &outer, &mut out);
    }
    let reservations = by_subnet(config);
    for reservation in reservations.get(&None).into_iter().flatten() {
        push_reservation("reservation", reservation, &mut out);
    }
    let has_dropped = config.classes.iter().any(|class| class.name == DROPPED);
    for link in &config.links {
        let subnets = link.subnets.iter();
        let of_link = subnets.filter_map(|subnet| reservations.get(&Some(subnet.id)));
        let of_link: Vec<&Reservation> = of_link.flatten().copied().collect();
        push_link(link, &of_link, has_dropped, &outer, &mut out);
    }
    (out, config.not_carried.clone())
}

fn push_head(config: &KeaConfig, out: &mut String) {
    out.push_str("# Made from a configuration of Kea.\n");
    match &config.leases {
        LeaseDatabase::Memfile(file) => {
            let file = file.as_deref().unwrap_or(DEFAULT_LEASE_FILE);
            // A newline in a file's name must not end the comment.
            let file: String = file.chars().filter(|sign| !sign.is_control()).collect();
            let _ = writeln!(
                out,
                "# Next: leasebook leases import {file} --config THIS-FILE"
            );
        }
        LeaseDatabase::Database(kind) => {
            let kind: String = kind.chars().filter(|sign| !sign.is_control()).collect();
            let _ = writeln!(
                out,
                "# Next: kea-admin lease-dump {kind} -6 ..., and import what it writes."
            );
        }
    }
    if !config.store_extended_info {
        out.push_str(
            "# Kea ran without store-extended-info: its leases tell no relays, so queries by\n\
             # relay-id and remote-id find nothing until the clients have been heard again.\n",
        );
    }
    out.push('\n');
    if let Some(duid) = &config.server_id {
        let mut text = String::new();
        push_colon_hex(duid, &mut text);
        let _ = writeln!(out, "server-id = \"{text}\"");
    } else {
        out.push_str(
            "# Kea made its server-id up and keeps it in /var/lib/kea/kea-dhcp6-serverid.\n\
             # Without one here leasebook makes its own.\n\
             # server-id = \"00:01:...\"\n",
        );
    }
    out.push_str(
        "# Kea waits 300 s for its requestors, as RFC 5460 has it.\n\
         timers = \"rfc5460\"\n\n",
    );
}

fn push_listen(config: &KeaConfig, out: &mut String) {
    out.push_str("[listen]\n");
    let leasequery = config.leasequery.clone().unwrap_or_default();
    let address = leasequery.address.unwrap_or(Ipv6Addr::LOCALHOST);
    let port = leasequery.port.filter(|&port| port != 0);
    let socket = format!("[{address}]:{}", port.unwrap_or(SERVER_PORT));
    if leasequery.bulk {
        let _ = writeln!(out, "tcp = [\"{socket}\"]");
    } else {
        let _ = writeln!(
            out,
            "# Bulk Leasequery was off in Kea. To answer it: tcp = [\"{socket}\"]\ntcp = []"
        );
    }
    if !config.interfaces.is_empty() {
        let _ = writeln!(
            out,
            "# Kea serves clients until this is set, once it is stopped and its leases are \
             imported:\n# udp = [\"[::]:{SERVER_PORT}\"]"
        );
    }
}

fn push_bulk(leasequery: Option<&LeaseQuery>, out: &mut String) {
    let leasequery = leasequery.cloned().unwrap_or_default();
    out.push_str("\n[bulk]\n");
    if let Some(connections) = fitting(leasequery.max_connections, MAX_CONNECTIONS) {
        let _ = writeln!(out, "max-connections = {connections}");
    }
    if let Some(queries) = fitting(leasequery.max_queries, MAX_QUERIES) {
        let _ = writeln!(out, "queries-per-connection = {queries}");
    }
    if let Some(secs) = fitting(leasequery.idle_secs, MAX_IDLE_SECS) {
        let _ = writeln!(out, "idle-timeout = \"{secs}s\"");
    }
    if leasequery.requesters.is_empty() {
        out.push_str("# Nobody but this machine may ask; [[bulk.allow]] sections say who may.\n");
    }
    let mut seen = BTreeSet::new();
    for requester in leasequery.requesters {
        if seen.insert(requester) {
            let _ = write!(out, "\n[[bulk.allow]]\nsource = \"{requester}\"\n");
        }
    }
}

/// A limit if it is in leasebook's range; 0 is Kea's word for its own choice.
fn fitting(limit: Option<u32>, most: u32) -> Option<u32> {
    limit.filter(|limit| (1..=most).contains(limit))
}

/// The DHCPv6 server as a whole.
fn push_dhcp(config: &KeaConfig, out: &mut String) -> Outer {
    out.push_str("\n[dhcp]\n");
    if let Some(preference) = config.preference {
        let _ = writeln!(out, "preference = {preference}");
    }
    if let Some(codes) = &config.rsoo {
        push_list("rsoo", codes.iter().map(u16::to_string), out);
    }
    if let Some(secs) = config.probation {
        let _ = writeln!(out, "probation = {}", time(secs.min(MAX_PROBATION_SECS)));
    }
    if let Some(registers) = config.register_addresses {
        let _ = writeln!(out, "register-addresses = {registers}");
    }
    let relays = interfaces_of_relays(config);
    if !relays.is_empty() {
        push_list(
            "relay-interfaces",
            relays.iter().map(|name| quoted_text(name)),
            out,
        );
    }
    if options(config).any(|option| (option.code, option.enterprise) == (UNICAST, None)) {
        out.push_str("obsolete = [\"unicast\"]\n");
    }
    if config.settings.lifetimes.preferred.is_none() {
        out.push_str(
            "# preferred-lifetime is not written: 0.625 of the valid one, as Kea since 2.3.\n",
        );
    }
    push_server(&config.settings, out)
}

/// The options of every level.
fn options(config: &KeaConfig) -> impl Iterator<Item = &KeaOption> {
    let of_links = config.links.iter().flat_map(|link| {
        let subnets = link.subnets.iter().flat_map(|subnet| {
            let pools = subnet.pools.iter().map(|pool| &pool.settings);
            let pd_pools = subnet.pd_pools.iter().map(|pool| &pool.settings);
            pools.chain(pd_pools).chain([&subnet.settings])
        });
        subnets.chain([&link.settings])
    });
    let classes = config.classes.iter().map(|class| &class.settings);
    let hosts = config.reservations.iter().map(|host| &host.settings);
    let levels = of_links.chain(classes).chain(hosts);
    levels
        .chain([&config.settings])
        .flat_map(|settings| &settings.options)
}

/// The interfaces Kea listens on that are no link's.
fn interfaces_of_relays(config: &KeaConfig) -> BTreeSet<&str> {
    let of_links = config.links.iter().flat_map(interfaces);
    let of_links: BTreeSet<&String> = of_links.collect();
    let is_name = |name: &&String| {
        !of_links.contains(name)
            && (1..=15).contains(&name.len())
            && name
                .bytes()
                .all(|sign| sign.is_ascii_graphic() && sign != b'/' && sign != b'*')
    };
    // Behind a slash stands an address, on which nothing is heard by multicast.
    config
        .interfaces
        .iter()
        .filter(is_name)
        .map(String::as_str)
        .collect()
}

/// The server's interfaces to a link.
fn interfaces(link: &Link) -> impl Iterator<Item = &String> {
    let of_subnets = link.subnets.iter();
    let of_subnets = of_subnets.filter_map(|subnet| subnet.interface.as_ref());
    of_subnets.chain(&link.interface)
}

fn push_class(class: &Class, outer: &Outer, out: &mut String) {
    let _ = writeln!(out, "\n[[class]]\nname = {}", quoted_text(&class.name));
    if class.members.is_empty() {
        out.push_str("# No one, until it is written who: see what could not be carried over.\n");
        let _ = writeln!(out, "members = [{NO_ONE}]");
    } else {
        push_list("members", unique(class.members.iter().cloned()), out);
    }
    push_clients(&class.settings, outer, out);
}

/// The reservations of each subnet, and under none those of the server.
fn by_subnet(config: &KeaConfig) -> BTreeMap<Option<u32>, Vec<&Reservation>> {
    let mut all: BTreeMap<Option<u32>, Vec<&Reservation>> = BTreeMap::new();
    for reservation in &config.reservations {
        all.entry(reservation.subnet_id)
            .or_default()
            .push(reservation);
    }
    all
}

fn push_reservation(head: &str, reservation: &Reservation, out: &mut String) {
    // One of nothing makes its client KNOWN all the same.
    let Some(whom) = &reservation.whom else {
        return;
    };
    let _ = writeln!(out, "\n[[{head}]]\n{whom}");
    for (key, leases) in [
        (
            "addresses",
            unique(reservation.addresses.iter().map(quoted)),
        ),
        ("prefixes", unique(reservation.prefixes.iter().map(quoted))),
    ] {
        if !leases.is_empty() {
            push_list(key, leases, out);
        }
    }
    if let Some(name) = &reservation.hostname {
        let _ = writeln!(out, "name = {}", quoted_text(name));
    }
    push_clients(&reservation.settings, &Outer::default(), out);
}

fn push_link(
    link: &Link,
    reservations: &[&Reservation],
    has_dropped: bool,
    outer: &Outer,
    out: &mut String,
) {
    let mut ids: Vec<u32> = link.subnets.iter().map(|subnet| subnet.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let Some(&id) = ids.first() else {
        return;
    };
    let _ = write!(out, "\n[[link]]\nid = {id}\nname = ");
    push_string(&link.name, out);
    out.push('\n');
    if ids != [id] {
        push_list("kea-subnet-ids", ids.iter().map(u32::to_string), out);
    }
    let prefixes = link.subnets.iter().map(|subnet| quoted(&subnet.prefix));
    push_list("on-link", unique(prefixes), out);
    let relays = link.subnets.iter().flat_map(|subnet| &subnet.relays);
    let relays = unique(relays.chain(&link.relays).map(quoted));
    if !relays.is_empty() {
        push_list("relay-addresses", relays, out);
    }
    let interface_ids = link
        .subnets
        .iter()
        .filter_map(|subnet| subnet.interface_id.as_ref());
    let interface_ids = unique(interface_ids.chain(&link.interface_id).map(|id| data(id)));
    if !interface_ids.is_empty() {
        push_list("interface-ids", interface_ids, out);
    }
    let interfaces = unique(interfaces(link).map(|name| quoted_text(name)));
    if !interfaces.is_empty() {
        push_list("interfaces", interfaces, out);
    }
    let whole = Whole::of(link);
    if !link.classes.is_empty() {
        push_list(
            "allow",
            link.classes.iter().map(|name| quoted_text(name)),
            out,
        );
    }
    if has_dropped {
        push_list("deny", [quoted_text(DROPPED)], out);
    }
    let outer = push_level(&whole.settings, outer, out);
    for reservation in reservations {
        push_reservation("link.reservation", reservation, out);
    }
    for subnet in &link.subnets {
        for pool in &subnet.pools {
            push_pool(pool, &whole.within(subnet), &outer, out);
        }
    }
    for subnet in &link.subnets {
        for pool in &subnet.pd_pools {
            push_pd_pool(pool, &whole.within(subnet), &outer, out);
        }
    }
}

/// What holds on all of a link: of a shared network with one subnet what the subnet says too;
/// with several, the subnets' own settings are their pools'.
struct Whole {
    settings: Settings,
    is_one: bool,
}

impl Whole {
    fn of(link: &Link) -> Self {
        match &link.subnets[..] {
            [subnet] => Self {
                settings: joined(&subnet.settings, &link.settings),
                is_one: true,
            },
            subnets => {
                let mut settings = link.settings.clone();
                // It is known before the pool is, so that one subnet speaks for the link.
                let first = subnets.first();
                let rapid = first.and_then(|subnet| subnet.settings.rapid_commit);
                settings.rapid_commit = rapid.or(settings.rapid_commit);
                Self {
                    settings,
                    is_one: false,
                }
            }
        }
    }

    /// What a pool of the subnet has from it.
    fn within(&self, subnet: &Subnet) -> Settings {
        if self.is_one {
            return Settings::default();
        }
        Settings {
            rapid_commit: None,
            ..subnet.settings.clone()
        }
    }
}

fn push_pool(pool: &Pool, subnet: &Settings, outer: &Outer, out: &mut String) {
    let _ = match pool.range {
        Range::Prefix(prefix) => write!(out, "\n[[link.pool]]\naddresses = \"{prefix}\"\n"),
        Range::Range(first, last) => {
            write!(out, "\n[[link.pool]]\naddresses = \"{first}-{last}\"\n")
        }
    };
    push_draw(pool.is_lowest_first, &pool.classes, out);
    push_level(&of_pool(&pool.settings, subnet), outer, out);
}

fn push_pd_pool(pool: &PdPool, subnet: &Settings, outer: &Outer, out: &mut String) {
    let _ = write!(
        out,
        "\n[[link.prefix-pool]]\nprefix = \"{}\"\ndelegated-length = {}\n",
        pool.prefix, pool.delegated_length
    );
    if let Some(excluded) = &pool.excluded {
        let _ = writeln!(out, "pd-exclude = \"{excluded}\"");
    }
    push_draw(pool.is_lowest_first, &pool.classes, out);
    push_level(&of_pool(&pool.settings, subnet), outer, out);
}

/// Rapid Commit is decided before the pool is.
fn of_pool(own: &Settings, subnet: &Settings) -> Settings {
    Settings {
        rapid_commit: None,
        ..joined(own, subnet)
    }
}

fn push_draw(is_lowest_first: bool, classes: &[String], out: &mut String) {
    if is_lowest_first {
        out.push_str("order = \"lowest\"\n");
    }
    if !classes.is_empty() {
        push_list("classes", classes.iter().map(|name| quoted_text(name)), out);
    }
}

/// The same without repetitions, in the same order.
fn unique(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    values.filter(|value| seen.insert(value.clone())).collect()
}

#[cfg(test)]
mod tests;
