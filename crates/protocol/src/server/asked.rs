//! What a client's message asks for.

use std::net::Ipv6Addr;

use leasebook_store::{IaKind, LeaseName};
use leasebook_wire::Options;
use leasebook_wire::code::OptionCode;
use leasebook_wire::option::{IaAddr, IaNa, IaPd, IaPrefix, IaTa, OptionView as _};

/// An IA as a client's message has it.
#[derive(Clone, Debug)]
pub(super) struct AskedIa<'a> {
    pub(super) kind: IaKind,
    pub(super) iaid: u32,
    /// The addresses or prefixes it names, each once, with the options inside.
    pub(super) named: Vec<(LeaseName, Options<'a>)>,
    /// The length of prefix it would like (RFC 8168).
    pub(super) len: Option<u8>,
}

/// All IAs of a message, in order. An IA that cannot be read is none, and so is one that comes
/// again (D-30).
pub(super) fn asked<'a>(options: Options<'a>, hears_ta: bool) -> Vec<AskedIa<'a>> {
    let mut all: Vec<AskedIa<'a>> = Vec::new();
    for option in options {
        let ia = match option.code {
            OptionCode::IA_NA => IaNa::parse(option)
                .map(|ia| AskedIa::of_addresses(IaKind::Na, ia.iaid, ia.options))
                .ok(),
            OptionCode::IA_TA if hears_ta => IaTa::parse(option)
                .map(|ia| AskedIa::of_addresses(IaKind::Ta, ia.iaid, ia.options))
                .ok(),
            OptionCode::IA_PD => IaPd::parse(option)
                .map(|ia| AskedIa::of_prefixes(ia.iaid, ia.options))
                .ok(),
            _ => None,
        };
        let Some(ia) = ia else { continue };
        if !all
            .iter()
            .any(|known| known.kind == ia.kind && known.iaid == ia.iaid)
        {
            all.push(ia);
        }
    }
    all
}

impl<'a> AskedIa<'a> {
    fn of_addresses(kind: IaKind, iaid: u32, options: Options<'a>) -> Self {
        let mut named = Vec::new();
        for lease in options.views::<IaAddr<'_>>().filter_map(Result::ok) {
            push_once(&mut named, LeaseName::Address(lease.address), lease.options);
        }
        Self {
            kind,
            iaid,
            named,
            len: None,
        }
    }

    fn of_prefixes(iaid: u32, options: Options<'a>) -> Self {
        let (mut named, mut len, mut named_len) = (Vec::new(), None, None);
        for lease in options.views::<IaPrefix<'_>>().filter_map(Result::ok) {
            let wished = Some(lease.prefix_len).filter(|len| *len > 0);
            if lease.prefix == Ipv6Addr::UNSPECIFIED {
                len = len.or(wished);
            } else if let Some(name) = LeaseName::prefix(lease.prefix, lease.prefix_len) {
                named_len = named_len.or(wished);
                push_once(&mut named, name, lease.options);
            }
        }
        Self {
            kind: IaKind::Pd,
            iaid,
            named,
            len: len.or(named_len),
        }
    }
}

fn push_once<'a>(named: &mut Vec<(LeaseName, Options<'a>)>, name: LeaseName, options: Options<'a>) {
    if !named.iter().any(|(known, _)| *known == name) {
        named.push((name, options));
    }
}
