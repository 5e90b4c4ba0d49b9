//! From [`KeaConfig`] to leasebook.toml.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::Ipv6Addr;

use crate::kea_config::model::{
    KeaConfig, LeaseDatabase, LeaseQuery, Link, MAX_CONNECTIONS, MAX_IDLE_SECS, MAX_QUERIES,
    NotCarried, PdPool, Pool,
};
use crate::text::{push_colon_hex, push_hex};

/// The port of DHCPv6 servers, for TCP too (RFC 5460 §5.6).
const SERVER_PORT: u16 = 547;

/// Characters a link's name may have.
const MAX_NAME: usize = 64;

/// Kea's default lease file, relative to its data directory.
const DEFAULT_LEASE_FILE: &str = "/var/lib/kea/kea-leases6.csv";

/// The configuration as leasebook.toml, and what it cannot say, in the order of the file.
pub fn to_leasebook_toml(config: &KeaConfig) -> (String, Vec<NotCarried>) {
    let mut out = String::new();
    push_head(config, &mut out);
    push_bulk(config.leasequery.as_ref(), &mut out);
    let mut names = BTreeSet::new();
    for link in &config.links {
        push_link(link, &mut names, &mut out);
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

fn push_bulk(leasequery: Option<&LeaseQuery>, out: &mut String) {
    out.push_str("[listen]\n");
    let leasequery = leasequery.cloned().unwrap_or_default();
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

fn push_link(link: &Link, names: &mut BTreeSet<String>, out: &mut String) {
    let mut ids: Vec<u32> = link.subnets.iter().map(|subnet| subnet.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let Some(&id) = ids.first() else {
        return;
    };
    let _ = write!(out, "\n[[link]]\nid = {id}\nname = ");
    let name = link.name.clone().unwrap_or_else(|| format!("subnet-{id}"));
    push_string(&unused_name(&name, names), out);
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
    let interface_ids = unique(
        interface_ids
            .chain(&link.interface_id)
            .map(|id| interface_id(id)),
    );
    if !interface_ids.is_empty() {
        push_list("interface-ids", interface_ids, out);
    }
    for subnet in &link.subnets {
        for pool in &subnet.pools {
            push_pool(*pool, out);
        }
    }
    for subnet in &link.subnets {
        for pool in &subnet.pd_pools {
            push_pd_pool(pool, out);
        }
    }
}

fn push_pool(pool: Pool, out: &mut String) {
    let _ = match pool {
        Pool::Prefix(prefix) => write!(out, "\n[[link.pool]]\naddresses = \"{prefix}\"\n"),
        Pool::Range(first, last) => {
            write!(out, "\n[[link.pool]]\naddresses = \"{first}-{last}\"\n")
        }
    };
}

fn push_pd_pool(pool: &PdPool, out: &mut String) {
    let _ = write!(
        out,
        "\n[[link.prefix-pool]]\nprefix = \"{}\"\ndelegated-length = {}\n",
        pool.prefix, pool.delegated_length
    );
}

/// `name`, cut to what is allowed, with a number behind it if another link has it.
fn unused_name(name: &str, names: &mut BTreeSet<String>) -> String {
    let cut = |most: usize| name.chars().take(most).collect::<String>();
    let mut candidate = cut(MAX_NAME);
    let mut number = 2;
    while !names.insert(candidate.clone()) {
        let suffix = format!("-{number}");
        candidate = cut(MAX_NAME - suffix.len()) + &suffix;
        number += 1;
    }
    candidate
}

/// An Interface-ID as leasebook.toml writes it: text, or hex after 0x where it is not plain.
fn interface_id(octets: &[u8]) -> String {
    let plain = octets
        .iter()
        .all(|octet| octet.is_ascii_graphic() || *octet == b' ');
    let mut text = String::new();
    match std::str::from_utf8(octets) {
        Ok(id) if plain && !id.starts_with("0x") => text.push_str(id),
        _ => {
            text.push_str("0x");
            push_hex(octets, &mut text);
        }
    }
    let mut quoted = String::new();
    push_string(&text, &mut quoted);
    quoted
}

fn quoted(value: &impl std::fmt::Display) -> String {
    format!("\"{value}\"")
}

/// The same without repetitions, in the same order.
fn unique(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    values.filter(|value| seen.insert(value.clone())).collect()
}

fn push_list(key: &str, values: impl IntoIterator<Item = String>, out: &mut String) {
    let values: Vec<String> = values.into_iter().collect();
    let _ = writeln!(out, "{key} = [{}]", values.join(", "));
}

/// A basic string of TOML.
fn push_string(text: &str, out: &mut String) {
    out.push('"');
    for sign in text.chars() {
        match sign {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            sign if sign.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(sign));
            }
            sign => out.push(sign),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests;
