//! From the file's types to what the program sees: defaults, ranges, cross checks.

mod clients;
mod custom;
mod dhcp;
mod links;
mod options;
mod pools;
mod softwire;

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::hash::Hash;
use std::path::PathBuf;

use toml::Spanned;

use super::error::Findings;
use super::file::{AllowFile, BulkFile, File, ListenFile};
use super::runtime::{Allow, Bulk, Config, Listen, Log, QueryKind, QueryKinds, Timers};
use super::values::Text;
pub(super) use options::IRT_MINIMUM_SECS;

/// The configuration a file stands for; what is wrong with it goes to `findings`.
pub(super) fn resolve(file: &File, findings: &mut Findings<'_>) -> Config {
    let default = Config::default();
    let timers = text_or(file.timers.as_ref(), default.timers);
    let classes = clients::ClassNames::of(&file.class);
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
            clients: text_or(file.log.clients.as_ref(), default.log.clients),
        },
        dhcp: dhcp::dhcp(&file.dhcp, &default.dhcp, findings),
        classes: clients::classes(&file.class, &link_names(file), findings),
        reservations: clients::reservations(&file.reservation, "[[reservation]]", findings),
        links: links::links(&file.link, &classes, findings),
    }
}

/// The names of the links.
fn link_names(file: &File) -> HashSet<&str> {
    let names = file.link.iter().filter_map(|entry| {
        let name = entry.get_ref().name.as_ref()?;
        Some(name.get_ref().as_str())
    });
    names.collect()
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
    apart(file.tcp.as_deref(), findings);
    apart(file.udp.as_deref(), findings);
    Listen {
        tcp: sockets(file.tcp.as_ref()).unwrap_or(default.tcp),
        udp: sockets(file.udp.as_ref()).unwrap_or(default.udp),
    }
}

/// Addresses as they are written.
fn sockets<T: Clone>(written: Option<&Vec<Spanned<Text<T>>>>) -> Option<Vec<T>> {
    let written = written?.iter();
    Some(written.map(|address| address.get_ref().0.clone()).collect())
}

/// Reports addresses of one protocol that are listed twice.
fn apart<T: Clone + Eq + Hash + Display>(
    written: Option<&[Spanned<Text<T>>]>,
    findings: &mut Findings<'_>,
) {
    let mut seen: HashMap<T, usize> = HashMap::new();
    for one in written.into_iter().flatten() {
        let address = &one.get_ref().0;
        let line = findings.line_of(one.span());
        if let Some(first) = seen.insert(address.clone(), line) {
            findings.wrong(
                one.span(),
                format!("{address} is listed twice, first in line {first}; list it once"),
            );
        }
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
        queries_per_second: file
            .queries_per_second
            .as_ref()
            .map_or(default.queries_per_second, |written| written.get_ref().0),
        data_timeout,
        idle_timeout: file
            .idle_timeout
            .as_ref()
            .map_or(data_timeout, |written| written.get_ref().0.0),
        types,
        unlisted: text_or(file.unlisted.as_ref(), default.unlisted),
        allow: allow(&file.allow, findings),
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
fn allow(written: &[Spanned<AllowFile>], findings: &mut Findings<'_>) -> Vec<Allow> {
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
            // A type that is switched off is none for anybody: UnknownQueryType, not NotAllowed.
            types: kinds(entry.get_ref().types.as_ref(), QueryKinds::all(), findings),
        });
    }
    allowed
}
