//! Kea's test expressions, as members of a class.
//!
//! ```text
//! "option[60].hex == 'cpe' and not member('old')"
//!     -> tokens -> a formula -> { option = { code = 60, data = "cpe" }, unless = [{ class = "old" }] }
//! ```
//!
//! What leasebook compares with is carried; anything else is told by its words.

mod compare;
mod formula;
mod identifier;
#[cfg(test)]
mod tests;

use std::net::Ipv6Addr;

use self::compare::{equal, exists, holds, literal};
use self::formula::{Conjunction, Formula, alternatives, one_or};
use self::identifier::builtin_formula;
pub(super) use self::identifier::{ENTERPRISE_OCTETS, Identifier, builtin};
use leasebook_wire::code::OptionCode;

use crate::kea_config::definitions::standard_code;
use crate::kea_config::write::quoted_text;

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
    /// The link-layer address in one's option 79, and how long it is at most.
    LinkLayer(usize),
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
        if self.peek() == Some(&Token::Word("substring".to_owned())) {
            return Err("substring is carried of options alone".to_owned());
        }
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
            Operand::OfRelay(79) if at == 2 => Ok(Operand::LinkLayer(length)),
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
                let at: u32 = self.number()?;
                self.expect("]")?;
                if at > 0 {
                    let reason = "an item of a vendor class by its place: leasebook looks for it \
                                  in all places";
                    return Err(reason.to_owned());
                }
            }
        }
        Ok(Operand::VendorClass(enterprise))
    }
}
