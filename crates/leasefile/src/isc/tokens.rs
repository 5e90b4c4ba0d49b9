//! Words, strings and braces of an ISC lease file.

use std::io::{self, Read};

use crate::lines::Lines;

/// One piece of the file. A word's or string's octets are in [`Tokens::text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Everything up to white space or punctuation.
    Word,
    /// A string in quotes, its escapes replaced.
    String,
    /// `{`
    Open,
    /// `}`
    Close,
    /// `;`
    End,
    /// Any other punctuation.
    Other,
    /// The file ends.
    EndOfFile,
}

/// Cuts a file into tokens; strings do not cross lines, as the writer escapes newlines.
pub(super) struct Tokens<R> {
    lines: Lines<R>,
    line: Vec<u8>,
    at: usize,
    number: u64,
    /// The octets of the word or string last given.
    pub(super) text: Vec<u8>,
    /// Whether the token last given began its line.
    pub(super) begins_line: bool,
    /// The token to give again.
    again: Option<Token>,
}

impl<R: Read> Tokens<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            lines: Lines::new(source),
            line: Vec::new(),
            at: 0,
            number: 0,
            text: Vec::new(),
            begins_line: false,
            again: None,
        }
    }

    pub(super) fn octets(&self) -> u64 {
        self.lines.octets()
    }

    /// The line of the token last given, from 1.
    pub(super) fn line(&self) -> u64 {
        self.number
    }

    /// Gives `token`, the one just given, once more.
    pub(super) fn push_back(&mut self, token: Token) {
        self.again = Some(token);
    }

    pub(super) fn next(&mut self) -> io::Result<Token> {
        if let Some(token) = self.again.take() {
            return Ok(token);
        }
        loop {
            while self.line.get(self.at).is_some_and(u8::is_ascii_whitespace) {
                self.at += 1;
            }
            match self.line.get(self.at) {
                None | Some(b'#') => {
                    if !self.read_line()? {
                        return Ok(Token::EndOfFile);
                    }
                }
                Some(&first) => return Ok(self.cut(first)),
            }
        }
    }

    fn read_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.at = 0;
        match self.lines.next()? {
            None => Ok(false),
            Some(line) => {
                self.number = line.number;
                self.line.extend_from_slice(line.text);
                Ok(true)
            }
        }
    }

    fn cut(&mut self, first: u8) -> Token {
        self.begins_line = self.at == 0;
        let start = self.at;
        self.at += 1;
        self.text.clear();
        match first {
            b'{' => Token::Open,
            b'}' => Token::Close,
            b';' => Token::End,
            b'"' => self.cut_string(),
            _ if is_word(first) => {
                while self.line.get(self.at).copied().is_some_and(is_word) {
                    self.at += 1;
                }
                self.text.extend_from_slice(&self.line[start..self.at]);
                Token::Word
            }
            _ => {
                self.text.push(first);
                Token::Other
            }
        }
    }

    /// The rest of a string. One without an end takes the rest of its line.
    fn cut_string(&mut self) -> Token {
        while let Some(&octet) = self.line.get(self.at) {
            self.at += 1;
            match octet {
                b'"' => break,
                b'\\' => self.cut_escape(),
                _ => self.text.push(octet),
            }
        }
        Token::String
    }

    /// `\ooo`, `\xHH`, `\t`, `\r`, `\n`, `\b`, or any octet for itself.
    fn cut_escape(&mut self) {
        let rest = self.line.get(self.at..).unwrap_or_default();
        let (octet, length) = match *rest {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
                ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), 3)
            }
            [b'x', high, low, ..] => {
                let digits = crate::text::hex_digit(high).zip(crate::text::hex_digit(low));
                digits.map_or((b'x', 1), |(high, low)| (high << 4 | low, 3))
            }
            [b't', ..] => (b'\t', 1),
            [b'r', ..] => (b'\r', 1),
            [b'n', ..] => (b'\n', 1),
            [b'b', ..] => (8, 1),
            [octet, ..] => (octet, 1),
            [] => return,
        };
        self.text.push(octet);
        self.at += length;
    }
}

fn is_word(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b':' | b'/' | b'.' | b'+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_words_strings_and_punctuation_and_skips_comments() {
        let text = b"# remark\nia-na \"\\001\\\"\\\\a\\x41\\n\" { # more\n ends 3 2026/01/14;}=";
        let mut tokens = Tokens::new(&text[..]);
        let mut seen = Vec::new();
        loop {
            let token = tokens.next().unwrap();
            if token == Token::EndOfFile {
                break;
            }
            seen.push((token, tokens.text.clone(), tokens.line()));
        }
        let expected: [(Token, &[u8], u64); 9] = [
            (Token::Word, b"ia-na", 2),
            (Token::String, b"\x01\"\\aA\n", 2),
            (Token::Open, b"", 2),
            (Token::Word, b"ends", 3),
            (Token::Word, b"3", 3),
            (Token::Word, b"2026/01/14", 3),
            (Token::End, b"", 3),
            (Token::Close, b"", 3),
            (Token::Other, b"=", 3),
        ];
        let seen: Vec<_> = seen
            .iter()
            .map(|(token, text, line)| (*token, &text[..], *line))
            .collect();
        assert_eq!(seen, expected);
    }
}
