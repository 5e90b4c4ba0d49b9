//! A second codec, written by others, reads what we write and writes what we read.
//!
//! Where `dhcproto` 0.15 is known to differ, and why the test keeps away from there:
//!
//! - It takes the options before the first one it cannot read for the whole message; we refuse
//!   the message (WIRE-019). So only messages that are valid are compared.
//! - It sorts options by code; so lists are compared without their order.
//! - It reads options of one length by that length and not by option-len, and subtracts from
//!   option-len unchecked (STATUS_CODE, VENDOR_CLASS, VENDOR_OPTS), which panics when it is short.
//! - It reads every RELAY_MSG in the relay form, a client's message too; so a message is compared
//!   level by level, each without its RELAY_MSG.
//! - It writes the number of items of USER_CLASS and VENDOR_CLASS in place of their octets; so
//!   these are compared in one direction only.
//! - It reads the options in VENDOR_OPTS as if the vendor's codes were the registry's.
//! - A STATUS_CODE that is no UTF-8 ends its list of options; ours shows it (WIRE-030).
//! - It keeps prefix bits past their length, and lengths above 128; DUIDs of any length.
//! - It names INFORMATION_REFRESH_TIME but reads it as unknown, so it is compared as octets.
//! - It knows no option of relays beyond INTERFACE_ID and none of leasequery: those are compared
//!   as octets.

mod common;

use common::{any_chain, any_message, frames, recorded_streams};
use dhcproto::v6::{DhcpOption, DhcpOptions};
use dhcproto::{Decodable, Encodable};
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, OptionCode};
use leasebook_wire::option::{
    AnyOption, Auth, DomainList, ElapsedTime, IaAddr, IaNa, IaPd, IaPrefix, IaTa, Items, Oro,
};
use leasebook_wire::{Message, Options, RawOption, RelayChain};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// WIRE-008, WIRE-018, WIRE-035, WIRE-036, WIRE-037, WIRE-038, WIRE-040, WIRE-041, WIRE-043, WIRE-044, WIRE-045, WIRE-051: the second codec reads our messages alike.
    #[test]
    fn both_codecs_read_alike(octets in any_message()) {
        let (ours, theirs) = both(&octets);
        prop_assert_eq!(ours, theirs);
    }

    /// WIRE-008, WIRE-018: what the second codec writes, we read as what it was made from.
    #[test]
    fn what_the_second_codec_writes_is_read_alike(octets in any_message()) {
        let message = dhcproto::v6::Message::from_bytes(&octets).unwrap();
        // Left out: those whose lengths it writes wrongly.
        let options: DhcpOptions = message
            .opts()
            .iter()
            .filter(|o| !matches!(o, DhcpOption::UserClass(_) | DhcpOption::VendorClass(_)))
            .cloned()
            .collect();
        let mut message = message.clone();
        message.set_opts(options);
        let written = message.to_vec().unwrap();
        let (ours, theirs) = both(&written);
        prop_assert_eq!(ours, theirs);
    }

    /// WIRE-009, WIRE-042: the second codec reads each of our relay levels alike.
    #[test]
    fn both_codecs_read_relay_levels_alike((_, octets) in any_chain()) {
        let chain = RelayChain::parse(&octets, DEFAULT_NESTING_LIMIT).unwrap();
        for level in chain.levels() {
            let mut alone = level.octets()[..34].to_vec();
            for option in level.options().iter().filter(|o| o.code != OptionCode::RELAY_MSG) {
                let octets = common::composed(|c| c.option(option.code, option.data));
                alone.extend(octets);
            }
            let theirs = dhcproto::v6::RelayMessage::from_bytes(&alone).unwrap();
            prop_assert_eq!(u8::from(theirs.msg_type()), level.msg_type().0);
            prop_assert_eq!(theirs.hop_count(), level.hop_count());
            prop_assert_eq!(theirs.link_addr(), level.link_address());
            prop_assert_eq!(theirs.peer_addr(), level.peer_address());
            let left = Options::parse(&alone[34..], 34).unwrap();
            prop_assert_eq!(our_texts(left), their_texts(theirs.opts()));
            prop_assert_eq!(theirs.to_vec().unwrap().len(), alone.len());
        }
    }
}

/// WIRE-008, WIRE-018: both codecs read the recorded messages alike.
#[test]
fn both_codecs_read_the_recorded_messages_alike() {
    for (name, stream) in recorded_streams(".bin") {
        for octets in frames(&stream) {
            let (ours, theirs) = both(&octets);
            assert_eq!(ours, theirs, "{name}");
        }
    }
}

/// The message as each codec reads it: header first, then the options without their order.
fn both(octets: &[u8]) -> (Vec<String>, Vec<String>) {
    let Ok(Message::Client(message)) = Message::parse(octets) else {
        panic!("{octets:?} is no client message");
    };
    let mut ours = our_texts(message.options());
    ours.insert(0, format!("{} {:?}", message.msg_type().0, message.xid().0));
    let message = dhcproto::v6::Message::from_bytes(octets).unwrap();
    let mut theirs = their_texts(message.opts());
    theirs.insert(
        0,
        format!("{} {:?}", u8::from(message.msg_type()), message.xid()),
    );
    (ours, theirs)
}

fn our_texts(options: Options<'_>) -> Vec<String> {
    let mut texts: Vec<_> = options.iter().map(our_text).collect();
    texts.sort();
    texts
}

fn our_text(option: RawOption<'_>) -> String {
    let items = |items: Items<'_>| items.iter().map(<[u8]>::to_vec).collect::<Vec<_>>();
    let code = option.code.0;
    let text = match AnyOption::parse(option).expect("valid") {
        AnyOption::IaNa(IaNa {
            iaid,
            t1,
            t2,
            options,
        })
        | AnyOption::IaPd(IaPd {
            iaid,
            t1,
            t2,
            options,
        }) => {
            format!("{iaid} {t1} {t2} {:?}", our_texts(options))
        }
        AnyOption::IaTa(IaTa { iaid, options }) => format!("{iaid} {:?}", our_texts(options)),
        AnyOption::IaAddr(IaAddr {
            address,
            preferred_lifetime,
            valid_lifetime,
            options,
        }) => {
            let options = our_texts(options);
            format!("{address} {preferred_lifetime} {valid_lifetime} {options:?}")
        }
        AnyOption::IaPrefix(lease) => {
            let IaPrefix {
                preferred_lifetime,
                valid_lifetime,
                prefix_len,
                prefix,
                ..
            } = lease;
            let options = our_texts(lease.options);
            format!("{prefix}/{prefix_len} {preferred_lifetime} {valid_lifetime} {options:?}")
        }
        AnyOption::Oro(oro) => our_codes(&oro),
        AnyOption::Preference(preference) => preference.0.to_string(),
        AnyOption::ElapsedTime(ElapsedTime(time)) => time.to_string(),
        AnyOption::Auth(auth) => {
            let Auth {
                protocol,
                algorithm,
                rdm,
                replay_detection,
                information,
            } = auth;
            format!("{protocol} {algorithm} {rdm} {replay_detection} {information:?}")
        }
        AnyOption::Unicast(address) => address.0.to_string(),
        AnyOption::StatusCodeOption(status) => {
            format!("{} {:?}", status.code.0, status.message_octets())
        }
        AnyOption::UserClass(class) => format!("{:?}", items(class.items)),
        AnyOption::VendorClass(class) => format!("{} {:?}", class.enterprise, items(class.items)),
        AnyOption::RapidCommit(_) | AnyOption::ReconfAccept(_) => String::new(),
        AnyOption::ReconfMsg(asked) => asked.msg_type().0.to_string(),
        AnyOption::DnsServers(servers) => format!("{:?}", servers.addresses().collect::<Vec<_>>()),
        AnyOption::DomainList(names) => our_names(&names),
        _ => format!("{:?}", option.data),
    };
    format!("{code} {text}")
}

fn our_codes(oro: &Oro<'_>) -> String {
    format!("{:?}", oro.codes().map(|code| code.0).collect::<Vec<_>>())
}

fn our_names(names: &DomainList<'_>) -> String {
    let names = names.names().map(|name| name.to_string());
    format!("{:?}", names.collect::<Vec<_>>())
}

fn their_texts(options: &DhcpOptions) -> Vec<String> {
    let mut texts: Vec<_> = options.iter().map(their_text).collect();
    texts.sort();
    texts
}

fn their_text(option: &DhcpOption) -> String {
    let code = u16::from(dhcproto::v6::OptionCode::from(option));
    let text = match option {
        DhcpOption::IANA(ia) => {
            format!("{} {} {} {:?}", ia.id, ia.t1, ia.t2, their_texts(&ia.opts))
        }
        DhcpOption::IAPD(ia) => {
            format!("{} {} {} {:?}", ia.id, ia.t1, ia.t2, their_texts(&ia.opts))
        }
        DhcpOption::IATA(ia) => format!("{} {:?}", ia.id, their_texts(&ia.opts)),
        DhcpOption::IAAddr(lease) => {
            let options = their_texts(&lease.opts);
            format!(
                "{} {} {} {options:?}",
                lease.addr, lease.preferred_life, lease.valid_life
            )
        }
        DhcpOption::IAPrefix(lease) => {
            let options = their_texts(&lease.opts);
            let lifetimes = format!("{} {}", lease.preferred_lifetime, lease.valid_lifetime);
            format!(
                "{}/{} {lifetimes} {options:?}",
                lease.prefix_ip, lease.prefix_len
            )
        }
        DhcpOption::ORO(oro) => {
            let codes: Vec<_> = oro.opts.iter().map(|code| u16::from(*code)).collect();
            format!("{codes:?}")
        }
        DhcpOption::Preference(preference) => preference.to_string(),
        DhcpOption::ElapsedTime(time) => time.to_string(),
        DhcpOption::Authentication(auth) => format!(
            "{} {} {} {} {:?}",
            auth.proto, auth.algo, auth.rdm, auth.replay_detection, auth.info
        ),
        DhcpOption::ServerUnicast(address) => address.to_string(),
        DhcpOption::StatusCode(status) => {
            format!("{} {:?}", u16::from(status.status), status.msg.as_bytes())
        }
        DhcpOption::UserClass(class) => format!("{:?}", class.data),
        DhcpOption::VendorClass(class) => format!("{} {:?}", class.num, class.data),
        DhcpOption::RapidCommit | DhcpOption::ReconfAccept => String::new(),
        DhcpOption::ReconfMsg(asked) => u8::from(*asked).to_string(),
        DhcpOption::DomainNameServers(addresses) => format!("{addresses:?}"),
        DhcpOption::DomainSearchList(names) => {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            format!("{names:?}")
        }
        DhcpOption::ClientId(octets)
        | DhcpOption::ServerId(octets)
        | DhcpOption::InterfaceId(octets) => format!("{octets:?}"),
        DhcpOption::Unknown(option) => format!("{:?}", option.data()),
        other => panic!("{other:?} was not generated"),
    };
    format!("{code} {text}")
}
