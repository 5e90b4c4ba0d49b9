//! How clients are named in the log (SEC-027).
//!
//! The setting is the process's, as the log is; it can be changed while it runs.

use std::net::Ipv6Addr;
use std::sync::atomic::{AtomicU8, Ordering};

use ipnet::Ipv6Net;
use leasebook_store::LeaseName;
use leasebook_store::binding::mask;

use crate::config::LogClients;
use crate::text::hex;

/// Octets of a DUID that stay when it is shortened: its type and hardware type.
const SHORT_OCTETS: usize = 4;

/// Bits of an address that stay when it is shortened.
const SHORT_BITS: u8 = 48;

/// What stands where nothing is told.
const NOTHING: &str = "-";

static SHOWN: AtomicU8 = AtomicU8::new(LogClients::Full as u8);

/// From now on, clients are named so.
pub(super) fn set(clients: LogClients) {
    SHOWN.store(clients as u8, Ordering::Relaxed);
}

fn shown() -> LogClients {
    let all = [LogClients::Full, LogClients::Short, LogClients::None];
    let shown = SHOWN.load(Ordering::Relaxed);
    let found = all.into_iter().find(|clients| *clients as u8 == shown);
    found.unwrap_or(LogClients::None)
}

/// A client's DUID, as the log is to have it.
pub fn client(duid: &[u8]) -> String {
    client_as(shown(), duid)
}

/// A client's address or prefix, as the log is to have it.
pub fn lease(name: LeaseName) -> String {
    lease_as(shown(), name)
}

/// The same of a prefix, or of an address as a /128.
pub fn prefix(prefix: Ipv6Net) -> String {
    let name = LeaseName::prefix(prefix.addr(), prefix.prefix_len());
    name.map_or_else(|| NOTHING.to_owned(), lease)
}

fn client_as(clients: LogClients, duid: &[u8]) -> String {
    match clients {
        LogClients::Full => hex::show(duid),
        LogClients::Short => {
            let first = duid.get(..SHORT_OCTETS).unwrap_or_default();
            format!("{}:..", hex::show(first))
        }
        LogClients::None => NOTHING.to_owned(),
    }
}

fn lease_as(clients: LogClients, name: LeaseName) -> String {
    let short = |address: Ipv6Addr| format!("{}/{SHORT_BITS}..", mask(address, SHORT_BITS));
    match (clients, name) {
        (LogClients::Full, name) => name.to_string(),
        (LogClients::Short, LeaseName::Address(address)) => short(address),
        (LogClients::Short, LeaseName::Prefix { prefix, .. }) => short(prefix),
        (LogClients::None, _) => NOTHING.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SEC-027: what identifies a client is told in full, shortened, or not at all.
    #[test]
    fn clients_are_told_as_is_set() {
        let duid = [0, 3, 0, 1, 2, 0, 0x5e, 0x10, 0, 1];
        let prefix = "2001:db8:7:4200::".parse().unwrap();
        let prefix = LeaseName::prefix(prefix, 56).unwrap();
        let address = LeaseName::Address("2001:db8:7::42".parse().unwrap());
        let told = |clients| {
            [
                client_as(clients, &duid),
                lease_as(clients, prefix),
                lease_as(clients, address),
            ]
        };
        assert_eq!(
            told(LogClients::Full),
            [
                "00:03:00:01:02:00:5e:10:00:01",
                "2001:db8:7:4200::/56",
                "2001:db8:7::42"
            ]
        );
        assert_eq!(
            told(LogClients::Short),
            ["00:03:00:01:..", "2001:db8:7::/48..", "2001:db8:7::/48.."]
        );
        assert_eq!(told(LogClients::None), ["-", "-", "-"]);
        assert_eq!(client_as(LogClients::Short, &[1]), ":..");
    }
}
