//! Messages on TCP: each has two octets with its size before it.
//!
//! ```text
//!  0      2              2 + size
//! +------+---------------+------+----- ...
//! | size | message       | size |
//! +------+---------------+------+----- ...
//! ```
//!
//! The size does not count itself (WIRE-061). Source: RFC 5460 §5.1. UDP datagrams have no such
//! octets, neither sent nor stripped (WIRE-066).

use crate::code::{FRAME_SIZE_OCTETS, MAX_MESSAGE_OCTETS};
use crate::error::ComposeError;

/// Takes the messages out of a stream, however it is cut into reads (WIRE-062).
///
/// A frame that lies whole in the input is handed out where it lies. Only one that is split over
/// reads is put together in a buffer, which grows as its octets come and never past one message.
///
/// ```text
///        input of read 1        input of read 2
///  ... [s s m m m m] [s s m m | m m m] [s s m m m] [s
///       borrowed      `-- put together  borrowed    `- kept for read 3
/// ```
///
/// Any size is a frame, 0 included; whether a message is in it is for the caller, and the stream
/// stays in step (WIRE-064).
///
/// ```
/// use leasebook_wire::Deframer;
///
/// let mut deframer = Deframer::new();
/// let mut frames = Vec::new();
/// for read in [&b"\0\x01a\0"[..], b"\x02b", b"c"] {
///     let mut input = read;
///     while let Some(frame) = deframer.next(&mut input) {
///         frames.push(frame.to_vec());
///     }
/// }
/// assert_eq!(frames, [b"a".to_vec(), b"bc".to_vec()]);
/// assert!(deframer.finish().is_ok());
/// ```
#[derive(Debug, Default)]
pub struct Deframer {
    /// The octets of a split frame that have come: size first, then message.
    ///
    /// Holds less than a frame between calls, or a whole one that was handed out last.
    held: Vec<u8>,
    /// `held` was handed out and is to be forgotten.
    is_spent: bool,
}

impl Deframer {
    /// At the beginning of a stream.
    pub const fn new() -> Self {
        Self {
            held: Vec::new(),
            is_spent: false,
        }
    }

    /// The next message, if the octets held and `input` have it whole; else all of `input` is
    /// held, and the answer is `None`.
    ///
    /// Takes from `input` what it used, so call it until it says `None`, then read on. The
    /// message is without its size, and may be shorter than any valid message.
    #[inline]
    pub fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<&'s [u8]> {
        if self.held.is_empty()
            && let Some((message, rest)) = split_frame(input)
        {
            *input = rest;
            return Some(message);
        }
        self.next_split(input)
    }

    /// Whether part of a frame is held: the peer owes octets.
    pub const fn is_in_frame(&self) -> bool {
        !self.is_spent && !self.held.is_empty()
    }

    /// The end of the stream: an error of the peer if it is inside a frame (WIRE-063).
    pub fn finish(&self) -> Result<(), FragmentError> {
        if !self.is_in_frame() {
            return Ok(());
        }
        Err(FragmentError {
            received: self.held.len(),
            size: message_size(&self.held),
        })
    }

    fn next_split<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<&'s [u8]> {
        if self.is_spent {
            self.is_spent = false;
            self.held.clear();
            if let Some((message, rest)) = split_frame(input) {
                *input = rest;
                return Some(message);
            }
        }
        self.hold_up_to(FRAME_SIZE_OCTETS, input);
        let size = message_size(&self.held)?;
        self.hold_up_to(FRAME_SIZE_OCTETS + size, input);
        if self.held.len() < FRAME_SIZE_OCTETS + size {
            return None;
        }
        self.is_spent = true;
        self.held.get(FRAME_SIZE_OCTETS..)
    }

    /// Moves octets from `input` until `count` are held.
    fn hold_up_to(&mut self, count: usize, input: &mut &[u8]) {
        let missing = count.saturating_sub(self.held.len()).min(input.len());
        let (taken, rest) = input.split_at_checked(missing).unwrap_or((input, &[]));
        // Doubling, but never past the frame: a size alone must not reserve its 64 KiB, and a
        // frame must not reserve twice what it has.
        let len = self.held.len() + taken.len();
        if len > self.held.capacity() {
            let wanted = len.next_power_of_two().min(count.max(len));
            self.held.reserve_exact(wanted - self.held.len());
        }
        self.held.extend_from_slice(taken);
        *input = rest;
    }
}

/// The stream ended inside a frame; its fragment was no message and is discarded (WIRE-063).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentError {
    /// Octets of the frame that came, its size included.
    pub received: usize,
    /// Octets of the message, if both octets of the size came.
    pub size: Option<usize>,
}

impl std::fmt::Display for FragmentError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.size {
            Some(size) => write!(
                out,
                "stream ended inside a message: {} of {size} octets received",
                self.received.saturating_sub(FRAME_SIZE_OCTETS)
            ),
            None => write!(
                out,
                "stream ended inside a message size: {} of 2 octets received",
                self.received
            ),
        }
    }
}

impl std::error::Error for FragmentError {}

/// Appends `message` with its size before it; for messages that are ready.
///
/// Those being composed are framed by [`Composer::framed`](crate::Composer::framed).
pub fn compose_frame(message: &[u8], out: &mut Vec<u8>) -> Result<(), ComposeError> {
    let size = u16::try_from(message.len()).map_err(|_| ComposeError::MessageTooLong {
        len: message.len(),
        limit: MAX_MESSAGE_OCTETS,
    })?;
    out.reserve(FRAME_SIZE_OCTETS + message.len());
    out.extend_from_slice(&size.to_be_bytes());
    out.extend_from_slice(message);
    Ok(())
}

/// Takes a whole frame off.
#[inline]
fn split_frame(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = octets.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*size)))
}

fn message_size(held: &[u8]) -> Option<usize> {
    let size = held.first_chunk()?;
    Some(usize::from(u16::from_be_bytes(*size)))
}
