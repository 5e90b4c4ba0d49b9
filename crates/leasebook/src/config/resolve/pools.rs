//! The pools of a link: apart from each other, on the link, and able to give what they say.

use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use leasebook_protocol::server::config::{AddressPool, Exclude, PrefixPool};
use leasebook_store::binding::mask;
use toml::Spanned;

use super::super::error::Findings;
use super::super::file::{LinkFile, PrefixPoolFile};
use super::super::values::{AddressRange, PoolOrder, Text};
use super::clients::ClassNames;
use super::dhcp;
use super::links::{LINK_LOCAL, MULTICAST, starts_in};

/// The address pools of a link: apart from each other, and on the link.
pub(super) fn addresses(
    file: &LinkFile,
    classes: &ClassNames<'_>,
    findings: &mut Findings<'_>,
) -> Vec<AddressPool> {
    let mut pools: Vec<AddressPool> = Vec::new();
    for entry in &file.pool {
        let pool = entry.get_ref();
        let Some(written) = &pool.addresses else {
            findings.wrong(
                entry.span(),
                "this [[link.pool]] has no addresses; add addresses = \"PREFIX/LENGTH\"",
            );
            continue;
        };
        let range = written.get_ref().0;
        judge_range(file, written, &pools, findings);
        pools.push(AddressPool {
            first: range.first,
            last: range.last,
            order: order(pool.order.as_ref()),
            classes: classes.known(pool.classes.as_ref(), findings),
            settings: dhcp::settings(pool.level(), findings),
        });
    }
    pools
}

/// Whether a range is on the link and apart from the pools before it.
fn judge_range(
    file: &LinkFile,
    written: &Spanned<Text<AddressRange>>,
    pools: &[AddressPool],
    findings: &mut Findings<'_>,
) {
    let range = written.get_ref().0;
    let on_link =
        file.on_link.iter().flatten().any(|net| {
            net.get_ref().0.contains(&range.first) && net.get_ref().0.contains(&range.last)
        });
    if !on_link {
        findings.wrong(
            written.span(),
            format!(
                "the pool {} is within no on-link prefix of its link; add one to on-link",
                range.show()
            ),
        );
    }
    if let Some(other) = pools
        .iter()
        .find(|other| range.first <= other.last && other.first <= range.last)
    {
        let other = AddressRange::of(other);
        findings.wrong(
            written.span(),
            format!(
                "the pool {} overlaps {}; an address can be in one pool only",
                range.show(),
                other.show()
            ),
        );
    }
}

/// The prefix pools of a link: apart from each other.
pub(super) fn prefixes(
    file: &LinkFile,
    classes: &ClassNames<'_>,
    findings: &mut Findings<'_>,
) -> Vec<PrefixPool> {
    let mut pools: Vec<PrefixPool> = Vec::new();
    for entry in &file.prefix_pool {
        let pool = entry.get_ref();
        let (Some(prefix), Some(delegated)) = (&pool.prefix, &pool.delegated_length) else {
            findings.wrong(
                entry.span(),
                "this [[link.prefix-pool]] needs both prefix and delegated-length",
            );
            continue;
        };
        let whole = prefix.get_ref().0;
        // The type's range ends at 128.
        let delegated_len = u8::try_from(delegated.get_ref().0).unwrap_or(128);
        if delegated_len < whole.prefix_len() {
            findings.wrong(
                delegated.span(),
                format!(
                    "a /{delegated_len} cannot be cut out of {whole}; \
                     {} to 128 is needed",
                    whole.prefix_len()
                ),
            );
        }
        judge_whole(prefix, &pools, findings);
        pools.push(PrefixPool {
            prefix: whole,
            delegated_len,
            exclude: exclude(pool, whole, delegated_len, findings),
            order: order(pool.order.as_ref()),
            classes: classes.known(pool.classes.as_ref(), findings),
            settings: dhcp::settings(pool.level(), findings),
        });
    }
    pools
}

/// Whether a prefix can be delegated from, and is apart from the pools before it.
fn judge_whole(
    written: &Spanned<Text<Ipv6Net>>,
    pools: &[PrefixPool],
    findings: &mut Findings<'_>,
) {
    let whole = written.get_ref().0;
    if starts_in(whole, LINK_LOCAL) || starts_in(whole, MULTICAST) {
        findings.wrong(
            written.span(),
            format!("{whole} cannot be delegated: it is link-local or multicast"),
        );
    }
    if let Some(other) = pools
        .iter()
        .find(|other| other.prefix.contains(&whole) || whole.contains(&other.prefix))
    {
        findings.wrong(
            written.span(),
            format!(
                "{whole} overlaps the prefix pool {}; a prefix can be in one pool only",
                other.prefix
            ),
        );
    }
}

/// The part that each delegated prefix leaves out. Source: RFC 6603 §4.2.
fn exclude(
    pool: &PrefixPoolFile,
    whole: Ipv6Net,
    delegated_len: u8,
    findings: &mut Findings<'_>,
) -> Option<Exclude> {
    let written = pool.pd_exclude.as_ref()?;
    let excluded = written.get_ref().0;
    let len = excluded.prefix_len();
    if len <= delegated_len {
        findings.wrong(
            written.span(),
            format!(
                "a /{len} is no part of a delegated /{delegated_len}; a length from {} to 128 \
                 is needed",
                u16::from(delegated_len) + 1
            ),
        );
        return None;
    }
    let address = excluded.network();
    let before = mask(address, delegated_len);
    if before != Ipv6Addr::UNSPECIFIED && !whole.contains(&before) {
        findings.wrong(
            written.span(),
            format!("{excluded} is neither in {whole} nor only bits behind /{delegated_len}"),
        );
    }
    Some(Exclude {
        len,
        bits: address.to_bits() & !before.to_bits(),
    })
}

/// How a lease is chosen.
fn order(written: Option<&Spanned<Text<PoolOrder>>>) -> leasebook_protocol::server::config::Order {
    written.map(|order| order.get_ref().0.0).unwrap_or_default()
}
