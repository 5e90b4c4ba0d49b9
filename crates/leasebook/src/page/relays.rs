//! The relays of a client's newest message.

use std::fmt::{self, Write as _};

use leasebook_store::RecordView;
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, OptionCode};
use leasebook_wire::{RelayMessage, RelayPath};

use super::words::text_or_hex;

/// From the client outwards, with all that they put in.
pub(super) fn relays(record: &RecordView<'_>, page: &mut String) -> fmt::Result {
    let Some(relay) = record.relay() else {
        return writeln!(page, "received  directly, without a relay");
    };
    writeln!(page, "received  from {}", relay.peer)?;
    let Ok(path) = RelayPath::parse(relay.chain, DEFAULT_NESTING_LIMIT) else {
        return Ok(());
    };
    let levels: Vec<RelayMessage<'_>> = path.levels().collect();
    for level in levels.iter().rev() {
        let (link, peer) = (level.link_address(), level.peer_address());
        writeln!(page, "relay     link {link}, heard from {peer}")?;
        for option in level.options() {
            let name = match option.code {
                OptionCode::INTERFACE_ID => "interface",
                OptionCode::REMOTE_ID => "remote-id",
                OptionCode::RELAY_ID => "relay-id",
                OptionCode::SUBSCRIBER_ID => "subscriber-id",
                OptionCode::RELAY_MSG => continue,
                _ => {
                    writeln!(page, "          {option}")?;
                    continue;
                }
            };
            writeln!(page, "          {name} {}", text_or_hex(option.data))?;
        }
    }
    Ok(())
}
