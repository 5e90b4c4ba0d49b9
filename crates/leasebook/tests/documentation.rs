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
