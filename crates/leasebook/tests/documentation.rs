//! Files in the repository that are made of the code's own comments.

use std::path::PathBuf;

use leasebook::config;
use leasebook::log::events;

/// The path of a file from the top of the repository.
fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name)
}

/// Compares a file with what it should be, and leaves the right one where it can be taken from.
fn is_generated(name: &str, right: &str) {
    let written = std::fs::read_to_string(file(name)).unwrap_or_default();
    if written != right {
        let fresh = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fresh");
        std::fs::write(&fresh, right).expect("written");
        panic!("{name} is old; copy {} over it", fresh.display());
    }
}

#[test]
fn the_packaged_example_shows_the_defaults() {
    is_generated("packaging/leasebook.toml.example", &config::example());
}

#[test]
fn the_page_of_messages_has_every_event() {
    is_generated("docs/messages.md", &events::page());
}

#[test]
fn the_page_of_the_configuration_shows_the_example() {
    let page = std::fs::read_to_string(file("docs/configuration.md")).expect("readable");
    let (before, rest) = page
        .split_once("```toml\n")
        .expect("it begins with ```toml");
    let (_, after) = rest.split_once("```\n").expect("and ends");
    let right = format!("{before}```toml\n{}```\n{after}", config::example());
    is_generated("docs/configuration.md", &right);
}

/// SEC-009: the page of security shows IPsec in transport mode with ESP and IKEv2, for UDP and TCP 547.
#[test]
fn the_page_of_security_shows_ipsec() {
    let page = std::fs::read_to_string(file("docs/security.md")).expect("readable");
    let sample = page.split("```").nth(1).expect("a sample");
    for child in sample.split("mode = transport").skip(1) {
        assert!(child.contains("esp_proposals = "), "{child}");
    }
    for needed in ["version = 2", "[udp/547]", "[tcp/547]", "mode = transport"] {
        assert!(sample.contains(needed), "{needed}");
    }
}

/// SEC-017: the page of security says what Remote-ID and link-layer address are worth.
#[test]
fn the_page_of_security_says_what_identifiers_are_worth() {
    let page = std::fs::read_to_string(file("docs/security.md")).expect("readable");
    let (_, said) = page
        .split_once("## What identifiers are worth")
        .expect("a section");
    for needed in [
        "Remote-ID",
        "link-layer address",
        "that relay's own knowledge",
    ] {
        assert!(said.contains(needed), "{needed}");
    }
}

/// Every setting that the page of security names is one.
#[test]
fn the_settings_on_the_page_of_security_exist() {
    let page = std::fs::read_to_string(file("docs/security.md")).expect("readable");
    let example = config::example();
    let named = page.split('`').skip(1).step_by(2);
    let settings = named.filter_map(|name| {
        let (section, key) = name.split_once('.')?;
        ["bulk", "log"].contains(&section).then_some(key)
    });
    let settings: Vec<&str> = settings.collect();
    assert!(settings.len() > 8, "{settings:?}");
    for key in settings {
        assert!(example.contains(&format!("{key} = ")), "{key}");
    }
}
