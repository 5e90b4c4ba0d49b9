//! From the file's types to what the program sees: defaults, ranges, cross checks.

use std::collections::HashMap;
use std::net::{Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::path::PathBuf;

use ipnet::Ipv6Net;
use toml::Spanned;

use super::error::Findings;
use super::file::{AllowFile, BulkFile, File, LinkFile, ListenFile};
use super::runtime::{
    AddressPool, Allow, Bulk, Config, LinkConfig, Listen, Log, PrefixPool, QueryKind, QueryKinds,
    Timers,
};
use super::values::Text;

/// The most characters of a link's name.
const MAX_NAME_CHARACTERS: usize = 64;

/// The configuration a file stands for; what is wrong with it goes to `findings`.
pub(super) fn resolve(file: &File, findings: &mut Findings<'_>) -> Config {
    let default = Config::default();
    let timers = text_or(file.timers.as_ref(), default.timers);
    Config {
        data: data(file, default.data, findings),
        server_id: file
            .server_id
            .as_ref()
            .map(|written| written.get_ref().0.clone()),
        timers,
        sensitive_options: file
            .sensitive_options
            .iter()
            .flatten()
            // The type's range is that of a u16.
            .filter_map(|code| u16::try_from(code.get_ref().0).ok())
            .collect(),
        listen: listen(&file.listen, default.listen, findings),
        bulk: bulk(&file.bulk, &default.bulk, timers, findings),
        metrics: file.metrics.listen.as_ref().map(|at| at.get_ref().0),
        log: Log {
            level: text_or(file.log.level.as_ref(), default.log.level),
            format: text_or(file.log.format.as_ref(), default.log.format),
        },
        links: links(&file.link, findings),
    }
}

/// The value written, or the default.
fn text_or<T: Copy>(written: Option<&Spanned<Text<T>>>, default: T) -> T {
    written.map_or(default, |written| written.get_ref().0)
}

/// The data directory; an empty name would be the working directory by accident.
fn data(file: &File, default: PathBuf, findings: &mut Findings<'_>) -> PathBuf {
    match &file.data {
        None => default,
        Some(written) => {
            if written.get_ref().is_empty() {
                findings.wrong(
                    written.span(),
                    "`data` is empty; name the directory of the store",
                );
            }
            PathBuf::from(written.get_ref())
        }
    }
}

/// The addresses listened on.
fn listen(file: &ListenFile, default: Listen, findings: &mut Findings<'_>) -> Listen {
    let mut seen: HashMap<SocketAddr, usize> = HashMap::new();
    for written in file.tcp.iter().flatten() {
        let address = written.get_ref().0;
        let line = findings.line_of(written.span());
        if let Some(first) = seen.insert(address, line) {
            findings.wrong(
                written.span(),
                format!("{address} is listed twice, first in line {first}; list it once"),
            );
        }
    }
    if let Some(written) = file.udp.iter().flatten().next() {
        findings.wrong(
            written.span(),
            "this version does not serve UDP yet; leave the list empty",
        );
    }
    Listen {
        tcp: file.tcp.as_ref().map_or(default.tcp, |written| {
            written.iter().map(|address| address.get_ref().0).collect()
        }),
        udp: default.udp,
    }
}

/// The limits and rights of the Bulk Leasequery server.
fn bulk(file: &BulkFile, default: &Bulk, timers: Timers, findings: &mut Findings<'_>) -> Bulk {
    let max_connections = file
        .max_connections
        .as_ref()
        .map_or(default.max_connections, |written| written.get_ref().0);
    if let Some(written) = &file.max_connections_per_source
        && written.get_ref().0 > max_connections
    {
        findings.wrong(
            written.span(),
            format!(
                "one source cannot have {} of {max_connections} connections; \
                 it is at most max-connections",
                written.get_ref().0
            ),
        );
    }
    let data_timeout = file
        .data_timeout
        .as_ref()
        .map_or(timers.data_timeout(), |written| written.get_ref().0.0);
    let types = kinds(file.types.as_ref(), default.types, findings);
    Bulk {
        max_connections,
        max_connections_per_source: file
            .max_connections_per_source
            .as_ref()
            .map_or(max_connections, |written| written.get_ref().0),
        queries_per_connection: file
            .queries_per_connection
            .as_ref()
            .map_or(default.queries_per_connection, |written| {
                written.get_ref().0
            }),
        queries_per_source: file
            .queries_per_source
            .as_ref()
            .map_or(default.queries_per_source, |written| written.get_ref().0),
        data_timeout,
        idle_timeout: file
            .idle_timeout
            .as_ref()
            .map_or(data_timeout, |written| written.get_ref().0.0),
        types,
        unlisted: text_or(file.unlisted.as_ref(), default.unlisted),
        allow: allow(&file.allow, types, findings),
    }
}

/// The query types of a list, which must name one at least and none twice.
fn kinds(
    written: Option<&Spanned<Vec<Spanned<Text<QueryKind>>>>>,
    default: QueryKinds,
    findings: &mut Findings<'_>,
) -> QueryKinds {
    let Some(written) = written else {
        return default;
    };
    if written.get_ref().is_empty() {
        findings.wrong(
            written.span(),
            "no query type is left; to switch Bulk Leasequery off, set listen.tcp = []",
        );
    }
    let mut set = QueryKinds::default();
    for kind in written.get_ref() {
        let one = kind.get_ref().0;
        if set.contains(one) {
            findings.wrong(
                kind.span(),
                format!("`{}` is listed twice; list it once", one.name()),
            );
        }
        set = set.iter().chain([one]).collect();
    }
    set
}

/// The sources that may ask.
fn allow(
    written: &[Spanned<AllowFile>],
    default: QueryKinds,
    findings: &mut Findings<'_>,
) -> Vec<Allow> {
    let mut seen = HashMap::new();
    let mut allowed = Vec::with_capacity(written.len());
    for entry in written {
        let Some(source) = &entry.get_ref().source else {
            findings.wrong(
                entry.span(),
                "this [[bulk.allow]] names no source; add source = \"PREFIX\"",
            );
            continue;
        };
        let line = findings.line_of(source.span());
        let net = source.get_ref().0;
        if let Some(first) = seen.insert(net, line) {
            findings.wrong(
                source.span(),
                format!("{net} is allowed twice, first in line {first}; join the two"),
            );
        }
        allowed.push(Allow {
            source: net,
            types: kinds(entry.get_ref().types.as_ref(), default, findings),
        });
    }
    allowed
}

/// What must not be told of two links, with the line where it was told first.
#[derive(Default)]
struct Taken {
    /// Link ids.
    ids: HashMap<u32, usize>,
    /// Link names.
    names: HashMap<String, usize>,
    /// Kea subnet ids.
    subnets: HashMap<u32, usize>,
    /// Interface-IDs.
    interfaces: HashMap<Vec<u8>, usize>,
}

/// The links; those without an id or a name are reported and left out.
fn links(written: &[Spanned<LinkFile>], findings: &mut Findings<'_>) -> Vec<LinkConfig> {
    let mut taken = Taken::default();
    written
        .iter()
        .filter_map(|entry| link(entry, &mut taken, findings))
        .collect()
}

/// One link.
fn link(
    entry: &Spanned<LinkFile>,
    taken: &mut Taken,
    findings: &mut Findings<'_>,
) -> Option<LinkConfig> {
    let file = entry.get_ref();
    let (Some(id), Some(name)) = (&file.id, &file.name) else {
        let missing = if file.id.is_none() { "id" } else { "name" };
        findings.wrong(
            entry.span(),
            format!("this [[link]] has no {missing}; every link needs an id and a name"),
        );
        return None;
    };
    let number = id.get_ref().0;
    once(&mut taken.ids, number, id.span(), findings, |first| {
        format!("link id {number} is taken in line {first}; give each link its own")
    });
    link_name(name, &mut taken.names, findings);
    let link = LinkConfig {
        id: number,
        name: name.get_ref().clone(),
        kea_subnet_ids: subnet_ids(file, id, &mut taken.subnets, findings),
        on_link: on_link(file, findings),
        relay_addresses: relay_addresses(file, findings),
        interface_ids: interface_ids(file, &mut taken.interfaces, findings),
        pools: pools(file, findings),
        prefix_pools: prefix_pools(file, findings),
    };
    if link.on_link.is_empty() && link.relay_addresses.is_empty() && link.interface_ids.is_empty() {
        findings.wrong(
            entry.span(),
            format!(
                "nothing leads to link `{}`; give it on-link prefixes or relay-addresses",
                link.name
            ),
        );
    }
    Some(link)
}

/// Notes where `value` was told first, or reports that it was told before.
fn once<T: std::hash::Hash + Eq>(
    taken: &mut HashMap<T, usize>,
    value: T,
    span: Range<usize>,
    findings: &mut Findings<'_>,
    say: impl FnOnce(usize) -> String,
) {
    let line = findings.line_of(span.clone());
    match taken.get(&value) {
        Some(first) => findings.wrong(span, say(*first)),
        None => {
            taken.insert(value, line);
        }
    }
}

/// Judges a link's name.
fn link_name(
    name: &Spanned<String>,
    names: &mut HashMap<String, usize>,
    findings: &mut Findings<'_>,
) {
    let text = name.get_ref();
    let characters = text.chars().count();
    if characters == 0 || characters > MAX_NAME_CHARACTERS {
        findings.wrong(
            name.span(),
            format!("a name of {characters} characters; 1 to {MAX_NAME_CHARACTERS} are needed"),
        );
    }
    if text.chars().any(char::is_control) {
        findings.wrong(
            name.span(),
            "the name has control characters; use printable ones",
        );
    }
    once(names, text.clone(), name.span(), findings, |first| {
        format!("the name `{text}` is taken in line {first}; give each link its own")
    });
}

/// The Kea subnets of a link; without any written, the one with the link's own id.
fn subnet_ids(
    file: &LinkFile,
    id: &Spanned<super::values::Number<1, 0xffff_fffe>>,
    taken: &mut HashMap<u32, usize>,
    findings: &mut Findings<'_>,
) -> Vec<u32> {
    let written: Vec<(u32, Range<usize>)> = match &file.kea_subnet_ids {
        Some(list) => list
            .iter()
            .map(|subnet| (subnet.get_ref().0, subnet.span()))
            .collect(),
        None => vec![(id.get_ref().0, id.span())],
    };
    for (subnet, span) in &written {
        once(taken, *subnet, span.clone(), findings, |first| {
            format!(
                "Kea subnet {subnet} belongs to the link in line {first} already; \
                 set kea-subnet-ids so that each subnet is on one link"
            )
        });
    }
    written.into_iter().map(|(subnet, _)| subnet).collect()
}

/// The on-link prefixes of a link.
fn on_link(file: &LinkFile, findings: &mut Findings<'_>) -> Vec<Ipv6Net> {
    let mut nets: Vec<Ipv6Net> = Vec::new();
    for written in file.on_link.iter().flatten() {
        let net = written.get_ref().0;
        if starts_in(net, LINK_LOCAL) || starts_in(net, MULTICAST) {
            findings.wrong(
                written.span(),
                format!(
                    "{net} is link-local or multicast and on every link; \
                     list a relay's link-local address in relay-addresses"
                ),
            );
        }
        if nets.contains(&net) {
            findings.wrong(
                written.span(),
                format!("{net} is listed twice; list it once"),
            );
        }
        nets.push(net);
    }
    nets
}

/// The relay addresses of a link.
fn relay_addresses(file: &LinkFile, findings: &mut Findings<'_>) -> Vec<Ipv6Addr> {
    let mut addresses: Vec<Ipv6Addr> = Vec::new();
    for written in file.relay_addresses.iter().flatten() {
        let address = written.get_ref().0;
        if address.is_unspecified() || address.is_multicast() {
            findings.wrong(
                written.span(),
                format!("{address} stands for no relay; write a unicast address"),
            );
        }
        if addresses.contains(&address) {
            findings.wrong(
                written.span(),
                format!("{address} is listed twice; list it once"),
            );
        }
        addresses.push(address);
    }
    addresses
}

/// The Interface-IDs of a link.
fn interface_ids(
    file: &LinkFile,
    taken: &mut HashMap<Vec<u8>, usize>,
    findings: &mut Findings<'_>,
) -> Vec<Vec<u8>> {
    let mut ids = Vec::new();
    for written in file.interface_ids.iter().flatten() {
        let octets = &written.get_ref().0.0;
        once(taken, octets.clone(), written.span(), findings, |first| {
            format!("this Interface-ID stands in line {first} already; it can mean one link only")
        });
        ids.push(octets.clone());
    }
    ids
}

/// The address pools of a link: apart from each other, and on the link.
fn pools(file: &LinkFile, findings: &mut Findings<'_>) -> Vec<AddressPool> {
    let mut pools: Vec<AddressPool> = Vec::new();
    for entry in &file.pool {
        let Some(written) = &entry.get_ref().addresses else {
            findings.wrong(
                entry.span(),
                "this [[link.pool]] has no addresses; add addresses = \"PREFIX/LENGTH\"",
            );
            continue;
        };
        let pool = written.get_ref().0;
        let on_link = file.on_link.iter().flatten().any(|net| {
            net.get_ref().0.contains(&pool.first) && net.get_ref().0.contains(&pool.last)
        });
        if !on_link {
            findings.wrong(
                written.span(),
                format!(
                    "the pool {} is within no on-link prefix of its link; add one to on-link",
                    pool.show()
                ),
            );
        }
        if let Some(other) = pools
            .iter()
            .find(|other| pool.first <= other.last && other.first <= pool.last)
        {
            findings.wrong(
                written.span(),
                format!(
                    "the pool {} overlaps {}; an address can be in one pool only",
                    pool.show(),
                    other.show()
                ),
            );
        }
        pools.push(pool);
    }
    pools
}

/// The prefix pools of a link: apart from each other.
fn prefix_pools(file: &LinkFile, findings: &mut Findings<'_>) -> Vec<PrefixPool> {
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
        let delegated_length = u8::try_from(delegated.get_ref().0).unwrap_or(128);
        if delegated_length < whole.prefix_len() {
            findings.wrong(
                delegated.span(),
                format!(
                    "a /{delegated_length} cannot be cut out of {whole}; \
                     {} to 128 is needed",
                    whole.prefix_len()
                ),
            );
        }
        if starts_in(whole, LINK_LOCAL) || starts_in(whole, MULTICAST) {
            findings.wrong(
                prefix.span(),
                format!("{whole} cannot be delegated: it is link-local or multicast"),
            );
        }
        if let Some(other) = pools
            .iter()
            .find(|other| other.prefix.contains(&whole) || whole.contains(&other.prefix))
        {
            findings.wrong(
                prefix.span(),
                format!(
                    "{whole} overlaps the prefix pool {}; a prefix can be in one pool only",
                    other.prefix
                ),
            );
        }
        pools.push(PrefixPool {
            prefix: whole,
            delegated_length,
        });
    }
    pools
}

/// Whether a prefix lies in, or is, the block whose first 16 bits under a mask are given.
fn starts_in(net: Ipv6Net, (bits, mask, length): (u16, u16, u8)) -> bool {
    net.prefix_len() >= length && net.network().segments()[0] & mask == bits
}

/// fe80::/10: first bits, mask, length. Source: RFC 4291 §2.5.6.
const LINK_LOCAL: (u16, u16, u8) = (0xfe80, 0xffc0, 10);
/// ff00::/8: first bits, mask, length. Source: RFC 4291 §2.7.
const MULTICAST: (u16, u16, u8) = (0xff00, 0xff00, 8);
