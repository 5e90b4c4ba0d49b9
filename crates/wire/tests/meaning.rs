//! What values mean: prefixes and their bits, exclusions, names, words, times, DUIDs.

mod common;

use std::net::Ipv6Addr;

use common::{composed, hex, to_hex};
use leasebook_wire::code::{HardwareType, OptionCode, StatusCode};
use leasebook_wire::duid::{DuidContents, DuidError};
use leasebook_wire::option::{
    ClientFqdn, DomainName, IaPrefix, LqBaseTime, LqStartTime, OptionView, PdExclude, SolMaxRt,
    StatusCodeOption, mask_prefix,
};
use leasebook_wire::{Composer, Duid, DuidRef, Options, RawOption, RemoteId};

/// WIRE-039: bits past the prefix-length are masked when read and zero when written.
#[test]
fn bits_past_the_prefix_length_are_cleared() {
    let data = hex("00000000 00000000 31 20010db8ffffffffffffffffffffffff");
    let prefix = IaPrefix::parse(RawOption::new(OptionCode::IAPREFIX, &data, 0)).unwrap();
    assert_eq!(prefix.prefix, address("2001:db8:ffff:8000::"));
    let dirty = IaPrefix {
        prefix: Ipv6Addr::from_bits(u128::MAX),
        prefix_len: 3,
        ..prefix
    };
    let written = composed(|c| c.add(&dirty));
    assert_eq!(to_hex(&written[13..]), format!("e0{}", "00".repeat(15)));
    let too_long = IaPrefix {
        prefix_len: 129,
        ..prefix
    };
    let mut out = Vec::new();
    let error = Composer::bare(&mut out).add(&too_long).unwrap_err();
    assert_eq!(
        error.to_string(),
        "IAPREFIX: prefix-length would be 129, at most 128 needed"
    );
    for len in 0..=128 {
        let masked = mask_prefix(Ipv6Addr::from_bits(u128::MAX), len).to_bits();
        assert_eq!(masked.count_ones(), u32::from(len));
        assert_eq!(masked.leading_ones(), u32::from(len));
    }
}

/// WIRE-028: infinity is a value like any other to the codec, which does no arithmetic on it.
#[test]
fn infinity_is_kept() {
    let data = hex("ffffffff ffffffff 38 20010db8000000000000000000000000");
    let prefix = IaPrefix::parse(RawOption::new(OptionCode::IAPREFIX, &data, 0)).unwrap();
    assert_eq!(
        (prefix.preferred_lifetime, prefix.valid_lifetime),
        (u32::MAX, u32::MAX)
    );
    assert_eq!(to_hex(&composed(|c| c.add(&prefix))[4..12]), "ff".repeat(8));
}

/// WIRE-054: the excluded prefix is what the delegated one and the subnet ID make together.
#[test]
fn excluded_prefixes_are_put_together_and_taken_apart() {
    let delegated = address("2001:db8:dead:bee0::");
    let option = hex("40 78");
    let option = PdExclude::parse(RawOption::new(OptionCode::PD_EXCLUDE, &option, 0)).unwrap();
    assert_eq!(
        option.excluded_from(delegated, 59),
        Some(address("2001:db8:dead:beef::"))
    );
    assert_eq!(option.excluded_from(delegated, 64), None, "not longer");
    assert_eq!(
        option.excluded_from(delegated, 48),
        None,
        "two octets would be needed"
    );

    let base = address("2001:db8:a5a5:a5a5:a5a5:a5a5:a5a5:a5a5");
    for delegated_len in 0..128 {
        for len in delegated_len + 1..=128 {
            let octets = composed(|c| c.pd_exclude((base, delegated_len), (base, len)));
            let bits = usize::from(len - delegated_len);
            assert_eq!(octets.len(), 5 + bits.div_ceil(8));
            let raw = RawOption::new(OptionCode::PD_EXCLUDE, &octets[4..], 0);
            let excluded = PdExclude::parse(raw)
                .unwrap()
                .excluded_from(base, delegated_len);
            assert_eq!(
                excluded,
                Some(mask_prefix(base, len)),
                "{len} in {delegated_len}"
            );
        }
    }
}

/// WIRE-017, WIRE-054: a prefix that is not inside the delegated one cannot be excluded.
#[test]
fn only_parts_of_the_delegated_prefix_are_excluded() {
    let told = |excluded: &str, len| {
        let delegated = (address("2001:db8::"), 56);
        let mut out = Vec::new();
        let mut composer = Composer::bare(&mut out);
        let error = composer.pd_exclude(delegated, (address(excluded), len));
        error.unwrap_err().to_string()
    };
    assert_eq!(
        told("2001:db8::", 56),
        "PD_EXCLUDE: prefix-length would be 56, more than that of the delegated prefix and at most 128 needed"
    );
    assert_eq!(
        told("2001:db8:1::", 64),
        "PD_EXCLUDE: prefix would be 64, one inside the delegated prefix needed"
    );
}

/// WIRE-029: names have labels of 1 to 63 octets and 255 in all, never compressed.
#[test]
fn domain_names_have_their_bounds() {
    let list = |data: &[u8]| {
        let raw = RawOption::new(OptionCode::DOMAIN_LIST, data, 0);
        leasebook_wire::option::DomainList::parse(raw)
            .map(|list| list.to_string())
            .map_err(|error| error.to_string())
    };
    let label = |len: u8| [vec![len], vec![b'a'; len.into()]].concat();
    let longest = [label(63), label(63), label(63), label(61), vec![0]].concat();
    assert_eq!(longest.len(), 255);
    assert!(list(&longest).is_ok());
    let longer = [label(63), label(63), label(63), label(62), vec![0]].concat();
    assert_eq!(
        list(&longer).unwrap_err(),
        "octet 4, DOMAIN_LIST: domain name is 256 octets, at most 255 allowed"
    );
    assert_eq!(
        list(&[1, b'a', 0xc0, 0]).unwrap_err(),
        "octet 6, DOMAIN_LIST: label length is 192, at most 63 allowed"
    );
    assert_eq!(list(b"\x03a.b\x02\\\xff\0").unwrap(), r"a\.b.\\\255.");
}

/// WIRE-029: a name shown is read back equal, and what is no name is refused.
#[test]
fn domain_names_are_read_from_text() {
    for text in ["example.org.", "host", r"a\.b.\\\255.", ".", ""] {
        let name: DomainName = text.parse().unwrap();
        assert_eq!(name.to_string(), text);
    }
    let told = |text: &str| text.parse::<DomainName>().unwrap_err().to_string();
    assert_eq!(told("a..b"), "a label is 0 octets, at least 1 needed");
    assert_eq!(
        told(&"a".repeat(64)),
        "a label is 64 octets, at most 63 allowed"
    );
    let long = "abcdefg.".repeat(32);
    assert_eq!(
        told(&long),
        "domain name is 257 octets with its label lengths, at most 255 allowed"
    );
    assert!(told(r"a\2").starts_with("a backslash must be followed by"));
    assert!(told(r"a\256").starts_with("a backslash must be followed by"));
}

/// WIRE-052: unknown flags are ignored, and a name is partial if it lacks the final empty label.
#[test]
fn a_partial_name_is_told_from_a_whole_one() {
    let read = |data: &[u8]| {
        let fqdn = ClientFqdn::parse(RawOption::new(OptionCode::CLIENT_FQDN, data, 0)).unwrap();
        (
            fqdn.name.is_partial(),
            to_hex(&composed(|c| c.add(&fqdn))[4..]),
        )
    };
    assert_eq!(read(b"\xf9\x04host"), (true, "0104686f7374".to_owned()));
    assert_eq!(read(b"\0\x04host\0"), (false, "0004686f737400".to_owned()));
    assert_eq!(
        read(b"\0\x01\0"),
        (true, "000100".to_owned()),
        "a label that ends with 0"
    );
    assert_eq!(read(b"\0"), (true, "00".to_owned()));
}

/// WIRE-030: words about a status are sent without a NUL, and shown whatever they are.
#[test]
fn status_messages_are_shown_whatever_they_are() {
    let shown = |message: &[u8]| {
        let data = [&[0, 8], message].concat();
        let raw = RawOption::new(OptionCode::STATUS_CODE, &data, 0);
        StatusCodeOption::parse(raw).unwrap().message().into_owned()
    };
    assert_eq!(
        shown("gr\u{fc}\u{df} \"you\"".as_bytes()),
        "gr\u{fc}\u{df} \"you\""
    );
    assert_eq!(shown(b"ended\0\0"), "ended");
    assert_eq!(shown(b"a\xffb\xc3"), r"a\xffb\xc3");
    assert_eq!(shown(b"two\nlines\x1b[1m\\"), r"two\nlines\u{1b}[1m\\");
    assert_eq!(shown(b""), "");
    let sent = composed(|c| c.add(&StatusCodeOption::new(StatusCode::SUCCESS, "ok\0")));
    assert_eq!(to_hex(&sent), "000d000400006f6b");
}

/// WIRE-044: where a status could stand and does not, it is Success.
#[test]
fn no_status_is_success() {
    let status = Options::EMPTY.status().unwrap();
    assert!(status.code.is_success() && status.message().is_empty());
    let failed = hex("000d 0002 000b");
    let status = Options::parse(&failed, 0).unwrap().status().unwrap();
    assert_eq!(status.code, StatusCode::QUERY_TERMINATED);
}

/// WIRE-060: times count from 2000 modulo 2^32, and mean the moment nearest to now.
#[test]
fn times_are_the_nearest_moment() {
    let now = 1_800_000_000;
    for time in [now, now - 1, now + 1, now - (1 << 30), now + (1 << 31) - 1] {
        assert_eq!(LqStartTime::from_unix(time).to_unix(now), time);
    }
    assert_eq!(LqBaseTime::from_unix(946_684_800), LqBaseTime(0));
    let wrapped = 946_684_800 + (1 << 32) + 5;
    assert_eq!(LqBaseTime::from_unix(wrapped), LqBaseTime(5));
    assert_eq!(LqBaseTime(5).to_unix(wrapped - 100), wrapped);
}

/// WIRE-041: only 60 to 86400 seconds are of use as a maximum.
#[test]
fn maxima_of_retransmission_have_a_range() {
    let usable = [59, 60, 86_400, 86_401].map(|secs| SolMaxRt(secs).is_in_range());
    assert_eq!(usable, [false, true, true, false]);
}

/// WIRE-031: 1 to 130 octets are a DUID, of which 3 and more may be sent.
#[test]
fn duids_have_their_bounds() {
    assert_eq!(Duid::new(&[]), Err(DuidError::Empty));
    assert_eq!(Duid::new(&[0; 131]), Err(DuidError::TooLong { len: 131 }));
    let sendable = [1, 2, 3, 130].map(|len| Duid::new(&vec![0; len]).unwrap().is_sendable());
    assert_eq!(sendable, [false, false, true, true]);
    assert_eq!(
        DuidError::TooLong { len: 131 }.to_string(),
        "DUID is 131 octets, at most 130 allowed"
    );
}

/// WIRE-032: DUIDs are equal if all octets are, whatever their type.
#[test]
fn duids_are_compared_octet_for_octet() {
    let [a, b, c]: [Duid; 3] = ["0009:01", "000901", "00:09:01:00"]
        .map(|text| text.replace("0009:", "00:09:").parse().unwrap());
    assert_eq!(a, b);
    assert!(a < c);
    assert_eq!(a.as_duid_ref(), DuidRef::new(&[0, 9, 1]).unwrap());
}

/// WIRE-033, WIRE-034: DUIDs of the four types are made and shown; others are shown, too.
#[test]
fn duids_are_made_and_explained() {
    let mac = [2, 0, 0x5e, 0, 0x53, 1];
    let llt = Duid::link_layer_time(HardwareType::ETHERNET, 5, &mac).unwrap();
    assert_eq!(to_hex(llt.octets()), "000100010000000502005e005301");
    assert_eq!(
        llt.contents().to_string(),
        "DUID-LLT Ethernet 02:00:5e:00:53:01, made 5 s after 2000-01-01 00:00 UTC"
    );
    let en = Duid::enterprise(9, b"\x01").unwrap();
    assert_eq!(
        (
            to_hex(en.octets()).as_str(),
            en.contents().to_string().as_str()
        ),
        ("00020000000901", "DUID-EN 9 01")
    );
    let ll = Duid::link_layer(HardwareType(77), &[1]).unwrap();
    assert_eq!(to_hex(ll.octets()), "0003004d01");
    assert_eq!(ll.contents().to_string(), "DUID-LL hardware type 77 01");
    let uuid = Duid::uuid([0x11; 16]);
    assert_eq!(
        uuid.contents().to_string(),
        "DUID-UUID 11111111-1111-1111-1111-111111111111"
    );
    let contents = |octets: &'static [u8]| DuidRef::new(octets).unwrap().contents().to_string();
    assert_eq!(contents(&[0, 4, 1]), "DUID-UUID 01", "not 16 octets");
    assert_eq!(contents(&[1, 0, 1]), "DUID type 256 01");
    assert_eq!(contents(&[7]), "no type 07");
    assert!(matches!(uuid.contents(), DuidContents::Uuid(_)));
}

/// WIRE-031: a text that is no DUID is refused with the character at fault.
#[test]
fn texts_that_are_no_duid_are_refused_with_the_place() {
    let told = |text: &str| text.parse::<Duid>().unwrap_err().to_string();
    assert_eq!(told(""), "DUID is 0 octets, at least 1 needed");
    assert_eq!(told("00x1"), "character 3 is 'x', a hex digit needed");
    assert_eq!(
        told("000"),
        "character 3: 1 hex digit, 2 needed for an octet"
    );
    assert_eq!(
        told("00:1:02"),
        "character 4: 1 hex digit, 2 needed for an octet"
    );
    for (text, at) in [("00:01:", 6), (":00", 1), ("00::01", 4), ("00:0102", 6)] {
        let expected = format!("character {at}: colons must stand between all octets or none");
        assert_eq!(told(text), expected, "{text}");
    }
}

/// WIRE-048: a Remote-ID is read from hex or from its enterprise and text.
#[test]
fn remote_ids_are_read_from_either_form() {
    let read = |text: &str| {
        text.parse::<RemoteId>()
            .map(|id| (id.enterprise(), id.id().to_vec()))
    };
    assert_eq!(read("3561:port 7"), Ok((3561, b"port 7".to_vec())));
    assert_eq!(read("00000de961"), Ok((3561, b"a".to_vec())));
    assert_eq!(read("35:ab"), Ok((35, b"ab".to_vec())));
    let told = |text: &str| text.parse::<RemoteId>().unwrap_err().to_string();
    assert_eq!(
        told("0000"),
        "remote-id is 2 octets with its enterprise number, at least 5 needed"
    );
    assert_eq!(
        told("99999999999:x"),
        "enterprise number is above 4294967295"
    );
    assert_eq!(
        told("port"),
        "neither ENTERPRISE:TEXT nor hex: character 1 is 'p', a hex digit needed"
    );
    assert_eq!(
        told("7:"),
        "remote-id is 4 octets with its enterprise number, at least 5 needed"
    );
}

fn address(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}
