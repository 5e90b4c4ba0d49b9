//! The commented example of `relay.toml`.

use crate::config::file::{
    FilterFile, LightweightFile, LightweightInterfaceFile, LimitsFile, LogFile, MetricsFile,
    RecoveryFile, RelayFile, RelayInterfaceFile, RelayServerFile, RoutesFile, SectionDoc, VrfFile,
};

/// What stands in the example for each setting: section, setting, value. What has a default shows
/// that, the rest a sample.
pub(super) const SAMPLES: [(&str, &str, &str); 58] = [
    (
        "",
        "relay_id",
        "\"00:04:5e:1f:00:53:00:00:40:00:80:00:00:00:5e:00:53:01\"",
    ),
    ("", "sends_relay_id", "true"),
    ("", "former_relay_ids", "[]"),
    ("", "state", "\"/var/lib/leasebook-relay\""),
    ("", "control", "\"/run/leasebook-relay/control\""),
    ("", "relays", "[]"),
    ("", "refuse_rsoo", "false"),
    ("", "source", "\"2001:db8::9\""),
    ("", "port", "547"),
    ("", "client_port", "546"),
    ("server", "address", "\"2001:db8::1\""),
    ("server", "recover", "true"),
    ("server", "bulk", "\"[2001:db8::1]:547\""),
    ("interface", "name", "\"eth1\""),
    ("interface", "link_address", "\"2001:db8:1::1\""),
    ("interface", "interface_id", "\"{interface}\""),
    ("interface", "remote_id", "\"32473:olt-1/{interface}\""),
    ("interface", "subscriber_id", "\"{interface}\""),
    ("interface", "client_link_layer", "false"),
    ("interface", "supply", "[\"65:076578616d706c6500\"]"),
    ("interface", "trusted", "false"),
    ("interface", "leasequery", "false"),
    ("interface", "next_hop", "\"fe80::1\""),
    ("interface", "point_to_point", "false"),
    ("lightweight", "network", "[\"uplink\"]"),
    ("lightweight", "table", "\"leasebook-lightweight\""),
    ("lightweight.interface", "name", "\"port*\""),
    ("lightweight.interface", "interface_id", "\"{interface}\""),
    (
        "lightweight.interface",
        "remote_id",
        "\"32473:olt-1/{interface}\"",
    ),
    ("lightweight.interface", "subscriber_id", "\"{interface}\""),
    ("lightweight.interface", "trusted", "false"),
    ("vrf", "clients", "\"customers\""),
    ("vrf", "servers", "\"management\""),
    ("limits", "prefixes_per_client", "8"),
    ("limits", "prefixes_per_interface", "0"),
    ("limits", "messages_per_client", "0"),
    ("limits", "messages_per_interface", "0"),
    ("limits", "one_interface_per_client", "false"),
    ("routes", "protocol", "147"),
    ("routes", "table", "254"),
    ("routes", "metric", "1024"),
    ("routes", "addresses", "false"),
    ("routes", "aggregates", "[]"),
    ("filter", "ingress", "\"off\""),
    ("filter", "loops", "\"pass\""),
    ("filter", "loops_pass", "[]"),
    ("filter", "table", "\"leasebook-relay\""),
    ("filter", "nft", "\"nft\""),
    ("recovery", "timers", "\"draft\""),
    ("recovery", "by_link", "true"),
    ("recovery", "remote_ids", "[]"),
    ("recovery", "source", "\"2001:db8::9\""),
    ("recovery", "ready_within", "\"1m\""),
    ("recovery", "keep_every", "\"0s\""),
    ("metrics", "listen", "\"127.0.0.1:9548\""),
    ("log", "level", "\"info\""),
    ("log", "format", "\"text\""),
    ("log", "clients", "\"full\""),
];

/// Settings that are needed, and stand in the example uncommented.
const NEEDED: [(&str, &str); 2] = [("server", "address"), ("interface", "name")];

/// The commented example, with every setting.
pub fn example() -> String {
    let sections: [(&SectionDoc, &str); 12] = [
        (&RelayFile::DOC, ""),
        (&RelayServerFile::DOC, "[[server]]"),
        (&RelayInterfaceFile::DOC, "[[interface]]"),
        (&LightweightFile::DOC, "[lightweight]"),
        (
            &LightweightInterfaceFile::DOC,
            "# [[lightweight.interface]]",
        ),
        (&VrfFile::DOC, "[vrf]"),
        (&LimitsFile::DOC, "[limits]"),
        (&RoutesFile::DOC, "[routes]"),
        (&FilterFile::DOC, "[filter]"),
        (&RecoveryFile::DOC, "[recovery]"),
        (&MetricsFile::DOC, "[metrics]"),
        (&LogFile::DOC, "[log]"),
    ];
    let mut text = String::new();
    for (section, header) in sections {
        let comment = |text: &mut String, lines: &[&str]| {
            for line in lines {
                text.extend(["#", line, "\n"]);
            }
        };
        comment(&mut text, section.lines);
        if !header.is_empty() {
            text.push_str(header);
            text.push('\n');
        }
        for setting in section.settings {
            let is_it = |sample: &&(&str, &str, &str)| {
                sample.0 == section.name && sample.1 == setting.field
            };
            let Some((name, field, value)) = SAMPLES.iter().find(is_it) else {
                continue;
            };
            comment(&mut text, setting.lines);
            let mark = if NEEDED.contains(&(*name, *field)) {
                ""
            } else {
                "# "
            };
            text.extend([
                mark,
                &field.replace('_', "-"),
                " = ",
                value,
                "
",
            ]);
        }
        text.push('\n');
    }
    text
}
