//! Any text is a DUID, a Remote-ID or a domain name, or is refused; what is read is shown so that it reads back equal.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use leasebook_wire::option::DomainName;
use leasebook_wire::{Duid, RemoteId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    check::<Duid>(text);
    check::<RemoteId>(text);
    check::<DomainName>(text);
    if let Ok(duid) = Duid::new(text.as_bytes()) {
        check::<Duid>(&duid.to_string());
        assert!(!duid.contents().to_string().is_empty());
    }
    if let Ok(remote_id) = RemoteId::from_octets(text.as_bytes()) {
        assert_eq!(remote_id.to_string().parse(), Ok(remote_id));
    }
});

fn check<T: FromStr<Err: Debug> + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let again = value
            .to_string()
            .parse::<T>()
            .expect("what was shown is readable");
        assert_eq!(again, value);
    }
}
