//! What a server does other than the texts ask, by kind, and what is done about it.
//!
//! Real servers err. Most deviations cost nothing and are only counted; some cost the
//! message they are in; a few leave no way to tell what the stream means, and the
//! connection goes. Nothing is passed over uncounted (BLQ-R-045, D-23).

use std::fmt;

use serde::Serialize;

/// One way in which a reply differs from what RFC 5460 and RFC 5007 ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub enum Deviation {
    /// A message shorter than its header, or one of its options overruns it (WIRE-019, WIRE-064).
    MalformedMessage,
    /// A message of a type that no server sends on such a connection (BLQ-R-019).
    UnexpectedType,
    /// A REPLY with the transaction-id of no outstanding query (BLQ-R-018).
    UnknownReply,
    /// A DATA with the transaction-id of no outstanding query (BLQ-R-025).
    UnknownData,
    /// A REPLY without SERVERID (BLQ-R-018).
    ReplyWithoutServerId,
    /// A REPLY without the requestor's own CLIENTID (BLQ-R-018).
    ReplyWithoutClientId,
    /// A DATA without CLIENT_DATA (BLQ-R-023).
    DataWithoutClientData,
    /// A CLIENT_DATA one of whose options overruns it (WIRE-020).
    MalformedClientData,
    /// A CLIENT_DATA that does not say whose it is (BLQ-R-031).
    ClientDataWithoutClientId,
    /// A CLIENT_DATA without any address or prefix (BLQ-R-031).
    ClientDataWithoutLease,
    /// A CLIENT_DATA without CLT_TIME (BLQ-R-030).
    ClientDataWithoutCltTime,

    /// A DONE with the transaction-id of no outstanding query (BLQ-R-024, BLQ-R-026).
    UnknownDone,
    /// A DATA of a query before its REPLY (BLQ-R-026).
    DataBeforeReply,
    /// A DONE of a query before its REPLY (BLQ-R-026).
    DoneBeforeReply,
    /// A second REPLY of a query (BLQ-R-026).
    SecondReply,
    /// An error status together with CLIENT_DATA (D-23).
    ErrorWithClientData,
    /// A SERVERID other than the first on this connection, or than the one wanted (D-03).
    OtherServerId,
    /// The third malformed message on the connection (D-17).
    TooManyMalformed,
    /// The third message in a row of an unexpected type (D-17).
    TooManyUnexpected,

    /// LQ_CLIENT_LINK in a bulk reply (BLQ-R-033), or where one link was asked for: ignored.
    ClientLink,
    /// STATUS_CODE Success, which need not be said (BLQ-R-032).
    SuccessStatus,
    /// An option that may stand once stands again: the first counts (WIRE-023).
    RepeatedOption,
    /// A known option whose body its format forbids: it counts as absent (WIRE-027).
    MalformedOption,
    /// LQ_RELAY_DATA though it was not asked for: taken (BLQ-R-032).
    RelayDataUnasked,
    /// A preferred lifetime above the valid one: lowered to it (BLQ-R-037).
    PreferredAboveValid,
    /// A lifetime within a day of infinity: taken as infinity (BLQ-R-045).
    NearInfinite,
    /// A lease last dealt with at least as long ago as it has left: kept, and shown as
    /// doubtful (BLQ-R-045).
    Doubtful,
    /// A lease with valid lifetime 0: no lease, or no longer one (BLQ-R-037).
    ZeroValid,
    /// A prefix with bits set past its length: cleared (WIRE-039).
    PrefixBits,
}

/// What is done about a deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Reaction {
    /// The message is used as it is or as mended.
    Keep,
    /// The message is dropped; the connection goes on.
    Drop,
    /// The message is dropped, and the result of its query can no longer be complete.
    Spoil,
    /// The connection is closed, and what has not ended on it is partial.
    Close,
}

impl Deviation {
    /// Every kind, in the order of the table of counters.
    pub const ALL: [Self; 29] = [
        Self::MalformedMessage,
        Self::UnexpectedType,
        Self::UnknownReply,
        Self::UnknownData,
        Self::ReplyWithoutServerId,
        Self::ReplyWithoutClientId,
        Self::DataWithoutClientData,
        Self::MalformedClientData,
        Self::ClientDataWithoutClientId,
        Self::ClientDataWithoutLease,
        Self::ClientDataWithoutCltTime,
        Self::UnknownDone,
        Self::DataBeforeReply,
        Self::DoneBeforeReply,
        Self::SecondReply,
        Self::ErrorWithClientData,
        Self::OtherServerId,
        Self::TooManyMalformed,
        Self::TooManyUnexpected,
        Self::ClientLink,
        Self::SuccessStatus,
        Self::RepeatedOption,
        Self::MalformedOption,
        Self::RelayDataUnasked,
        Self::PreferredAboveValid,
        Self::NearInfinite,
        Self::Doubtful,
        Self::ZeroValid,
        Self::PrefixBits,
    ];

    /// What is done about it (D-17, D-23).
    pub fn reaction(self) -> Reaction {
        match self {
            Self::UnexpectedType
            | Self::UnknownReply
            | Self::UnknownData
            | Self::ReplyWithoutServerId
            | Self::ReplyWithoutClientId
            | Self::DataWithoutClientData
            | Self::ClientDataWithoutClientId
            | Self::ClientDataWithoutLease
            | Self::ClientDataWithoutCltTime => Reaction::Drop,
            Self::MalformedMessage | Self::MalformedClientData => Reaction::Spoil,
            Self::UnknownDone
            | Self::DataBeforeReply
            | Self::DoneBeforeReply
            | Self::SecondReply
            | Self::ErrorWithClientData
            | Self::OtherServerId
            | Self::TooManyMalformed
            | Self::TooManyUnexpected => Reaction::Close,
            Self::ClientLink
            | Self::SuccessStatus
            | Self::RepeatedOption
            | Self::MalformedOption
            | Self::RelayDataUnasked
            | Self::PreferredAboveValid
            | Self::NearInfinite
            | Self::Doubtful
            | Self::ZeroValid
            | Self::PrefixBits => Reaction::Keep,
        }
    }

    /// A stable name of a few words with hyphens, for counters and machine-readable output.
    pub fn name(self) -> &'static str {
        match self {
            Self::MalformedMessage => "malformed-message",
            Self::UnexpectedType => "unexpected-type",
            Self::UnknownReply => "unknown-reply",
            Self::UnknownData => "unknown-data",
            Self::ReplyWithoutServerId => "reply-without-server-id",
            Self::ReplyWithoutClientId => "reply-without-client-id",
            Self::DataWithoutClientData => "data-without-client-data",
            Self::MalformedClientData => "malformed-client-data",
            Self::ClientDataWithoutClientId => "client-data-without-client-id",
            Self::ClientDataWithoutLease => "client-data-without-lease",
            Self::ClientDataWithoutCltTime => "client-data-without-clt-time",
            Self::UnknownDone => "unknown-done",
            Self::DataBeforeReply => "data-before-reply",
            Self::DoneBeforeReply => "done-before-reply",
            Self::SecondReply => "second-reply",
            Self::ErrorWithClientData => "error-with-client-data",
            Self::OtherServerId => "other-server-id",
            Self::TooManyMalformed => "too-many-malformed",
            Self::TooManyUnexpected => "too-many-unexpected",
            Self::ClientLink => "client-link",
            Self::SuccessStatus => "success-status",
            Self::RepeatedOption => "repeated-option",
            Self::MalformedOption => "malformed-option",
            Self::RelayDataUnasked => "relay-data-unasked",
            Self::PreferredAboveValid => "preferred-above-valid",
            Self::NearInfinite => "near-infinite",
            Self::Doubtful => "doubtful",
            Self::ZeroValid => "zero-valid",
            Self::PrefixBits => "prefix-bits",
        }
    }

    /// Its place in the table of counters.
    const fn place(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Deviation {
    /// What the server did, to stand after "since" or "the server's name:".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MalformedMessage => "a message was malformed",
            Self::UnexpectedType => "a message was of a type that has no place here",
            Self::UnknownReply => "a REPLY answered no outstanding query",
            Self::UnknownData => "a DATA belonged to no outstanding query",
            Self::ReplyWithoutServerId => "a REPLY lacked SERVERID",
            Self::ReplyWithoutClientId => "a REPLY lacked our CLIENTID",
            Self::DataWithoutClientData => "a DATA lacked CLIENT_DATA",
            Self::MalformedClientData => "a CLIENT_DATA was malformed",
            Self::ClientDataWithoutClientId => "a CLIENT_DATA lacked CLIENTID",
            Self::ClientDataWithoutLease => "a CLIENT_DATA had no lease",
            Self::ClientDataWithoutCltTime => "a CLIENT_DATA lacked CLT_TIME",
            Self::UnknownDone => "a DONE ended no outstanding query",
            Self::DataBeforeReply => "a DATA came before its REPLY",
            Self::DoneBeforeReply => "a DONE came before its REPLY",
            Self::SecondReply => "a query got a second REPLY",
            Self::ErrorWithClientData => "an error status came together with CLIENT_DATA",
            Self::OtherServerId => "the SERVERID was not the one expected",
            Self::TooManyMalformed => "three messages were malformed",
            Self::TooManyUnexpected => "three messages in a row were of types that have no place",
            Self::ClientLink => "LQ_CLIENT_LINK stood where it has no place",
            Self::SuccessStatus => "status Success was spelled out",
            Self::RepeatedOption => "an option stood twice",
            Self::MalformedOption => "an option had a body that its format forbids",
            Self::RelayDataUnasked => "LQ_RELAY_DATA came unasked",
            Self::PreferredAboveValid => "a preferred lifetime was above the valid one",
            Self::NearInfinite => "a lifetime was a little below infinity",
            Self::Doubtful => "a lease was last dealt with longer ago than it has left",
            Self::ZeroValid => "a lease had no valid lifetime left",
            Self::PrefixBits => "a prefix had bits past its length",
        })
    }
}

/// How often one server did what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Deviations([u64; Deviation::ALL.len()]);

impl Deviations {
    /// How often `kind` was seen.
    pub fn of(&self, kind: Deviation) -> u64 {
        self.0.get(kind.place()).copied().unwrap_or(0)
    }

    /// How often anything was seen.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Every kind that was seen, with its count.
    pub fn seen(&self) -> impl Iterator<Item = (Deviation, u64)> + '_ {
        Deviation::ALL
            .into_iter()
            .map(|kind| (kind, self.of(kind)))
            .filter(|&(_, count)| count > 0)
    }

    /// Counts `kind` once more and gives the new count.
    pub(crate) fn count(&mut self, kind: Deviation) -> u64 {
        match self.0.get_mut(kind.place()) {
            Some(count) => {
                *count = count.saturating_add(1);
                *count
            }
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_place_and_name() {
        let mut names: Vec<_> = Deviation::ALL.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Deviation::ALL.len());
        for (place, kind) in Deviation::ALL.into_iter().enumerate() {
            assert_eq!(kind.place(), place, "{kind}");
        }
    }

    /// BLQ-R-045: deviations are counted by kind.
    #[test]
    fn counts_by_kind() {
        let mut seen = Deviations::default();
        assert_eq!(seen.count(Deviation::Doubtful), 1);
        assert_eq!(seen.count(Deviation::Doubtful), 2);
        assert_eq!(seen.count(Deviation::NearInfinite), 1);
        let all: Vec<_> = seen.seen().collect();
        assert_eq!(
            all,
            [(Deviation::NearInfinite, 1), (Deviation::Doubtful, 2)]
        );
    }
}
