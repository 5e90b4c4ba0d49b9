//! A second codec finds the same options in every message that is valid, apart from what it is known to read differently.
//!
//! What it reads differently is listed in crates/wire/tests/against_dhcproto.rs.
//!
//! Seeds: messages
#![no_main]

use dhcproto::Decodable;
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, OptionCode};
use leasebook_wire::option::{AnyOption, Inner, StatusCodeOption, validate_message};
use leasebook_wire::{Message, Options, RawOption};
use libfuzzer_sys::fuzz_target;

/// Options which only the second codec knows: what they hold is malformed to it alone.
const NTP_SERVER: OptionCode = OptionCode(56);
const CLIENT_ARCH_TYPE: OptionCode = OptionCode(61);

fuzz_target!(|octets: &[u8]| {
    let Ok(Message::Client(message)) = Message::parse(octets) else {
        return;
    };
    if validate_message(octets, DEFAULT_NESTING_LIMIT).is_err() || differs(message.options()) {
        return;
    }
    let mut ours: Vec<u16> = message
        .options()
        .iter()
        .map(|option| option.code.0)
        .collect();
    ours.sort_unstable();
    let theirs = dhcproto::v6::Message::from_bytes(octets).expect("a valid message");
    assert_eq!(theirs.xid(), message.xid().0);
    assert_eq!(u8::from(theirs.msg_type()), message.msg_type().0);
    let codes = theirs
        .opts()
        .iter()
        .map(|option| u16::from(dhcproto::v6::OptionCode::from(option)));
    assert_eq!(codes.collect::<Vec<_>>(), ours);
});

/// Whether an option it reads differently is anywhere in the list: in RELAY_MSG and VENDOR_OPTS it
/// takes for options of the registry what was not checked as such, and panics on some of it.
fn differs(options: Options<'_>) -> bool {
    let is_text = |status: Result<StatusCodeOption<'_>, _>| {
        status.is_ok_and(|status| std::str::from_utf8(status.message_octets()).is_ok())
    };
    let unlike = [
        OptionCode::RELAY_MSG,
        OptionCode::VENDOR_OPTS,
        NTP_SERVER,
        CLIENT_ARCH_TYPE,
    ];
    let is_unlike = |option: RawOption<'_>| {
        let inner = AnyOption::parse(option).map_or(Inner::Nothing, |view| view.inner());
        unlike.contains(&option.code) || matches!(inner, Inner::Options(inner) if differs(inner))
    };
    options.iter().any(is_unlike) || !options.views().all(is_text)
}
