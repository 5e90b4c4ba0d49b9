//! `option-def`: what options hold, by Kea's own knowledge and by the configuration.

use crate::kea_config::error::ConfigError;
use crate::kea_config::model::NotCarried;
use crate::kea_config::section::Section;

/// The space of DHCPv6's own options.
pub(super) const OWN_SPACE: &str = "dhcp6";

/// What an option holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) code: u16,
    pub(super) name: String,
    pub(super) space: String,
    /// Types of its fields, of which the last is repeated if it is an array.
    pub(super) fields: Vec<String>,
    pub(super) is_array: bool,
    /// The space of the options that it holds behind its fields; empty for none.
    pub(super) encapsulates: String,
}

/// A definition of Kea's own: space, name, code, type of its fields, whether an array, and the
/// space of the options it holds.
type Standard = (
    &'static str,
    &'static str,
    u16,
    &'static str,
    bool,
    &'static str,
);

/// Kea's own definitions. Those whose options leasebook makes itself are octets here: they are
/// listed whatever they hold.
const STANDARD: &[Standard] = &[
    (OWN_SPACE, "clientid", 1, "binary", false, ""),
    (OWN_SPACE, "serverid", 2, "binary", false, ""),
    (OWN_SPACE, "ia-na", 3, "binary", false, ""),
    (OWN_SPACE, "ia-ta", 4, "binary", false, ""),
    (OWN_SPACE, "iaaddr", 5, "binary", false, ""),
    (OWN_SPACE, "oro", 6, "binary", false, ""),
    (OWN_SPACE, "preference", 7, "uint8", false, ""),
    (OWN_SPACE, "elapsed-time", 8, "binary", false, ""),
    (OWN_SPACE, "relay-msg", 9, "binary", false, ""),
    (OWN_SPACE, "auth", 11, "binary", false, ""),
    (OWN_SPACE, "unicast", 12, "ipv6-address", false, ""),
    (OWN_SPACE, "status-code", 13, "binary", false, ""),
    (OWN_SPACE, "rapid-commit", 14, "binary", false, ""),
    (OWN_SPACE, "user-class", 15, "binary", false, ""),
    (OWN_SPACE, "vendor-class", 16, "uint32,binary", false, ""),
    (OWN_SPACE, "vendor-opts", 17, "uint32", false, ""),
    (OWN_SPACE, "interface-id", 18, "binary", false, ""),
    (OWN_SPACE, "reconf-msg", 19, "binary", false, ""),
    (OWN_SPACE, "reconf-accept", 20, "binary", false, ""),
    (OWN_SPACE, "sip-server-dns", 21, "fqdn", true, ""),
    (OWN_SPACE, "sip-server-addr", 22, "ipv6-address", true, ""),
    (OWN_SPACE, "dns-servers", 23, "ipv6-address", true, ""),
    (OWN_SPACE, "domain-search", 24, "fqdn", true, ""),
    (OWN_SPACE, "ia-pd", 25, "binary", false, ""),
    (OWN_SPACE, "iaprefix", 26, "binary", false, ""),
    (OWN_SPACE, "nis-servers", 27, "ipv6-address", true, ""),
    (OWN_SPACE, "nisp-servers", 28, "ipv6-address", true, ""),
    (OWN_SPACE, "nis-domain-name", 29, "fqdn", true, ""),
    (OWN_SPACE, "nisp-domain-name", 30, "fqdn", true, ""),
    (OWN_SPACE, "sntp-servers", 31, "ipv6-address", true, ""),
    (
        OWN_SPACE,
        "information-refresh-time",
        32,
        "uint32",
        false,
        "",
    ),
    (OWN_SPACE, "bcmcs-server-dns", 33, "fqdn", true, ""),
    (OWN_SPACE, "bcmcs-server-addr", 34, "ipv6-address", true, ""),
    (
        OWN_SPACE,
        "geoconf-civic",
        36,
        "uint8,uint16,binary",
        false,
        "",
    ),
    (OWN_SPACE, "remote-id", 37, "binary", false, ""),
    (OWN_SPACE, "subscriber-id", 38, "binary", false, ""),
    (OWN_SPACE, "client-fqdn", 39, "binary", false, ""),
    (OWN_SPACE, "pana-agent", 40, "ipv6-address", true, ""),
    (OWN_SPACE, "new-posix-timezone", 41, "string", false, ""),
    (OWN_SPACE, "new-tzdb-timezone", 42, "string", false, ""),
    (OWN_SPACE, "ero", 43, "binary", false, ""),
    (OWN_SPACE, "lq-query", 44, "binary", false, ""),
    (OWN_SPACE, "client-data", 45, "binary", false, ""),
    (OWN_SPACE, "clt-time", 46, "binary", false, ""),
    (OWN_SPACE, "lq-relay-data", 47, "binary", false, ""),
    (OWN_SPACE, "lq-client-link", 48, "binary", false, ""),
    (OWN_SPACE, "v6-lost", 51, "fqdn", false, ""),
    (OWN_SPACE, "capwap-ac-v6", 52, "ipv6-address", true, ""),
    (OWN_SPACE, "relay-id", 53, "binary", false, ""),
    (OWN_SPACE, "ntp-server", 56, "empty", false, NTP_SPACE),
    (OWN_SPACE, "v6-access-domain", 57, "fqdn", false, ""),
    (OWN_SPACE, "sip-ua-cs-list", 58, "fqdn", true, ""),
    (OWN_SPACE, "bootfile-url", 59, "string", false, ""),
    (OWN_SPACE, "bootfile-param", 60, "tuple", true, ""),
    (OWN_SPACE, "client-arch-type", 61, "uint16", true, ""),
    (OWN_SPACE, "nii", 62, "uint8,uint8,uint8", false, ""),
    (OWN_SPACE, "aftr-name", 64, "fqdn", false, ""),
    (OWN_SPACE, "erp-local-domain-name", 65, "fqdn", false, ""),
    (OWN_SPACE, "rsoo", 66, "binary", false, ""),
    (OWN_SPACE, "pd-exclude", 67, "binary", false, ""),
    (
        OWN_SPACE,
        "rdnss-selection",
        74,
        "ipv6-address,uint8,fqdn",
        true,
        "",
    ),
    (OWN_SPACE, "client-linklayer-addr", 79, "binary", false, ""),
    (OWN_SPACE, "link-address", 80, "ipv6-address", false, ""),
    (OWN_SPACE, "solmax-rt", 82, "uint32", false, ""),
    (OWN_SPACE, "inf-max-rt", 83, "uint32", false, ""),
    (OWN_SPACE, "dhcpv4-message", 87, "binary", false, ""),
    (
        OWN_SPACE,
        "dhcp4o6-server-addr",
        88,
        "ipv6-address",
        true,
        "",
    ),
    (OWN_SPACE, "s46-cont-mape", 94, "empty", false, MAPE_SPACE),
    (OWN_SPACE, "s46-cont-mapt", 95, "empty", false, MAPT_SPACE),
    (OWN_SPACE, "s46-cont-lw", 96, "empty", false, LW_SPACE),
    (OWN_SPACE, "v6-captive-portal", 103, "string", false, ""),
    (OWN_SPACE, "relay-source-port", 135, "binary", false, ""),
    (OWN_SPACE, "v6-sztp-redirect", 136, "tuple", true, ""),
    (
        OWN_SPACE,
        "ipv6-address-andsf",
        143,
        "ipv6-address",
        true,
        "",
    ),
    (OWN_SPACE, "v6-dnr", 144, "internal", false, ""),
    (OWN_SPACE, "addr-reg-enable", 148, "empty", false, ""),
    (ISC_SPACE, "4o6-interface", 60_000, "string", false, ""),
    (
        ISC_SPACE,
        "4o6-source-address",
        60_001,
        "ipv6-address",
        false,
        "",
    ),
    (ISC_SPACE, "4o6-source-port", 60_002, "uint16", false, ""),
    (CABLE_SPACE, "oro", 1, "uint16", true, ""),
    (CABLE_SPACE, "device-type", 2, "string", false, ""),
    (CABLE_SPACE, "vendor-type", 10, "string", false, ""),
    (CABLE_SPACE, "tftp-servers", 32, "ipv6-address", true, ""),
    (CABLE_SPACE, "config-file", 33, "string", false, ""),
    (CABLE_SPACE, "syslog-servers", 34, "ipv6-address", true, ""),
    (CABLE_SPACE, "device-id", 36, "binary", false, ""),
    (CABLE_SPACE, "time-servers", 37, "ipv6-address", true, ""),
    (CABLE_SPACE, "time-offset", 38, "int32", false, ""),
    (CABLE_SPACE, "cmts-cm-mac", 1026, "binary", false, ""),
    (
        NTP_SPACE,
        "ntp-server-address",
        1,
        "ipv6-address",
        false,
        "",
    ),
    (
        NTP_SPACE,
        "ntp-server-multicast",
        2,
        "ipv6-address",
        false,
        "",
    ),
    (NTP_SPACE, "ntp-server-fqdn", 3, "fqdn", false, ""),
    (MAPE_SPACE, "s46-rule", 89, RULE, false, RULE_SPACE),
    (MAPE_SPACE, "s46-br", 90, "ipv6-address", false, ""),
    (MAPT_SPACE, "s46-rule", 89, RULE, false, RULE_SPACE),
    (MAPT_SPACE, "s46-dmr", 91, "ipv6-prefix", false, ""),
    (LW_SPACE, "s46-br", 90, "ipv6-address", false, ""),
    (
        LW_SPACE,
        "s46-v4v6bind",
        92,
        "ipv4-address,ipv6-prefix",
        false,
        BIND_SPACE,
    ),
];

/// Options of ISC's own.
const ISC_SPACE: &str = "vendor-2495";
/// Options of CableLabs', for DOCSIS 3. Source: CL-SP-CANN-DHCP-Reg.
const CABLE_SPACE: &str = "vendor-4491";
/// Within NTP_SERVER. Source: RFC 5908 §4.
const NTP_SPACE: &str = "v6-ntp-server-suboptions";
/// Within S46_CONT_MAPE. Source: RFC 7598 §5.1.
const MAPE_SPACE: &str = "s46-cont-mape-options";
/// Within S46_CONT_MAPT. Source: RFC 7598 §5.2.
const MAPT_SPACE: &str = "s46-cont-mapt-options";
/// Within S46_CONT_LW. Source: RFC 7598 §5.3.
const LW_SPACE: &str = "s46-cont-lw-options";
/// Within S46_RULE. Source: RFC 7598 §4.1.
const RULE_SPACE: &str = "s46-rule-options";
/// Within S46_V4V6BIND. Source: RFC 7598 §4.4.
const BIND_SPACE: &str = "s46-v4v6bind-options";
/// Flags, ea-len, prefix4-len, IPv4 prefix, IPv6 prefix. Source: RFC 7598 §4.1.
const RULE: &str = "uint8,uint8,uint8,ipv4-address,ipv6-prefix";

/// S46_PORTPARAMS, in two spaces. Source: RFC 7598 §4.5.
const PORT_PARAMETERS: &[Standard] = &[
    (RULE_SPACE, "s46-portparams", 93, "uint8,psid", false, ""),
    (BIND_SPACE, "s46-portparams", 93, "uint8,psid", false, ""),
];

fn standard() -> impl Iterator<Item = &'static Standard> {
    STANDARD.iter().chain(PORT_PARAMETERS)
}

/// The code of an option by Kea's name for it.
pub(super) fn standard_code(name: &str) -> Option<u16> {
    let mut own = standard().filter(|(space, ..)| *space == OWN_SPACE);
    own.find(|(_, known, ..)| *known == name)
        .map(|(_, _, code, ..)| *code)
}

/// The definitions in force.
#[derive(Clone, Debug, Default)]
pub(super) struct Definitions(Vec<Definition>);

impl Definitions {
    /// Takes the `option-def` of a section besides those there are.
    pub(super) fn read(
        &mut self,
        section: &mut Section<'_>,
        not_carried: &mut Vec<NotCarried>,
    ) -> Result<(), ConfigError> {
        for (node, path) in section.list("option-def")? {
            let mut entry = Section::new(node, path)?;
            let code = entry.number("code", 0xffff)?.unwrap_or(0);
            let kind = entry.string("type")?.unwrap_or("binary").to_owned();
            let types = entry.text("record-types")?.unwrap_or_default();
            let fields = if kind == "record" {
                let types = types.split(',').map(|field| field.trim().to_owned());
                types.collect()
            } else {
                vec![kind]
            };
            self.0.push(Definition {
                code: u16::try_from(code).unwrap_or(0),
                name: entry.text("name")?.unwrap_or_default(),
                space: entry.text("space")?.unwrap_or_else(|| OWN_SPACE.to_owned()),
                fields,
                is_array: entry.flag("array")?.unwrap_or(false),
                encapsulates: entry.text("encapsulate")?.unwrap_or_default(),
            });
            entry.finish(not_carried);
        }
        Ok(())
    }

    /// The definition of an option in a space, the configuration's before Kea's own.
    pub(super) fn find(
        &self,
        space: &str,
        is_it: &dyn Fn(&str, u16) -> bool,
    ) -> Option<Definition> {
        let own = self.0.iter().rev();
        let mut own = own.filter(|definition| definition.space == space);
        if let Some(found) = own.find(|definition| is_it(&definition.name, definition.code)) {
            return Some(found.clone());
        }
        let (space, name, code, fields, is_array, encapsulates) =
            standard().find(|(known, name, code, ..)| *known == space && is_it(name, *code))?;
        Some(Definition {
            code: *code,
            name: (*name).to_owned(),
            space: (*space).to_owned(),
            fields: fields.split(',').map(str::to_owned).collect(),
            is_array: *is_array,
            encapsulates: (*encapsulates).to_owned(),
        })
    }
}
