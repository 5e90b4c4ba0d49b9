//! `[dhcp]`, and the settings that every level has.

use leasebook_protocol::server::config::{ConfiguredOption, Settings};

use super::{Printer, SectionDoc, Written, list, quoted, texts};
use crate::config::file::{DhcpFile, OptionsFile};
use crate::config::named::{self, Words};
use crate::config::runtime::Dhcp;
use crate::config::values::{Lifetime, ObsoleteKind};
use crate::text::hex;

impl Printer {
    /// The DHCPv6 server as a whole.
    pub(super) fn dhcp(&mut self, dhcp: &Dhcp) {
        let doc = &DhcpFile::DOC;
        let obsolete: Vec<ObsoleteKind> = [
            (ObsoleteKind::IaTa, dhcp.obsolete.ia_ta),
            (ObsoleteKind::Unicast, dhcp.obsolete.unicast),
        ]
        .into_iter()
        .filter_map(|(kind, is_on)| is_on.then_some(kind))
        .collect();
        self.section(doc, "[dhcp]");
        let settings = [
            ("preference", dhcp.preference.to_string()),
            ("obsolete", list(&obsolete, |kind| quoted(kind.word()))),
            ("rsoo", list(&dhcp.rsoo, |code| code.0.to_string())),
            ("probation", time(dhcp.probation)),
            ("offer_hold", time(dhcp.offer_hold)),
            ("answer_after", time(dhcp.answer_after)),
            ("reconfigure", dhcp.reconfigure.to_string()),
            ("bind_on_renew", dhcp.bind_on_renew.to_string()),
            ("register_addresses", dhcp.register_addresses.to_string()),
            ("leases_per_client", dhcp.leases_per_client.to_string()),
            ("rate_per_client", dhcp.rates.per_client.to_string()),
            ("rate_per_relay", dhcp.rates.per_relay.to_string()),
            ("relay_interfaces", texts(&dhcp.relay_interfaces)),
            ("pool_warning", dhcp.pool_warning.to_string()),
        ];
        for (field, value) in settings {
            self.setting(doc, field, Written::Set(value));
        }
        self.level(doc, &dhcp.settings);
        if self.documented {
            self.options_by_themselves();
        }
    }

    /// The settings of a level; the global options have a section of their own in the example.
    pub(super) fn level(&mut self, doc: &SectionDoc, settings: &Settings) {
        let lifetimes = settings.lifetimes;
        let renewal = settings.renewal;
        let written =
            |value: Option<String>, sample| value.map_or(Written::Unset(sample), Written::Set);
        let preferred = lifetimes.map(|both| time(both.preferred));
        let valid = lifetimes.map(|both| time(both.valid));
        self.setting(doc, "preferred_lifetime", written(preferred, "\"50m\""));
        self.setting(doc, "valid_lifetime", written(valid, "\"1h6m40s\""));
        let t1 = renewal.map(|both| time(both.t1));
        self.setting(doc, "t1", written(t1, "\"25m\""));
        let t2 = renewal.map(|both| time(both.t2));
        self.setting(doc, "t2", written(t2, "\"40m\""));
        let rapid = settings.rapid_commit.map(|flag| flag.to_string());
        self.setting(doc, "rapid_commit", written(rapid, "true"));
        // A prefix pool's own length is no default, and an address pool has none.
        if !doc.name.ends_with("pool") {
            let length = settings.delegated_len.map(|length| length.to_string());
            self.setting(doc, "delegated_length", written(length, "56"));
        }
        if self.documented && doc.name == DhcpFile::DOC.name {
            return;
        }
        let options = (!settings.options.is_empty()).then(|| inline(&settings.options));
        let sample = "{ dns-servers = [\"3fff::53\"] }";
        self.setting(doc, "options", written(options, sample));
    }

    /// `[dhcp.options]` with a sample of every one.
    fn options_by_themselves(&mut self) {
        let doc = &OptionsFile::DOC;
        let sample = std::mem::replace(&mut self.sample, true);
        self.section(doc, "[dhcp.options]");
        let samples = [
            ("dns_servers", "[\"3fff::53\", \"3fff::5353\"]"),
            ("domain_search", "[\"example.com\"]"),
            ("ntp_servers", "[\"3fff::123\", \"ntp.example.com\"]"),
            ("sntp_servers", "[\"3fff::123\"]"),
            ("sip_servers", "[\"3fff::5060\"]"),
            ("sip_domains", "[\"sip.example.com\"]"),
            ("aftr_name", "\"aftr.example.com\""),
            ("sol_max_rt", "\"1h\""),
            ("inf_max_rt", "\"1h\""),
            ("information_refresh_time", "\"1d\""),
            (
                "vendor",
                "[{ enterprise = 3561, code = 1, data = \"https://acs.example.com\" }]",
            ),
            (
                "custom",
                "[{ code = 41, type = \"text\", value = \"EST5EDT\", always = true }]",
            ),
        ];
        for (field, value) in samples {
            self.setting(doc, field, Written::Unset(value));
        }
        self.sample = sample;
    }
}

/// A time as the file has it.
fn time(secs: u32) -> String {
    quoted(Lifetime(secs).show())
}

/// Options on one line; those of one code stand side by side.
fn inline(options: &[ConfiguredOption]) -> String {
    let mut settings = Vec::new();
    let mut customs = Vec::new();
    for same in options.chunk_by(|one, next| one.code == next.code) {
        match by_name(same) {
            Some(setting) => settings.push(setting),
            None => customs.extend(same.iter().map(custom)),
        }
    }
    if !customs.is_empty() {
        settings.push(format!("custom = [{}]", customs.join(", ")));
    }
    format!("{{ {} }}", settings.join(", "))
}

/// The setting that writes all options of one code, if there is one.
fn by_name(same: &[ConfiguredOption]) -> Option<String> {
    let first = same.first()?;
    let key = named::key(first.code)?;
    let mut elements = Vec::new();
    for option in same {
        if option.always {
            return None;
        }
        match named::words(option.code, &option.data)? {
            Words::One(value) if same.len() == 1 => return Some(format!("{key} = {value}")),
            Words::One(_) => return None,
            Words::List(values) => elements.extend(values),
        }
    }
    Some(format!("{key} = [{}]", elements.join(", ")))
}

/// An option by its code.
fn custom(option: &ConfiguredOption) -> String {
    let value = quoted(hex::show(&option.data));
    let always = if option.always { ", always = true" } else { "" };
    format!(
        "{{ code = {}, type = \"hex\", value = {value}{always} }}",
        option.code.0
    )
}
