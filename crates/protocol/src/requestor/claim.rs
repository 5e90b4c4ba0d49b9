//! One CLIENT_DATA of a reply, read into leases.
//!
//! What a server tells of its leases is a claim: the caller decides what to believe.
//! Here the claim is put into a form that can be worked with, under the rules for servers
//! that err (BLQ-R-030 to BLQ-R-037, BLQ-R-045). Nothing is copied: a [`Claim`] borrows
//! the message, and its leases are read as they are iterated.

use std::net::Ipv6Addr;

use leasebook_store::LeaseName;
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, OptionCode};
use leasebook_wire::duid::MAX_DUID_OCTETS;
use leasebook_wire::option::{IaAddr, IaPrefix, OptionView};
use leasebook_wire::{Options, RawOption, RelayPath};

use super::deviation::{Deviation, Deviations};

/// Lifetimes from here on are infinity (BLQ-R-045): servers that count down from
/// infinity, or subtract an age from it, end up within a day of it.
const NEAR_INFINITE: u32 = u32::MAX - 86_400;

/// The least LQ_RELAY_DATA: peer-address (16) and a relay message's head (34) (WIRE-058).
const MIN_RELAY_DATA_OCTETS: usize = 50;

/// Octets of the peer-address before the chain in LQ_RELAY_DATA.
const PEER_OCTETS: usize = 16;

/// Where the prefix stands in an IAPREFIX (WIRE-038).
const PREFIX_AT: std::ops::Range<usize> = 9..25;

/// What one message says of one client on one link.
///
/// Ages and remaining lifetimes count from the moment the message arrived (BLQ-R-036).
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The body of OPTION_CLIENT_DATA.
    options: Options<'a>,
    client: &'a [u8],
    relay_data: Option<&'a [u8]>,
    clt_age: u32,
    leases: u32,
}

impl<'a> Claim<'a> {
    /// Reads the body of an OPTION_CLIENT_DATA, counting what is amiss in `deviations`.
    ///
    /// The error says why the option is dropped; it has been counted too. Octets: any;
    /// options CLIENTID (1), IAADDR (5), IAPREFIX (26), CLT_TIME (46), LQ_RELAY_DATA (47)
    /// and whatever was asked for, in any order. Source: RFC 5007 §4.1.2.2.
    pub fn read(body: &'a [u8], deviations: &mut Deviations) -> Result<Self, Deviation> {
        Self::parse(body, deviations).inspect_err(|&kind| {
            deviations.count(kind);
        })
    }

    fn parse(body: &'a [u8], deviations: &mut Deviations) -> Result<Self, Deviation> {
        let options = Options::parse(body, 0).map_err(|_| Deviation::MalformedClientData)?;
        let (mut client, mut clt, mut relay_data) = (None, None, None);
        let (mut named, mut leases) = (false, 0_u32);
        // The least that a lease has left: tells whether any can be doubtful before the
        // age is known, which most servers put after the leases.
        let mut shortest = u32::MAX;
        for option in options {
            match option.code {
                OptionCode::CLIENTID => once(&mut client, duid(option.data), deviations),
                OptionCode::CLT_TIME => once(&mut clt, age(option.data), deviations),
                OptionCode::LQ_RELAY_DATA => {
                    once(&mut relay_data, chain(option.data), deviations);
                }
                OptionCode::IAADDR | OptionCode::IAPREFIX => {
                    let Some(told) = Told::read(option) else {
                        deviations.count(Deviation::MalformedOption);
                        continue;
                    };
                    named = true;
                    told.count(deviations);
                    let (_, valid) = told.lifetimes();
                    if valid > 0 {
                        leases = leases.saturating_add(1);
                        shortest = shortest.min(valid);
                    }
                }
                OptionCode::LQ_CLIENT_LINK => {
                    deviations.count(Deviation::ClientLink);
                }
                _ => {}
            }
        }
        let claim = Self {
            options,
            client: client.ok_or(Deviation::ClientDataWithoutClientId)?,
            relay_data,
            clt_age: match (named, clt) {
                (false, _) => return Err(Deviation::ClientDataWithoutLease),
                (true, None) => return Err(Deviation::ClientDataWithoutCltTime),
                (true, Some(age)) => age,
            },
            leases,
        };
        if claim.clt_age >= shortest {
            for _ in claim.leases().filter(|lease| lease.is_doubtful) {
                deviations.count(Deviation::Doubtful);
            }
        }
        Ok(claim)
    }

    /// The client's DUID, 1 to 130 octets, not interpreted (WIRE-032).
    pub fn client(&self) -> &'a [u8] {
        self.client
    }

    /// Seconds since the server last dealt with the client on this link, when the message
    /// was sent (RFC 5007 §4.1.2.3).
    pub fn clt_age(&self) -> u32 {
        self.clt_age
    }

    /// The body of LQ_RELAY_DATA, at least 50 octets: peer-address (16), then the
    /// RELAY-FORW chain without its innermost RELAY_MSG (RFC 5007 §4.1.2.4).
    pub fn relay_data(&self) -> Option<&'a [u8]> {
        self.relay_data
    }

    /// The relays the client's newest message passed, if they are told and well-formed.
    pub fn relay_path(&self) -> Option<RelayPath<'a>> {
        let chain = self.relay_data?.get(PEER_OCTETS..)?;
        RelayPath::parse(chain, DEFAULT_NESTING_LIMIT).ok()
    }

    /// Every option of the CLIENT_DATA, as it came.
    pub fn options(&self) -> Options<'a> {
        self.options
    }

    /// How many leases [`Claim::leases`] gives.
    pub fn lease_count(&self) -> u32 {
        self.leases
    }

    /// The leases that have time left, in the order told.
    pub fn leases(&self) -> impl Iterator<Item = ClaimedLease> + use<'a> {
        let clt_age = self.clt_age;
        self.told()
            .map(move |told| told.lease(clt_age))
            .filter(|lease| lease.valid > 0)
    }

    /// The leases told with valid lifetime 0: no leases, or no longer (BLQ-R-037).
    pub fn ended(&self) -> impl Iterator<Item = LeaseName> + use<'a> {
        self.told()
            .filter(|told| told.valid == 0)
            .map(|told| told.name)
    }

    /// The link-address nearest to the client in the relay data that is not `::`: what is
    /// known of the link (RFC 8415 §13.1).
    pub fn link_address(&self) -> Option<Ipv6Addr> {
        self.relay_path()?.link_address()
    }

    fn told(&self) -> impl Iterator<Item = Told> + use<'a> {
        self.options.iter().filter_map(Told::read)
    }
}

/// One lease as a server claims it, fit for use.
///
/// Lifetimes are what remained when the message arrived; `u32::MAX` is infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimedLease {
    /// The address or prefix; bits past the prefix length are cleared.
    pub name: LeaseName,
    /// Preferred seconds left, never above `valid`.
    pub preferred: u32,
    /// Valid seconds left, never 0.
    pub valid: u32,
    /// Whether the server last dealt with the client at least as long ago as the lease has
    /// left. It may be a lease that ended, sent by a server that errs; it may as well be one
    /// past half of its life. It is shown as such, never dropped (BLQ-R-045).
    pub is_doubtful: bool,
}

/// One IAADDR or IAPREFIX as told, before anything is mended.
#[derive(Clone, Copy)]
struct Told {
    name: LeaseName,
    preferred: u32,
    valid: u32,
    has_stray_bits: bool,
}

impl Told {
    /// Reads IAADDR or IAPREFIX. Other options, and bodies that the format forbids, are
    /// nothing (WIRE-027).
    fn read(option: RawOption<'_>) -> Option<Self> {
        match option.code {
            OptionCode::IAADDR => {
                let lease = IaAddr::parse(option).ok()?;
                Some(Self {
                    name: LeaseName::Address(lease.address),
                    preferred: lease.preferred_lifetime,
                    valid: lease.valid_lifetime,
                    has_stray_bits: false,
                })
            }
            OptionCode::IAPREFIX => {
                let lease = IaPrefix::parse(option).ok()?;
                // The view has the bits cleared; the octets of the option tell what came.
                let told = option.data.get(PREFIX_AT).unwrap_or_default();
                Some(Self {
                    name: LeaseName::prefix(lease.prefix, lease.prefix_len)?,
                    preferred: lease.preferred_lifetime,
                    valid: lease.valid_lifetime,
                    has_stray_bits: told != lease.prefix.octets(),
                })
            }
            _ => None,
        }
    }

    /// Preferred and valid lifetime after mending: near infinity is infinity, and preferred
    /// is at most valid. A valid lifetime of 0 stays.
    fn lifetimes(self) -> (u32, u32) {
        let valid = mend(self.valid);
        (mend(self.preferred).min(valid), valid)
    }

    fn lease(self, clt_age: u32) -> ClaimedLease {
        let (preferred, valid) = self.lifetimes();
        ClaimedLease {
            name: self.name,
            preferred,
            valid,
            is_doubtful: valid != u32::MAX && clt_age >= valid,
        }
    }

    fn count(self, deviations: &mut Deviations) {
        if self.valid == 0 {
            deviations.count(Deviation::ZeroValid);
        } else if mend(self.preferred) > mend(self.valid) {
            deviations.count(Deviation::PreferredAboveValid);
        }
        if mend(self.valid) != self.valid || mend(self.preferred) != self.preferred {
            deviations.count(Deviation::NearInfinite);
        }
        if self.has_stray_bits {
            deviations.count(Deviation::PrefixBits);
        }
    }
}

/// Infinity for a lifetime within a day of it.
fn mend(lifetime: u32) -> u32 {
    if lifetime >= NEAR_INFINITE {
        u32::MAX
    } else {
        lifetime
    }
}

/// Keeps the first well-formed value of an option that may stand once (WIRE-023, WIRE-027).
fn once<T>(kept: &mut Option<T>, value: Option<T>, deviations: &mut Deviations) {
    match (&kept, value) {
        (None, Some(value)) => *kept = Some(value),
        (Some(_), Some(_)) => {
            deviations.count(Deviation::RepeatedOption);
        }
        (_, None) => {
            deviations.count(Deviation::MalformedOption);
        }
    }
}

fn duid(data: &[u8]) -> Option<&[u8]> {
    (1..=MAX_DUID_OCTETS).contains(&data.len()).then_some(data)
}

fn age(data: &[u8]) -> Option<u32> {
    <[u8; 4]>::try_from(data).ok().map(u32::from_be_bytes)
}

fn chain(data: &[u8]) -> Option<&[u8]> {
    (data.len() >= MIN_RELAY_DATA_OCTETS).then_some(data)
}
