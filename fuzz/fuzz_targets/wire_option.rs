//! Any octets as the data of any option are read or refused; what is read survives being written and read again.
#![no_main]

use leasebook_wire::code::OptionCode;
use leasebook_wire::option::{AnyOption, PdExclude};
use leasebook_wire::{Composer, Options, RawOption};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, data) = input;
    let codes = OptionCode::ALL;
    let code = codes[usize::from(choice) % codes.len()];
    let option = RawOption::new(code, data, 0);
    let Ok(view) = AnyOption::parse(option) else {
        return;
    };
    let shown = view.to_string();
    let mut out = Vec::new();
    let mut composer = Composer::bare(&mut out);
    if view.compose(&mut composer).is_err() {
        assert!(data.len() > 65_535, "{code} was read and cannot be written");
        return;
    }
    if composer.finish().is_err() {
        return;
    }
    let list = Options::parse(&out, 0).expect("a whole option");
    let again = list.first(code).expect("the option");
    let again = AnyOption::parse(again).expect("what was written is valid");
    assert_eq!(again.to_string(), shown);
    if let AnyOption::PdExclude(exclude) = view {
        check_exclusion(&exclude);
    }
});

/// An excluded prefix, taken apart again, gives the octets it came from or a cleaner form of them.
fn check_exclusion(exclude: &PdExclude<'_>) {
    for delegated_len in 0..=255 {
        let delegated = "2001:db8:5555:5555:aaaa:aaaa:5555:5555"
            .parse()
            .expect("an address");
        let Some(excluded) = exclude.excluded_from(delegated, delegated_len) else {
            continue;
        };
        let mut out = Vec::new();
        let mut composer = Composer::bare(&mut out);
        composer
            .pd_exclude((delegated, delegated_len), (excluded, exclude.prefix_len()))
            .expect("what was excluded can be");
        composer.finish().expect("short");
        assert_eq!(out.len(), 5 + exclude.subnet_id().len());
    }
}
