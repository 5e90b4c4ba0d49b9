//! Options for clients: their octets, what is printed of them, and what is wrong with them.

use leasebook_protocol::server::config::ConfiguredOption;
use proptest::prelude::*;

use super::{config, effective, read, wrong};

/// The options that `[dhcp.options]` with these settings makes.
fn options(settings: &str) -> Vec<ConfiguredOption> {
    config(&format!("[dhcp.options]\n{settings}\n"))
        .dhcp
        .settings
        .options
}

/// Octets in hex.
fn digits(octets: &[u8]) -> String {
    crate::text::hex::show(octets).replace(':', "")
}

/// The codes and octets of the options, in hex.
fn octets(settings: &str) -> Vec<(u16, String)> {
    let show = |option: &ConfiguredOption| (option.code.0, digits(&option.data));
    options(settings).iter().map(show).collect()
}

/// Settings, the code of their option and its octets; A, B and NAME stand for longer ones.
const OCTETS: [(&str, u16, &str); 25] = [
    ("dns-servers = [\"3fff::1\", \"3fff::2\"]", 23, "AB"),
    ("domain-search = [\"www.example.net\"]", 24, "NAME"),
    ("domain-search = [\"a.\", \"b\"]", 24, "016100016200"),
    ("sntp-servers = [\"3fff::1\"]", 31, "A"),
    ("sip-servers = [\"3fff::1\"]", 22, "A"),
    ("sip-domains = [\"www.example.net\"]", 21, "NAME"),
    ("aftr-name = \"www.example.net\"", 64, "NAME"),
    ("sol-max-rt = \"60s\"", 82, "0000003c"),
    ("inf-max-rt = \"1d\"", 83, "00015180"),
    ("information-refresh-time = \"600s\"", 32, "00000258"),
    ("information-refresh-time = \"infinity\"", 32, "ffffffff"),
    ("ntp-servers = [\"3fff::1\"]", 56, "00010010A"),
    ("ntp-servers = [\"a.b\"]", 56, "000300050161016200"),
    (
        "vendor = [{ enterprise = 3561, code = 1, data = \"u\" }, { enterprise = 3561, code = 2, data = \"\" }]",
        17,
        "00000de9000100017500020000",
    ),
    (
        "custom = [{ code = 250, type = \"hex\", value = \"0x00ff\" }]",
        250,
        "00ff",
    ),
    (
        "custom = [{ code = 250, type = \"hex\", value = \"\" }]",
        250,
        "",
    ),
    (
        "custom = [{ code = 41, type = \"text\", value = \"ä\" }]",
        41,
        "c3a4",
    ),
    (
        "custom = [{ code = 250, type = \"u8\", value = 255 }]",
        250,
        "ff",
    ),
    (
        "custom = [{ code = 250, type = \"u16\", value = 256 }]",
        250,
        "0100",
    ),
    (
        "custom = [{ code = 250, type = \"u32\", value = 1 }]",
        250,
        "00000001",
    ),
    (
        "custom = [{ code = 250, type = \"ipv6\", value = \"3fff::1\" }]",
        250,
        "A",
    ),
    (
        "custom = [{ code = 250, type = \"ipv6-list\", value = [\"3fff::1\", \"3fff::2\"] }]",
        250,
        "AB",
    ),
    (
        "custom = [{ code = 250, type = \"fqdn\", value = \"a.b\" }]",
        250,
        "0161016200",
    ),
    (
        "custom = [{ code = 250, type = \"fqdn-list\", value = [\"a\", \"b\"] }]",
        250,
        "016100016200",
    ),
    (
        "custom = [{ code = 94, type = \"hex\", value = \"005a000400000000\" }]",
        94,
        "005a000400000000",
    ),
];

#[test]
fn each_option_has_the_octets_of_its_rfc() {
    for (settings, code, expected) in OCTETS {
        let expected = expected
            .replace("NAME", "03777777076578616d706c65036e657400")
            .replace('A', "3fff0000000000000000000000000001")
            .replace('B', "3fff0000000000000000000000000002");
        assert_eq!(octets(settings), [(code, expected)], "{settings}");
    }
}

#[test]
fn options_stand_in_the_order_of_their_codes() {
    let codes: Vec<u16> = octets(
        "sol-max-rt = \"1h\"\nntp-servers = [\"3fff::1\", \"ff05::101\"]\ndns-servers = [\"3fff::1\"]\n\
         vendor = [{ enterprise = 9, code = 1, data = \"x\" }, { enterprise = 3, code = 1, data = \"y\" }]",
    )
    .into_iter()
    .map(|(code, _)| code)
    .collect();
    assert_eq!(codes, [17, 17, 23, 56, 56, 82]);
}

/// DHCP-S-046: an option can be sent to clients that do not ask for it.
#[test]
fn an_option_by_its_code_may_be_sent_unasked() {
    let custom = |always: &str| {
        options(&format!(
            "custom = [{{ code = 23, type = \"ipv6\", value = \"3fff::1\"{always} }}]"
        ))
    };
    assert!(custom(", always = true")[0].always);
    assert!(!custom("")[0].always);
    let printed = effective(&config(
        "[dhcp.options]\ncustom = [{ code = 23, type = \"ipv6\", value = \"3fff::1\", always = true }]",
    ));
    assert!(
        printed.contains("code = 23") && printed.contains("always = true"),
        "{printed}"
    );
}

#[test]
fn a_wrong_option_is_told_with_its_place_and_what_is_right() {
    let table = [
        (
            "dns-servers = []",
            "f:2:15: the list is empty; leave the setting out",
        ),
        (
            "dns-servers = [\"192.0.2.1\"]",
            "f:2:16: `192.0.2.1` is no IPv6 address; write it as \"2001:db8::1\"",
        ),
        (
            "domain-search = [\".\"]",
            "f:2:18: `.` has no label; write it as \"example.com\"",
        ),
        (
            "sol-max-rt = \"59s\"",
            "f:2:14: 59s is out of range; a time from 1m to 1d is needed",
        ),
        (
            "information-refresh-time = \"599s\"",
            "f:2:28: 9m59s is too short; clients take 10m or more, or \"infinity\"",
        ),
        (
            "vendor = [{ code = 1, data = \"\" }]",
            "f:2:11: an option of a vendor needs enterprise, code and data",
        ),
        (
            "custom = [{ code = 1, type = \"hex\", value = \"\" }]",
            "f:2:11: CLIENTID is not for the configuration: the server makes it itself, or it belongs into other messages",
        ),
        (
            "custom = [{ code = 17, type = \"hex\", value = \"\" }]",
            "f:2:11: options of vendors stand in vendor = [{ enterprise, code, data }], not here",
        ),
        (
            "custom = [{ code = 23, type = \"hex\", value = \"00\" }]",
            "f:2:11: this is not what option 23 holds; dns-servers writes it",
        ),
        (
            "dns-servers = [\"3fff::1\"]\ncustom = [{ code = 23, type = \"ipv6\", value = \"3fff::1\" }]",
            "f:3:11: option 23 stands here already, perhaps as dns-servers; write it once",
        ),
        (
            "custom = [{ code = 250, type = \"u8\", value = 256 }]",
            "f:2:11: 256 is no u8",
        ),
        (
            "custom = [{ code = 250, type = \"u8\", value = \"1\" }]",
            "f:2:11: \"1\" is no value of type \"u8\"; a whole number is needed",
        ),
        (
            "custom = [{ code = 250, type = \"ipv6-list\", value = [] }]",
            "f:2:11: [] is no value of type \"ipv6-list\"; a list in brackets with at least one element is needed",
        ),
        (
            "custom = [{ code = 250, type = \"hex\" }]",
            "f:2:11: an option by code needs code, type and value",
        ),
        (
            "custom = [{ code = 94, type = \"hex\", value = \"\" }]",
            "f:2:11: option 94 holds options, and here are none",
        ),
    ];
    for (settings, expected) in table {
        assert_eq!(
            wrong(&format!("[dhcp.options]\n{settings}")),
            expected,
            "{settings}"
        );
    }
    let long = format!(
        "custom = [{{ code = 250, type = \"text\", value = \"{}\" }}]",
        "x".repeat(65_536)
    );
    assert!(wrong(&format!("[dhcp.options]\n{long}")).contains("65536 octets do not fit"));
}

proptest! {
    #[test]
    fn whatever_octets_an_option_has_it_is_printed_and_reads_back_equal(
        code in prop_oneof![Just(17_u16), Just(21), Just(23), Just(24), Just(32), Just(56), Just(64), Just(82), 1..=65535_u16],
        data in proptest::collection::vec(any::<u8>(), 0..40),
        always: bool,
    ) {
        let digits = digits(&data);
        let text = format!(
            "[dhcp]\noptions = {{ custom = [{{ code = {code}, type = \"hex\", value = \"{digits}\", always = {always} }}] }}"
        );
        if let Ok(loaded) = read(&text) {
            let printed = effective(&loaded.config);
            prop_assert_eq!(&config(&printed), &loaded.config, "{}", printed);
        }
    }

    #[test]
    fn whatever_identifiers_clients_have_they_are_printed_and_read_back_equal(
        octets in proptest::collection::vec(any::<u8>(), 5..40),
    ) {
        let hex = digits(&octets);
        let members = format!(
            "[{{ remote-id = \"{hex}\" }}, {{ duid-prefix = \"{hex}\" }}, {{ interface-id = \"0x{hex}\" }}, \
             {{ user-class = \"0x{hex}\" }}, {{ vendor-class = \"1:0x{hex}\" }}, {{ option = {{ code = 9, data = \"0x{hex}\" }} }}]"
        );
        let first = config(&format!("[[class]]\nname = \"c\"\nmembers = {members}\n"));
        prop_assert_eq!(&config(&effective(&first)), &first);
    }
}
