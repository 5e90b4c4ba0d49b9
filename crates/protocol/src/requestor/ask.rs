//! What can be asked, and the octets of the LEASEQUERY that asks it.

use std::net::Ipv6Addr;

use leasebook_wire::code::{MessageType, OptionCode, QueryType};
use leasebook_wire::{ComposeError, Composer, Duid, RemoteId, Xid};

use super::config::Config;

/// What is asked for: one of the five query types (RFC 5007 §4.1.2.1, RFC 5460 §5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// QUERY_BY_ADDRESS (1): the client that leases this address or the prefix around it.
    Address(Ipv6Addr),
    /// QUERY_BY_CLIENTID (2): the client with this DUID.
    ClientId(Duid),
    /// QUERY_BY_RELAY_ID (3): the clients behind the relay with this DUID.
    RelayId(Duid),
    /// QUERY_BY_LINK_ADDRESS (4): the clients on the link that this address is on or stands for.
    LinkAddress(Ipv6Addr),
    /// QUERY_BY_REMOTE_ID (5): the clients behind this Remote-ID.
    RemoteId(RemoteId),
}

impl Question {
    /// Which of the five it is.
    pub fn query_type(&self) -> QueryType {
        match self {
            Self::Address(_) => QueryType::BY_ADDRESS,
            Self::ClientId(_) => QueryType::BY_CLIENTID,
            Self::RelayId(_) => QueryType::BY_RELAY_ID,
            Self::LinkAddress(_) => QueryType::BY_LINK_ADDRESS,
            Self::RemoteId(_) => QueryType::BY_REMOTE_ID,
        }
    }

    /// The option that the type requires (RFC 5007 §4.1.2.1, RFC 5460 §5.3).
    fn compose(&self, query: &mut Composer<'_>) -> Result<(), ComposeError> {
        match self {
            Self::Address(address) => query.nested(OptionCode::IAADDR, |lease| {
                lease.put_ipv6(*address);
                // Read for its address only; lifetimes in a query mean nothing.
                lease.put_u64(0);
                Ok(())
            }),
            Self::ClientId(duid) => query.option(OptionCode::CLIENTID, duid.octets()),
            Self::RelayId(duid) => query.option(OptionCode::RELAY_ID, duid.octets()),
            Self::LinkAddress(_) => Ok(()),
            Self::RemoteId(remote) => query.option(OptionCode::REMOTE_ID, &remote.to_octets()),
        }
    }
}

/// One query: the question, and the link it is limited to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What is asked for.
    pub question: Question,
    /// The link-address that limits it; `::` asks for all links. For
    /// [`Question::LinkAddress`], whose address fills this field, it is not looked at.
    pub link: Ipv6Addr,
}

impl Ask {
    /// A question on all links.
    pub fn everywhere(question: Question) -> Self {
        Self {
            question,
            link: Ipv6Addr::UNSPECIFIED,
        }
    }

    /// Appends the LEASEQUERY with its TCP size before it to `out` (BLQ-R-009, WIRE-061).
    ///
    /// size (2), msg-type 14 (1), transaction-id (3), CLIENTID, SERVERID if one server is
    /// wanted, LQ_QUERY: query-type (1), link-address (16), the option the type requires,
    /// ORO if anything is wanted besides leases. On an error `out` is as it was.
    /// Source: RFC 5007 §4.3.1, RFC 5460 §5.1.
    pub fn compose(&self, xid: Xid, config: &Config, out: &mut Vec<u8>) -> Result<(), AskError> {
        self.put(Composer::framed(out, MessageType::LEASEQUERY, xid), config)
    }

    /// The same as a datagram: without the size (LQ-UDP-023).
    ///
    /// Fails for queries that RFC 5460 added: they are asked over TCP only (RFC 5460 §4).
    pub fn compose_datagram(
        &self,
        xid: Xid,
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<(), AskError> {
        let query_type = self.question.query_type();
        if query_type.is_bulk_only() {
            return Err(AskError::TcpOnly { query_type });
        }
        self.put(Composer::client(out, MessageType::LEASEQUERY, xid), config)
    }

    fn put(&self, mut message: Composer<'_>, config: &Config) -> Result<(), AskError> {
        let link = self.check()?;
        let client = own_duid(&config.client_id, "our CLIENTID")?;
        message.option(OptionCode::CLIENTID, client)?;
        if let Some(server) = &config.server_id {
            message.option(OptionCode::SERVERID, own_duid(server, "the SERVERID")?)?;
        }
        message.nested(OptionCode::LQ_QUERY, |query| {
            query.put_u8(self.question.query_type().0);
            query.put_ipv6(link);
            self.question.compose(query)?;
            if config.wanted.is_empty() {
                return Ok(());
            }
            query.nested(OptionCode::ORO, |list| {
                for code in &config.wanted {
                    list.put_u16(code.0);
                }
                Ok(())
            })
        })?;
        message.finish()?;
        Ok(())
    }

    /// What stands in the link-address field, if the question is one that can be asked.
    fn check(&self) -> Result<Ipv6Addr, AskError> {
        let unspecified = |what| Err(AskError::Unspecified { what });
        match &self.question {
            Question::Address(address) if address.is_unspecified() => unspecified("address"),
            Question::LinkAddress(link) if link.is_unspecified() => unspecified("link-address"),
            Question::LinkAddress(link) => Ok(*link),
            Question::ClientId(duid) => own_duid(duid, "the client asked for").map(|_| self.link),
            Question::RelayId(duid) => own_duid(duid, "the Relay-ID asked for").map(|_| self.link),
            Question::Address(_) | Question::RemoteId(_) => Ok(self.link),
        }
    }
}

/// Why a query cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// `::` where an address is the question (D-05, D-06).
    #[error("the {what} to query by is `::`, which names nothing; give an address")]
    Unspecified {
        /// Which field.
        what: &'static str,
    },
    /// A DUID too short to be sent (WIRE-031).
    #[error("{what} has {octets} octets; a DUID that is sent has 3 to 130")]
    ShortDuid {
        /// Whose DUID.
        what: &'static str,
        /// Its length.
        octets: usize,
    },
    /// A query of Bulk Leasequery that was to go over UDP (LQ-UDP-005, LQ-UDP-023).
    #[error("{query_type} is asked over TCP only (RFC 5460 §4)")]
    TcpOnly {
        /// By what was asked.
        query_type: QueryType,
    },
    /// More than a message or an option can hold (WIRE-017).
    #[error("the query cannot be written: {0}")]
    TooLong(#[from] ComposeError),
    /// More queries wait than [`super::MAX_WAITING`].
    #[error("{limit} queries wait for this server already; wait until some have ended")]
    QueueFull {
        /// The limit.
        limit: usize,
    },
    /// The requestor was told that no more queries come.
    #[error("no more queries are taken: the requestor is finishing")]
    Finishing,
}

/// A DUID's octets, if it may be sent: 3 to 130 of them (WIRE-031).
fn own_duid<'a>(duid: &'a Duid, what: &'static str) -> Result<&'a [u8], AskError> {
    let octets = duid.octets();
    if !duid.is_sendable() {
        return Err(AskError::ShortDuid {
            what,
            octets: octets.len(),
        });
    }
    Ok(octets)
}
