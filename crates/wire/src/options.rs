//! Lists of options, checked as a whole.

use crate::code::{MAX_OPTIONS, OPTION_HEADER_OCTETS, OptionCode};
use crate::error::{OptionPath, ParseError, ParseErrorKind};
use crate::reader::Reader;

/// The options of a message or of a container, every header of which has been checked.
///
/// ```text
///  0      2       4
/// +------+-------+----------------+------+-------+--- ...
/// | code | len   | len octets     | code | len   |
/// +------+-------+----------------+------+-------+--- ...
/// ```
///
/// All or nothing: a list with a cut header or an overrun is no list, and what stood before the
/// fault is not taken for a shorter one (WIRE-019). Order, repetitions and unknown options are
/// kept as they are (WIRE-010, WIRE-021, WIRE-022). What is *in* the options is not looked at.
///
/// Source: RFC 8415 §21.1 (WIRE-018).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options<'a> {
    octets: &'a [u8],
    base: usize,
    path: OptionPath,
}

impl<'a> Options<'a> {
    /// No options.
    pub const EMPTY: Options<'static> = Options {
        octets: &[],
        base: 0,
        path: OptionPath::ROOT,
    };

    /// Checks `octets`, the first of which is octet `base` of the message.
    #[inline]
    pub fn parse(octets: &'a [u8], base: usize) -> Result<Self, ParseError> {
        Self::parse_within(octets, base, OptionPath::ROOT)
    }

    /// The same, inside the options of `path`.
    #[inline]
    pub fn parse_within(
        octets: &'a [u8],
        base: usize,
        path: OptionPath,
    ) -> Result<Self, ParseError> {
        let options = Self { octets, base, path };
        let mut rest = octets;
        let mut count = 0_usize;
        while !rest.is_empty() {
            let Some((_, _, after)) = split_option(rest) else {
                return Err(options.fault(rest));
            };
            rest = after;
            count += 1;
        }
        if count > MAX_OPTIONS {
            return Err(ParseError::new(
                base,
                path,
                ParseErrorKind::TooManyOptions { limit: MAX_OPTIONS },
            ));
        }
        Ok(options)
    }

    /// The octets of the whole list.
    #[inline]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// Where the list begins in the message.
    #[inline]
    pub const fn offset(&self) -> usize {
        self.base
    }

    /// The options around the list.
    #[inline]
    pub const fn path(&self) -> OptionPath {
        self.path
    }

    /// Whether there are no options.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// The options in the order in which they stand.
    #[inline]
    pub const fn iter(&self) -> Iter<'a> {
        Iter {
            rest: self.octets,
            offset: self.base,
            path: self.path,
        }
    }

    /// The first option of this code: the one that counts where only one may stand (WIRE-023).
    #[inline]
    pub fn first(&self, code: OptionCode) -> Option<RawOption<'a>> {
        self.iter().find(|option| option.code == code)
    }

    /// All options of this code, each for itself (WIRE-022).
    #[inline]
    pub fn all(&self, code: OptionCode) -> impl Iterator<Item = RawOption<'a>> + use<'a> {
        self.iter().filter(move |option| option.code == code)
    }

    /// How many options of this code there are.
    #[inline]
    pub fn count(&self, code: OptionCode) -> usize {
        self.all(code).count()
    }

    /// How many options are to be ignored because one of their code stands before them and only
    /// one may stand there (WIRE-023, WIRE-024).
    pub fn ignored_repeats(&self) -> usize {
        // One bit for each code that has a name; all of them are below 256.
        let mut seen = [0_u64; 4];
        self.iter()
            .filter(|option| !option.code.may_repeat())
            .filter(|option| {
                let bit = 1 << (option.code.0 % 64);
                seen.get_mut(usize::from(option.code.0 / 64))
                    .is_some_and(|word| std::mem::replace(word, *word | bit) & bit != 0)
            })
            .count()
    }

    /// Whether an option of this code is there.
    #[inline]
    pub fn contains(&self, code: OptionCode) -> bool {
        self.first(code).is_some()
    }

    /// What is wrong where `rest`, a tail of the list, begins.
    #[cold]
    fn fault(&self, rest: &[u8]) -> ParseError {
        let offset = self.base + (self.octets.len() - rest.len());
        match rest {
            [code1, code2, len1, len2, body @ ..] => ParseError::new(
                offset,
                self.path
                    .then(OptionCode(u16::from_be_bytes([*code1, *code2]))),
                ParseErrorKind::Overrun {
                    len: usize::from(u16::from_be_bytes([*len1, *len2])),
                    left: body.len(),
                },
            ),
            _ => ParseError::new(
                offset,
                self.path,
                ParseErrorKind::HeaderCut { left: rest.len() },
            ),
        }
    }
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options::EMPTY
    }
}

impl<'a> IntoIterator for Options<'a> {
    type Item = RawOption<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Options<'a> {
    type Item = RawOption<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Walks over a checked list; see [`Options::iter`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    rest: &'a [u8],
    offset: usize,
    path: OptionPath,
}

impl<'a> Iterator for Iter<'a> {
    type Item = RawOption<'a>;

    #[inline]
    fn next(&mut self) -> Option<RawOption<'a>> {
        // The list was checked, so a `None` here is its end and never a fault.
        let (code, data, after) = split_option(self.rest)?;
        let option = RawOption {
            code,
            data,
            offset: self.offset,
            path: self.path,
        };
        self.offset += OPTION_HEADER_OCTETS + data.len();
        self.rest = after;
        Some(option)
    }
}

impl std::iter::FusedIterator for Iter<'_> {}

/// One option: its code and the octets of its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawOption<'a> {
    /// What the option is.
    pub code: OptionCode,
    /// The data, option-len octets.
    pub data: &'a [u8],
    /// The octet of the message at which the option's header begins; the data is 4 further.
    pub offset: usize,
    /// The options around this one.
    path: OptionPath,
}

impl<'a> RawOption<'a> {
    /// An option that stands in no other, for reading octets kept apart from their message.
    pub const fn new(code: OptionCode, data: &'a [u8], offset: usize) -> Self {
        Self {
            code,
            data,
            offset,
            path: OptionPath::ROOT,
        }
    }

    /// The options around this one and this one itself, as errors name it.
    #[inline]
    pub fn path(&self) -> OptionPath {
        self.path.then(self.code)
    }

    /// A reader over the data.
    #[inline]
    pub fn reader(&self) -> Reader<'a> {
        Reader::within(self.data, self.offset + OPTION_HEADER_OCTETS, self.path())
    }

    /// The data as a list of options.
    #[inline]
    pub fn options(&self) -> Result<Options<'a>, ParseError> {
        self.reader().options()
    }

    /// A reader over data of at least `needed` octets.
    #[inline]
    pub fn at_least(&self, needed: usize) -> Result<Reader<'a>, ParseError> {
        if self.data.len() < needed {
            let len = self.data.len();
            return Err(self.error(ParseErrorKind::TooShort { len, needed }));
        }
        Ok(self.reader())
    }

    /// A reader over data of exactly `needed` octets.
    #[inline]
    pub fn exactly(&self, needed: usize) -> Result<Reader<'a>, ParseError> {
        if self.data.len() != needed {
            let len = self.data.len();
            return Err(self.error(ParseErrorKind::WrongLength { len, needed }));
        }
        Ok(self.reader())
    }

    /// A reader over data of a whole number of items of `unit` octets, perhaps none.
    #[inline]
    pub fn multiple_of(&self, unit: usize) -> Result<Reader<'a>, ParseError> {
        if !self.data.len().is_multiple_of(unit) {
            let len = self.data.len();
            return Err(self.error(ParseErrorKind::NotMultiple { len, unit }));
        }
        Ok(self.reader())
    }

    /// An error of the option as a whole.
    pub fn error(&self, kind: ParseErrorKind) -> ParseError {
        ParseError::new(self.offset, self.path(), kind)
    }
}

/// Takes the first option off; `None` if there is none, or if it is cut or overruns.
#[inline]
fn split_option(octets: &[u8]) -> Option<(OptionCode, &[u8], &[u8])> {
    let (&[code1, code2, len1, len2], body) = octets.split_first_chunk()?;
    let len = usize::from(u16::from_be_bytes([len1, len2]));
    let (data, after) = body.split_at_checked(len)?;
    let code = OptionCode(u16::from_be_bytes([code1, code2]));
    Some((code, data, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: [u8; 15] = [0, 1, 0, 3, 0, 3, 7, 0, 99, 0, 0, 0, 1, 0, 0];

    /// WIRE-018, WIRE-022: options are found with their data and place, repeated ones apart.
    #[test]
    fn lists_options_in_order_with_their_places() {
        let options = Options::parse(&LIST, 4).unwrap();
        let seen: Vec<_> = options
            .iter()
            .map(|option| (option.code.0, option.data, option.offset))
            .collect();
        let id: &[u8] = &[0, 3, 7];
        assert_eq!(seen, [(1, id, 4), (99, &[], 11), (1, &[], 15)]);
        assert_eq!(options.count(OptionCode::CLIENTID), 2);
        assert_eq!(options.first(OptionCode::CLIENTID).unwrap().data, id);
        assert!(!options.contains(OptionCode::SERVERID));
    }

    /// WIRE-019: a cut header or an overrun spoils the list as a whole.
    #[test]
    fn refuses_a_list_cut_anywhere_but_between_options() {
        for end in 0..LIST.len() {
            let is_between = [0, 7, 11].contains(&end);
            assert_eq!(Options::parse(&LIST[..end], 4).is_ok(), is_between, "{end}");
        }
        let shown = |end| Options::parse(&LIST[..end], 4).unwrap_err().to_string();
        assert_eq!(shown(2), "octet 4: 2 octets left, an option header needs 4");
        assert_eq!(
            shown(6),
            "octet 4, CLIENTID: option-len is 3, 2 octets left"
        );
    }
}
