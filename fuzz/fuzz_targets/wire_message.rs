//! Any octets are read or refused with a place inside them; what is read is written back equal, and shown.
//!
//! Seeds: messages
#![no_main]

use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, OptionCode};
use leasebook_wire::option::{AnyOption, validate_message};
use leasebook_wire::show::Shown;
use leasebook_wire::{Composer, Message, RelayChain, RelayPath};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let shown = format!("{} {:#}", Shown(octets), Shown(octets));
    assert!(!shown.is_empty());
    if let Err(error) = validate_message(octets, DEFAULT_NESTING_LIMIT) {
        assert!(error.offset <= octets.len(), "{error}");
    }
    let Ok(message) = Message::parse(octets) else {
        assert!(RelayChain::parse(octets, DEFAULT_NESTING_LIMIT).is_err());
        return;
    };
    check_rewriting(octets, message);
    check_chain(octets);
});

/// Options that are valid are written back as they were, all others as octets.
fn check_rewriting(octets: &[u8], message: Message<'_>) {
    let header = octets.len() - message.options().octets().len();
    let mut out = Vec::new();
    let mut composer = Composer::bare(&mut out);
    composer.put(&octets[..header]);
    for option in message.options() {
        let before = composer.len();
        match AnyOption::parse(option) {
            Ok(view) => view.compose(&mut composer).expect("what was read fits"),
            Err(_) => composer
                .option(option.code, option.data)
                .expect("what was read fits"),
        }
        let written = composer.len() - before;
        assert_eq!(
            written,
            4 + option.data.len(),
            "{} changed its length",
            option.code
        );
    }
    if composer.finish().is_err() {
        assert!(octets.len() > 65_535);
        return;
    }
    // What is normalized: bits past a prefix-length, unknown flags.
    let is_normalized = |code| [OptionCode::IAPREFIX, OptionCode::CLIENT_FQDN].contains(&code);
    if !message
        .options()
        .iter()
        .any(|option| is_normalized(option.code))
    {
        assert_eq!(out, octets);
    }
}

/// A chain and the path left of it have the same levels.
fn check_chain(octets: &[u8]) {
    let Ok(chain) = RelayChain::parse(octets, DEFAULT_NESTING_LIMIT) else {
        return;
    };
    assert_eq!(chain.levels().count(), chain.depth());
    assert!(chain.depth() <= DEFAULT_NESTING_LIMIT);
    let mut out = Vec::new();
    if RelayPath::take_from(octets, DEFAULT_NESTING_LIMIT, &mut out).is_err() {
        assert!(out.is_empty());
        return;
    }
    assert!(out.len() < octets.len());
    let path = RelayPath::parse(&out, DEFAULT_NESTING_LIMIT).expect("what was taken is a path");
    assert_eq!(path.depth(), chain.depth());
    assert!(
        path.levels()
            .map(|level| level.header())
            .eq(chain.levels().map(|level| level.header()))
    );
}
