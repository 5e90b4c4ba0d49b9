//! Kea's dialect of JSON in pieces, each with its place.
//!
//! Beyond JSON Kea takes `//`, `#` and `/* */` comments, commas before a closing bracket,
//! and `<?include "file"?>`, which puts the file's text there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::kea_config::error::{ConfigError, Place};
use crate::text::excerpt;

/// How deep files may include each other, as in Kea.
const MAX_INCLUDES: usize = 10;

/// Octets of all files together; a configuration of 100 000 subnets takes 100 MB.
const MAX_OCTETS: usize = 1 << 30;

/// Reads an included file; a parser of octets alone uses one that always fails.
pub(super) type Load<'a> = dyn FnMut(&Path) -> io::Result<Vec<u8>> + 'a;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Open,
    Close,
    OpenList,
    CloseList,
    Colon,
    Comma,
    String(String),
    Integer(i64),
    Real(f64),
    Bool(bool),
    Null,
    End,
}

impl Token {
    pub(super) fn show(&self) -> String {
        match self {
            Self::Open => "{".to_owned(),
            Self::Close => "}".to_owned(),
            Self::OpenList => "[".to_owned(),
            Self::CloseList => "]".to_owned(),
            Self::Colon => ":".to_owned(),
            Self::Comma => ",".to_owned(),
            Self::String(text) => format!("\"{}\"", excerpt(text.as_bytes())),
            Self::Integer(number) => number.to_string(),
            Self::Real(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::Null => "null".to_owned(),
            Self::End => "the end of the file".to_owned(),
        }
    }
}

/// A file being read.
struct Text {
    file: Arc<Path>,
    octets: Vec<u8>,
    at: usize,
    line: u32,
}

impl Text {
    fn new(file: Arc<Path>, octets: Vec<u8>) -> Self {
        let at = if octets.starts_with(b"\xef\xbb\xbf") {
            3
        } else {
            0
        };
        Self {
            file,
            octets,
            at,
            line: 1,
        }
    }

    fn rest(&self) -> &[u8] {
        self.octets.get(self.at..).unwrap_or_default()
    }

    /// Passes `count` octets, counting lines.
    fn pass(&mut self, count: usize) {
        let passed = self.rest().get(..count).unwrap_or(self.rest());
        let lines = memchr::memchr_iter(b'\n', passed).count();
        self.line = self
            .line
            .saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.at = (self.at + count).min(self.octets.len());
    }

    fn place(&self) -> Place {
        Place {
            file: Arc::clone(&self.file),
            line: self.line,
        }
    }
}

/// Cuts a configuration into tokens.
pub(super) struct Tokens<'a> {
    /// The file being read, on top of those that include it.
    texts: Vec<Text>,
    load: &'a mut Load<'a>,
    octets: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(file: Arc<Path>, octets: Vec<u8>, load: &'a mut Load<'a>) -> Self {
        Self {
            octets: octets.len(),
            texts: vec![Text::new(file, octets)],
            load,
        }
    }

    /// The next token and its place.
    pub(super) fn next(&mut self) -> Result<(Token, Place), ConfigError> {
        loop {
            let depth = self.texts.len();
            let Some(text) = self.texts.last_mut() else {
                return Err(syntax(
                    Place {
                        file: Path::new("").into(),
                        line: 0,
                    },
                    "nothing to read",
                ));
            };
            let rest = text.rest();
            let space = rest.iter().take_while(|octet| octet.is_ascii_whitespace());
            let space = space.count();
            if space > 0 {
                text.pass(space);
                continue;
            }
            match *rest {
                [] if depth > 1 => {
                    self.texts.pop();
                }
                [] => return Ok((Token::End, text.place())),
                [b'#', ..] | [b'/', b'/', ..] => {
                    let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                    text.pass(length);
                }
                [b'/', b'*', ..] => {
                    let place = text.place();
                    let length = memchr::memmem::find(&rest[2..], b"*/")
                        .ok_or_else(|| syntax(place, "this comment is never closed"))?;
                    text.pass(length + 4);
                }
                [b'<', b'?', ..] => self.include()?,
                _ => return token(text),
            }
        }
    }

    /// `<?include "file"?>`
    fn include(&mut self) -> Result<(), ConfigError> {
        let depth = self.texts.len();
        let Some(text) = self.texts.last_mut() else {
            return Ok(());
        };
        let place = text.place();
        let wrong = || syntax(place.clone(), "expected <?include \"FILE\"?>");
        let rest = text.rest();
        let length = memchr::memmem::find(&rest[2..], b"?>").ok_or_else(wrong)?;
        let name = rest[2..length + 2]
            .trim_ascii()
            .strip_prefix(b"include")
            .map(<[u8]>::trim_ascii)
            .and_then(|name| name.strip_prefix(b"\"")?.strip_suffix(b"\""))
            .and_then(|name| std::str::from_utf8(name).ok())
            .filter(|name| !name.is_empty())
            .ok_or_else(wrong)?
            .to_owned();
        text.pass(length + 4);
        if depth > MAX_INCLUDES {
            let limit = MAX_INCLUDES;
            return Err(ConfigError::IncludesTooDeep { place, limit });
        }
        let file = resolve(&text.file, &name);
        let octets = (self.load)(&file).map_err(|source| ConfigError::Include {
            place: place.clone(),
            file: file.as_path().into(),
            source,
        })?;
        self.octets = self.octets.saturating_add(octets.len());
        if self.octets > MAX_OCTETS {
            let limit = MAX_OCTETS;
            return Err(ConfigError::TooLarge { place, limit });
        }
        self.texts.push(Text::new(file.into(), octets));
        Ok(())
    }
}

/// An included file's path. Kea goes from where it was started; who migrates is elsewhere,
/// so a relative path is taken from the including file, as people write it.
fn resolve(including: &Path, name: &str) -> PathBuf {
    match including.parent() {
        Some(folder) if !Path::new(name).is_absolute() => folder.join(name),
        _ => name.into(),
    }
}

fn token(text: &mut Text) -> Result<(Token, Place), ConfigError> {
    let place = text.place();
    let rest = text.rest();
    let single = match rest.first() {
        Some(b'{') => Some(Token::Open),
        Some(b'}') => Some(Token::Close),
        Some(b'[') => Some(Token::OpenList),
        Some(b']') => Some(Token::CloseList),
        Some(b':') => Some(Token::Colon),
        Some(b',') => Some(Token::Comma),
        _ => None,
    };
    if let Some(token) = single {
        text.pass(1);
        return Ok((token, place));
    }
    if rest.first() == Some(&b'"') {
        let (string, length) = string(&rest[1..]).map_err(|what| syntax(place.clone(), what))?;
        text.pass(length + 1);
        return Ok((Token::String(string), place));
    }
    let is_word =
        |octet: &&u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'+' | b'.');
    let length = rest.iter().take_while(is_word).count().max(1);
    let word = String::from_utf8_lossy(&rest[..length]).into_owned();
    text.pass(length);
    let token = match word.as_str() {
        // Kea takes these words in any case.
        _ if word.eq_ignore_ascii_case("true") => Token::Bool(true),
        _ if word.eq_ignore_ascii_case("false") => Token::Bool(false),
        _ if word.eq_ignore_ascii_case("null") => Token::Null,
        _ => number(&word).ok_or_else(|| {
            syntax(
                place.clone(),
                &format!("`{}` is no value", excerpt(word.as_bytes())),
            )
        })?,
    };
    Ok((token, place))
}

fn number(word: &str) -> Option<Token> {
    // Words like `inf` and `nan`, which Rust reads, are no numbers of JSON.
    let begins_well = |octet: &u8| octet.is_ascii_digit() || matches!(octet, b'-' | b'.');
    word.as_bytes().first().filter(|octet| begins_well(octet))?;
    if word
        .bytes()
        .any(|octet| octet.is_ascii_alphabetic() && !matches!(octet, b'e' | b'E'))
    {
        return None;
    }
    if let Ok(integer) = word.parse() {
        return Some(Token::Integer(integer));
    }
    word.parse().ok().map(Token::Real)
}

/// The string whose opening quote was just passed, and its octets with the closing one.
fn string(rest: &[u8]) -> Result<(String, usize), &'static str> {
    const ENDLESS: &str = "this string is never closed";
    let mut octets = Vec::new();
    let mut at = 0;
    loop {
        match rest.get(at..).unwrap_or_default() {
            [] => return Err(ENDLESS),
            [b'"', ..] => break,
            [b'\\', b'u', digits @ ..] => {
                at +=
                    2 + unicode(digits, &mut octets).ok_or("a wrong \\u escape in this string")?;
            }
            [b'\\', escape, ..] => {
                octets.push(match escape {
                    b'"' | b'\\' | b'/' => *escape,
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    _ => return Err("an unknown escape in this string"),
                });
                at += 2;
            }
            [octet, ..] if *octet < 0x20 => return Err("a control character in this string"),
            [octet, ..] => {
                octets.push(*octet);
                at += 1;
            }
        }
    }
    match String::from_utf8(octets) {
        Ok(string) => Ok((string, at + 1)),
        Err(_) => Err("this string is not UTF-8"),
    }
}

/// The character of a `\u` escape, with its second half where it has one; gives the octets
/// behind the `u` it took.
fn unicode(digits: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let four = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits.get(..4)?).ok()?;
        let all_hex = digits.bytes().all(|octet| octet.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| all_hex)
    };
    let first = four(digits)?;
    let (code, length) = if (0xd800..0xdc00).contains(&first) {
        let second = four(digits.get(4..)?.strip_prefix(b"\\u")?)?;
        let second = second
            .checked_sub(0xdc00)
            .filter(|second| *second < 0x400)?;
        (0x1_0000 + ((first - 0xd800) << 10) + second, 10)
    } else {
        (first, 4)
    };
    let mut buffer = [0; 4];
    out.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut buffer).as_bytes());
    Some(length)
}

pub(super) fn syntax(place: Place, what: &str) -> ConfigError {
    ConfigError::Syntax {
        place,
        what: what.to_owned(),
    }
}
