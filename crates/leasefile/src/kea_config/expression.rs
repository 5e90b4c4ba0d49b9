//! Kea's test expressions, as members of a class.
//!
//! ```text
//! "option[60].hex == 'cpe' and not member('old')"
//!     -> tokens -> a formula -> { option = { code = 60, data = "cpe" }, unless = [{ class = "old" }] }
//! ```
//!
//! What leasebook compares with is carried; anything else is told by its words.

mod formula;
mod identifier;
#[cfg(test)]
mod tests;

use std::net::Ipv6Addr;

use self::formula::{Conjunction, Formula, alternatives, one_or};
use self::identifier::{ENTERPRISE_OCTETS, builtin_formula};
pub(super) use self::identifier::{Identifier, builtin};
use leasebook_wire::code::OptionCode;

use crate::kea_config::definitions::standard_code;
use crate::kea_config::write::{data, quoted_text};
use crate::text::{MAX_DUID_OCTETS, parse_hex, parse_ipv6, push_colon_hex};

/// How deep parentheses and `not` may nest.
const MAX_DEPTH: usize = 50;

/// The members of a class, as TOML's inline tables, that a test comes to; each class that it
/// names has to be one of `above`, or one of Kea's own.
///
/// # Errors
/// What in it cannot be said in leasebook's words.
pub(super) fn members(test: &str, above: &[&str]) -> Result<Vec<String>, String> {
    let tokens = tokens(test)?;
    let mut parser = Parser::new(&tokens, above);
    let formula = parser.any_of(0)?;
    parser.end()?;
    shown(&formula)
}

/// Whether a test looks at a relay by its place on the way.
pub(super) fn looks_at_relays(test: &str) -> bool {
    test.contains("relay6")
}

fn shown(formula: &Formula) -> Result<Vec<String>, String> {
    let alternatives = alternatives(formula)?;
    Ok(alternatives.iter().map(Conjunction::show).collect())
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A name, a number, an address, or hex after 0x.
    Word(String),
    /// What stood in quotes.
    Text(String),
    /// `( ) [ ] . , ==`
    Sign(&'static str),
}

impl Token {
    fn show(&self) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Text(text) => format!("'{text}'"),
            Self::Sign(sign) => (*sign).to_owned(),
        }
    }
}

fn tokens(test: &str) -> Result<Vec<Token>, String> {
    const SIGNS: [&str; 7] = ["==", "(", ")", "[", "]", ".", ","];
    let is_word =
        |sign: char| sign.is_ascii_alphanumeric() || sign == '_' || sign == '-' || sign == ':';
    let mut rest = test.trim_start();
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else if first == '\'' {
            let (text, behind) = rest[1..]
                .split_once('\'')
                .ok_or_else(|| "a text is never closed".to_owned())?;
            tokens.push(Token::Text(text.to_owned()));
            rest = behind;
        } else if is_word(first) {
            let end = rest.find(|sign| !is_word(sign)).unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        } else {
            return Err(format!("`{first}` is not understood"));
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

/// Something with octets.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Operand {
    Octets(Vec<u8>),
    Address(Ipv6Addr),
    /// An option of the client's message.
    Option(u16),
    /// A part of one: where it begins, and how long it is at most.
    Part(u16, usize, usize),
    /// An option that a relay put in.
    OfRelay(u16),
    /// A part of one.
    PartOfRelay(u16, usize),
    LinkAddress,
    PeerAddress,
    /// An item of VENDOR_CLASS.
    VendorClass(u32),
    /// Options of a vendor's own.
    VendorOptions(u32),
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    /// The classes that stand above.
    above: &'a [&'a str],
}

impl<'a> Parser<'a> {
    fn new(tokens: &'a [Token], above: &'a [&'a str]) -> Self {
        Self {
            tokens,
            at: 0,
            above,
        }
    }

    /// Nothing is left.
    fn end(&self) -> Result<(), String> {
        match self.peek() {
            None => Ok(()),
            Some(token) => Err(format!("`{}` is not understood here", token.show())),
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.peek().cloned();
        self.at += 1;
        token.ok_or_else(|| "it ends too soon".to_owned())
    }

    fn takes(&mut self, token: &Token) -> bool {
        let is_there = self.peek() == Some(token);
        self.at += usize::from(is_there);
        is_there
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.takes(&Token::Word(word.to_owned()))
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), String> {
        let found = self.next()?;
        if found == Token::Sign(sign) {
            return Ok(());
        }
        Err(format!(
            "`{}` stands where {sign} is expected",
            found.show()
        ))
    }

    fn word(&mut self) -> Result<String, String> {
        match self.next()? {
            Token::Word(word) => Ok(word),
            other => Err(format!("`{}` is not understood here", other.show())),
        }
    }

    fn number<T: std::str::FromStr>(&mut self) -> Result<T, String> {
        let word = self.word()?;
        let number = word.parse();
        number.map_err(|_| format!("`{word}` is no number that fits here"))
    }

    fn any_of(&mut self, depth: usize) -> Result<Formula, String> {
        if depth > MAX_DEPTH {
            return Err("it is nested too deeply".to_owned());
        }
        let mut all = vec![self.all_of(depth)?];
        while self.takes_word("or") {
            all.push(self.all_of(depth)?);
        }
        Ok(one_or(all, Formula::Any))
    }

    fn all_of(&mut self, depth: usize) -> Result<Formula, String> {
        let mut all = vec![self.one(depth)?];
        while self.takes_word("and") {
            all.push(self.one(depth)?);
        }
        Ok(one_or(all, Formula::All))
    }

    fn one(&mut self, depth: usize) -> Result<Formula, String> {
        if depth > MAX_DEPTH {
            return Err("it is nested too deeply".to_owned());
        }
        if self.takes_word("not") {
            return Ok(Formula::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.takes(&Token::Sign("(")) {
            let inside = self.any_of(depth + 1)?;
            self.expect(")")?;
            return Ok(inside);
        }
        for (word, class) in [("known", "KNOWN"), ("unknown", "UNKNOWN")] {
            if self.takes_word(word) {
                return builtin_formula(class).ok_or_else(|| format!("`{word}` is unknown"));
            }
        }
        if self.takes_word("member") {
            self.expect("(")?;
            let Token::Text(name) = self.next()? else {
                return Err("member needs the name of a class in quotes".to_owned());
            };
            self.expect(")")?;
            if let Some(formula) = builtin_formula(&name) {
                return Ok(formula);
            }
            if !self.above.contains(&name.as_str()) {
                return Err(format!(
                    "class `{name}` is none of those above that can be said"
                ));
            }
            return Ok(Formula::Holds(("class", quoted_text(&name))));
        }
        let left = self.operand()?;
        if self.takes(&Token::Sign(".")) {
            let word = self.word()?;
            return exists(&left, &word);
        }
        self.expect("==")?;
        let right = self.operand()?;
        equal(left, right)
    }

    fn operand(&mut self) -> Result<Operand, String> {
        let word = match self.next()? {
            Token::Text(text) => return Ok(Operand::Octets(text.into_bytes())),
            Token::Word(word) => word,
            Token::Sign(sign) => return Err(format!("`{sign}` is not understood here")),
        };
        match word.as_str() {
            "option" => {
                let code = self.code()?;
                self.octets_of(Operand::Option(code))
            }
            "substring" => self.substring(),
            "relay6" => self.relay(),
            "vendor-class" => self.vendor_class(),
            "vendor" => self.vendor(),
            _ => literal(&word),
        }
    }

    /// `[CODE]` or `[NAME]`.
    fn code(&mut self) -> Result<u16, String> {
        self.expect("[")?;
        let word = self.word()?;
        self.expect("]")?;
        word.parse()
            .ok()
            .or_else(|| standard_code(&word))
            .filter(|code| *code != 0)
            .ok_or_else(|| format!("option `{word}` is not known; write its code"))
    }

    /// `.hex` and `.text` are the octets; `.exists` is left where it stands.
    fn octets_of(&mut self, operand: Operand) -> Result<Operand, String> {
        let after = (self.peek(), self.tokens.get(self.at + 1));
        let (Some(Token::Sign(".")), Some(Token::Word(word))) = after else {
            return Err("an option is compared by .hex or .text".to_owned());
        };
        if word == "hex" || word == "text" {
            self.at += 2;
        }
        Ok(operand)
    }

    fn substring(&mut self) -> Result<Operand, String> {
        self.expect("(")?;
        let of = self.operand()?;
        self.expect(",")?;
        let at: usize = self.number()?;
        self.expect(",")?;
        let length = if self.takes_word("all") {
            usize::MAX
        } else {
            self.number()?
        };
        self.expect(")")?;
        match of {
            Operand::Option(code) => Ok(Operand::Part(code, at, length)),
            Operand::OfRelay(79) if at == 2 => Ok(Operand::PartOfRelay(79, at)),
            Operand::OfRelay(_) => {
                Err("a part of a relay's option is nothing leasebook compares".to_owned())
            }
            _ => Err("substring is carried of options alone".to_owned()),
        }
    }

    /// `relay6[N]`: leasebook looks at all relays on the way.
    fn relay(&mut self) -> Result<Operand, String> {
        self.expect("[")?;
        self.word()?;
        self.expect("]")?;
        self.expect(".")?;
        match self.word()?.as_str() {
            "linkaddr" => Ok(Operand::LinkAddress),
            "peeraddr" => Ok(Operand::PeerAddress),
            "option" => {
                let code = self.code()?;
                self.octets_of(Operand::OfRelay(code))
            }
            other => Err(format!("relay6[..].{other} is nothing leasebook compares")),
        }
    }

    /// `vendor.enterprise`, or `vendor[ENTERPRISE].exists`: what VENDOR_OPTS begins with.
    fn vendor(&mut self) -> Result<Operand, String> {
        if self.takes(&Token::Sign(".")) {
            return self.enterprise_of(OptionCode::VENDOR_OPTS);
        }
        self.expect("[")?;
        let enterprise = self.number()?;
        self.expect("]")?;
        Ok(Operand::VendorOptions(enterprise))
    }

    /// `enterprise`, what an option begins with.
    fn enterprise_of(&mut self, option: OptionCode) -> Result<Operand, String> {
        match self.word()?.as_str() {
            "enterprise" => Ok(Operand::Part(option.0, 0, ENTERPRISE_OCTETS)),
            other => Err(format!("`.{other}` is nothing leasebook compares")),
        }
    }

    /// `vendor-class[ENTERPRISE].data` or `.exists`, or `vendor-class.enterprise`.
    fn vendor_class(&mut self) -> Result<Operand, String> {
        if self.takes(&Token::Sign(".")) {
            return self.enterprise_of(OptionCode::VENDOR_CLASS);
        }
        self.expect("[")?;
        let enterprise = self.number()?;
        self.expect("]")?;
        let is_data = self.tokens.get(self.at + 1) == Some(&Token::Word("data".to_owned()));
        if is_data {
            self.at += 2;
            if self.takes(&Token::Sign("[")) {
                self.word()?;
                self.expect("]")?;
            }
        }
        Ok(Operand::VendorClass(enterprise))
    }
}

fn literal(word: &str) -> Result<Operand, String> {
    if let Some(digits) = word.strip_prefix("0x") {
        let mut octets = Vec::new();
        let padded = if digits.len().is_multiple_of(2) {
            digits.to_owned()
        } else {
            format!("0{digits}")
        };
        return match parse_hex(padded.as_bytes(), &mut octets) {
            Some(()) => Ok(Operand::Octets(octets)),
            None => Err(format!("`{word}` is not hex")),
        };
    }
    // A number is four octets, in network order.
    if let Ok(number) = word.parse::<u32>() {
        return Ok(Operand::Octets(number.to_be_bytes().to_vec()));
    }
    match parse_ipv6(word.as_bytes()) {
        Some(address) => Ok(Operand::Address(address)),
        None => Err(format!("`{word}` is nothing leasebook compares")),
    }
}

fn exists(left: &Operand, word: &str) -> Result<Formula, String> {
    if word != "exists" {
        return Err(format!("`.{word}` is nothing leasebook compares"));
    }
    match left {
        Operand::Option(code) => Ok(holds("option", format!("{{ code = {code} }}"))),
        Operand::VendorClass(enterprise) => {
            Ok(holds("vendor-class", quoted_text(&enterprise.to_string())))
        }
        Operand::VendorOptions(enterprise) => {
            let begins = Operand::Part(OptionCode::VENDOR_OPTS.0, 0, ENTERPRISE_OCTETS);
            equal(begins, Operand::Octets(enterprise.to_be_bytes().to_vec()))
        }
        _ => Err("that a relay's option exists is nothing leasebook compares".to_owned()),
    }
}

fn holds(key: &'static str, value: String) -> Formula {
    Formula::Holds((key, value))
}

fn equal(left: Operand, right: Operand) -> Result<Formula, String> {
    let (what, with) = match (left, right) {
        (what, Operand::Octets(octets)) | (Operand::Octets(octets), what) => (what, octets),
        (what, Operand::Address(address)) | (Operand::Address(address), what) => {
            return equal_address(&what, address);
        }
        _ => return Err("a comparison of two things of one message".to_owned()),
    };
    let hex = |octets: &[u8]| {
        let mut text = String::new();
        push_colon_hex(octets, &mut text);
        quoted_text(&text)
    };
    Ok(match what {
        Operand::Option(1) if is_duid(&with) => holds("duid", hex(&with)),
        Operand::Option(code) => holds(
            "option",
            format!("{{ code = {code}, data = {} }}", data(&with)),
        ),
        Operand::Part(code, at, length) => part(code, (at, length), &with, &hex)?,
        Operand::OfRelay(18) if !with.is_empty() => holds("interface-id", data(&with)),
        Operand::OfRelay(38) if !with.is_empty() => holds("subscriber-id", data(&with)),
        Operand::OfRelay(37) if with.len() > 4 => holds("remote-id", hex(&with)),
        Operand::OfRelay(53) if is_duid(&with) => holds("relay-id", hex(&with)),
        Operand::OfRelay(79) if (3..=MAX_DUID_OCTETS).contains(&with.len()) => {
            holds("link-layer", hex(&with[2..]))
        }
        Operand::PartOfRelay(..) if (1..=MAX_DUID_OCTETS).contains(&with.len()) => {
            holds("link-layer", hex(&with))
        }
        Operand::OfRelay(code) | Operand::PartOfRelay(code, _) => {
            return Err(format!(
                "option {code} of a relay is nothing leasebook compares"
            ));
        }
        Operand::VendorClass(enterprise) => {
            let item = String::from_utf8(with).ok();
            let item = item.filter(|item| item.chars().all(|sign| !sign.is_control()));
            let Some(item) = item.filter(|item| !item.is_empty() && !item.starts_with("0x")) else {
                return Err("an item of a vendor class that is no text".to_owned());
            };
            holds("vendor-class", quoted_text(&format!("{enterprise}:{item}")))
        }
        Operand::LinkAddress | Operand::PeerAddress => {
            return Err("an address is compared with an address".to_owned());
        }
        Operand::VendorOptions(_) => {
            return Err("an option of a vendor's own is nothing leasebook compares".to_owned());
        }
        Operand::Octets(_) | Operand::Address(_) => {
            return Err("a comparison of two constants".to_owned());
        }
    })
}

/// As long as leasebook takes DUIDs to be.
fn is_duid(octets: &[u8]) -> bool {
    (3..=MAX_DUID_OCTETS).contains(&octets.len())
}

/// A part of an option, which must be as long as what it is compared with.
fn part(
    code: u16,
    (at, length): (usize, usize),
    with: &[u8],
    hex: &dyn Fn(&[u8]) -> String,
) -> Result<Formula, String> {
    if with.len() != length || at > 0xffff {
        return Err(format!(
            "a part of {length} octets compared with {} is never, or not always, equal",
            with.len()
        ));
    }
    if code == 1 && at == 0 && (1..=MAX_DUID_OCTETS).contains(&with.len()) {
        return Ok(holds("duid-prefix", hex(with)));
    }
    let data = data(with);
    Ok(holds(
        "option",
        format!("{{ code = {code}, data = {data}, at = {at} }}"),
    ))
}

fn equal_address(what: &Operand, address: Ipv6Addr) -> Result<Formula, String> {
    let shown = quoted_text(&address.to_string());
    match what {
        Operand::LinkAddress => Ok(holds("link-address", shown)),
        Operand::PeerAddress => Ok(holds("peer-address", shown)),
        Operand::Option(code) => Ok(holds(
            "option",
            format!("{{ code = {code}, data = {} }}", data(&address.octets())),
        )),
        _ => Err("what is compared with an address".to_owned()),
    }
}
