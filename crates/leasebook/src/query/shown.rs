//! From what a server claims to what is shown.

use std::net::Ipv6Addr;

use leasebook_protocol::Mono;
use leasebook_protocol::requestor::{Claim, Joined, JoinedLease};
use leasebook_wire::Options;
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, OptionCode};
use leasebook_wire::option::LqRelayData;

use crate::show::{INFINITY, RelayPath, Shown, ShownLease, relay_level};

/// Puts a claim into `shown`, whose server stays; its room is used again.
pub(super) fn fill(shown: &mut Shown, claim: &Claim<'_>, asked_link: Option<Ipv6Addr>) {
    shown.client.clear();
    shown.client.extend_from_slice(claim.client());
    shown.clt_age_secs = claim.clt_age();
    shown.leases.clear();
    shown.leases.extend(claim.leases().map(|lease| ShownLease {
        name: lease.name,
        preferred_secs: lease.preferred,
        valid_secs: lease.valid,
        doubtful: lease.is_doubtful,
    }));
    take_options(shown, claim.options());
    shown.link = link(shown, asked_link);
}

/// A joined binding as of `now`; none if all of its leases have ended since.
pub(super) fn joined(
    joined: &Joined<'_>,
    now: Mono,
    servers: &[String],
    asked_link: Option<Ipv6Addr>,
) -> Option<Shown> {
    let mut leases = joined.sorted_leases();
    leases.retain(|lease| left(lease.valid, lease, now) > 0);
    let clt_age_secs = leases
        .iter()
        .map(|lease| lease.clt_age.saturating_add(elapsed(lease, now)))
        .min()?;
    let mut sources: Vec<u16> = leases.iter().map(|lease| lease.server.0).collect();
    sources.sort_unstable();
    sources.dedup();
    let names = sources
        .iter()
        .filter_map(|source| servers.get(usize::from(*source)));
    let mut shown = Shown {
        server: names.cloned().collect::<Vec<_>>().join(", "),
        client: joined.client().to_vec(),
        leases: leases
            .iter()
            .map(|lease| ShownLease {
                name: lease.name,
                preferred_secs: left(lease.preferred, lease, now),
                valid_secs: left(lease.valid, lease, now),
                doubtful: lease.is_doubtful,
            })
            .collect(),
        clt_age_secs,
        ..Shown::default()
    };
    take_options(&mut shown, joined.options());
    shown.link = joined.link_address().or(link(&shown, asked_link));
    Some(shown)
}

/// Whole seconds since the lease's message arrived.
fn elapsed(lease: &JoinedLease, now: Mono) -> u32 {
    u32::try_from(now.since(lease.arrived.mono).as_secs()).unwrap_or(u32::MAX)
}

/// What is left of a lifetime now; infinity stays (BLQ-R-036, WIRE-028).
fn left(lifetime: u32, lease: &JoinedLease, now: Mono) -> u32 {
    if lifetime == INFINITY {
        lifetime
    } else {
        lifetime.saturating_sub(elapsed(lease, now))
    }
}

/// The link, from the relays, else the one asked for.
fn link(shown: &Shown, asked: Option<Ipv6Addr>) -> Option<Ipv6Addr> {
    shown.relay.as_ref().and_then(RelayPath::link).or(asked)
}

/// Takes relay data apart and keeps all other options that are not leases.
fn take_options(shown: &mut Shown, options: Options<'_>) {
    shown.relay = None;
    shown.options.clear();
    for option in options {
        match option.code {
            OptionCode::CLIENTID
            | OptionCode::IAADDR
            | OptionCode::IAPREFIX
            | OptionCode::CLT_TIME => {}
            OptionCode::LQ_RELAY_DATA => {
                let data = LqRelayData::parse_with_limit(option, DEFAULT_NESTING_LIMIT);
                // Of a repeated option the first counts (WIRE-023).
                if let (None, Ok(data)) = (&shown.relay, data) {
                    shown.relay = Some(relay_path(&data));
                }
            }
            code => shown.options.push((code.0, option.data.to_vec())),
        }
    }
}

fn relay_path(data: &LqRelayData<'_>) -> RelayPath {
    RelayPath {
        peer: data.peer_address,
        levels: data
            .chain
            .levels()
            .map(|level| relay_level(&level))
            .collect(),
    }
}
