//! What is allowed but probably not meant.

use std::collections::HashMap;
use std::net::Ipv6Addr;
use std::ops::Range;

use ipnet::{IpNet, Ipv6Net};

use super::error::Findings;
use super::file::File;
use super::runtime::{Config, Unlisted};
use crate::text::duration;

mod dhcp;
mod idle;

/// The most warnings of one kind; beyond, their number is told.
const MAX_OF_A_KIND: usize = 20;

/// Looks for what is doubtful in a file that is right.
pub(super) fn warn(file: &File, config: &Config, findings: &mut Findings<'_>) {
    timers(file, config, findings);
    exposure(file, config, findings);
    rights(file, config, findings);
    if config.links.is_empty() {
        findings.doubtful(
            0..0,
            "no [[link]] is configured: every query that names a link will get NotConfigured, \
             and leases cannot be imported",
        );
    }
    relay_addresses(file, findings);
    let nets = Nets::of(file);
    nets.nested_on_link(findings);
    nets.delegated_on_link(findings);
    nets.delegated_twice(findings);
    dhcp::warn(file, config, findings);
    idle::warn(file, config, findings);
}

/// BLQ-S-008: timers below the preset's default.
fn timers(file: &File, config: &Config, findings: &mut Findings<'_>) {
    let default = config.timers.data_timeout();
    let both = [
        (
            "data-timeout",
            &config.bulk.data_timeout,
            file.bulk.data_timeout.as_ref().map(toml::Spanned::span),
        ),
        (
            "idle-timeout",
            &config.bulk.idle_timeout,
            file.bulk.idle_timeout.as_ref().map(toml::Spanned::span),
        ),
    ];
    for (name, value, span) in both {
        if let Some(span) = span
            && *value < default
        {
            findings.doubtful(
                span,
                format!(
                    "{name} is {}, below the default of {}: requestors that pause for \
                     longer are cut off",
                    duration::show(*value),
                    duration::show(default)
                ),
            );
        }
    }
}

/// What can be reached from elsewhere without any protection.
fn exposure(file: &File, config: &Config, findings: &mut Findings<'_>) {
    if let (Some(address), Some(written)) = (config.metrics, &file.metrics.listen)
        && !address.ip().is_loopback()
    {
        findings.doubtful(
            written.span(),
            format!(
                "anyone who reaches {address} can read the counters; 127.0.0.1 or ::1 is safer"
            ),
        );
    }
    let all = |net: &IpNet| net.prefix_len() == 0;
    for entry in &file.bulk.allow {
        if let Some(source) = &entry.get_ref().source
            && all(&source.get_ref().0)
        {
            findings.doubtful(
                source.span(),
                format!(
                    "{} lets everyone ask who has which lease; list the relays instead",
                    source.get_ref().0
                ),
            );
        }
    }
}

/// Rights that have no effect.
fn rights(file: &File, config: &Config, findings: &mut Findings<'_>) {
    for (entry, allow) in file.bulk.allow.iter().zip(&config.bulk.allow) {
        let off: Vec<&str> = allow
            .types
            .iter()
            .filter(|kind| !config.bulk.types.contains(*kind))
            .map(super::QueryKind::name)
            .collect();
        // Without a list of its own an entry means whatever is switched on.
        if !off.is_empty() && entry.get_ref().types.is_some() {
            findings.doubtful(
                entry.span(),
                format!(
                    "{} may ask {}, but that is switched off in bulk.types",
                    allow.source,
                    off.join(", ")
                ),
            );
        }
    }
    if config.bulk.unlisted == Unlisted::Refuse
        && config.bulk.allow.is_empty()
        && let Some(written) = &file.bulk.unlisted
    {
        findings.doubtful(
            written.span(),
            "unlisted sources are told NotAllowed, but no source is listed: only loopback may ask",
        );
    }
}

/// Relay addresses that two links name.
fn relay_addresses(file: &File, findings: &mut Findings<'_>) {
    let mut first_at: HashMap<Ipv6Addr, usize> = HashMap::new();
    let mut found = Vec::new();
    for link in &file.link {
        for written in link.get_ref().relay_addresses.iter().flatten() {
            let address = written.get_ref().0;
            let line = findings.line_of(written.span());
            if let Some(first) = first_at.get(&address) {
                found.push((
                    written.span(),
                    format!(
                        "relay address {address} stands in line {first} too: a query for it \
                         tells the bindings of both links"
                    ),
                ));
            } else {
                first_at.insert(address, line);
            }
        }
    }
    tell(found, "relay addresses of several links", findings);
}

/// Tells the first few of a kind, and how many more there are.
fn tell(mut found: Vec<(Range<usize>, String)>, kind: &str, findings: &mut Findings<'_>) {
    found.sort_by_key(|(span, _)| span.start);
    let more = found.len().saturating_sub(MAX_OF_A_KIND);
    let last = found.last().map(|(span, _)| span.clone());
    for (span, what) in found.into_iter().take(MAX_OF_A_KIND) {
        findings.doubtful(span, what);
    }
    if let Some(span) = last
        && more > 0
    {
        findings.doubtful(span, format!("and {more} more {kind}"));
    }
}

/// A prefix of a link with its place.
struct Placed {
    /// The prefix.
    net: Ipv6Net,
    /// The link's place in the file.
    link: usize,
    /// Where it is written.
    span: Range<usize>,
}

/// Every prefix of every link, each list sorted so that outer ones come before inner ones.
struct Nets<'a> {
    /// On-link prefixes.
    on_link: Vec<Placed>,
    /// Prefix pools.
    delegated: Vec<Placed>,
    /// For the links' names.
    file: &'a File,
}

impl<'a> Nets<'a> {
    /// Collects and sorts.
    fn of(file: &'a File) -> Self {
        let mut on_link = Vec::new();
        let mut delegated = Vec::new();
        for (link, entry) in file.link.iter().enumerate() {
            for written in entry.get_ref().on_link.iter().flatten() {
                let (net, span) = (written.get_ref().0, written.span());
                on_link.push(Placed { net, link, span });
            }
            for pool in &entry.get_ref().prefix_pool {
                if let Some(written) = &pool.get_ref().prefix {
                    let (net, span) = (written.get_ref().0, written.span());
                    delegated.push(Placed { net, link, span });
                }
            }
        }
        for list in [&mut on_link, &mut delegated] {
            list.sort_by_key(|one| (one.net.network(), one.net.prefix_len(), one.span.start));
        }
        Self {
            on_link,
            delegated,
            file,
        }
    }

    /// A link's name.
    fn name(&self, link: usize) -> &str {
        self.file
            .link
            .get(link)
            .and_then(|entry| entry.get_ref().name.as_ref())
            .map_or("?", |name| name.get_ref().as_str())
    }

    /// On-link prefixes of one link in, or equal to, those of another.
    fn nested_on_link(&self, findings: &mut Findings<'_>) {
        let found = overlaps(&self.on_link)
            .map(|(outer, inner)| {
                let (first, second) = (self.name(outer.link), self.name(inner.link));
                let what = if outer.net == inner.net {
                    format!(
                        "on-link prefix {} is on link `{first}` too: a query for it tells the \
                         bindings of both links",
                        inner.net
                    )
                } else {
                    format!(
                        "on-link prefix {} of link `{second}` lies within {} of link `{first}`: \
                         the longer one decides",
                        inner.net, outer.net
                    )
                };
                (inner.span.clone(), what)
            })
            .collect();
        tell(found, "overlapping on-link prefixes", findings);
    }

    /// Prefix pools that overlap on-link prefixes.
    fn delegated_on_link(&self, findings: &mut Findings<'_>) {
        let mut both: Vec<(&Placed, bool)> = self
            .on_link
            .iter()
            .map(|net| (net, false))
            .chain(self.delegated.iter().map(|net| (net, true)))
            .collect();
        both.sort_by_key(|(one, pool)| (one.net.network(), one.net.prefix_len(), *pool));
        let mut open: Vec<(&Placed, bool)> = Vec::new();
        let mut found = Vec::new();
        for (one, is_pool) in both {
            open.retain(|(outer, _)| outer.net.contains(&one.net));
            if let Some((outer, _)) = open
                .iter()
                .rev()
                .find(|(_, outer_pool)| *outer_pool != is_pool)
            {
                let (pool, on_link) = if is_pool {
                    (one, *outer)
                } else {
                    (*outer, one)
                };
                found.push((
                    pool.span.clone(),
                    format!(
                        "prefix pool {} of link `{}` overlaps on-link prefix {} of link `{}`",
                        pool.net,
                        self.name(pool.link),
                        on_link.net,
                        self.name(on_link.link)
                    ),
                ));
            }
            open.push((one, is_pool));
        }
        tell(found, "prefix pools inside on-link prefixes", findings);
    }

    /// Prefix pools of two links that overlap.
    fn delegated_twice(&self, findings: &mut Findings<'_>) {
        let found = overlaps(&self.delegated)
            .map(|(outer, inner)| {
                (
                    inner.span.clone(),
                    format!(
                        "prefix pool {} of link `{}` overlaps {} of link `{}`",
                        inner.net,
                        self.name(inner.link),
                        outer.net,
                        self.name(outer.link)
                    ),
                )
            })
            .collect();
        tell(found, "overlapping prefix pools", findings);
    }
}

/// Each prefix that lies within one of another link, with the nearest such.
///
/// Prefixes either nest or are apart, so the ones still open around the current one are a
/// stack: one pass over the sorted list finds all.
fn overlaps(sorted: &[Placed]) -> impl Iterator<Item = (&Placed, &Placed)> {
    let mut open: Vec<&Placed> = Vec::new();
    sorted.iter().filter_map(move |inner| {
        while open
            .last()
            .is_some_and(|outer| !outer.net.contains(&inner.net))
        {
            open.pop();
        }
        let outer = open
            .iter()
            .rev()
            .find(|outer| outer.link != inner.link)
            .copied();
        open.push(inner);
        outer.map(|outer| (outer, inner))
    })
}
