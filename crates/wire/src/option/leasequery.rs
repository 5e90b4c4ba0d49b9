//! The question of a LEASEQUERY and what answers it.

use std::fmt;
use std::net::Ipv6Addr;

use super::{Inner, OptionView};
use crate::chain::RelayPath;
use crate::code::{DEFAULT_NESTING_LIMIT, OptionCode, QueryType, RELAY_HEADER_OCTETS};
use crate::compose::Composer;
use crate::error::{ComposeError, ParseError};
use crate::options::{Options, RawOption};

/// LQ_QUERY (44): what is asked.
///
/// ```text
///  0            1              17
/// +------------+--------------+------------------
/// | query-type | link-address | query-options ...
/// +------------+--------------+------------------
/// ```
///
/// Source: RFC 5007 §4.1.2.1 (WIRE-055).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LqQuery<'a> {
    /// What the query asks by.
    pub query_type: QueryType,
    /// An address on the link to search, or `::`.
    pub link_address: Ipv6Addr,
    /// What the type needs, and perhaps an ORO.
    pub options: Options<'a>,
}

impl<'a> OptionView<'a> for LqQuery<'a> {
    const CODE: OptionCode = OptionCode::LQ_QUERY;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let mut reader = option.at_least(17)?;
        Ok(Self {
            query_type: QueryType(reader.u8()?),
            link_address: reader.ipv6()?,
            options: reader.options()?,
        })
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put_u8(self.query_type.0);
        composer.put_ipv6(self.link_address);
        composer.put(self.options.octets());
        Ok(())
    }

    fn inner(&self) -> Inner<'a> {
        Inner::Options(self.options)
    }
}

impl fmt::Display for LqQuery<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} link {}", self.query_type, self.link_address)
    }
}

/// CLIENT_DATA (45): one client's leases on one link. Source: RFC 5007 §4.1.2.2 (WIRE-056).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientData<'a> {
    /// CLIENTID, IAADDRs, IAPREFIXes, CLT_TIME, and what was asked for.
    pub options: Options<'a>,
}

impl<'a> OptionView<'a> for ClientData<'a> {
    const CODE: OptionCode = OptionCode::CLIENT_DATA;

    #[inline]
    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let options = option.options()?;
        Ok(Self { options })
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put(self.options.octets());
        Ok(())
    }

    fn inner(&self) -> Inner<'a> {
        Inner::Options(self.options)
    }
}

impl fmt::Display for ClientData<'_> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// LQ_RELAY_DATA (47): the relays of the client's last message.
///
/// ```text
///  0              16
/// +--------------+--------------------------------------------------------
/// | peer-address | RELAY-FORW, perhaps nested, the innermost RELAY_MSG out
/// +--------------+--------------------------------------------------------
/// ```
///
/// Source: RFC 5007 §4.1.2.4 (WIRE-058).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LqRelayData<'a> {
    /// Whence the server got the datagram, or `::`; some servers put the client's address here,
    /// so it is no next hop (D-12).
    pub peer_address: Ipv6Addr,
    /// The relays' levels.
    pub chain: RelayPath<'a>,
}

impl<'a> LqRelayData<'a> {
    /// The peer-address and the fixed fields of one RELAY-FORW.
    const LEAST_OCTETS: usize = 16 + RELAY_HEADER_OCTETS;

    /// As [`OptionView::parse`], with a bound on levels other than [`DEFAULT_NESTING_LIMIT`].
    pub fn parse_with_limit(option: RawOption<'a>, limit: usize) -> Result<Self, ParseError> {
        let mut reader = option.at_least(Self::LEAST_OCTETS)?;
        let peer_address = reader.ipv6()?;
        let base = reader.offset();
        Ok(Self {
            peer_address,
            chain: RelayPath::parse_within(reader.rest(), base, option.path(), limit)?,
        })
    }
}

impl<'a> OptionView<'a> for LqRelayData<'a> {
    const CODE: OptionCode = OptionCode::LQ_RELAY_DATA;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        Self::parse_with_limit(option, DEFAULT_NESTING_LIMIT)
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put_ipv6(self.peer_address);
        composer.put(self.chain.octets());
        Ok(())
    }

    fn inner(&self) -> Inner<'a> {
        Inner::RelayPath(self.chain)
    }
}

impl fmt::Display for LqRelayData<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "peer {}", self.peer_address)
    }
}

impl Composer<'_> {
    /// Adds LQ_QUERY with the query-options that `write` puts in it.
    pub fn lq_query(
        &mut self,
        query_type: QueryType,
        link_address: Ipv6Addr,
        write: impl FnOnce(&mut Self) -> Result<(), ComposeError>,
    ) -> Result<(), ComposeError> {
        self.nested(OptionCode::LQ_QUERY, |composer| {
            composer.put_u8(query_type.0);
            composer.put_ipv6(link_address);
            write(composer)
        })
    }

    /// Adds CLIENT_DATA with the options that `write` puts in it.
    pub fn client_data(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), ComposeError>,
    ) -> Result<(), ComposeError> {
        self.nested(OptionCode::CLIENT_DATA, write)
    }

    /// Adds LQ_RELAY_DATA from a chain that was made by [`RelayPath::take_from`].
    pub fn lq_relay_data(
        &mut self,
        peer_address: Ipv6Addr,
        chain: &[u8],
    ) -> Result<(), ComposeError> {
        self.nested(OptionCode::LQ_RELAY_DATA, |composer| {
            composer.put_ipv6(peer_address);
            composer.put(chain);
            Ok(())
        })
    }
}
