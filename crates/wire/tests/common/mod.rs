//! What the tests of this crate share: recorded streams, hex, and strategies for valid options.
#![allow(dead_code, reason = "each test uses its part")]

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};

use leasebook_wire::code::{MessageType, OptionCode, QueryType, StatusCode};
use leasebook_wire::option::{
    Auth, ClientLinkLayerAddr, IaAddr, IaPrefix, StatusCodeOption, mask_prefix,
};
use leasebook_wire::{ComposeError, Composer, Options, Xid};
use proptest::collection::vec;
use proptest::prelude::*;

/// Octets from hex with any white space in it.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter(|c| !c.is_whitespace()).collect();
    assert!(digits.len().is_multiple_of(2), "half an octet in {text}");
    let octet = |pair: &[char]| pair.iter().collect::<String>();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&octet(pair), 16).expect("hex"))
        .collect()
}

/// Octets as hex, for comparing with what a test says.
pub(crate) fn to_hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// The recorded streams whose names end so, by name; framing included.
pub(crate) fn recorded_streams(ending: &str) -> Vec<(String, Vec<u8>)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let mut paths: Vec<PathBuf> = ["kea-3.3.1", "kea-3.3.1-many"]
        .iter()
        .flat_map(|recording| fs::read_dir(data.join(recording)).expect("recordings"))
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    paths.sort();
    assert!(paths.len() > 10, "recordings are missing");
    paths
        .into_iter()
        .map(|path| {
            let octets = fs::read(&path).expect("readable");
            (path.display().to_string(), octets)
        })
        .collect()
}

/// The messages of a stream, cut apart without the code under test.
pub(crate) fn frames(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let [high, low, rest @ ..] = stream {
        let (message, rest) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        frames.push(message.to_vec());
        stream = rest;
    }
    frames
}

/// What `write` composes, alone.
pub(crate) fn composed(
    write: impl FnOnce(&mut Composer<'_>) -> Result<(), ComposeError>,
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut composer = Composer::bare(&mut out);
    write(&mut composer).expect("fits");
    composer.finish().expect("fits");
    out
}

/// A message of the client/server form with any valid options.
pub(crate) fn any_message() -> impl Strategy<Value = Vec<u8>> {
    (any::<u8>(), any::<[u8; 3]>(), options(any_option(), 6)).prop_map(|(kind, xid, options)| {
        // A relay's message has another form.
        let kind = if matches!(kind, 12 | 13) { 1 } else { kind };
        let mut octets = vec![kind];
        octets.extend(xid);
        octets.extend(options);
        octets
    })
}

/// A RELAY-FORW around RELAY-FORWs around a message, up to eight deep.
pub(crate) fn any_chain() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let level = (
        any::<u8>(),
        address(),
        address(),
        options(opaque_option(), 2),
    );
    (any_message(), vec(level, 0..8)).prop_map(|(message, levels)| {
        let depth = levels.len();
        let wrapped = levels.into_iter().fold(message, |inner, level| {
            let (hops, link, peer, before) = level;
            let mut octets = vec![MessageType::RELAY_FORW.0, hops];
            octets.extend(link.octets());
            octets.extend(peer.octets());
            octets.extend(before);
            octets.extend(composed(|c| c.option(OptionCode::RELAY_MSG, &inner)));
            octets.extend(composed(|c| c.option(OptionCode::INTERFACE_ID, b"behind")));
            octets
        });
        (depth, wrapped)
    })
}

/// Octets of a list of options.
pub(crate) fn options(
    option: impl Strategy<Value = Vec<u8>>,
    most: usize,
) -> impl Strategy<Value = Vec<u8>> {
    vec(option, 0..=most).prop_map(|options| options.concat())
}

/// Octets of one option, header included, whose body fits its format.
pub(crate) fn any_option() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        flat_option(),
        association(),
        opaque_option(),
        query_option()
    ]
}

fn address() -> impl Strategy<Value = Ipv6Addr> {
    any::<u128>().prop_map(Ipv6Addr::from_bits)
}

/// IAs with leases in them.
pub(crate) fn association() -> impl Strategy<Value = Vec<u8>> {
    let numbers = any::<[u32; 3]>();
    (0..3, numbers, options(lease(), 3)).prop_map(|(kind, [iaid, t1, t2], leases)| {
        composed(|c| {
            let write = |c: &mut Composer<'_>| {
                c.put(&leases);
                Ok(())
            };
            match kind {
                0 => c.ia_na(iaid, [t1, t2], write),
                1 => c.ia_pd(iaid, [t1, t2], write),
                _ => c.ia_ta(iaid, write),
            }
        })
    })
}

/// IAADDR and IAPREFIX, with and without a status.
pub(crate) fn lease() -> impl Strategy<Value = Vec<u8>> {
    let numbers = any::<[u32; 2]>();
    (address(), 0..=128_u8, numbers, options(status(), 1)).prop_map(
        |(address, len, times, inner)| {
            let [preferred_lifetime, valid_lifetime] = times;
            let options = Options::parse(&inner, 0).expect("valid");
            composed(|c| {
                if times[0] % 2 == 0 {
                    return c.add(&IaAddr {
                        address,
                        preferred_lifetime,
                        valid_lifetime,
                        options,
                    });
                }
                c.add(&IaPrefix {
                    preferred_lifetime,
                    valid_lifetime,
                    prefix_len: len,
                    prefix: mask_prefix(address, len),
                    options,
                })
            })
        },
    )
}

fn status() -> impl Strategy<Value = Vec<u8>> {
    (any::<u16>(), "[ -~äß€]{0,20}").prop_map(|(code, message)| {
        composed(|c| c.add(&StatusCodeOption::new(StatusCode(code), &message)))
    })
}

/// Options of RFC 8415 and 3646 that have nothing in them.
pub(crate) fn flat_option() -> impl Strategy<Value = Vec<u8>> {
    let duid = (1..=2_u16, vec(any::<u8>(), 1..=130));
    let fixed = prop_oneof![
        Just((7_u16, 1)),
        Just((8, 2)),
        Just((12, 16)),
        Just((14, 0)),
        Just((20, 0)),
        Just((32, 4)),
        Just((82, 4)),
        Just((83, 4)),
    ];
    prop_oneof![
        status(),
        duid.prop_map(|(code, duid)| composed(|c| c.option(OptionCode(code), &duid))),
        (fixed, any::<[u8; 16]>())
            .prop_map(|((code, len), data)| composed(|c| c.option(OptionCode(code), &data[..len]))),
        vec(any::<u16>(), 0..8).prop_map(|codes| {
            let codes: Vec<_> = codes.into_iter().map(OptionCode).collect();
            composed(|c| c.oro(&codes))
        }),
        vec(address(), 0..3).prop_map(|addresses| composed(|c| c.dns_servers(&addresses))),
        prop_oneof![Just(5_u8), Just(6), Just(11)]
            .prop_map(|kind| composed(|c| c.option(OptionCode::RECONF_MSG, &[kind]))),
        vec("([a-z]{1,9}\\.){0,3}[a-z]{1,63}\\.", 0..3).prop_map(|names| {
            let names: Vec<_> = names.iter().map(|n| n.parse().expect("a name")).collect();
            composed(|c| c.domain_list(&names))
        }),
        (any::<[u8; 3]>(), any::<u64>(), vec(any::<u8>(), 0..20)).prop_map(|(kinds, replay, i)| {
            let auth = Auth {
                protocol: kinds[0] & 1,
                algorithm: kinds[1],
                rdm: kinds[2],
                replay_detection: replay,
                information: &i,
            };
            composed(|c| c.add(&auth))
        }),
        (any::<u32>(), vec(vec(any::<u8>(), 0..9), 1..4)).prop_map(|(enterprise, items)| {
            let items: Vec<&[u8]> = items.iter().map(Vec::as_slice).collect();
            composed(|c| {
                if enterprise % 2 == 0 {
                    c.vendor_class(enterprise, &items)
                } else {
                    c.user_class(&items)
                }
            })
        }),
    ]
}

/// Options no one looks into, known and unknown.
pub(crate) fn opaque_option() -> impl Strategy<Value = Vec<u8>> {
    let code = prop_oneof![Just(18_u16), Just(38), 200..=u16::MAX];
    (code, vec(any::<u8>(), 1..20))
        .prop_map(|(code, data)| composed(|c| c.option(OptionCode(code), &data)))
}

/// Options of leasequery and of relays.
pub(crate) fn query_option() -> impl Strategy<Value = Vec<u8>> {
    let inner = prop_oneof![lease(), opaque_option(), flat_option()];
    let inner = options(inner, 4);
    prop_oneof![
        (any::<u8>(), address(), inner).prop_map(|(kind, link, inner)| {
            composed(|c| {
                let write = |c: &mut Composer<'_>| {
                    c.put(&inner);
                    Ok(())
                };
                match kind % 3 {
                    0 => c.client_data(write),
                    1 => c.lq_query(QueryType(kind), link, write),
                    _ => c.nested(OptionCode::RSOO, write),
                }
            })
        }),
        (prop_oneof![Just(46_u16), 100..=102_u16], any::<[u8; 4]>())
            .prop_map(|(code, age)| composed(|c| c.option(OptionCode(code), &age))),
        vec(address(), 1..4).prop_map(|links| composed(|c| c.lq_client_link(&links))),
        (any::<u16>(), vec(any::<u8>(), 0..9)).prop_map(|(hardware, address)| {
            let hardware = hardware.into();
            composed(|c| {
                c.add(&ClientLinkLayerAddr {
                    hardware,
                    address: &address,
                })
            })
        }),
        vec(any::<u8>(), 5..20).prop_map(|id| composed(|c| c.option(OptionCode::REMOTE_ID, &id))),
        vec(any::<u8>(), 1..=130).prop_map(|id| composed(|c| c.option(OptionCode::RELAY_ID, &id))),
        (0..8_u8, vec("[a-z]{1,63}", 0..4), any::<bool>()).prop_map(|(flags, labels, whole)| {
            let mut data = vec![flags];
            for label in &labels {
                data.push(u8::try_from(label.len()).expect("short"));
                data.extend(label.as_bytes());
            }
            // Four labels of 63 octets are a whole name of 257, so they are cut to three.
            data.truncate(1 + 3 * 64);
            let is_cut = labels.iter().map(|label| 1 + label.len()).sum::<usize>() > 192;
            if whole && !is_cut {
                data.push(0);
            }
            if is_cut {
                data.truncate(1);
            }
            composed(|c| c.option(OptionCode::CLIENT_FQDN, &data))
        }),
        any_chain_data(),
    ]
}

/// LQ_RELAY_DATA with one or two levels.
fn any_chain_data() -> impl Strategy<Value = Vec<u8>> {
    let levels = (any::<u8>(), any::<bool>(), options(opaque_option(), 2));
    (address(), address(), levels).prop_map(|(peer, link, (hops, is_nested, inner))| {
        let level = |around: &[u8]| {
            let mut octets = vec![MessageType::RELAY_FORW.0, hops];
            octets.extend(link.octets());
            octets.extend(peer.octets());
            octets.extend(around);
            octets
        };
        let innermost = level(&inner);
        let chain = if is_nested {
            level(&composed(|c| c.option(OptionCode::RELAY_MSG, &innermost)))
        } else {
            innermost
        };
        composed(|c| c.lq_relay_data(peer, &chain))
    })
}

/// A transaction-id for tests.
pub(crate) const XID: Xid = Xid([1, 2, 3]);
