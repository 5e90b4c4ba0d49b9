//! Any octets as Kea's configuration are read or refused with a place in them; what is made of it is TOML with no setting that leasebook has not, whatever was in names and texts.
//!
//! Seeds: configs
#![no_main]

use std::path::Path;

use leasebook_leasefile::kea_config::{parse_kea_config, to_leasebook_toml};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let empty = &mut |_: &Path| Ok(Vec::new());
    let Ok(kea) = parse_kea_config(Path::new("kea"), octets, empty) else {
        return;
    };
    let (text, not_carried) = to_leasebook_toml(&kea);
    if let Err(error) = text.parse::<toml::Table>() {
        panic!("{error}\n{text}");
    }
    // What Kea itself would refuse, such as a pool outside of its subnet, leasebook refuses too.
    if let Err(error) = leasebook::config::parse(&text, Path::new("made.toml")) {
        let error = error.to_string();
        assert!(!error.contains("is no setting here"), "{error}\n{text}");
    }
    let lines = octets.split(|octet| *octet == b'\n').count();
    for one in &not_carried {
        assert!(!one.to_string().is_empty());
        assert!(one.place.line as usize <= lines, "{one}");
    }
});
