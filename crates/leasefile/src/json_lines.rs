//! leasebook's own lease file: one binding a line, as a JSON object.
//!
//! What `leases export` writes and `leases import` reads back without loss:
//! ```text
//! {"link":1,"client":"00:03:00:01:02:01:00:00:00:00",
//!  "leases":[{"prefix":"3fff:100::/56","ia":"pd","iaid":1,"state":"bound",
//!             "clt":1795443623,"preferred":432000,"valid":864000},
//!            {"address":"3fff::1:0:0","ia":"na","iaid":1,...}],
//!  "relay":{"peer":"3fff::1","chain":"0c00..."},
//!  "options":"0027..."}
//! ```
//! (on one line). `clt` is Unix seconds; lifetimes are seconds as granted at `clt`,
//! 4294967295 is infinity. `chain` is the Relay-Forward chain as OPTION_LQ_RELAY_DATA has
//! it and `options` are DHCPv6 options in wire form, both in hex; both may be missing.
//! Unknown keys are errors. Lines count in their order: a lease told twice is as the later line says.

use std::io::{self, Read, Write};
use std::net::Ipv6Addr;
use std::path::Path;
use std::sync::Arc;

use leasebook_store::{Binding, IaKind, Lease, LeaseName, LeaseState, LinkId, RelayData};
use leasebook_wire::chain::RelayPath;
use leasebook_wire::code::DEFAULT_NESTING_LIMIT;
use leasebook_wire::options::Options;
use leasebook_wire::{Duid, ParseError};
use serde::{Deserialize, Serialize};

use crate::lines::{Lines, MAX_LINE_OCTETS};
use crate::problem::{Effect, Fault, Problem, ReadError, Report};
use crate::row::{LeaseRow, LinkHint};
use crate::text::{excerpt, parse_hex, parse_octets, push_colon_hex, push_hex};

/// A line as it stands in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BindingLine {
    link: u32,
    client: String,
    leases: Vec<LeaseObject>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    relay: Option<RelayObject>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    options: String,
}

/// A lease of a line: it has either an address or a prefix.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeaseObject {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<Ipv6Addr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    ia: IaWord,
    iaid: u32,
    state: StateWord,
    clt: u64,
    preferred: u32,
    valid: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RelayObject {
    peer: Ipv6Addr,
    chain: String,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum IaWord {
    Na,
    Ta,
    Pd,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StateWord {
    Bound,
    Declined,
    Released,
    Reclaimed,
    Registered,
}

/// Writes one binding as one line.
///
/// # Errors
/// What `out` says.
pub fn write_binding(out: &mut impl Write, binding: &Binding) -> io::Result<()> {
    let mut client = String::new();
    push_colon_hex(binding.client.octets(), &mut client);
    let mut options = String::new();
    push_hex(&binding.options, &mut options);
    let line = BindingLine {
        link: binding.link.0,
        client,
        leases: binding.leases.iter().map(lease_object).collect(),
        relay: binding.relay.as_ref().map(|relay| {
            let mut chain = String::new();
            push_hex(&relay.chain, &mut chain);
            RelayObject {
                peer: relay.peer,
                chain,
            }
        }),
        options,
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

fn lease_object(lease: &Lease) -> LeaseObject {
    let (address, prefix) = match lease.name {
        LeaseName::Address(address) => (Some(address), None),
        name @ LeaseName::Prefix { .. } => (None, Some(name.to_string())),
    };
    LeaseObject {
        address,
        prefix,
        ia: match lease.kind {
            IaKind::Na => IaWord::Na,
            IaKind::Ta => IaWord::Ta,
            IaKind::Pd => IaWord::Pd,
        },
        iaid: lease.iaid,
        state: match lease.state {
            LeaseState::Bound => StateWord::Bound,
            LeaseState::Declined => StateWord::Declined,
            LeaseState::Released => StateWord::Released,
            LeaseState::Reclaimed => StateWord::Reclaimed,
            LeaseState::Registered => StateWord::Registered,
        },
        clt: lease.clt,
        preferred: lease.preferred,
        valid: lease.valid,
    }
}

/// Reads a file of leasebook's own format, binding by binding or lease by lease.
pub struct JsonLinesReader<R> {
    file: Arc<Path>,
    lines: Lines<R>,
    /// The binding whose leases [`Self::next`] is giving, and how many it gave.
    current: Option<(u64, Binding)>,
    given: usize,
}

impl<R: Read> JsonLinesReader<R> {
    /// A reader of `source`; `file` names it in problems.
    pub fn new(file: Arc<Path>, source: R) -> Self {
        Self {
            file,
            lines: Lines::new(source),
            current: None,
            given: 0,
        }
    }

    /// Octets of the file read so far, for showing progress.
    pub fn octets_read(&self) -> u64 {
        self.lines.octets()
    }

    /// The next binding and the line it is on; `None` at the end of the file.
    ///
    /// # Errors
    /// If reading fails. Lines that are no binding go to `report`.
    pub fn next_binding(
        &mut self,
        report: &mut Report<'_>,
    ) -> Result<Option<(u64, Binding)>, ReadError> {
        loop {
            let line = match self.lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => return Ok(None),
                Err(source) => {
                    return Err(ReadError::Io {
                        doing: "read",
                        file: self.file.to_path_buf(),
                        source,
                    });
                }
            };
            let mut tell = |field, fault| {
                report(Problem {
                    file: Arc::clone(&self.file),
                    line: line.number,
                    field,
                    fault,
                    effect: Effect::Skipped,
                });
            };
            if line.too_long {
                let limit = MAX_LINE_OCTETS;
                tell(None, Fault::LineTooLong { limit });
            } else if !line.text.trim_ascii().is_empty() {
                match parse_line(line.text) {
                    Ok(binding) => return Ok(Some((line.number, binding))),
                    Err(_) if !line.ended => tell(None, Fault::TornBlock),
                    Err((field, fault)) => tell(field, fault),
                }
            }
        }
    }

    /// Fills `row` with the next lease; false at the end of the file.
    ///
    /// # Errors
    /// If reading fails. Lines that are no binding go to `report`.
    pub fn next(&mut self, row: &mut LeaseRow, report: &mut Report<'_>) -> Result<bool, ReadError> {
        loop {
            if let Some((line, binding)) = &self.current
                && let Some(lease) = binding.leases.get(self.given)
            {
                self.given += 1;
                fill_row(row, *line, binding, lease);
                return Ok(true);
            }
            self.given = 0;
            self.current = self.next_binding(report)?;
            if self.current.is_none() {
                return Ok(false);
            }
        }
    }
}

/// What is wrong with a line, and under which key.
type KeyFault = (Option<&'static str>, Fault);

/// A line as a binding.
fn parse_line(text: &[u8]) -> Result<Binding, KeyFault> {
    let line: BindingLine =
        serde_json::from_slice(text).map_err(|error| (None, Fault::Json(error.to_string())))?;
    let mut client = Vec::new();
    let client = parse_octets(line.client.as_bytes(), &mut client)
        .and_then(|()| Duid::new(&client).ok())
        .ok_or_else(|| {
            let value = excerpt(line.client.as_bytes());
            (Some("client"), Fault::NotADuid { value })
        })?;
    let mut leases = Vec::with_capacity(line.leases.len());
    for lease in &line.leases {
        leases.push(parse_lease(lease)?);
    }
    let relay = match line.relay {
        None => None,
        Some(relay) => Some(RelayData {
            peer: relay.peer,
            chain: parse_chain(&relay.chain)?,
        }),
    };
    Ok(Binding {
        link: LinkId(line.link),
        client,
        leases,
        relay,
        options: parse_options(&line.options)?,
    })
}

/// The chain as OPTION_LQ_RELAY_DATA has it: what the store is to hand out as it is.
fn parse_chain(text: &str) -> Result<Vec<u8>, KeyFault> {
    let chain = parse_hex_key("chain", text)?;
    RelayPath::parse(&chain, DEFAULT_NESTING_LIMIT)
        .map_err(|error| not_wire("chain", "a chain of Relay-Forward messages", &error))?;
    Ok(chain)
}

fn parse_options(text: &str) -> Result<Vec<u8>, KeyFault> {
    let options = parse_hex_key("options", text)?;
    Options::parse(&options, 0)
        .map_err(|error| not_wire("options", "a list of DHCPv6 options", &error))?;
    Ok(options)
}

fn not_wire(key: &'static str, expected: &'static str, error: &ParseError) -> KeyFault {
    let fault = error.to_string();
    (Some(key), Fault::NotWire { expected, fault })
}

fn parse_lease(lease: &LeaseObject) -> Result<Lease, KeyFault> {
    let name = match (lease.address, &lease.prefix) {
        (Some(address), None) => LeaseName::Address(address),
        (None, Some(prefix)) => parse_prefix(prefix).ok_or_else(|| {
            let (value, expected) = (excerpt(prefix.as_bytes()), "a prefix like 2001:db8::/56");
            (Some("prefix"), Fault::NotOneOf { value, expected })
        })?,
        _ => return Err((Some("address or prefix"), Fault::Missing)),
    };
    let kind = match lease.ia {
        IaWord::Na => IaKind::Na,
        IaWord::Ta => IaKind::Ta,
        IaWord::Pd => IaKind::Pd,
    };
    if (kind == IaKind::Pd) != matches!(name, LeaseName::Prefix { .. }) {
        let (value, expected) = (name.to_string(), "what its kind of IA holds");
        return Err((Some("ia"), Fault::NotOneOf { value, expected }));
    }
    Ok(Lease {
        name,
        kind,
        iaid: lease.iaid,
        state: match lease.state {
            StateWord::Bound => LeaseState::Bound,
            StateWord::Declined => LeaseState::Declined,
            StateWord::Released => LeaseState::Released,
            StateWord::Reclaimed => LeaseState::Reclaimed,
            StateWord::Registered => LeaseState::Registered,
        },
        clt: lease.clt,
        preferred: lease.preferred,
        valid: lease.valid,
    })
}

fn parse_prefix(text: &str) -> Option<LeaseName> {
    let (prefix, len) = text.split_once('/')?;
    LeaseName::prefix(prefix.parse().ok()?, len.parse().ok()?)
}

fn parse_hex_key(key: &'static str, text: &str) -> Result<Vec<u8>, KeyFault> {
    let mut octets = Vec::new();
    parse_hex(text.as_bytes(), &mut octets).ok_or_else(|| {
        let (value, expected) = (excerpt(text.as_bytes()), "octets in hex");
        (Some(key), Fault::NotOneOf { value, expected })
    })?;
    Ok(octets)
}

fn fill_row(row: &mut LeaseRow, line: u64, binding: &Binding, lease: &Lease) {
    row.line = line;
    row.lease = lease.name;
    row.kind = lease.kind;
    row.iaid = lease.iaid;
    row.client.clear();
    row.client.extend_from_slice(binding.client.octets());
    row.link = LinkHint::Link(binding.link.0);
    row.clt = lease.clt;
    row.preferred = lease.preferred;
    row.valid = lease.valid;
    row.state = lease.state;
    row.relay.clone_from(&binding.relay);
    row.hostname.clear();
    row.fqdn_forward = false;
    row.fqdn_reverse = false;
    row.hardware = None;
    row.options.clone_from(&binding.options);
    row.deleted = false;
}

#[cfg(test)]
mod tests;
