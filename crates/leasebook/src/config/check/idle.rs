//! Settings that are right and can never do anything.

use std::collections::HashMap;

use ipnet::Ipv6Net;
use leasebook_protocol::server::config::{AddressPool, Class, Match};
use leasebook_store::LeaseName;
use leasebook_wire::code::OptionCode;
use toml::Spanned;

use super::tell;
use crate::config::error::Findings;
use crate::config::file::{File, ReservationFile};
use crate::config::runtime::Config;

/// Looks for them.
pub(super) fn warn(file: &File, config: &Config, findings: &mut Findings<'_>) {
    of_pools(file, config, findings);
    classes_elsewhere(file, config, findings);
    nobody(file, config, findings);
    relayed(file, findings);
    too_many(file, config, findings);
}

/// What a pool says too late, and pools of which nothing is left.
fn of_pools(file: &File, config: &Config, findings: &mut Findings<'_>) {
    const RAPID: &str = "whether leases are given by two messages is decided before the pool is: \
                         write rapid-commit at the link, a class or a reservation";
    const REFRESH: &str = "only clients without leases are told when to ask again, and they have \
                           no pool: write it at the link or in dhcp.options";
    for (entry, link) in file.link.iter().zip(&config.links) {
        let entry = entry.get_ref();
        let pools = entry.pool.iter().map(Spanned::get_ref);
        let prefix_pools = entry.prefix_pool.iter().map(Spanned::get_ref);
        let rapid = pools.clone().map(|pool| &pool.rapid_commit);
        let rapid = rapid.chain(prefix_pools.clone().map(|pool| &pool.rapid_commit));
        for written in rapid.flatten() {
            findings.doubtful(written.span(), RAPID);
        }
        let refresh = pools.map(|pool| &pool.options.information_refresh_time);
        let of_prefixes = prefix_pools.map(|pool| &pool.options.information_refresh_time);
        for written in refresh.chain(of_prefixes).flatten() {
            findings.doubtful(written.span(), REFRESH);
        }
        for (written, pool) in entry.pool.iter().zip(&link.pools) {
            if link.exclusions.iter().any(|out| covers(*out, pool)) {
                let what = "all of this pool is among the exclusions: nothing is leased from it";
                findings.doubtful(written.span(), what);
            }
        }
    }
}

/// Whether what is excluded has the whole pool in it.
fn covers(excluded: LeaseName, pool: &AddressPool) -> bool {
    match excluded {
        LeaseName::Address(address) => pool.first == address && pool.last == address,
        LeaseName::Prefix { prefix, len } => Ipv6Net::new(prefix, len)
            .is_ok_and(|net| net.contains(&pool.first) && net.contains(&pool.last)),
    }
}

/// The links that a class is for, where each of its members names one.
fn links_of(class: &Class) -> Option<Vec<&str>> {
    class.members.iter().map(only_link).collect()
}

/// The link that a client must be on for this to hold.
fn only_link(by: &Match) -> Option<&str> {
    match by {
        Match::OnLink(name) => Some(name),
        Match::All(all) => all.iter().find_map(only_link),
        _ => None,
    }
}

/// Classes that are for other links than the one that names them.
fn classes_elsewhere(file: &File, config: &Config, findings: &mut Findings<'_>) {
    let classes = config.classes.iter();
    let places: HashMap<&str, Vec<&str>> = classes
        .filter_map(|class| Some((class.name.as_str(), links_of(class)?)))
        .collect();
    let mut found = Vec::new();
    for (entry, link) in file.link.iter().zip(&config.links) {
        let entry = entry.get_ref();
        let pools = entry.pool.iter().map(|pool| &pool.get_ref().classes);
        let prefix_pools = entry.prefix_pool.iter();
        let prefix_pools = prefix_pools.map(|pool| &pool.get_ref().classes);
        let named = pools.chain(prefix_pools).chain([&entry.allow, &entry.deny]);
        for one in named.flatten().flatten() {
            let elsewhere = places.get(one.get_ref().as_str());
            if elsewhere.is_some_and(|places| !places.contains(&link.name.as_str())) {
                found.push((
                    one.span(),
                    format!(
                        "class `{}` is for clients on other links: nobody on `{}` is in it",
                        one.get_ref(),
                        link.name
                    ),
                ));
            }
        }
    }
    tell(found, "classes of other links", findings);
}

/// Links that answer nobody.
fn nobody(file: &File, config: &Config, findings: &mut Findings<'_>) {
    for (entry, link) in file.link.iter().zip(&config.links) {
        let is_denied = |name: &String| link.deny.contains(name);
        if !link.allow.is_empty() && link.allow.iter().all(is_denied) {
            findings.doubtful(
                entry.span(),
                format!(
                    "every class that link `{}` allows is denied there: nobody gets an answer",
                    link.name
                ),
            );
        }
    }
}

/// Options of an RSOO that no client is told by a relay.
fn relayed(file: &File, findings: &mut Findings<'_>) {
    for written in file.dhcp.rsoo.iter().flatten() {
        let code = u16::try_from(written.get_ref().0).unwrap_or(0);
        if OptionCode(code).is_made_by_servers() {
            findings.doubtful(
                written.span(),
                format!(
                    "{} is made by servers and relays for each other: it is never passed on",
                    OptionCode(code)
                ),
            );
        }
    }
}

/// Reservations of more than a client may hold.
fn too_many(file: &File, config: &Config, findings: &mut Findings<'_>) {
    let most = usize::try_from(config.dhcp.leases_per_client).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    let mut look = |written: &[Spanned<ReservationFile>]| {
        for entry in written {
            let file = entry.get_ref();
            let addresses = file.addresses.as_ref().map_or(0, Vec::len);
            let count = addresses + file.prefixes.as_ref().map_or(0, Vec::len);
            if count > most {
                found.push((
                    entry.span(),
                    format!(
                        "{count} leases are reserved for a client, which may hold {most}: raise \
                         dhcp.leases-per-client"
                    ),
                ));
            }
        }
    };
    look(&file.reservation);
    file.link
        .iter()
        .for_each(|link| look(&link.get_ref().reservation));
    tell(found, "reservations of too many leases", findings);
}
