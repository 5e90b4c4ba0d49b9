//! Any text as leasebook.toml or relay.toml is taken or refused with a place in it; what is taken is printed so that it reads back equal.
#![no_main]

use std::path::Path;

use leasebook::config::{self, ConfigError, Problem};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let path = Path::new("leasebook.toml");
    match config::parse(text, path) {
        Ok(loaded) => {
            check(&loaded.warnings, text);
            let printed = config::effective(&loaded.config);
            match config::parse(&printed, path) {
                Ok(again) => assert_eq!(again.config, loaded.config, "{printed}"),
                Err(error) => panic!("{error}\n{printed}"),
            }
        }
        Err(error) => check_error(&error, text),
    }
    match config::relay::parse(text, Path::new("relay.toml")) {
        Ok(loaded) => check(&loaded.warnings, text),
        Err(error) => check_error(&error, text),
    }
});

fn check_error(error: &ConfigError, text: &str) {
    assert!(!error.to_string().is_empty());
    let ConfigError::Wrong(problems) = error else {
        panic!("nothing was read from a file: {error}");
    };
    assert!(!problems.is_empty());
    check(problems, text);
}

/// Every place is in the file, or just behind its end.
fn check(problems: &[Problem], text: &str) {
    let lines: Vec<&str> = text.split('\n').collect();
    for problem in problems {
        let line = problem.line.checked_sub(1).and_then(|at| lines.get(at));
        let line = line.unwrap_or_else(|| panic!("{problem}: no such line"));
        assert!(problem.column >= 1);
        assert!(problem.column <= line.chars().count() + 1, "{problem}");
        assert!(!problem.what.is_empty());
        assert!(problem.with_source().contains('^'));
    }
}
