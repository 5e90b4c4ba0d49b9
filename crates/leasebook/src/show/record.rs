//! From a record of the book to what is shown.

use leasebook_store::RecordView;
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, OptionCode};
use leasebook_wire::{Options, RelayMessage};

use super::{RelayLevel, RelayPath, Shown, ShownLease};

/// A client on a link with its leases that are live at `now` (Unix seconds).
pub fn of_record(record: &RecordView<'_>, now: u64) -> Shown {
    let live = record.leases().filter(|lease| lease.is_live(now));
    let relay = record.relay().and_then(|relay| {
        let path = leasebook_wire::RelayPath::parse(relay.chain, DEFAULT_NESTING_LIMIT).ok()?;
        Some(RelayPath {
            peer: relay.peer,
            levels: path.levels().map(|level| relay_level(&level)).collect(),
        })
    });
    let options = Options::parse(record.options(), 0).unwrap_or_default();
    Shown {
        server: String::new(),
        client: record.client().to_vec(),
        link: relay.as_ref().and_then(RelayPath::link),
        leases: live
            .map(|lease| ShownLease {
                name: lease.name,
                preferred_secs: lease.preferred_left(now),
                valid_secs: lease.valid_left(now),
                doubtful: false,
            })
            .collect(),
        clt_age_secs: u32::try_from(record.age(now)).unwrap_or(u32::MAX),
        relay,
        options: options
            .iter()
            // The client's key for RECONFIGURE is shown to nobody.
            .filter(|option| option.code != OptionCode::AUTH)
            .map(|option| (option.code.0, option.data.to_vec()))
            .collect(),
    }
}

/// What a relay said of itself and of whom it heard.
pub(crate) fn relay_level(level: &RelayMessage<'_>) -> RelayLevel {
    let octets = |code| {
        level
            .options()
            .first(code)
            .map(|option| option.data.to_vec())
    };
    RelayLevel {
        hop_count: level.hop_count(),
        link: level.link_address(),
        peer: level.peer_address(),
        interface_id: octets(OptionCode::INTERFACE_ID),
        remote_id: octets(OptionCode::REMOTE_ID),
        relay_id: octets(OptionCode::RELAY_ID),
    }
}
