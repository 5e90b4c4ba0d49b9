//! The lightweight relay: which ports of a bridge, and how they are marked.

use leasebook_protocol::relay::RemoteIdText;
use toml::Spanned;

use super::super::error::Findings;
use super::super::file::{LightweightFile, LightweightInterfaceFile};
use super::filter::is_table_name;
use super::{flag, value};

/// Octets of an interface's name. Source: IFNAMSIZ of linux/if.h, less its end.
const NAME_OCTETS: usize = 15;

/// The settings of the lightweight relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lightweight {
    /// The network-facing interfaces.
    pub network: Vec<String>,
    /// The client-facing interfaces; the first whose name fits holds.
    pub interfaces: Vec<LightweightInterface>,
    /// The table of nftables.
    pub table: String,
}

/// Client-facing interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LightweightInterface {
    /// The name; `*` at its end stands for any characters.
    pub name: String,
    /// The INTERFACE_ID, with places to fill in.
    pub interface_id: RemoteIdText,
    /// A Remote-ID to add.
    pub remote_id: Option<(u32, RemoteIdText)>,
    /// A Subscriber-ID to add.
    pub subscriber_id: Option<RemoteIdText>,
    /// Relays on it are trusted.
    pub trusted: bool,
}

impl LightweightInterface {
    /// Whether it is about the interface with this name.
    pub fn fits(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == self.name,
        }
    }
}

pub(super) fn lightweight(
    file: &LightweightFile,
    findings: &mut Findings<'_>,
) -> Option<Lightweight> {
    let written = file.network.as_deref().unwrap_or_default();
    for name in written {
        check_name(name, false, findings);
    }
    let table = file.table.as_ref();
    if let Some(written) = table
        && !is_table_name(written.get_ref())
    {
        findings.wrong(written.span(), "no name of a table of nftables");
    }
    let network: Vec<String> = written.iter().map(|name| name.get_ref().clone()).collect();
    let mut interfaces: Vec<LightweightInterface> = Vec::new();
    for one in &file.interface {
        let Some(interface) = interface(one, findings) else {
            continue;
        };
        if network.iter().any(|name| interface.fits(name)) {
            findings.wrong(
                one.span(),
                "it fits a network-facing interface; it is one or the other",
            );
        }
        interfaces.push(interface);
    }
    match (network.is_empty(), interfaces.is_empty()) {
        (true, true) => return None,
        (true, false) => {
            let span = file.interface.first().map_or(0..0, Spanned::span);
            findings.wrong(
                span,
                "`lightweight.network` is missing; name what leads to servers",
            );
        }
        (false, true) => {
            let span = written.first().map_or(0..0, Spanned::span);
            findings.wrong(
                span,
                "no [[lightweight.interface]]; name what clients are on",
            );
        }
        (false, false) => {}
    }
    Some(Lightweight {
        network,
        interfaces,
        table: table.map_or_else(
            || "leasebook-lightweight".to_owned(),
            |written| written.get_ref().clone(),
        ),
    })
}

fn interface(
    file: &Spanned<LightweightInterfaceFile>,
    findings: &mut Findings<'_>,
) -> Option<LightweightInterface> {
    let span = file.span();
    let file = file.get_ref();
    let Some(name) = &file.name else {
        findings.wrong(span, "[[lightweight.interface]] needs `name`");
        return None;
    };
    check_name(name, true, findings);
    if let Some(written) = &file.interface_id
        && name.get_ref().ends_with('*')
        && !written.get_ref().contains("{interface}")
    {
        let what = "several interfaces would have the same id; put {interface} into it";
        findings.wrong(written.span(), what);
    }
    let text = |written: &Spanned<String>| RemoteIdText(written.get_ref().clone());
    let default_id = || RemoteIdText("{interface}".to_owned());
    Some(LightweightInterface {
        name: name.get_ref().clone(),
        interface_id: file.interface_id.as_ref().map_or_else(default_id, text),
        remote_id: value(file.remote_id.as_ref())
            .map(|template| (template.enterprise, RemoteIdText(template.text))),
        subscriber_id: file.subscriber_id.as_ref().map(text),
        trusted: flag(file.trusted.as_ref(), false),
    })
}

/// Names go into rules of nftables, so they hold nothing that has a meaning there.
fn check_name(name: &Spanned<String>, may_have_star: bool, findings: &mut Findings<'_>) {
    let text = name.get_ref();
    let stem = if may_have_star {
        text.strip_suffix('*').unwrap_or(text)
    } else {
        text
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-@:".contains(c);
    if stem.is_empty() || text.len() > NAME_OCTETS || !stem.chars().all(is_plain) {
        let what = "an interface has 1 to 15 letters, digits, `.`, `_`, `-`, `@` or `:`; `*` \
                    may end the name of a client-facing one";
        findings.wrong(name.span(), what);
    }
}
