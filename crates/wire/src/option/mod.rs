//! Every option the project knows: a borrowed view to read it, and a way to write it.
//!
//! A view is made by [`OptionView::parse`], which checks the option's whole body; after that its
//! fields and accessors cannot fail. An option with a body its format forbids counts as absent
//! (WIRE-027): [`Options::view_or_absent`] reads it so, [`Options::view`] tells what is wrong.
//!
//! | file | options |
//! |---|---|
//! | `identity.rs` | CLIENTID, SERVERID, RELAY_ID |
//! | `association.rs` | IA_NA, IA_TA, IA_PD, IAADDR, IAPREFIX |
//! | `exclude.rs` | PD_EXCLUDE |
//! | `number.rs` | all that hold one number: lifetimes of settings, times, PREFERENCE, RELAY_PORT, … |
//! | `flag.rs` | those without data, RECONF_MSG, UNICAST |
//! | `list.rs` | ORO, ERO, DNS_SERVERS, LQ_CLIENT_LINK |
//! | `name.rs` | DOMAIN_LIST, CLIENT_FQDN |
//! | `class.rs` | USER_CLASS, VENDOR_CLASS, VENDOR_OPTS |
//! | `auth.rs` | AUTH |
//! | `status.rs` | STATUS_CODE |
//! | `relay.rs` | RELAY_MSG, INTERFACE_ID, REMOTE_ID, SUBSCRIBER_ID, CLIENT_LINKLAYER_ADDR, RSOO |
//! | `leasequery.rs` | LQ_QUERY, CLIENT_DATA, LQ_RELAY_DATA |
//!
//! ```
//! use leasebook_wire::code::{MessageType, QueryType};
//! use leasebook_wire::option::{LqQuery, RelayId};
//! use leasebook_wire::{ClientMessage, Composer, DuidRef, Xid};
//!
//! let relay = DuidRef::new(&[0, 3, 0, 1, 2, 0, 94, 0, 83, 1])?;
//! let mut out = Vec::new();
//! let mut message = Composer::client(&mut out, MessageType::LEASEQUERY, Xid([1, 2, 3]));
//! message.lq_query(QueryType::BY_RELAY_ID, "::".parse()?, |query| query.add(&RelayId(relay)))?;
//! message.finish()?;
//!
//! let message = ClientMessage::parse(&out)?;
//! let query: LqQuery = message.options().view()?.ok_or("no query")?;
//! assert_eq!(query.options.view_or_absent(), Some(RelayId(relay)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use crate::chain::RelayPath;
use crate::code::OptionCode;
use crate::compose::Composer;
use crate::error::{ComposeError, OptionPath, ParseError, ParseErrorKind};
use crate::message::Message;
use crate::options::{Options, RawOption};

mod association;
mod auth;
mod class;
mod exclude;
mod flag;
mod identity;
mod leasequery;
mod list;
mod name;
mod number;
mod relay;
mod status;

pub use association::{IaAddr, IaNa, IaPd, IaPrefix, IaTa, mask_prefix};
pub use auth::{Auth, ReconfigureKey};
pub use class::{Items, UserClass, VendorClass, VendorOpts};
pub use exclude::PdExclude;
pub use flag::{AddrRegEnable, RapidCommit, ReconfAccept, ReconfMsg, Unicast};
pub use identity::{ClientId, RelayId, ServerId};
pub use leasequery::{ClientData, LqQuery, LqRelayData};
pub use list::{DnsServers, Ero, LqClientLink, Oro};
pub use name::{ClientFqdn, DomainList, DomainName, DomainNameError, DomainNameRef};
pub use number::{
    CltTime, ElapsedTime, InfMaxRt, InformationRefreshTime, LqBaseTime, LqEndTime, LqStartTime,
    Preference, RelayPort, SolMaxRt,
};
pub use relay::{ClientLinkLayerAddr, InterfaceId, RelayMsg, Rsoo, SubscriberId};
pub use status::StatusCodeOption;

/// One option's format: read as a view, written from the same value.
///
/// `Display` shows the option's own fields; what is inside it is told by [`inner`](Self::inner).
pub trait OptionView<'a>: Sized + fmt::Display {
    /// The code the option has.
    const CODE: OptionCode;

    /// Reads the body of an option that was found by its code; all of it must fit the format.
    fn parse(option: RawOption<'a>) -> Result<Self, ParseError>;

    /// Appends the body, without the option's header.
    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError>;

    /// What stands inside the option.
    fn inner(&self) -> Inner<'a> {
        Inner::Nothing
    }
}

/// What an option encloses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner<'a> {
    /// Nothing that has options.
    Nothing,
    /// Options of the same registry.
    Options(Options<'a>),
    /// A message, as RELAY_MSG does.
    Message {
        /// The message's octets.
        octets: &'a [u8],
        /// Where they begin in the message around.
        base: usize,
        /// The options around them.
        path: OptionPath,
    },
    /// Relay levels without the message within, as LQ_RELAY_DATA does.
    RelayPath(RelayPath<'a>),
}

impl<'a> Options<'a> {
    /// The first option of this kind, `None` if there is none, an error if its body is malformed.
    #[inline]
    pub fn view<T: OptionView<'a>>(&self) -> Result<Option<T>, ParseError> {
        self.first(T::CODE).map(T::parse).transpose()
    }

    /// The first option of this kind; one with a malformed body counts as absent (WIRE-027).
    #[inline]
    pub fn view_or_absent<T: OptionView<'a>>(&self) -> Option<T> {
        self.view().ok().flatten()
    }

    /// All options of this kind, each read for itself (WIRE-022).
    #[inline]
    pub fn views<T: OptionView<'a>>(
        &self,
    ) -> impl Iterator<Item = Result<T, ParseError>> + use<'a, T> {
        self.all(T::CODE).map(T::parse)
    }
}

impl Composer<'_> {
    /// Adds an option from its view.
    #[inline]
    pub fn add<'a, T: OptionView<'a>>(&mut self, option: &T) -> Result<(), ComposeError> {
        self.nested(T::CODE, |composer| option.compose_data(composer))
    }
}

/// Makes the one table of options: an enum over all views, and the dispatch by code.
macro_rules! option_table {
    ($( $code:ident => $view:ident $(<$life:lifetime>)?, )*) => {
        /// Any option: the view that belongs to its code, or the option as it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum AnyOption<'a> {
            $(
                #[doc = concat!("[`OptionCode::", stringify!($code), "`].")]
                $view($view $(<$life>)?),
            )*
            /// An option of a code that has no view here; its data is not looked at (WIRE-021).
            Unknown(RawOption<'a>),
        }

        impl<'a> AnyOption<'a> {
            /// Reads an option by its code.
            pub fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
                match option.code {
                    $( OptionCode::$code => $view::parse(option).map(Self::$view), )*
                    _ => Ok(Self::Unknown(option)),
                }
            }

            /// The option's code.
            pub const fn code(&self) -> OptionCode {
                match self {
                    $( Self::$view(_) => OptionCode::$code, )*
                    Self::Unknown(option) => option.code,
                }
            }

            /// Appends the option to a message.
            pub fn compose(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
                match self {
                    $( Self::$view(view) => composer.add(view), )*
                    Self::Unknown(option) => composer.option(option.code, option.data),
                }
            }

            /// What stands inside the option.
            pub fn inner(&self) -> Inner<'a> {
                match self {
                    $( Self::$view(view) => view.inner(), )*
                    Self::Unknown(_) => Inner::Nothing,
                }
            }
        }

        impl fmt::Display for AnyOption<'_> {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $( Self::$view(view) => view.fmt(out), )*
                    Self::Unknown(option) => crate::text::Opaque(option.data).fmt(out),
                }
            }
        }
    };
}

option_table! {
    CLIENTID => ClientId<'a>,
    SERVERID => ServerId<'a>,
    IA_NA => IaNa<'a>,
    IA_TA => IaTa<'a>,
    IAADDR => IaAddr<'a>,
    ORO => Oro<'a>,
    PREFERENCE => Preference,
    ELAPSED_TIME => ElapsedTime,
    RELAY_MSG => RelayMsg<'a>,
    AUTH => Auth<'a>,
    UNICAST => Unicast,
    STATUS_CODE => StatusCodeOption<'a>,
    RAPID_COMMIT => RapidCommit,
    USER_CLASS => UserClass<'a>,
    VENDOR_CLASS => VendorClass<'a>,
    VENDOR_OPTS => VendorOpts<'a>,
    INTERFACE_ID => InterfaceId<'a>,
    RECONF_MSG => ReconfMsg,
    RECONF_ACCEPT => ReconfAccept,
    DNS_SERVERS => DnsServers<'a>,
    DOMAIN_LIST => DomainList<'a>,
    IA_PD => IaPd<'a>,
    IAPREFIX => IaPrefix<'a>,
    INFORMATION_REFRESH_TIME => InformationRefreshTime,
    REMOTE_ID => RemoteIdRef<'a>,
    SUBSCRIBER_ID => SubscriberId<'a>,
    CLIENT_FQDN => ClientFqdn<'a>,
    ERO => Ero<'a>,
    LQ_QUERY => LqQuery<'a>,
    CLIENT_DATA => ClientData<'a>,
    CLT_TIME => CltTime,
    LQ_RELAY_DATA => LqRelayData<'a>,
    LQ_CLIENT_LINK => LqClientLink<'a>,
    RELAY_ID => RelayId<'a>,
    RSOO => Rsoo<'a>,
    PD_EXCLUDE => PdExclude<'a>,
    CLIENT_LINKLAYER_ADDR => ClientLinkLayerAddr<'a>,
    SOL_MAX_RT => SolMaxRt,
    INF_MAX_RT => InfMaxRt,
    LQ_BASE_TIME => LqBaseTime,
    LQ_START_TIME => LqStartTime,
    LQ_END_TIME => LqEndTime,
    RELAY_PORT => RelayPort,
    ADDR_REG_ENABLE => AddrRegEnable,
}

pub use crate::remote_id::RemoteIdRef;

/// Checks one option's body against the format its code has, but not the bodies of what is in it.
///
/// Unknown codes are fine (WIRE-021).
pub fn validate(code: OptionCode, data: &[u8]) -> Result<(), ParseError> {
    AnyOption::parse(RawOption::new(code, data, 0)).map(|_| ())
}

/// Checks a message with the bodies of all its options and of those in them, to the first fault.
///
/// Stricter than any receiver, who ignores what it does not need (WIRE-027); for tests and for
/// tools that tell people what is wrong. Containers in containers beyond `limit` are a fault.
pub fn validate_message(octets: &[u8], limit: usize) -> Result<(), ParseError> {
    validate_options(Message::parse(octets)?.options(), limit, limit)
}

/// Checks all options, with `levels` left of `limit`; that bounds the recursion.
fn validate_options(options: Options<'_>, levels: usize, limit: usize) -> Result<(), ParseError> {
    let too_deep = ParseErrorKind::TooDeep { limit };
    let levels =
        levels
            .checked_sub(1)
            .ok_or(ParseError::new(options.offset(), options.path(), too_deep))?;
    for option in options {
        validate_option(option, levels, limit)?;
    }
    Ok(())
}

fn validate_option(option: RawOption<'_>, levels: usize, limit: usize) -> Result<(), ParseError> {
    match AnyOption::parse(option)?.inner() {
        Inner::Nothing => Ok(()),
        Inner::Options(options) => validate_options(options, levels, limit),
        Inner::Message { octets, base, path } => {
            let message = Message::parse_within(octets, base, path)?;
            validate_options(message.options(), levels, limit)
        }
        Inner::RelayPath(path) => path
            .levels()
            .flat_map(|level| level.options())
            // The levels were followed already, and the last has no RELAY_MSG to follow.
            .filter(|option| option.code != OptionCode::RELAY_MSG)
            .try_for_each(|option| validate_option(option, levels, limit)),
    }
}

/// Fails if an option of `len` octets is to be written that has at least `needed`.
fn require_octets(code: OptionCode, len: usize, needed: usize) -> Result<(), ComposeError> {
    if len >= needed {
        return Ok(());
    }
    Err(ComposeError::OptionTooShort { code, len, needed })
}
