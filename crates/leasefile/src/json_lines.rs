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
use leasebook_wire::Duid;
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

/// A line as a binding, or the key and what is wrong with it.
fn parse_line(text: &[u8]) -> Result<Binding, (Option<&'static str>, Fault)> {
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
            chain: parse_hex_key("chain", &relay.chain)?,
        }),
    };
    Ok(Binding {
        link: LinkId(line.link),
        client,
        leases,
        relay,
        options: parse_hex_key("options", &line.options)?,
    })
}

fn parse_lease(lease: &LeaseObject) -> Result<Lease, (Option<&'static str>, Fault)> {
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

fn parse_hex_key(key: &'static str, text: &str) -> Result<Vec<u8>, (Option<&'static str>, Fault)> {
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> (Vec<Binding>, Vec<String>) {
        let mut reader = JsonLinesReader::new(Arc::from(Path::new("x.jsonl")), text);
        let (mut bindings, mut problems) = (Vec::new(), Vec::new());
        let mut report = |problem: Problem| problems.push(problem.to_string());
        while let Some((_, binding)) = reader.next_binding(&mut report).unwrap() {
            bindings.push(binding);
        }
        (bindings, problems)
    }

    const GOOD: &str = r#"{"link":7,"client":"00:03:00:01","leases":[{"address":"2001:db8::1","ia":"na","iaid":1,"state":"bound","clt":17,"preferred":1,"valid":2}]}"#;

    #[test]
    fn reads_a_line_with_the_least_it_needs() {
        let (bindings, problems) = read(format!("{GOOD}\n\n{GOOD}").as_bytes());
        assert_eq!((bindings.len(), problems.len()), (2, 0));
        assert_eq!(bindings[0].link, LinkId(7));
        assert_eq!(bindings[0].relay, None);
    }

    #[test]
    fn names_line_and_key_of_what_is_wrong() {
        let cases = [
            (
                "00:03:00:01",
                "",
                "client: `` is not a DUID of 1 to 130 octets in hex",
            ),
            ("2001:db8::1", "x", "invalid IPv6 address syntax"),
            (
                r#""address":"2001:db8::1","#,
                "",
                "address or prefix: missing",
            ),
            (
                r#""address":"2001:db8::1""#,
                r#""prefix":"2001:db8::/129""#,
                "prefix: `2001:db8::/129` is not a prefix",
            ),
            (
                r#""na""#,
                r#""pd""#,
                "ia: `2001:db8::1` is not what its kind of IA holds",
            ),
            (r#""bound""#, r#""free""#, "unknown variant `free`"),
            (r#""link":7"#, r#""link":7,"lnk":8"#, "unknown field `lnk`"),
            (
                r#""link":7"#,
                r#""link":7,"options":"0""#,
                "options: `0` is not octets in hex",
            ),
        ];
        for (good, bad, expected) in cases {
            let (bindings, problems) =
                read(format!("{}\n{GOOD}\n", GOOD.replacen(good, bad, 1)).as_bytes());
            assert_eq!((bindings.len(), problems.len()), (1, 1), "{expected}");
            assert!(problems[0].starts_with("x.jsonl:1: "), "{problems:?}");
            assert!(problems[0].contains(expected), "{problems:?}");
        }
        let (bindings, problems) = read(format!("{GOOD}\n{}", &GOOD[..50]).as_bytes());
        assert_eq!(bindings.len(), 1);
        assert!(
            problems[0].contains("x.jsonl:2: the file ends within"),
            "{problems:?}"
        );
    }

    #[test]
    fn gives_every_lease_of_a_binding_as_a_row() {
        let two = GOOD.replace("}]", r#"},{"prefix":"2001:db8:1::/56","ia":"pd","iaid":2,"state":"released","clt":18,"preferred":1,"valid":2}]"#);
        let text = format!(
            "{two}\n{}\n{GOOD}\n",
            r#"{"link":7,"client":"00:03:00:02","leases":[]}"#
        );
        let mut reader = JsonLinesReader::new(Arc::from(Path::new("x")), text.as_bytes());
        let mut row = LeaseRow::new();
        let mut seen = Vec::new();
        while reader
            .next(&mut row, &mut |problem| panic!("{problem}"))
            .unwrap()
        {
            seen.push((row.line, row.lease.to_string(), row.clt, row.link));
        }
        let link = LinkHint::Link(7);
        assert_eq!(
            seen,
            [
                (1, "2001:db8::1".to_owned(), 17, link),
                (1, "2001:db8:1::/56".to_owned(), 18, link),
                (3, "2001:db8::1".to_owned(), 17, link)
            ]
        );
    }

    fn leases() -> impl Strategy<Value = Lease> {
        let kind = prop_oneof![Just(IaKind::Na), Just(IaKind::Ta), Just(IaKind::Pd)];
        let state = prop_oneof![
            Just(LeaseState::Bound),
            Just(LeaseState::Declined),
            Just(LeaseState::Released),
            Just(LeaseState::Reclaimed),
            Just(LeaseState::Registered)
        ];
        (
            any::<u128>(),
            0u8..=128,
            kind,
            state,
            any::<(u32, u64, u32, u32)>(),
        )
            .prop_map(|(bits, len, kind, state, (iaid, clt, preferred, valid))| {
                let address = Ipv6Addr::from_bits(bits);
                let name = match kind {
                    IaKind::Pd => LeaseName::prefix(address, len).unwrap(),
                    _ => LeaseName::Address(address),
                };
                Lease {
                    name,
                    kind,
                    iaid,
                    state,
                    clt,
                    preferred,
                    valid,
                }
            })
    }

    fn octets(range: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), range)
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_equal(
            link: u32,
            client in octets(1..131),
            leases in proptest::collection::vec(leases(), 0..5),
            relay in proptest::option::of((any::<u128>(), octets(0..80))),
            options in octets(0..40),
        ) {
            let binding = Binding {
                link: LinkId(link),
                client: Duid::new(&client).unwrap(),
                leases,
                relay: relay.map(|(peer, chain)| RelayData { peer: Ipv6Addr::from_bits(peer), chain }),
                options,
            };
            let mut text = Vec::new();
            write_binding(&mut text, &binding).unwrap();
            prop_assert_eq!(memchr::memchr(b'\n', &text), Some(text.len() - 1));
            let (read, problems) = read(&text);
            prop_assert_eq!(problems, Vec::<String>::new());
            prop_assert_eq!(read, vec![binding]);
        }

        #[test]
        fn no_octets_make_the_reader_panic(text in octets(0..300)) {
            let _ = read(&text);
        }

        #[test]
        fn no_change_of_a_good_line_makes_the_reader_panic(at in 0usize..200, octet: u8) {
            let mut text = GOOD.as_bytes().to_vec();
            let length = text.len();
            text[at % length] = octet;
            let _ = read(&text);
        }
    }
}
