//! CSV: one line for each lease.
//!
//! Of the relays it tells the level nearest to the client (link-address, peer-address,
//! Interface-ID), the Remote-ID nearest to the client, and all Relay-IDs from the client
//! outwards, separated by spaces. Octets are hex with colons; an infinite lifetime is
//! 4294967295. Who needs all levels asks for JSON.

use std::io::{self, Write};

use super::Shown;
use crate::text::hex;

/// The names of the columns.
const COLUMNS: [&str; 13] = [
    "server",
    "client_id",
    "link_address",
    "lease",
    "preferred",
    "valid",
    "doubtful",
    "clt_age",
    "relay_link_address",
    "relay_peer_address",
    "interface_id",
    "remote_id",
    "relay_ids",
];

/// Writes CSV.
pub struct Csv<W: Write> {
    /// Where to.
    out: ::csv::Writer<W>,
    /// Whether the line of names is written.
    begun: bool,
}

impl<W: Write> Csv<W> {
    /// Begins.
    pub(super) fn new(out: W) -> Self {
        Self {
            out: ::csv::Writer::from_writer(out),
            begun: false,
        }
    }

    /// Writes one line for each lease.
    pub(super) fn binding(&mut self, shown: &Shown) -> io::Result<()> {
        self.begin()?;
        let client = hex::show(&shown.client);
        let link = shown.link.map(|link| link.to_string()).unwrap_or_default();
        let clt_age = shown.clt_age_secs.to_string();
        let relay = relay_columns(shown);
        for lease in &shown.leases {
            let own = [
                lease.name.to_string(),
                lease.preferred_secs.to_string(),
                lease.valid_secs.to_string(),
                lease.doubtful.to_string(),
            ];
            let before = [shown.server.as_str(), &client, &link];
            let columns = before
                .into_iter()
                .chain(own.iter().map(String::as_str))
                .chain([clt_age.as_str()])
                .chain(relay.iter().map(String::as_str));
            self.out.write_record(columns).map_err(io::Error::from)?;
        }
        Ok(())
    }

    /// Hands on what is buffered.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Hands on what is buffered; an empty result still has its line of names.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.begin()?;
        self.out.flush()
    }

    /// Writes the line of names, once.
    fn begin(&mut self) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            self.out.write_record(COLUMNS).map_err(io::Error::from)?;
        }
        Ok(())
    }
}

/// The columns about the relays, empty where nothing is known.
fn relay_columns(shown: &Shown) -> [String; 5] {
    let Some(path) = &shown.relay else {
        return Default::default();
    };
    let octets = |octets: Option<&Vec<u8>>| octets.map(|octets| hex::show(octets));
    let nearest = path.innermost();
    let remote = path.outwards().find_map(|level| level.remote_id.as_ref());
    let relays: Vec<String> = path
        .outwards()
        .filter_map(|level| octets(level.relay_id.as_ref()))
        .collect();
    [
        nearest
            .map(|level| level.link.to_string())
            .unwrap_or_default(),
        nearest
            .map(|level| level.peer.to_string())
            .unwrap_or_default(),
        octets(nearest.and_then(|level| level.interface_id.as_ref())).unwrap_or_default(),
        octets(remote).unwrap_or_default(),
        relays.join(" "),
    ]
}
