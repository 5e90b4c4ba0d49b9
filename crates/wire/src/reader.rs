//! A cursor over octets that knows where in the message it stands.

use std::net::Ipv6Addr;

use crate::error::{OptionPath, ParseError, ParseErrorKind};
use crate::options::Options;

/// Reads fields one after the other; each error names the octet and the options around it.
///
/// A reader is made over exactly the octets of one message or option, so it cannot read past
/// them; [`Reader::finish`] makes sure that all were read. Numbers are in network byte order
/// (WIRE-010).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
    path: OptionPath,
}

impl<'a> Reader<'a> {
    /// A reader over `octets`, the first of which is octet `base` of the message.
    pub const fn new(octets: &'a [u8], base: usize) -> Self {
        Self::within(octets, base, OptionPath::ROOT)
    }

    /// The same, inside the options of `path`.
    #[inline]
    pub const fn within(octets: &'a [u8], base: usize, path: OptionPath) -> Self {
        Self {
            rest: octets,
            offset: base,
            path,
        }
    }

    /// The next octet's place in the message.
    #[inline]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Octets not yet read.
    #[inline]
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// Whether all octets were read.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next octet.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, ParseError> {
        self.array::<1>().map(|[octet]| octet)
    }

    /// The next two octets as a number.
    #[inline]
    pub fn u16(&mut self) -> Result<u16, ParseError> {
        self.array().map(u16::from_be_bytes)
    }

    /// The next four octets as a number.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, ParseError> {
        self.array().map(u32::from_be_bytes)
    }

    /// The next eight octets as a number.
    #[inline]
    pub fn u64(&mut self) -> Result<u64, ParseError> {
        self.array().map(u64::from_be_bytes)
    }

    /// The next sixteen octets as an address.
    #[inline]
    pub fn ipv6(&mut self) -> Result<Ipv6Addr, ParseError> {
        self.array::<16>().map(Ipv6Addr::from)
    }

    /// The next `N` octets.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], ParseError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(self.cut(N))?;
        self.rest = rest;
        self.offset += N;
        Ok(*array)
    }

    /// The next `count` octets.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], ParseError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(self.cut(count))?;
        self.rest = rest;
        self.offset += count;
        Ok(taken)
    }

    /// A reader over the next `count` octets.
    #[inline]
    pub fn sub(&mut self, count: usize) -> Result<Self, ParseError> {
        let offset = self.offset;
        let octets = self.take(count)?;
        Ok(Self::within(octets, offset, self.path))
    }

    /// All octets left, perhaps none.
    #[inline]
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = std::mem::take(&mut self.rest);
        self.offset += rest.len();
        rest
    }

    /// All octets left, as a list of options.
    #[inline]
    pub fn options(&mut self) -> Result<Options<'a>, ParseError> {
        let offset = self.offset;
        Options::parse_within(self.rest(), offset, self.path)
    }

    /// Fails unless all octets were read.
    #[inline]
    pub fn finish(self) -> Result<(), ParseError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.error(ParseErrorKind::Trailing {
                left: self.rest.len(),
            }))
        }
    }

    /// An error at the next octet.
    pub const fn error(&self, kind: ParseErrorKind) -> ParseError {
        ParseError::new(self.offset, self.path, kind)
    }

    const fn cut(&self, needed: usize) -> ParseError {
        self.error(ParseErrorKind::FieldCut {
            left: self.rest.len(),
            needed,
        })
    }
}
