//! What kind of user and device: classes, and vendors' own options.

use std::fmt;

use super::OptionView;
use crate::code::OptionCode;
use crate::compose::Composer;
use crate::error::{ComposeError, ParseError, ParseErrorKind};
use crate::options::{Options, RawOption};
use crate::reader::Reader;
use crate::text::{Opaque, show_spaced};

/// Octets of the length before an item.
const ITEM_LENGTH_OCTETS: usize = 2;

/// Items of USER_CLASS or VENDOR_CLASS, at least one: each a length (2) and that many octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Items<'a>(&'a [u8]);

impl<'a> Items<'a> {
    fn parse(mut reader: Reader<'a>) -> Result<Self, ParseError> {
        let octets = reader.clone().rest();
        while !reader.is_empty() {
            let at_item = reader;
            let len = usize::from(reader.u16()?);
            let left = reader.left();
            let overrun = ParseErrorKind::ItemOverrun { len, left };
            reader.take(len).map_err(|_| at_item.error(overrun))?;
        }
        Ok(Self(octets))
    }

    /// The items in the order in which they stand.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (&len, after) = rest.split_first_chunk()?;
            let (item, after) = after.split_at_checked(usize::from(u16::from_be_bytes(len)))?;
            rest = after;
            Some(item)
        })
    }
}

impl fmt::Display for Items<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        show_spaced(out, self.iter().map(Opaque))
    }
}

/// USER_CLASS (15): what kind of user the client serves. Source: RFC 8415 §21.15 (WIRE-045).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserClass<'a> {
    /// The classes.
    pub items: Items<'a>,
}

impl<'a> OptionView<'a> for UserClass<'a> {
    const CODE: OptionCode = OptionCode::USER_CLASS;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let items = Items::parse(option.at_least(ITEM_LENGTH_OCTETS)?)?;
        Ok(Self { items })
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put(self.items.0);
        Ok(())
    }
}

impl fmt::Display for UserClass<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.fmt(out)
    }
}

/// VENDOR_CLASS (16): what kind of device the client is, in its vendor's words.
///
/// Enterprise number (4), items. Source: RFC 8415 §21.16 (WIRE-045).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VendorClass<'a> {
    /// The vendor's number; each may occur once in a message (WIRE-024).
    pub enterprise: u32,
    /// The classes.
    pub items: Items<'a>,
}

impl<'a> OptionView<'a> for VendorClass<'a> {
    const CODE: OptionCode = OptionCode::VENDOR_CLASS;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let mut reader = option.at_least(4 + ITEM_LENGTH_OCTETS)?;
        Ok(Self {
            enterprise: reader.u32()?,
            items: Items::parse(reader)?,
        })
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put_u32(self.enterprise);
        composer.put(self.items.0);
        Ok(())
    }
}

impl fmt::Display for VendorClass<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "enterprise {} {}", self.enterprise, self.items)
    }
}

/// VENDOR_OPTS (17): options of a vendor's own.
///
/// Enterprise number (4), then options whose codes are the vendor's and not of the registry.
/// Source: RFC 8415 §21.17 (WIRE-045).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VendorOpts<'a> {
    /// The vendor's number; each may occur once in a message (WIRE-024).
    pub enterprise: u32,
    /// The vendor's options; read them by number, the names of their codes mean nothing.
    pub options: Options<'a>,
}

impl<'a> OptionView<'a> for VendorOpts<'a> {
    const CODE: OptionCode = OptionCode::VENDOR_OPTS;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let mut reader = option.at_least(4)?;
        Ok(Self {
            enterprise: reader.u32()?,
            options: reader.options()?,
        })
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put_u32(self.enterprise);
        composer.put(self.options.octets());
        Ok(())
    }
}

impl fmt::Display for VendorOpts<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "enterprise {}", self.enterprise)?;
        for option in self.options {
            write!(out, " {}={}", option.code.0, Opaque(option.data))?;
        }
        Ok(())
    }
}

impl Composer<'_> {
    /// Adds USER_CLASS with these items, at least one.
    pub fn user_class(&mut self, items: &[&[u8]]) -> Result<(), ComposeError> {
        self.nested(OptionCode::USER_CLASS, |composer| {
            put_items(composer, OptionCode::USER_CLASS, items)
        })
    }

    /// Adds VENDOR_CLASS with these items, at least one.
    pub fn vendor_class(&mut self, enterprise: u32, items: &[&[u8]]) -> Result<(), ComposeError> {
        self.nested(OptionCode::VENDOR_CLASS, |composer| {
            composer.put_u32(enterprise);
            put_items(composer, OptionCode::VENDOR_CLASS, items)
        })
    }

    /// Adds VENDOR_OPTS with the options that `write` puts in it.
    pub fn vendor_opts(
        &mut self,
        enterprise: u32,
        write: impl FnOnce(&mut Self) -> Result<(), ComposeError>,
    ) -> Result<(), ComposeError> {
        self.nested(OptionCode::VENDOR_OPTS, |composer| {
            composer.put_u32(enterprise);
            write(composer)
        })
    }
}

fn put_items(
    composer: &mut Composer<'_>,
    code: OptionCode,
    items: &[&[u8]],
) -> Result<(), ComposeError> {
    if items.is_empty() {
        return Err(ComposeError::BadValue {
            code,
            field: "number of items",
            value: 0,
            allowed: "at least 1",
        });
    }
    for item in items {
        let len = item.len();
        let too_long = ComposeError::OptionTooLong { code, len };
        composer.put_u16(u16::try_from(len).map_err(|_| too_long)?);
        composer.put(item);
    }
    Ok(())
}
