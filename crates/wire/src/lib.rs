//! DHCPv6 messages, options, DUIDs and TCP framing: octets in, views out, and back.
//!
//! Reading borrows. A view is checked once, when it is parsed; its accessors cannot fail and
//! nothing on the read path allocates. Any octets give a view or a [`ParseError`] that names the
//! octet, the options around it, and both numbers of the mismatch; never a panic (WIRE-016).
//! Writing goes through a [`Composer`], which checks every length before it is written
//! (WIRE-017) and leaves the output as it was if something does not fit.
//!
//! The crate knows formats only. What a lease is, which message may be answered, and what is done
//! about a malformed one is decided above it.
//!
//! | module | its part |
//! |---|---|
//! | [`code`] | the registries: message types, option, status and query codes, ports, groups |
//! | [`error`] | [`ParseError`] and [`ComposeError`] |
//! | [`reader`] | [`Reader`], a cursor that knows its place in the message |
//! | [`options`] | [`Options`], a list of options checked as a whole, and [`RawOption`] |
//! | [`option`] | a view for each option, [`option::AnyOption`] for all |
//! | [`message`] | [`Message`] in its two forms, [`Xid`] |
//! | [`chain`] | [`RelayChain`] and [`RelayPath`]: nested relay messages, with a bound |
//! | [`duid`] | [`Duid`] and [`DuidRef`] |
//! | [`remote_id`] | [`RemoteId`] and [`RemoteIdRef`] |
//! | [`frame`] | the two octets of size before each message on TCP |
//! | [`compose`] | [`Composer`] |
//! | [`show`] | messages as text, for packet logs |
//!
//! Reading a query and its relay-id:
//!
//! ```
//! use leasebook_wire::code::{MessageType, OptionCode};
//! use leasebook_wire::Message;
//!
//! let octets = [14, 1, 2, 3, 0, 1, 0, 3, 0, 3, 7];
//! let Message::Client(query) = Message::parse(&octets)? else { unreachable!() };
//! assert_eq!(query.msg_type(), MessageType::LEASEQUERY);
//! assert_eq!(query.options().first(OptionCode::CLIENTID).map(|id| id.data), Some(&[0, 3, 7][..]));
//! # Ok::<(), leasebook_wire::ParseError>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation
    )
)]

pub mod chain;
pub mod code;
pub mod compose;
pub mod duid;
pub mod error;
pub mod frame;
pub mod message;
pub mod option;
pub mod options;
pub mod reader;
pub mod remote_id;
pub mod show;
mod text;

pub use chain::{RelayChain, RelayPath};
pub use compose::Composer;
pub use duid::{Duid, DuidRef};
pub use error::{ComposeError, OptionPath, ParseError, ParseErrorKind};
pub use frame::{Deframer, FragmentError};
pub use message::{ClientMessage, Message, RelayMessage, Xid};
pub use options::{Options, RawOption};
pub use reader::Reader;
pub use remote_id::{RemoteId, RemoteIdRef};
