//! Option lists (temporary minimum).
#![allow(missing_docs)]
use crate::code::OptionCode;
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    octets: &'a [u8],
    base: usize,
}
#[derive(Clone, Copy, Debug)]
pub struct RawOption<'a> {
    pub code: OptionCode,
    pub data: &'a [u8],
    pub offset: usize,
}
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("octet {offset}: option overruns")]
pub struct ParseError {
    pub offset: usize,
}
impl<'a> Options<'a> {
    pub fn parse(octets: &'a [u8], base: usize) -> Result<Self, ParseError> {
        let mut rest = octets;
        while !rest.is_empty() {
            let at = base + octets.len() - rest.len();
            let [_, _, a, b, tail @ ..] = rest else {
                return Err(ParseError { offset: at });
            };
            rest = tail
                .get(usize::from(u16::from_be_bytes([*a, *b]))..)
                .ok_or(ParseError { offset: at })?;
        }
        Ok(Self { octets, base })
    }
    pub fn iter(&self) -> impl Iterator<Item = RawOption<'a>> + use<'a> {
        let (all, base) = (self.octets, self.base);
        let mut rest = all;
        std::iter::from_fn(move || {
            let offset = base + all.len() - rest.len();
            let [c, d, a, b, tail @ ..] = rest else {
                return None;
            };
            let (data, next) = tail.split_at_checked(usize::from(u16::from_be_bytes([*a, *b])))?;
            rest = next;
            Some(RawOption {
                code: OptionCode(u16::from_be_bytes([*c, *d])),
                data,
                offset,
            })
        })
    }
    pub fn first(&self, code: OptionCode) -> Option<RawOption<'a>> {
        self.iter().find(|o| o.code == code)
    }
}
