//! What is doubtful in what the DHCPv6 server is set to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::Ipv6Addr;
use std::ops::Range;

use leasebook_protocol::server::config::{ConfiguredOption, Match, Reservation, Settings};
use leasebook_store::LeaseName;
use leasebook_store::binding::mask;
use leasebook_wire::code::OptionCode;
use toml::Spanned;

use super::tell;
use crate::config::error::Findings;
use crate::config::file::{File, ReservationFile};
use crate::config::runtime::{Config, LinkConfig};
use crate::config::values::AddressRange;

/// Looks for what is doubtful.
pub(super) fn warn(file: &File, config: &Config, findings: &mut Findings<'_>) {
    pools_twice(file, findings);
    lengths(file, config, findings);
    unused_classes(file, config, findings);
    unicast(file, config, findings);
    let reserved = reserved(file, config);
    outside(&reserved, config, findings);
    reserved_twice(&reserved, findings);
}

/// Address pools of two links that overlap.
fn pools_twice(file: &File, findings: &mut Findings<'_>) {
    let mut pools: Vec<(AddressRange, usize, Range<usize>)> = Vec::new();
    for (link, entry) in file.link.iter().enumerate() {
        for pool in &entry.get_ref().pool {
            if let Some(written) = &pool.get_ref().addresses {
                pools.push((written.get_ref().0, link, written.span()));
            }
        }
    }
    pools.sort_by_key(|(range, _, span)| (range.first, span.start));
    // Of the pools before, the one that reaches farthest, and the farthest of another link: one
    // of them overlaps if any does.
    let mut farthest: [Option<(AddressRange, usize)>; 2] = [None, None];
    let mut found = Vec::new();
    for (range, link, span) in pools {
        let other = farthest
            .iter()
            .flatten()
            .find(|(before, of)| *of != link && before.last >= range.first);
        if let Some((before, of)) = other {
            found.push((
                span,
                format!(
                    "pool {} of link `{}` overlaps {} of link `{}`: an address can be leased on \
                     one link only",
                    range.show(),
                    name(file, link),
                    before.show(),
                    name(file, *of)
                ),
            ));
        }
        let one = Some((range, link));
        match &mut farthest {
            [Some((first, of)), _] if *of == link => {
                if range.last > first.last {
                    *first = range;
                }
            }
            [Some((first, _)), second] if range.last <= first.last => {
                if second.is_none_or(|(second, _)| range.last > second.last) {
                    *second = one;
                }
            }
            [first, second] => {
                *second = *first;
                *first = one;
            }
        }
    }
    tell(found, "overlapping pools", findings);
}

/// A link's name.
fn name(file: &File, link: usize) -> &str {
    file.link
        .get(link)
        .and_then(|entry| entry.get_ref().name.as_ref())
        .map_or("?", |name| name.get_ref().as_str())
}

/// Lengths of a link that none of its pools can delegate.
fn lengths(file: &File, config: &Config, findings: &mut Findings<'_>) {
    for (entry, link) in file.link.iter().zip(&config.links) {
        if let (Some(written), Some(length)) = (
            &entry.get_ref().delegated_length,
            link.settings.delegated_len,
        ) && !link.prefix_pools.is_empty()
            && link
                .prefix_pools
                .iter()
                .all(|pool| pool.prefix.prefix_len() > length)
        {
            findings.doubtful(
                written.span(),
                format!("a /{length} cannot be cut out of any prefix pool of this link"),
            );
        }
    }
}

/// The classes of which others are joined.
fn named_by_classes(config: &Config) -> impl Iterator<Item = &str> {
    fn collect<'a>(by: &'a Match, into: &mut Vec<&'a str>) {
        match by {
            Match::InClass(name) => into.push(name),
            Match::All(all) | Match::Unless(all) => all.iter().for_each(|one| collect(one, into)),
            _ => {}
        }
    }
    let mut names = Vec::new();
    let members = config.classes.iter().flat_map(|class| &class.members);
    members.for_each(|by| collect(by, &mut names));
    names.into_iter()
}

/// Classes that change nothing.
fn unused_classes(file: &File, config: &Config, findings: &mut Findings<'_>) {
    let used: HashSet<&str> = config
        .links
        .iter()
        .flat_map(|link| {
            let pools = link.pools.iter().flat_map(|pool| &pool.classes);
            let prefix_pools = link.prefix_pools.iter().flat_map(|pool| &pool.classes);
            let link = link.allow.iter().chain(&link.deny);
            link.chain(pools).chain(prefix_pools).map(String::as_str)
        })
        .chain(named_by_classes(config))
        .collect();
    let found = file
        .class
        .iter()
        .zip(&config.classes)
        .filter(|(_, class)| {
            class.settings == Settings::default() && !used.contains(class.name.as_str())
        })
        .map(|(entry, class)| {
            (
                entry.span(),
                format!(
                    "class `{}` is never used: no link or pool names it, and it sets nothing",
                    class.name
                ),
            )
        })
        .collect();
    tell(found, "classes never used", findings);
}

/// DHCP-S-057: clients that talk to the server directly, past their relays.
fn unicast(file: &File, config: &Config, findings: &mut Findings<'_>) {
    let told = all_options(config).any(|option| option.code == OptionCode::UNICAST);
    if told && !config.dhcp.obsolete.unicast {
        let span = file.listen.udp.iter().flatten().next().map(Spanned::span);
        findings.doubtful(
            span.unwrap_or(0..0),
            "option 12 tells clients to use unicast, which is dropped: add \"unicast\" to \
             dhcp.obsolete, or take the option away",
        );
    }
    for written in file.dhcp.obsolete.iter().flatten() {
        if told && written.get_ref().0.word() == "unicast" {
            findings.doubtful(
                written.span(),
                "clients that use unicast pass their relays by: bindings keep no newer \
                 relay-id and remote-id, and queries by them tell old ones",
            );
        }
    }
}

/// The options of every level.
fn all_options(config: &Config) -> impl Iterator<Item = &ConfiguredOption> {
    let links = config.links.iter().flat_map(|link| {
        let pools = link.pools.iter().map(|pool| &pool.settings);
        let prefix_pools = link.prefix_pools.iter().map(|pool| &pool.settings);
        let reservations = link.reservations.iter().map(|reserved| &reserved.settings);
        std::iter::once(&link.settings)
            .chain(pools)
            .chain(prefix_pools)
            .chain(reservations)
    });
    let classes = config.classes.iter().map(|class| &class.settings);
    let reservations = config
        .reservations
        .iter()
        .map(|reserved| &reserved.settings);
    std::iter::once(&config.dhcp.settings)
        .chain(classes)
        .chain(reservations)
        .chain(links)
        .flat_map(|settings| &settings.options)
}

/// A reserved lease where it is written.
struct Reserved<'a> {
    /// What is reserved.
    lease: LeaseName,
    /// For whom.
    whom: &'a Match,
    /// On which link; `None` on every one.
    link: Option<&'a LinkConfig>,
    /// Where.
    span: Range<usize>,
}

/// Every reserved lease. The file is right, so its entries are those of the configuration.
fn reserved<'a>(file: &File, config: &'a Config) -> Vec<Reserved<'a>> {
    let mut all = Vec::new();
    collect(&file.reservation, &config.reservations, None, &mut all);
    for (entry, link) in file.link.iter().zip(&config.links) {
        let written = &entry.get_ref().reservation;
        collect(written, &link.reservations, Some(link), &mut all);
    }
    all
}

/// Adds the leases of reservations that stand side by side.
fn collect<'a>(
    written: &[Spanned<ReservationFile>],
    reservations: &'a [Reservation],
    link: Option<&'a LinkConfig>,
    all: &mut Vec<Reserved<'a>>,
) {
    for (entry, reservation) in written.iter().zip(reservations) {
        let file = entry.get_ref();
        let addresses = file.addresses.iter().flatten().map(Spanned::span);
        let prefixes = file.prefixes.iter().flatten().map(Spanned::span);
        for (lease, span) in reservation.leases.iter().zip(addresses.chain(prefixes)) {
            all.push(Reserved {
                lease: *lease,
                whom: &reservation.whom,
                link,
                span,
            });
        }
    }
}

/// Reserved leases that clients would be told do not fit their link, or that are someone else's.
fn outside(reserved: &[Reserved<'_>], config: &Config, findings: &mut Findings<'_>) {
    let on_link = NetSet::of(config.links.iter().flat_map(|link| {
        let nets = link.on_link.iter();
        nets.map(|net| (net.network(), net.prefix_len()))
    }));
    let pooled = NetSet::of(config.links.iter().flat_map(|link| {
        let pools = link.prefix_pools.iter();
        pools.map(|pool| (pool.prefix.network(), pool.prefix.prefix_len()))
    }));
    let mut found = Vec::new();
    for one in reserved {
        let what = match (one.lease, one.link) {
            (LeaseName::Address(address), Some(link)) => {
                let fits = link.on_link.iter().any(|net| net.contains(&address));
                (!fits).then(|| {
                    format!(
                        "{address} is reserved on link `{}`, but in none of its on-link prefixes: \
                         clients would be told NotOnLink",
                        link.name
                    )
                })
            }
            (LeaseName::Address(address), None) => (!on_link.has(address, 128)).then(|| {
                format!("{address} is reserved, but in no link's on-link prefixes: no one gets it")
            }),
            (LeaseName::Prefix { prefix, len }, _) if on_link.has(prefix, len) => Some(format!(
                "{} is reserved for delegation, but lies in an on-link prefix",
                one.lease
            )),
            (LeaseName::Prefix { prefix, len }, None) => (!pooled.has(prefix, len)).then(|| {
                format!(
                    "{} is reserved on every link, but in no prefix pool: no one gets it; \
                     reserve it on its link",
                    one.lease
                )
            }),
            (LeaseName::Prefix { .. }, Some(_)) => None,
        };
        found.extend(what.map(|what| (one.span.clone(), what)));
    }
    tell(found, "reservations outside of their link", findings);
}

/// One lease reserved for two clients.
fn reserved_twice(reserved: &[Reserved<'_>], findings: &mut Findings<'_>) {
    let mut first: HashMap<LeaseName, &Reserved<'_>> = HashMap::new();
    let mut found = Vec::new();
    for one in reserved {
        let before = *first.entry(one.lease).or_insert(one);
        if before.whom != one.whom {
            found.push((
                one.span.clone(),
                format!(
                    "{} is reserved in line {} too: who comes first gets it",
                    one.lease,
                    findings.line_of(before.span.clone())
                ),
            ));
        }
    }
    tell(found, "leases reserved twice", findings);
}

/// Prefixes, to be asked whether one of them is around another.
struct NetSet(BTreeMap<u8, HashSet<Ipv6Addr>>);

impl NetSet {
    /// Collects prefixes of these beginnings and lengths.
    fn of(nets: impl Iterator<Item = (Ipv6Addr, u8)>) -> Self {
        let mut by_length: BTreeMap<u8, HashSet<Ipv6Addr>> = BTreeMap::new();
        for (network, length) in nets {
            by_length.entry(length).or_default().insert(network);
        }
        Self(by_length)
    }

    /// Whether one is around, or is, the prefix of this beginning and length.
    fn has(&self, prefix: Ipv6Addr, length: u8) -> bool {
        self.0
            .range(..=length)
            .any(|(length, networks)| networks.contains(&mask(prefix, *length)))
    }
}
