//! What the responder is set to: identity, who may ask what, limits and timers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnet::IpNet;
use leasebook_wire::Duid;
use leasebook_wire::code::{OptionCode, QueryType};

/// The settings of the responder; plain values that a reload replaces as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// This server's DUID, the SERVERID of every REPLY (BLQ-S-046).
    pub server_id: Duid,
    /// Query types answered at all; others get UnknownQueryType (BLQ-S-016).
    pub query_types: QueryTypes,
    /// Who may ask what; of several prefixes around a source the longest counts (BLQ-S-005).
    pub allow: Vec<Allow>,
    /// What becomes of sources that no entry of `allow` covers (BLQ-S-005, BLQ-S-006).
    pub unlisted: Unlisted,
    /// Options never told, asked for or not (BLQ-S-072).
    pub sensitive: Vec<OptionCode>,
    /// How much of what at once.
    pub limits: Limits,
    /// How long what may take.
    pub timers: Timers,
}

impl Config {
    /// The defaults: all five query types, from loopback only (D-35).
    pub fn new(server_id: Duid) -> Self {
        let loopback = [
            IpNet::from(IpAddr::V6(Ipv6Addr::LOCALHOST)),
            IpNet::from(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        ];
        Self {
            server_id,
            query_types: QueryTypes::ALL,
            allow: loopback
                .map(|source| Allow {
                    source,
                    query_types: QueryTypes::ALL,
                })
                .to_vec(),
            unlisted: Unlisted::Close,
            sensitive: Vec::new(),
            limits: Limits::default(),
            timers: Timers::DRAFT,
        }
    }

    /// What `source` may ask; `None` if it is not listed. An IPv4 address inside IPv6 counts
    /// as the IPv4 address.
    pub fn rights(&self, source: IpAddr) -> Option<QueryTypes> {
        let source = source.to_canonical();
        self.allow
            .iter()
            .filter(|allow| allow.source.contains(&source))
            .max_by_key(|allow| allow.source.prefix_len())
            .map(|allow| allow.query_types)
    }
}

/// A right: these sources may ask these types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allow {
    /// The sources.
    pub source: IpNet,
    /// What they may ask; other types get NotAllowed (BLQ-S-006).
    pub query_types: QueryTypes,
}

/// What becomes of a source that is not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// Its connection is closed as it is accepted (BLQ-S-005).
    Close,
    /// Its queries get NotAllowed (BLQ-S-006).
    Refuse,
}

/// A set of the five query types (RFC 5007 §4.1.2.1, RFC 5460 §5.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryTypes(u8);

impl QueryTypes {
    /// None.
    pub const NONE: Self = Self(0);
    /// Types 1 to 5.
    pub const ALL: Self = Self(0b11_1110);

    /// The set of these; numbers that are no query type are left out.
    pub fn of(types: &[QueryType]) -> Self {
        types.iter().fold(Self::NONE, |set, &query_type| {
            Self(set.0 | (bit(query_type) & Self::ALL.0))
        })
    }

    /// Whether `query_type` is one of them.
    pub fn contains(self, query_type: QueryType) -> bool {
        self.0 & bit(query_type) != 0
    }
}

fn bit(query_type: QueryType) -> u8 {
    1u8.checked_shl(u32::from(query_type.0)).unwrap_or(0)
}

/// How much of what at once. Source: draft §4.6, RFC 5460 §5.6, D-16, D-22.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections accepted and active, `BULK_LQ_MAX_CONNS` (BLQ-S-002).
    pub connections: usize,
    /// Connections of one source address (BLQ-S-003).
    pub connections_per_source: usize,
    /// Queries in progress on one connection, at least 1 (BLQ-S-078). A connection takes at
    /// most [`MAX_QUERIES`] whatever is set.
    pub queries_per_connection: usize,
    /// Queries in progress of one source address; the shell counts them and holds a
    /// connection's reads back while its source is at the limit (BLQ-S-078).
    pub queries_per_source: usize,
    /// Queries a second of one source address, on average; 0 is no limit. The shell counts them:
    /// over UDP those above it are dropped, on TCP the connection is not read for a while
    /// (SEC-006).
    pub queries_per_second: u32,
}

impl Default for Limits {
    /// 10 connections, all of them for one source if it wants; 4 queries on each.
    fn default() -> Self {
        Self {
            connections: 10,
            connections_per_source: 10,
            queries_per_connection: 4,
            queries_per_source: 40,
            queries_per_second: 0,
        }
    }
}

/// The most queries in progress on one connection: what bounds its memory.
pub const MAX_QUERIES: usize = 64;

/// How long what may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// `BULK_LQ_DATA_TIMEOUT`: time without one octet of progress in the direction waited for
    /// that closes a connection (BLQ-S-009, D-15).
    pub data: Duration,
    /// Time without a query in progress that closes a connection (BLQ-S-082, D-16).
    pub idle: Duration,
}

impl Timers {
    /// 30 s each (draft §4.6, BLQ-S-007).
    pub const DRAFT: Self = Self {
        data: Duration::from_secs(30),
        idle: Duration::from_secs(30),
    };

    /// 300 s each (RFC 5460 §5.6, BLQ-S-007).
    pub const RFC5460: Self = Self {
        data: Duration::from_mins(5),
        idle: Duration::from_mins(5),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::new(Duid::new(&[0, 3, 0, 1, 9]).unwrap())
    }

    /// BLQ-S-005, D-35: by default loopback alone may ask, in IPv4 and IPv6 and one inside the other.
    #[test]
    fn only_loopback_may_ask_by_default() {
        for listed in ["::1", "127.0.0.1", "::ffff:127.0.0.1"] {
            assert_eq!(
                config().rights(listed.parse().unwrap()),
                Some(QueryTypes::ALL)
            );
        }
        assert_eq!(config().rights("2001:db8::1".parse().unwrap()), None);
    }

    /// BLQ-S-006: the longest prefix around a source says what it may ask.
    #[test]
    fn the_longest_prefix_gives_the_rights() {
        let only_address = QueryTypes::of(&[QueryType::BY_ADDRESS, QueryType(200), QueryType(0)]);
        let allow = |source: &str, query_types| Allow {
            source: source.parse().unwrap(),
            query_types,
        };
        let mut config = config();
        config.allow = vec![
            allow("2001:db8:1::/48", only_address),
            allow("2001:db8::/32", QueryTypes::ALL),
        ];
        let rights = config.rights("2001:db8:1::1".parse().unwrap()).unwrap();
        assert!(rights.contains(QueryType::BY_ADDRESS));
        assert!(!rights.contains(QueryType::BY_RELAY_ID));
        assert!(!rights.contains(QueryType(0)) && !rights.contains(QueryType(200)));
        assert_eq!(
            config.rights("2001:db8:2::1".parse().unwrap()),
            Some(QueryTypes::ALL)
        );
    }

    /// BLQ-S-002, BLQ-S-003, BLQ-S-007: the defaults are the draft's, one source may have all.
    #[test]
    fn defaults_are_the_drafts() {
        let config = config();
        assert_eq!(config.limits.connections, 10);
        assert_eq!(config.limits.connections_per_source, 10);
        assert_eq!(config.timers.data, Duration::from_secs(30));
        assert_eq!(Timers::RFC5460.data, Duration::from_mins(5));
    }
}
