use super::Identifier;
use proptest::prelude::*;

fn members(test: &str) -> Result<Vec<String>, String> {
    super::members(test, &["a", "b", "c", "d", "a \"b\""])
}

#[test]
fn comparisons_become_members() {
    let cases = [
        (
            "option[60].hex == 'cpe'",
            r#"{ option = { code = 60, data = "cpe" } }"#,
        ),
        (
            "option[60].text == 0x0a",
            r#"{ option = { code = 60, data = "0x0a" } }"#,
        ),
        ("option[16].exists", "{ option = { code = 16 } }"),
        ("option[1].hex == 0x00030001", r#"{ duid = "00:03:00:01" }"#),
        (
            "substring(option[1].hex,0,2) == 0x0003",
            r#"{ duid-prefix = "00:03" }"#,
        ),
        (
            "substring(option[vendor-class].hex, 6, 4) == 'eRou'",
            r#"{ option = { code = 16, data = "eRou", at = 6 } }"#,
        ),
        (
            "relay6[0].option[18].hex == 'ge-1'",
            r#"{ interface-id = "ge-1" }"#,
        ),
        (
            "relay6[-1].option[37].hex == 0x0000000961",
            r#"{ remote-id = "00:00:00:09:61" }"#,
        ),
        (
            "substring(relay6[0].option[79].hex, 2, 6) == 0x020000000001",
            r#"{ link-layer = "02:00:00:00:00:01" }"#,
        ),
        (
            "substring(relay6[0].option[79].hex, 2, all) == 0x0011223344556677",
            r#"{ link-layer = "00:11:22:33:44:55:66:77" }"#,
        ),
        (
            "relay6[0].linkaddr == 2001:db8::1",
            r#"{ link-address = "2001:db8::1" }"#,
        ),
        (
            "fe80::1 == relay6[0].peeraddr",
            r#"{ peer-address = "fe80::1" }"#,
        ),
        ("member('a \"b\"')", r#"{ class = "a \"b\"" }"#),
        (
            "vendor-class[4491].data[0] == 'x'",
            r#"{ vendor-class = "4491:x" }"#,
        ),
        ("vendor-class[4491].exists", r#"{ vendor-class = "4491" }"#),
    ];
    for (test, expected) in cases {
        assert_eq!(members(test).unwrap(), [expected], "{test}");
    }
    let or = members("(member('a') or member('b')) and (member('c') or not member('d'))");
    assert_eq!(or.unwrap().len(), 4);
}

#[test]
fn what_kea_knows_of_itself_becomes_members() {
    let cases = [
        (
            "vendor.enterprise == 4491",
            r#"{ option = { code = 17, data = "0x0000118b", at = 0 } }"#,
        ),
        (
            "vendor[4491].exists",
            r#"{ option = { code = 17, data = "0x0000118b", at = 0 } }"#,
        ),
        (
            "vendor-class.enterprise == 4491",
            r#"{ option = { code = 16, data = "0x0000118b", at = 0 } }"#,
        ),
        ("member('KNOWN')", "{ reserved = true }"),
        ("not known", "{ unless = [{ reserved = true }] }"),
        (
            "unknown and member('a')",
            r#"{ reserved = false, class = "a" }"#,
        ),
        (
            "member('VENDOR_CLASS_docsis3.0')",
            r#"{ option = { code = 16, data = "0x0009646f63736973332e30", at = 4 } }"#,
        ),
        (
            "not member('a') and option[60].exists",
            r#"{ option = { code = 60 }, unless = [{ class = "a" }] }"#,
        ),
        (
            "option[60].exists and option[61].exists",
            "{ option = { code = 60 }, unless = [{ unless = [{ option = { code = 61 } }] }] }",
        ),
    ];
    for (test, expected) in cases {
        assert_eq!(members(test).unwrap(), [expected], "{test}");
    }
}

#[test]
fn what_leasebook_does_not_compare_is_told() {
    let cases = [
        ("pkt6.msgtype == 1", "`pkt6` is nothing leasebook compares"),
        (
            "option[60].hex == option[61].hex",
            "two things of one message",
        ),
        (
            "substring(option[60].hex,0,3) == 'abcd'",
            "a part of 3 octets",
        ),
        ("substring(option[60].hex,3,all) == 'abcd'", "a part of"),
        ("concat(option[1].hex, 'a') == 'b'", "`concat` is nothing"),
        ("option[no-such].exists", "write its code"),
        ("option[60].hex == 'open", "never closed"),
        ("relay6[0].option[37].exists", "nothing leasebook compares"),
        ("member('a') member('b')", "`member` is not understood here"),
        (
            "substring(relay6[0].option[79].hex, 2, 3) == 0x001122",
            "a part of a link-layer address",
        ),
        (
            "vendor-class[4491].data[1] == 'x'",
            "an item of a vendor class by its place",
        ),
        ("member('late')", "class `late` is none of those above"),
        ("", "it ends too soon"),
        ("option[60].hex ==", "it ends too soon"),
    ];
    for (test, expected) in cases {
        let told = members(test).unwrap_err();
        assert!(told.contains(expected), "{test}: {told}");
    }
    let many = ["(member('a') or member('b'))"; 7].join(" and ");
    assert!(members(&many).unwrap_err().contains("more than 64"));
    // Each level is eight times eight alternatives of all that is below it.
    let mut test = "member('a')".to_owned();
    for _ in 0..6 {
        let eight = ["member('a')"; 8].join(" or ");
        test = format!("({eight}) and ({eight}) and not ({test})");
    }
    assert!(members(&test).unwrap_err().contains("octets"));
    assert!(
        members(&"substring(".repeat(100_000))
            .unwrap_err()
            .contains("options alone")
    );
    assert!(
        members(&"(".repeat(100_000))
            .unwrap_err()
            .contains("too deeply")
    );
    assert!(
        members(&"not ".repeat(100_000))
            .unwrap_err()
            .contains("too deeply")
    );
}

#[test]
fn identifiers_become_settings_of_clients() {
    let cases = [
        (
            "relay6[0].option[18].hex",
            "port 7",
            ("interface-id", "\"port 7\""),
        ),
        ("relay6[0].option[38].hex", "x", ("subscriber-id", "\"x\"")),
        ("option[1].hex", "abc", ("duid", "\"61:62:63\"")),
        (
            "relay6[-1].option[37].hex",
            "abcde",
            ("remote-id", "\"61:62:63:64:65\""),
        ),
    ];
    for (expression, value, (key, text)) in cases {
        let identifier = Identifier::read(expression).unwrap();
        let found = identifier.setting(value.as_bytes()).unwrap();
        assert_eq!(found, (key, text.to_owned()), "{expression}");
    }
    let of_client = Identifier::read("substring(option[60].hex, 0, 3)").unwrap();
    assert_eq!(
        of_client.equals(b"abc").unwrap(),
        [r#"{ option = { code = 60, data = "abc", at = 0 } }"#]
    );
    assert!(of_client.equals(b"ab").is_err());
    assert_eq!(
        of_client.exists().unwrap(),
        [r#"{ option = { code = 60 }, unless = [{ option = { code = 60, data = "" } }] }"#]
    );
    assert!(Identifier::read("concat(option[1].hex, 'x')").is_err());
    let of_relay = Identifier::read("relay6[0].option[18].hex").unwrap();
    assert!(of_relay.exists().is_err());
}

proptest! {
    #[test]
    fn any_expression_is_a_table_or_refused(test in "[a-z0-9\\[\\]().,' =\"\\\\x:-]{0,60}") {
        if let Ok(members) = members(&test) {
            for member in members {
                let table: Result<toml::Table, _> = format!("a = {member}").parse();
                prop_assert!(table.is_ok(), "{member}");
            }
        }
    }
}
