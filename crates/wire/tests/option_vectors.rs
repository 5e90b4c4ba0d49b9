//! One table of options: octets, and the value or the exact error. Values are read from the
//! octets, written back to them, and where a builder exists built to them as well.

mod common;

use std::net::Ipv6Addr;

use common::{composed, hex, to_hex};
use leasebook_wire::code::{HardwareType, MessageType, OptionCode, QueryType, StatusCode};
use leasebook_wire::option::{
    AddrRegEnable, AnyOption, Auth, ClientFqdn, ClientId, ClientLinkLayerAddr, CltTime,
    DomainNameRef, ElapsedTime, IaAddr, IaPrefix, InfMaxRt, InformationRefreshTime, InterfaceId,
    LqBaseTime, LqEndTime, LqStartTime, Preference, RapidCommit, ReconfAccept, ReconfMsg,
    ReconfigureKey, RelayId, RelayPort, RemoteIdRef, ServerId, SolMaxRt, StatusCodeOption,
    SubscriberId, Unicast,
};
use leasebook_wire::{ComposeError, Composer, DuidRef, Options, RawOption};

type Build = fn(&mut Composer<'_>) -> Result<(), ComposeError>;

/// A line of the table of options.
///
/// Octets of one option's data that are valid, how they are shown, and what builds them.
struct Good(OptionCode, &'static str, &'static str, Build);

/// Octets of one option's data that are malformed, and the error of the option at octet 4.
struct Bad(OptionCode, &'static str, &'static str);

/// WIRE-031 WIRE-033 WIRE-034 WIRE-035 WIRE-036 WIRE-037 WIRE-038 WIRE-040 WIRE-041 WIRE-042 WIRE-043 WIRE-044 WIRE-045 WIRE-046 WIRE-047 WIRE-048 WIRE-049 WIRE-050 WIRE-051 WIRE-052 WIRE-053 WIRE-055 WIRE-056 WIRE-057 WIRE-058 WIRE-059 WIRE-060: every option is read, shown, written and built.
#[test]
fn every_option_is_read_and_written() {
    let mut seen = Vec::new();
    for Good(code, octets, shown, build) in GOOD {
        let data = hex(octets);
        let view = AnyOption::parse(RawOption::new(*code, &data, 4));
        let view = view.unwrap_or_else(|error| panic!("{code} {octets}: {error}"));
        assert_eq!(view.to_string(), *shown, "{code} {octets}");
        assert_eq!(view.code(), *code);
        let written = composed(|composer| view.compose(composer));
        assert_eq!(to_hex(&written[4..]), to_hex(&data), "{code} written");
        let built = composed(build);
        assert_eq!(to_hex(&built), to_hex(&written), "{code} built");
        seen.push(*code);
    }
    for code in OptionCode::ALL {
        assert!(seen.contains(code), "no vector for {code}");
    }
}

/// WIRE-016 WIRE-027 WIRE-031 WIRE-035 WIRE-036 WIRE-037 WIRE-038 WIRE-039 WIRE-040 WIRE-041 WIRE-043 WIRE-044 WIRE-045 WIRE-047 WIRE-048 WIRE-049 WIRE-050 WIRE-051 WIRE-052 WIRE-053 WIRE-054 WIRE-055 WIRE-056 WIRE-057 WIRE-058 WIRE-059 WIRE-060: a body the format forbids is an error with its place and both numbers, and counts as absent.
#[test]
fn every_malformed_option_is_told_exactly() {
    for Bad(code, octets, error) in BAD {
        let data = hex(octets);
        let found = AnyOption::parse(RawOption::new(*code, &data, 4));
        let found = found
            .map(|view| view.to_string())
            .map_err(|e| e.to_string());
        assert_eq!(found, Err((*error).to_owned()), "{code} {octets}");
    }
    let options = hex("0006 0001 00 0007 0001 05");
    let options = Options::parse(&options, 4).unwrap();
    assert_eq!(
        options.view_or_absent::<leasebook_wire::option::Oro<'_>>(),
        None
    );
    assert_eq!(options.view_or_absent(), Some(Preference(5)));
    assert_eq!(options.view_or_absent::<ElapsedTime>(), None);
}

/// WIRE-018: every length but the right ones is refused for options of one length.
#[test]
fn options_of_one_length_refuse_all_others() {
    let lengths = [
        (7, 1),
        (8, 2),
        (12, 16),
        (14, 0),
        (19, 1),
        (20, 0),
        (32, 4),
        (46, 4),
        (82, 4),
        (83, 4),
        (100, 4),
        (101, 4),
        (102, 4),
        (135, 2),
    ];
    for (code, needed) in lengths {
        let code = OptionCode(code);
        for len in (0..20).filter(|len| *len != needed) {
            let data = vec![5; len];
            let error = AnyOption::parse(RawOption::new(code, &data, 0)).unwrap_err();
            let expected = format!("octet 0, {code}: option-len is {len}, {needed} needed");
            assert_eq!(error.to_string(), expected);
        }
    }
}

fn address(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

fn duid(octets: &'static [u8]) -> DuidRef<'static> {
    DuidRef::new(octets).expect("a DUID")
}

const GOOD: &[Good] = &[
    Good(
        OptionCode::CLIENTID,
        "0003 0001 0200 5e00 5301",
        "00:03:00:01:02:00:5e:00:53:01",
        |c| c.add(&ClientId(duid(b"\0\x03\0\x01\x02\0\x5e\0\x53\x01"))),
    ),
    Good(OptionCode::CLIENTID, "07", "07", |c| {
        c.add(&ClientId(duid(&[7])))
    }),
    Good(
        OptionCode::SERVERID,
        "0004 00112233445566778899aabbccddeeff",
        "00:04:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff",
        |c| {
            c.add(&ServerId(duid(
                b"\0\x04\0\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff",
            )))
        },
    ),
    Good(
        OptionCode::RELAY_ID,
        "0002 00000009 01",
        "00:02:00:00:00:09:01",
        |c| c.add(&RelayId(duid(&[0, 2, 0, 0, 0, 9, 1]))),
    ),
    Good(
        OptionCode::IA_NA,
        "00000001 00000e10 ffffffff 000d 0002 0002",
        "iaid 0x00000001 t1 3600 s t2 infinite",
        |c| {
            c.ia_na(1, [3600, u32::MAX], |c| {
                c.option(OptionCode::STATUS_CODE, &[0, 2])
            })
        },
    ),
    Good(
        OptionCode::IA_PD,
        "00000002 00000000 00000001",
        "iaid 0x00000002 t1 0 s t2 1 s",
        |c| c.ia_pd(2, [0, 1], |_| Ok(())),
    ),
    Good(OptionCode::IA_TA, "00000003", "iaid 0x00000003", |c| {
        c.ia_ta(3, |_| Ok(()))
    }),
    Good(
        OptionCode::IAADDR,
        "20010db8000000000000000000000001 0000003c 00000078",
        "2001:db8::1 preferred 60 s valid 120 s",
        |c| {
            c.add(&IaAddr {
                address: address("2001:db8::1"),
                preferred_lifetime: 60,
                valid_lifetime: 120,
                options: Options::EMPTY,
            })
        },
    ),
    Good(
        OptionCode::IAPREFIX,
        "0000003c ffffffff 38 20010db8000001000000000000000000",
        "2001:db8:0:100::/56 preferred 60 s valid infinite",
        |c| {
            c.add(&IaPrefix {
                preferred_lifetime: 60,
                valid_lifetime: u32::MAX,
                prefix_len: 56,
                prefix: address("2001:db8:0:1ff:1::"),
                options: Options::EMPTY,
            })
        },
    ),
    Good(
        OptionCode::ORO,
        "002f 0017 03e7",
        "LQ_RELAY_DATA DNS_SERVERS option 999",
        |c| {
            c.oro(&[
                OptionCode::LQ_RELAY_DATA,
                OptionCode::DNS_SERVERS,
                OptionCode(999),
            ])
        },
    ),
    Good(OptionCode::ORO, "", "none", |c| c.oro(&[])),
    Good(OptionCode::PREFERENCE, "ff", "255", |c| {
        c.add(&Preference(255))
    }),
    Good(OptionCode::ELAPSED_TIME, "04d2", "12.34 s", |c| {
        c.add(&ElapsedTime(1234))
    }),
    Good(OptionCode::RELAY_MSG, "01 000000 ff", "5 octets", |c| {
        c.option(OptionCode::RELAY_MSG, &[1, 0, 0, 0, 255])
    }),
    Good(
        OptionCode::AUTH,
        "01 02 03 0000000000000004 61",
        "protocol 1 algorithm 2 rdm 3 replay 0x0000000000000004 \"a\"",
        |c| {
            c.add(&Auth {
                protocol: 1,
                algorithm: 2,
                rdm: 3,
                replay_detection: 4,
                information: b"a",
            })
        },
    ),
    Good(
        OptionCode::AUTH,
        "03 01 00 0000000000000004 01 000102030405060708090a0b0c0d0e0f",
        "protocol 3 algorithm 1 rdm 0 replay 0x0000000000000004 key not shown",
        |c| {
            let key = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
            c.reconfigure_key(4, &ReconfigureKey::Key(key))
        },
    ),
    Good(
        OptionCode::AUTH,
        "03 01 00 0000000000000004 02 00000000000000000000000000000000",
        "protocol 3 algorithm 1 rdm 0 replay 0x0000000000000004 02:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00",
        |c| c.reconfigure_key(4, &ReconfigureKey::HmacMd5([0; 16])),
    ),
    Good(
        OptionCode::UNICAST,
        "20010db8000000000000000000000001",
        "2001:db8::1",
        |c| c.add(&Unicast(address("2001:db8::1"))),
    ),
    Good(
        OptionCode::STATUS_CODE,
        "0008 6e6f 20c3a4",
        "MalformedQuery \"no ä\"",
        |c| {
            c.add(&StatusCodeOption::new(
                StatusCode::MALFORMED_QUERY,
                "no ä\0",
            ))
        },
    ),
    Good(OptionCode::STATUS_CODE, "0063", "status code 99", |c| {
        c.add(&StatusCodeOption::new(StatusCode(99), ""))
    }),
    Good(OptionCode::RAPID_COMMIT, "", "", |c| c.add(&RapidCommit)),
    Good(OptionCode::ADDR_REG_ENABLE, "", "", |c| {
        c.add(&AddrRegEnable)
    }),
    Good(
        OptionCode::USER_CLASS,
        "0003 616263 0000",
        "\"abc\" ",
        |c| c.user_class(&[b"abc", b""]),
    ),
    Good(
        OptionCode::VENDOR_CLASS,
        "00000009 0001 61 0001 00",
        "enterprise 9 \"a\" 00",
        |c| c.vendor_class(9, &[b"a", b"\0"]),
    ),
    Good(
        OptionCode::VENDOR_OPTS,
        "00000009 0001 0002 6869",
        "enterprise 9 1=\"hi\"",
        |c| c.vendor_opts(9, |c| c.option(OptionCode(1), b"hi")),
    ),
    Good(OptionCode::INTERFACE_ID, "65746830", "\"eth0\"", |c| {
        c.add(&InterfaceId::new(b"eth0")?)
    }),
    Good(OptionCode::INTERFACE_ID, "", "", |c| {
        c.add(&InterfaceId::new(b"")?)
    }),
    Good(OptionCode::RECONF_MSG, "0b", "INFORMATION-REQUEST", |c| {
        c.add(&ReconfMsg::new(MessageType::INFORMATION_REQUEST).expect("can be asked for"))
    }),
    Good(OptionCode::RECONF_ACCEPT, "", "", |c| c.add(&ReconfAccept)),
    Good(
        OptionCode::DNS_SERVERS,
        "20010db8000000000000000000000035 20010db8000000000000000000000036",
        "2001:db8::35 2001:db8::36",
        |c| c.dns_servers(&[address("2001:db8::35"), address("2001:db8::36")]),
    ),
    Good(
        OptionCode::DOMAIN_LIST,
        "07 6578616d706c65 03 6f7267 00 00",
        "example.org. .",
        |c| {
            let names = ["example.org", "."].map(|name| name.parse().expect("a name"));
            c.domain_list(&names)
        },
    ),
    Good(
        OptionCode::INFORMATION_REFRESH_TIME,
        "00015180",
        "86400 s",
        |c| c.add(&InformationRefreshTime(86_400)),
    ),
    Good(
        OptionCode::REMOTE_ID,
        "00000de9 706f7274",
        "3561:port",
        |c| c.add(&RemoteIdRef::new(3561, b"port").expect("a remote-id")),
    ),
    Good(OptionCode::SUBSCRIBER_ID, "6a6f65", "\"joe\"", |c| {
        c.add(&SubscriberId::new(b"joe")?)
    }),
    Good(
        OptionCode::CLIENT_FQDN,
        "05 04 686f7374",
        "flags NS name host",
        |c| {
            c.add(&ClientFqdn {
                server_updates: true,
                is_overridden: false,
                no_update: true,
                name: "host"
                    .parse::<leasebook_wire::option::DomainName>()
                    .expect("a name")
                    .as_name_ref(),
            })
        },
    ),
    Good(OptionCode::CLIENT_FQDN, "02", "flags O name ", |c| {
        c.add(&ClientFqdn {
            server_updates: false,
            is_overridden: true,
            no_update: false,
            name: DomainNameRef::NONE,
        })
    }),
    Good(OptionCode::ERO, "0012", "INTERFACE_ID", |c| {
        c.ero(&[OptionCode::INTERFACE_ID])
    }),
    Good(
        OptionCode::LQ_QUERY,
        "04 20010db8000000000000000000000000 0006 0002 002f",
        "QUERY_BY_LINK_ADDRESS link 2001:db8::",
        |c| {
            c.lq_query(QueryType::BY_LINK_ADDRESS, address("2001:db8::"), |c| {
                c.oro(&[OptionCode::LQ_RELAY_DATA])
            })
        },
    ),
    Good(OptionCode::CLIENT_DATA, "0001 0001 07", "", |c| {
        c.client_data(|c| c.add(&ClientId(duid(&[7]))))
    }),
    Good(OptionCode::CLT_TIME, "00000064", "100 s ago", |c| {
        c.add(&CltTime(100))
    }),
    Good(
        OptionCode::LQ_RELAY_DATA,
        "fe800000000000000000000000000001 0c 00 20010db8000000000000000000000001 fe800000000000000000000000000002",
        "peer fe80::1",
        |c| {
            let mut chain = vec![12, 0];
            chain.extend(address("2001:db8::1").octets());
            chain.extend(address("fe80::2").octets());
            c.lq_relay_data(address("fe80::1"), &chain)
        },
    ),
    Good(
        OptionCode::LQ_CLIENT_LINK,
        "20010db8000000000000000000000001",
        "2001:db8::1",
        |c| c.lq_client_link(&[address("2001:db8::1")]),
    ),
    Good(OptionCode::RSOO, "0017 0000", "", |c| {
        c.nested(OptionCode::RSOO, |c| c.dns_servers(&[]))
    }),
    Good(
        OptionCode::PD_EXCLUDE,
        "40 78",
        "length 64 subnet 78",
        |c| {
            // The example of RFC 6603 §4.2.
            let delegated = (address("2001:db8:dead:bee0::"), 59);
            c.pd_exclude(delegated, (address("2001:db8:dead:beef::"), 64))
        },
    ),
    Good(
        OptionCode::CLIENT_LINKLAYER_ADDR,
        "0001 02005e005301",
        "Ethernet 02:00:5e:00:53:01",
        |c| {
            c.add(&ClientLinkLayerAddr {
                hardware: HardwareType::ETHERNET,
                address: &[2, 0, 0x5e, 0, 0x53, 1],
            })
        },
    ),
    Good(OptionCode::SOL_MAX_RT, "00000e10", "3600 s", |c| {
        c.add(&SolMaxRt(3600))
    }),
    Good(OptionCode::INF_MAX_RT, "00000e10", "3600 s", |c| {
        c.add(&InfMaxRt(3600))
    }),
    Good(
        OptionCode::LQ_BASE_TIME,
        "00000001",
        "1 s after 2000-01-01 00:00 UTC",
        |c| c.add(&LqBaseTime(1)),
    ),
    Good(
        OptionCode::LQ_START_TIME,
        "00000002",
        "2 s after 2000-01-01 00:00 UTC",
        |c| c.add(&LqStartTime::from_unix(946_684_802)),
    ),
    Good(
        OptionCode::LQ_END_TIME,
        "00000003",
        "3 s after 2000-01-01 00:00 UTC",
        |c| c.add(&LqEndTime(3)),
    ),
    Good(OptionCode::RELAY_PORT, "2710", "10000", |c| {
        c.add(&RelayPort(10_000))
    }),
    Good(OptionCode(999), "0102", "01:02", |c| {
        c.option(OptionCode(999), &[1, 2])
    }),
];

const BAD: &[Bad] = &[
    Bad(
        OptionCode::CLIENTID,
        "",
        "octet 4, CLIENTID: option-len is 0, at least 1 needed",
    ),
    Bad(
        OptionCode::SERVERID,
        "",
        "octet 4, SERVERID: option-len is 0, at least 1 needed",
    ),
    Bad(
        OptionCode::RELAY_ID,
        "0102030405060708090a0b0c0d0e0f10111213141516171819 0102030405060708090a0b0c0d0e0f10111213141516171819 0102030405060708090a0b0c0d0e0f10111213141516171819 0102030405060708090a0b0c0d0e0f10111213141516171819 0102030405060708090a0b0c0d0e0f10111213141516171819 010203040506",
        "octet 4, RELAY_ID: option-len is 131, at most 130 allowed",
    ),
    Bad(
        OptionCode::IA_NA,
        "0000000000000000000000",
        "octet 4, IA_NA: option-len is 11, at least 12 needed",
    ),
    Bad(
        OptionCode::IA_NA,
        "000000000000000000000000 0005 0018 00",
        "octet 20, IA_NA > IAADDR: option-len is 24, 1 octets left",
    ),
    Bad(
        OptionCode::IA_PD,
        "0000000000000000000000",
        "octet 4, IA_PD: option-len is 11, at least 12 needed",
    ),
    Bad(
        OptionCode::IA_PD,
        "000000000000000000000000 001a",
        "octet 20, IA_PD: 2 octets left, an option header needs 4",
    ),
    Bad(
        OptionCode::IA_TA,
        "000000",
        "octet 4, IA_TA: option-len is 3, at least 4 needed",
    ),
    Bad(
        OptionCode::IAADDR,
        "20010db8000000000000000000000001 0000003c 000000",
        "octet 4, IAADDR: option-len is 23, at least 24 needed",
    ),
    Bad(
        OptionCode::IAPREFIX,
        "0000003c 00000078 38 20010db8",
        "octet 4, IAPREFIX: option-len is 13, at least 25 needed",
    ),
    Bad(
        OptionCode::IAPREFIX,
        "0000003c 00000078 81 20010db8000000000000000000000001",
        "octet 16, IAPREFIX: prefix-length is 129, at most 128 allowed",
    ),
    Bad(
        OptionCode::ORO,
        "00170018 00",
        "octet 4, ORO: option-len is 5, a multiple of 2 needed",
    ),
    Bad(
        OptionCode::ERO,
        "00",
        "octet 4, ERO: option-len is 1, a multiple of 2 needed",
    ),
    Bad(
        OptionCode::AUTH,
        "00000000000000000000",
        "octet 4, AUTH: option-len is 10, at least 11 needed",
    ),
    Bad(
        OptionCode::AUTH,
        "03 01 00 0000000000000004 01 00",
        "octet 4, AUTH: option-len is 13, 28 needed",
    ),
    Bad(
        OptionCode::AUTH,
        "03 01 00 0000000000000004 03 00000000000000000000000000000000",
        "octet 19, AUTH: type is 3, 1 or 2 needed",
    ),
    Bad(
        OptionCode::STATUS_CODE,
        "00",
        "octet 4, STATUS_CODE: option-len is 1, at least 2 needed",
    ),
    Bad(
        OptionCode::USER_CLASS,
        "",
        "octet 4, USER_CLASS: option-len is 0, at least 2 needed",
    ),
    Bad(
        OptionCode::USER_CLASS,
        "0001 61 00",
        "octet 11, USER_CLASS: 1 octets left, 2 needed",
    ),
    Bad(
        OptionCode::USER_CLASS,
        "0001 61 0005 62",
        "octet 11, USER_CLASS: item length is 5, 1 octets left",
    ),
    Bad(
        OptionCode::VENDOR_CLASS,
        "00000009",
        "octet 4, VENDOR_CLASS: option-len is 4, at least 6 needed",
    ),
    Bad(
        OptionCode::VENDOR_CLASS,
        "00000009 0002 61",
        "octet 12, VENDOR_CLASS: item length is 2, 1 octets left",
    ),
    Bad(
        OptionCode::VENDOR_OPTS,
        "000000",
        "octet 4, VENDOR_OPTS: option-len is 3, at least 4 needed",
    ),
    Bad(
        OptionCode::VENDOR_OPTS,
        "00000009 0320 0001",
        "octet 12, VENDOR_OPTS > option 800: option-len is 1, 0 octets left",
    ),
    Bad(
        OptionCode::RECONF_MSG,
        "07",
        "octet 8, RECONF_MSG: msg-type is 7, 5, 6 or 11 needed",
    ),
    Bad(
        OptionCode::REMOTE_ID,
        "00000009",
        "octet 4, REMOTE_ID: option-len is 4, at least 5 needed",
    ),
    Bad(
        OptionCode::SUBSCRIBER_ID,
        "",
        "octet 4, SUBSCRIBER_ID: option-len is 0, at least 1 needed",
    ),
    Bad(
        OptionCode::CLIENT_LINKLAYER_ADDR,
        "00",
        "octet 4, CLIENT_LINKLAYER_ADDR: option-len is 1, at least 2 needed",
    ),
    Bad(
        OptionCode::DNS_SERVERS,
        "20010db80000000000000000000000",
        "octet 4, DNS_SERVERS: option-len is 15, a multiple of 16 needed",
    ),
    Bad(
        OptionCode::DOMAIN_LIST,
        "01 61 c0 00",
        "octet 10, DOMAIN_LIST: label length is 192, at most 63 allowed",
    ),
    Bad(
        OptionCode::DOMAIN_LIST,
        "05 61",
        "octet 8, DOMAIN_LIST: label length is 5, 1 octets left",
    ),
    Bad(
        OptionCode::DOMAIN_LIST,
        "00 01 61",
        "octet 9, DOMAIN_LIST: domain name ends after 2 octets without the empty label, 1 octet needed",
    ),
    Bad(
        OptionCode::CLIENT_FQDN,
        "",
        "octet 4, CLIENT_FQDN: option-len is 0, at least 1 needed",
    ),
    Bad(
        OptionCode::CLIENT_FQDN,
        "00 01 61 00 01",
        "octet 12, CLIENT_FQDN: 1 octets left, 0 needed",
    ),
    Bad(
        OptionCode::CLIENT_FQDN,
        "00 40",
        "octet 9, CLIENT_FQDN: label length is 64, at most 63 allowed",
    ),
    Bad(
        OptionCode::LQ_QUERY,
        "01 20010db80000000000000000000000",
        "octet 4, LQ_QUERY: option-len is 16, at least 17 needed",
    ),
    Bad(
        OptionCode::LQ_QUERY,
        "03 00000000000000000000000000000000 0035 0003 00",
        "octet 25, LQ_QUERY > RELAY_ID: option-len is 3, 1 octets left",
    ),
    Bad(
        OptionCode::CLIENT_DATA,
        "0001 0001 07 001a 0019",
        "octet 13, CLIENT_DATA > IAPREFIX: option-len is 25, 0 octets left",
    ),
    Bad(
        OptionCode::LQ_RELAY_DATA,
        "00000000000000000000000000000000 0c 00 00000000000000000000000000000000 000000000000000000000000000000",
        "octet 4, LQ_RELAY_DATA: option-len is 49, at least 50 needed",
    ),
    Bad(
        OptionCode::LQ_RELAY_DATA,
        "00000000000000000000000000000000 0d 00 00000000000000000000000000000000 00000000000000000000000000000000",
        "octet 24, LQ_RELAY_DATA: msg-type is 13, RELAY-FORW (12) needed",
    ),
    Bad(
        OptionCode::LQ_CLIENT_LINK,
        "",
        "octet 4, LQ_CLIENT_LINK: option-len is 0, at least 16 needed",
    ),
    Bad(
        OptionCode::LQ_CLIENT_LINK,
        "20010db8000000000000000000000001 20",
        "octet 4, LQ_CLIENT_LINK: option-len is 17, a multiple of 16 needed",
    ),
    Bad(
        OptionCode::RSOO,
        "0001",
        "octet 8, RSOO: 2 octets left, an option header needs 4",
    ),
    Bad(
        OptionCode::PD_EXCLUDE,
        "40",
        "octet 4, PD_EXCLUDE: option-len is 1, at least 2 needed",
    ),
    Bad(
        OptionCode::PD_EXCLUDE,
        "80 0000000000000000000000000000000000",
        "octet 4, PD_EXCLUDE: option-len is 18, at most 17 allowed",
    ),
    Bad(
        OptionCode::PD_EXCLUDE,
        "81 00",
        "octet 8, PD_EXCLUDE: prefix-length is 129, 1 to 128 needed",
    ),
    Bad(
        OptionCode::PD_EXCLUDE,
        "00 00",
        "octet 8, PD_EXCLUDE: prefix-length is 0, 1 to 128 needed",
    ),
];
