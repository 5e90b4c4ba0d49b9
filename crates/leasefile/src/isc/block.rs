//! One identity association of an ISC lease file.

use std::io::{self, Read};
use std::net::Ipv6Addr;

use leasebook_store::{IaKind, LeaseName, LeaseState};

use crate::isc::time::unix_seconds;
use crate::isc::tokens::{Token, Tokens};
use crate::problem::{Effect, Fault};
use crate::text::{MAX_DUID_OCTETS, excerpt, parse_ipv6, parse_u8, parse_u32, parse_u64};

/// A lease within a block, with what the file says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IscLease {
    pub(super) line: u64,
    pub(super) name: LeaseName,
    pub(super) state: LeaseState,
    pub(super) clt: u64,
    pub(super) preferred: u32,
    pub(super) valid: u32,
}

/// An `ia-na`, `ia-ta` or `ia-pd`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    /// The line it begins on.
    pub(super) line: u64,
    pub(super) kind: Option<IaKind>,
    pub(super) iaid: u32,
    pub(super) client: Vec<u8>,
    pub(super) leases: Vec<IscLease>,
    /// When the client was last heard: Unix seconds.
    cltt: Option<u64>,
}

/// The order in which the writer's machine puts the octets of the IAID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

/// Something wrong in the file, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) line: u64,
    pub(super) field: Option<&'static str>,
    pub(super) fault: Fault,
    pub(super) effect: Effect,
}

/// What a lease's statements say, not yet put together.
#[derive(Debug, Default)]
struct Statements {
    state: Option<LeaseState>,
    preferred: Option<u32>,
    max: Option<u32>,
    /// The end: Unix seconds, `u64::MAX` is never.
    ends: Option<u64>,
}

/// Why a block or lease was not read to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The file cannot be read.
    Io(io::Error),
    /// A statement is wrong; the rest is read on.
    Wrong(Wrong),
    /// The file, or the block before the next one, ends too early.
    Torn(Wrong),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Block {
    /// Reads the block whose keyword was just read; what is wrong within goes to `wrongs`.
    pub(super) fn read<R: Read>(
        &mut self,
        kind: IaKind,
        order: ByteOrder,
        tokens: &mut Tokens<R>,
        wrongs: &mut Vec<Wrong>,
    ) -> Result<(), Stop> {
        self.line = tokens.line();
        self.kind = Some(kind);
        self.cltt = None;
        self.leases.clear();
        expect(tokens, Token::String, "the IAID and DUID in quotes")?;
        let known = self.read_identity(&tokens.text, order);
        if !known {
            let value = excerpt(&tokens.text);
            wrongs.push(wrong(tokens.line(), Some("ia"), Fault::NotADuid { value }));
        }
        expect(tokens, Token::Open, "{")?;
        self.read_body(tokens, wrongs)?;
        if !known {
            self.leases.clear();
        }
        for lease in &mut self.leases {
            lease.settle(self.cltt);
        }
        Ok(())
    }

    /// The IAID and the DUID; false if there is no DUID.
    fn read_identity(&mut self, text: &[u8], order: ByteOrder) -> bool {
        self.client.clear();
        let Some((iaid, duid)) = text.split_first_chunk::<4>() else {
            return false;
        };
        self.iaid = match order {
            ByteOrder::Little => u32::from_le_bytes(*iaid),
            ByteOrder::Big => u32::from_be_bytes(*iaid),
        };
        self.client.extend_from_slice(duid);
        !duid.is_empty() && duid.len() <= MAX_DUID_OCTETS
    }

    fn read_body<R: Read>(
        &mut self,
        tokens: &mut Tokens<R>,
        wrongs: &mut Vec<Wrong>,
    ) -> Result<(), Stop> {
        loop {
            match next_inside(tokens, self.line)? {
                Token::Close => return Ok(()),
                Token::Word if tokens.text == b"cltt" => match read_time(tokens) {
                    Ok(time) => self.cltt = time.filter(|&time| time != u64::MAX),
                    Err(stop) => note(stop, wrongs)?,
                },
                Token::Word if tokens.text == b"iaaddr" || tokens.text == b"iaprefix" => {
                    match read_lease(tokens, self.kind == Some(IaKind::Pd), wrongs) {
                        Ok(lease) => self.leases.push(lease),
                        Err(stop) => note(stop, wrongs)?,
                    }
                }
                token => skip_statement(tokens, token, self.line)?,
            }
        }
    }
}

impl IscLease {
    /// Puts the beginning and lifetimes together, now that the whole block was read.
    ///
    /// The end is what the client was promised, so it stands: where the last transaction
    /// plus the lifetime is another moment, the beginning is counted back from the end.
    fn settle(&mut self, cltt: Option<u64>) {
        let ends = self.clt;
        if self.valid == u32::MAX {
            self.clt = cltt.unwrap_or(0);
            return;
        }
        let valid = u64::from(self.valid);
        self.clt = match cltt {
            Some(cltt) if ends == u64::MAX || cltt.saturating_add(valid) == ends => cltt,
            _ => ends.saturating_sub(valid),
        };
    }
}

/// Hands a wrong statement on and lets reading continue; anything else ends it.
fn note(stop: Stop, wrongs: &mut Vec<Wrong>) -> Result<(), Stop> {
    match stop {
        Stop::Wrong(wrong) => {
            wrongs.push(wrong);
            Ok(())
        }
        stop => Err(stop),
    }
}

/// `iaaddr ADDRESS { ... }` or `iaprefix PREFIX/LEN { ... }` after the keyword.
///
/// Until the block is read, `clt` holds the end: the beginning needs the block's `cltt`.
fn read_lease<R: Read>(
    tokens: &mut Tokens<R>,
    in_pd: bool,
    wrongs: &mut Vec<Wrong>,
) -> Result<IscLease, Stop> {
    let line = tokens.line();
    let is_prefix = tokens.text == b"iaprefix";
    expect(tokens, Token::Word, "an address or prefix")?;
    let named = read_name(tokens, is_prefix);
    expect(tokens, Token::Open, "{")?;
    let mut statements = Statements::default();
    let mut bad = None;
    loop {
        match next_inside(tokens, line)? {
            Token::Close => break,
            Token::Word => match statements.read(tokens, line) {
                Ok(()) => {}
                Err(Stop::Wrong(wrong)) => bad = bad.or(Some(wrong)),
                Err(stop) => return Err(stop),
            },
            token => skip_statement(tokens, token, line)?,
        }
    }
    let (name, masked) = named.map_err(Stop::Wrong)?;
    if let Some(wrong) = bad {
        return Err(Stop::Wrong(wrong));
    }
    if is_prefix != in_pd {
        let (value, expected) = (name.to_string(), "what its kind of IA holds");
        return Err(Stop::Wrong(wrong(
            line,
            None,
            Fault::NotOneOf { value, expected },
        )));
    }
    if let Some(len) = masked {
        wrongs.push(Wrong {
            line,
            field: Some("iaprefix"),
            fault: Fault::BitsBehindPrefix { len },
            effect: Effect::Kept,
        });
    }
    statements.settle(line, name).map_err(Stop::Wrong)
}

/// The name, and the prefix length if bits behind it had to be cleared.
fn read_name<R: Read>(
    tokens: &Tokens<R>,
    is_prefix: bool,
) -> Result<(LeaseName, Option<u8>), Wrong> {
    let text = &tokens.text[..];
    let field = Some(if is_prefix { "iaprefix" } else { "iaaddr" });
    let not_an_address = || {
        let value = excerpt(text);
        wrong(tokens.line(), field, Fault::NotAnAddress { value })
    };
    if !is_prefix {
        let address = parse_ipv6(text).ok_or_else(not_an_address)?;
        return Ok((LeaseName::Address(address), None));
    }
    let mut parts = text.splitn(2, |&octet| octet == b'/');
    let prefix: Ipv6Addr = parts
        .next()
        .and_then(parse_ipv6)
        .ok_or_else(not_an_address)?;
    let len = parts.next().and_then(parse_u8).filter(|&len| len > 0);
    let name = len.and_then(|len| Some((LeaseName::prefix(prefix, len)?, len)));
    let Some((name, len)) = name else {
        let value = excerpt(text);
        return Err(wrong(
            tokens.line(),
            field,
            Fault::NotAPrefixLength { value },
        ));
    };
    let masked = name != (LeaseName::Prefix { prefix, len });
    Ok((name, masked.then_some(len)))
}

impl Statements {
    /// Reads the statement whose first word was just read.
    fn read<R: Read>(&mut self, tokens: &mut Tokens<R>, block: u64) -> Result<(), Stop> {
        match &tokens.text[..] {
            b"binding" => {
                expect(tokens, Token::Word, "`state`")?;
                expect(tokens, Token::Word, "a binding state")?;
                let state = match &tokens.text[..] {
                    b"active" => Some(LeaseState::Bound),
                    b"expired" => Some(LeaseState::Reclaimed),
                    b"released" => Some(LeaseState::Released),
                    b"abandoned" => Some(LeaseState::Declined),
                    _ => None,
                };
                let (line, value) = (tokens.line(), excerpt(&tokens.text));
                expect(tokens, Token::End, ";")?;
                let expected = "active, expired, released or abandoned";
                self.state = Some(state.ok_or_else(|| {
                    let fault = Fault::NotOneOf { value, expected };
                    Stop::Wrong(wrong(line, Some("binding state"), fault))
                })?);
            }
            b"preferred-life" => self.preferred = Some(read_lifetime(tokens, "preferred-life")?),
            b"max-life" => self.max = Some(read_lifetime(tokens, "max-life")?),
            b"ends" => self.ends = read_time(tokens)?,
            _ => skip_statement(tokens, Token::Word, block)?,
        }
        Ok(())
    }

    fn settle(self, line: u64, name: LeaseName) -> Result<IscLease, Wrong> {
        let missing = |field| wrong(line, Some(field), Fault::Missing);
        let state = self.state.ok_or_else(|| missing("binding state"))?;
        let valid = match (self.max, self.ends) {
            (Some(max), _) => max,
            (None, Some(u64::MAX)) => u32::MAX,
            (None, _) => return Err(missing("max-life")),
        };
        Ok(IscLease {
            line,
            name,
            state,
            clt: self.ends.unwrap_or(u64::MAX),
            preferred: self.preferred.unwrap_or(valid),
            valid,
        })
    }
}

/// `N;` after a lifetime's keyword.
fn read_lifetime<R: Read>(tokens: &mut Tokens<R>, field: &'static str) -> Result<u32, Stop> {
    expect(tokens, Token::Word, "a number of seconds")?;
    let (line, number) = (tokens.line(), parse_u32(&tokens.text));
    let value = excerpt(&tokens.text);
    expect(tokens, Token::End, ";")?;
    number.ok_or_else(|| {
        let max = u32::MAX.into();
        Stop::Wrong(wrong(line, Some(field), Fault::NotANumber { value, max }))
    })
}

/// A moment and `;`: `never`, `epoch N`, or weekday, date and clock of UTC, perhaps with an
/// offset in seconds behind.
fn read_time<R: Read>(tokens: &mut Tokens<R>) -> Result<Option<u64>, Stop> {
    let line = tokens.line();
    let mut words: [Vec<u8>; 4] = Default::default();
    let mut count = 0;
    loop {
        match next_inside(tokens, line)? {
            Token::Word if count < words.len() => words[count].clone_from(&tokens.text),
            Token::End => break,
            token => {
                let stop = unexpected(tokens, token, "a date");
                tokens.push_back(token);
                return Err(stop);
            }
        }
        count += 1;
    }
    let time = match &words[..count] {
        [never] if never == b"never" => Some(u64::MAX),
        [epoch, seconds] if epoch == b"epoch" => parse_u64(seconds),
        [_, date, clock] => unix_seconds(date, clock),
        [_, date, clock, offset] => unix_seconds(date, clock)
            .zip(parse_offset(offset))
            .and_then(|(time, east)| time.checked_add_signed(east.checked_neg()?)),
        _ => None,
    };
    if time.is_none() {
        let (value, expected) = (excerpt(&words[..count].join(&b' ')), "a date");
        let fault = Fault::NotOneOf { value, expected };
        return Err(Stop::Wrong(wrong(line, None, fault)));
    }
    Ok(time)
}

fn parse_offset(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Skips the rest of a statement, with the blocks in it, whose first token was just read.
pub(super) fn skip_statement<R: Read>(
    tokens: &mut Tokens<R>,
    first: Token,
    block: u64,
) -> Result<(), Stop> {
    let mut depth = 0u32;
    let mut token = first;
    loop {
        match token {
            Token::Open => depth = depth.saturating_add(1),
            Token::Close if depth <= 1 => return Ok(()),
            Token::Close => depth -= 1,
            Token::End if depth == 0 => return Ok(()),
            _ => {}
        }
        token = next_inside(tokens, block)?;
    }
}

/// The next token inside the block that began on line `block`. A word for a new block at
/// the beginning of a line means that this one was never finished.
fn next_inside<R: Read>(tokens: &mut Tokens<R>, block: u64) -> Result<Token, Stop> {
    let token = tokens.next()?;
    let begins_block =
        token == Token::Word && tokens.begins_line && ia_kind(&tokens.text).is_some();
    if token == Token::EndOfFile || begins_block {
        tokens.push_back(token);
        return Err(Stop::Torn(wrong(block, None, Fault::TornBlock)));
    }
    Ok(token)
}

/// The kind of IA a keyword of the file's top level stands for.
pub(super) fn ia_kind(word: &[u8]) -> Option<IaKind> {
    match word {
        b"ia-na" => Some(IaKind::Na),
        b"ia-ta" => Some(IaKind::Ta),
        b"ia-pd" => Some(IaKind::Pd),
        _ => None,
    }
}

fn expect<R: Read>(
    tokens: &mut Tokens<R>,
    wanted: Token,
    expected: &'static str,
) -> Result<(), Stop> {
    let line = tokens.line();
    let token = next_inside(tokens, line)?;
    if token == wanted {
        return Ok(());
    }
    let stop = unexpected(tokens, token, expected);
    tokens.push_back(token);
    Err(stop)
}

fn unexpected<R: Read>(tokens: &Tokens<R>, token: Token, expected: &'static str) -> Stop {
    let found = match token {
        Token::Open => "{".to_owned(),
        Token::Close => "}".to_owned(),
        Token::End => ";".to_owned(),
        Token::EndOfFile => "end of file".to_owned(),
        Token::Word | Token::String | Token::Other => excerpt(&tokens.text),
    };
    Stop::Wrong(wrong(
        tokens.line(),
        None,
        Fault::Unexpected { expected, found },
    ))
}

fn wrong(line: u64, field: Option<&'static str>, fault: Fault) -> Wrong {
    Wrong {
        line,
        field,
        fault,
        effect: Effect::Skipped,
    }
}
