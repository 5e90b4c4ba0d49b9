//! Messages as text, for packet logs and for people.
//!
//! Any octets can be shown. What is malformed is said in its place, with what is wrong, and the
//! rest goes on behind it as far as it can be told apart.

use std::fmt;

use crate::code::MessageType;
use crate::error::{OptionPath, ParseError};
use crate::message::{ClientMessage, RelayMessage};
use crate::option::{AnyOption, Inner};
use crate::options::{Options, RawOption};
use crate::text::Opaque;

/// Containers in containers that are opened; what is deeper is shown as octets.
const SHOWN_DEPTH: usize = 64;

/// Columns by which an option stands to the right of what it is in.
const INDENT: usize = 2;

/// Shows a message with all its options: `{}` in one line, `{:#}` with a line for each option.
///
/// ```
/// use leasebook_wire::show::Shown;
///
/// let octets = b"\x0f\0\0\x2a\0\x02\0\x03\0\x03\x07\0\x0d\0\x04\0\x0ano";
/// assert_eq!(
///     Shown(octets).to_string(),
///     r#"LEASEQUERY-REPLY 0x00002a {SERVERID 00:03:07; STATUS_CODE NotAllowed "no"}"#
/// );
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        show_message(out, self.0, (0, OptionPath::ROOT), At::default())
    }
}

/// Shows one option with all that is in it, in the same two ways.
impl fmt::Display for RawOption<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        show_option(out, *self, At::default())
    }
}

/// Where the text stands.
#[derive(Clone, Copy, Default)]
struct At {
    /// Containers around it.
    depth: usize,
    /// Inside LQ_RELAY_DATA, where the innermost level has no RELAY_MSG (WIRE-014).
    is_in_path: bool,
}

impl At {
    fn deeper(self) -> Self {
        let depth = self.depth + 1;
        Self { depth, ..self }
    }
}

fn show_message(
    out: &mut fmt::Formatter<'_>,
    octets: &[u8],
    (base, path): (usize, OptionPath),
    at: At,
) -> fmt::Result {
    if octets.first().is_some_and(|&t| MessageType(t).is_relay()) {
        return match RelayMessage::parse_within(octets, base, path) {
            Ok(level) => show_relay(out, &level, at),
            Err(error) => show_malformed(out, &error, octets),
        };
    }
    match ClientMessage::parse_within(octets, base, path) {
        Ok(message) => {
            write!(out, "{} {}", message.msg_type(), message.xid())?;
            show_options(out, message.options(), at)
        }
        Err(error) => show_malformed(out, &error, octets),
    }
}

fn show_relay(out: &mut fmt::Formatter<'_>, level: &RelayMessage<'_>, at: At) -> fmt::Result {
    write!(
        out,
        "{} hops {} link {} peer {}",
        level.msg_type(),
        level.hop_count(),
        level.link_address(),
        level.peer_address()
    )?;
    match level.require_relayed() {
        Err(error) if !at.is_in_path => write!(out, " malformed ({error})")?,
        _ => {}
    }
    show_options(out, level.options(), at)
}

fn show_options(out: &mut fmt::Formatter<'_>, options: Options<'_>, at: At) -> fmt::Result {
    if options.is_empty() {
        return Ok(());
    }
    if at.depth >= SHOWN_DEPTH {
        return write!(out, " … {}", Opaque(options.octets()));
    }
    let at = at.deeper();
    let mut between = " {";
    for option in options {
        if out.alternate() {
            write!(out, "\n{:1$}", "", at.depth * INDENT)?;
        } else {
            out.write_str(between)?;
        }
        show_option(out, option, at)?;
        between = "; ";
    }
    if !out.alternate() {
        out.write_str("}")?;
    }
    Ok(())
}

fn show_option(out: &mut fmt::Formatter<'_>, option: RawOption<'_>, at: At) -> fmt::Result {
    let code = option.code;
    let view = match AnyOption::parse(option) {
        Ok(view) => view,
        Err(error) => {
            write!(out, "{code} ")?;
            return show_malformed(out, &error, option.data);
        }
    };
    let fields = view.to_string();
    let between = if fields.is_empty() { "" } else { " " };
    write!(out, "{code}{between}{fields}")?;
    match view.inner() {
        Inner::Nothing => Ok(()),
        Inner::Options(options) => show_options(out, options, at),
        Inner::Message { octets, .. } if at.depth >= SHOWN_DEPTH => {
            write!(out, " … {}", Opaque(octets))
        }
        Inner::Message { octets, base, path } => {
            out.write_str(", ")?;
            show_message(out, octets, (base, path), at)
        }
        Inner::RelayPath(path) => {
            out.write_str(", ")?;
            let is_in_path = true;
            show_relay(out, &path.outermost(), At { is_in_path, ..at })
        }
    }
}

fn show_malformed(out: &mut fmt::Formatter<'_>, error: &ParseError, octets: &[u8]) -> fmt::Result {
    write!(out, "malformed ({error})")?;
    if octets.is_empty() {
        return Ok(());
    }
    write!(out, " {}", Opaque(octets))
}
