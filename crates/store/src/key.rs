//! Where a binding stands in the book.
//!
//! ```text
//!  octet 0      4              12
//!        +------+--------------+------------------+
//!        | link |  relay tag   | client DUID      |
//!        | u32  |  u64         | 1 to 130 octets  |
//!        +------+--------------+------------------+      numbers in network order
//! ```
//!
//! Keys sort by link, then relay, so a query by link-address is one range and a query by
//! relay-id one range a link. The tag is a hash: two relays may share one, which costs
//! time but never a wrong answer, since matches are verified against the octets.

use xxhash_rust::xxh3::xxh3_64;

use crate::binding::LinkId;

/// Stands for a Relay-ID in keys: a hash of its octets, 0 for "no relay named itself".
///
/// Part of the file format: XXH3-64 with seed 0, and 1 in place of 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayTag(pub u64);

impl RelayTag {
    /// The tag of bindings that came without a Relay-ID.
    pub const NONE: Self = Self(0);

    /// The tag of a Relay-ID's octets (the DUID).
    pub fn of(relay_id: &[u8]) -> Self {
        Self(xxh3_64(relay_id).max(1))
    }
}

/// Stands for a Remote-ID in heads and indexes: a hash of enterprise number and value.
///
/// Part of the file format, made as [`RelayTag`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteTag(pub u64);

impl RemoteTag {
    /// The tag of bindings without a Remote-ID.
    pub const NONE: Self = Self(0);

    /// The tag of an OPTION_REMOTE_ID's data: enterprise (4 octets) and value.
    pub fn of(remote_id: &[u8]) -> Self {
        Self(xxh3_64(remote_id).max(1))
    }
}

/// Octets before the DUID.
pub const KEY_PREFIX_OCTETS: usize = 12;

/// The longest key: the prefix and a DUID of 130 octets.
pub const MAX_KEY_OCTETS: usize = KEY_PREFIX_OCTETS + 130;

/// The key of a client on a link behind a relay.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BindingKey(Vec<u8>);

impl BindingKey {
    /// Makes a key; `client` is the DUID's octets.
    pub fn new(link: LinkId, relay: RelayTag, client: &[u8]) -> Self {
        let mut octets = Vec::with_capacity(KEY_PREFIX_OCTETS + client.len());
        octets.extend_from_slice(&link.0.to_be_bytes());
        octets.extend_from_slice(&relay.0.to_be_bytes());
        octets.extend_from_slice(client);
        Self(octets)
    }

    /// The octets, which sort as the book does.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// The octets, owned.
    pub fn into_octets(self) -> Vec<u8> {
        self.0
    }
}

/// The link of a key's octets; `None` if they are too short to be a key.
pub fn link_of(key: &[u8]) -> Option<LinkId> {
    let octets = key.first_chunk::<4>()?;
    Some(LinkId(u32::from_be_bytes(*octets)))
}

/// The relay tag of a key's octets; `None` if they are too short to be a key.
pub fn relay_of(key: &[u8]) -> Option<RelayTag> {
    let octets = key.get(4..)?.first_chunk::<8>()?;
    Some(RelayTag(u64::from_be_bytes(*octets)))
}

/// The client DUID of a key's octets; `None` if they are too short to be a key.
pub fn client_of(key: &[u8]) -> Option<&[u8]> {
    key.get(KEY_PREFIX_OCTETS..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_link_then_relay_then_client() {
        let key =
            |link, relay, client: &[u8]| BindingKey::new(LinkId(link), RelayTag(relay), client);
        assert!(key(1, 9, b"z") < key(2, 0, b"a"));
        assert!(key(2, 1, b"z") < key(2, 2, b"a"));
        assert!(key(2, 2, b"a") < key(2, 2, b"aa"));
    }

    #[test]
    fn a_key_gives_back_its_parts() {
        let key = BindingKey::new(LinkId(7), RelayTag(11), b"duid");
        assert_eq!(link_of(key.octets()), Some(LinkId(7)));
        assert_eq!(relay_of(key.octets()), Some(RelayTag(11)));
        assert_eq!(client_of(key.octets()), Some(&b"duid"[..]));
        assert_eq!(link_of(b"abc"), None);
    }
}
