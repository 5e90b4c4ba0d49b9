//! Writing messages.

use std::net::Ipv6Addr;

use crate::code::{
    FRAME_SIZE_OCTETS, MAX_MESSAGE_OCTETS, MessageType, OPTION_HEADER_OCTETS, OptionCode,
};
use crate::error::ComposeError;
use crate::message::{RelayHeader, Xid};

/// Appends one message, or one list of options, to a buffer.
///
/// Lengths are written behind what they measure and checked then (WIRE-017). An option that does
/// not fit is taken back, and the caller may go on without it. Until [`Composer::finish`] nothing
/// counts: a composer that is dropped unfinished, as `?` does on an error, leaves the buffer as
/// it found it.
///
/// ```
/// use leasebook_wire::code::{MessageType, OptionCode};
/// use leasebook_wire::{ComposeError, Composer, Xid};
///
/// let mut out = Vec::new();
/// let mut message = Composer::framed(&mut out, MessageType::LEASEQUERY_DONE, Xid([1, 2, 3]));
/// message.nested(OptionCode::STATUS_CODE, |status| {
///     status.put_u16(11);
///     status.put(b"bye");
///     Ok(())
/// })?;
/// message.finish()?;
/// assert_eq!(out, b"\0\x0d\x10\x01\x02\x03\0\x0d\0\x05\0\x0bbye");
/// # Ok::<(), ComposeError>(())
/// ```
#[derive(Debug)]
pub struct Composer<'v> {
    out: &'v mut Vec<u8>,
    start: usize,
    form: Form,
}

/// What stands before the message, and whether all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Nothing: a datagram, or a list of options.
    Bare,
    /// Two octets of size.
    Framed,
    /// Whatever it was, it stays.
    Finished,
}

impl<'v> Composer<'v> {
    /// Begins a message of the client/server form (WIRE-008).
    #[inline]
    pub fn client(out: &'v mut Vec<u8>, msg_type: MessageType, xid: Xid) -> Self {
        let mut composer = Self::bare(out);
        composer.client_header(msg_type, xid);
        composer
    }

    /// Begins a message of the relay form (WIRE-009).
    #[inline]
    pub fn relay(out: &'v mut Vec<u8>, header: &RelayHeader) -> Self {
        let mut composer = Self::bare(out);
        composer.relay_header(header);
        composer
    }

    /// Begins a message of the client/server form with its size before it, as TCP needs it
    /// (WIRE-061, WIRE-065).
    #[inline]
    pub fn framed(out: &'v mut Vec<u8>, msg_type: MessageType, xid: Xid) -> Self {
        let start = out.len();
        out.extend_from_slice(&[0; FRAME_SIZE_OCTETS]);
        let form = Form::Framed;
        let mut composer = Self { out, start, form };
        composer.client_header(msg_type, xid);
        composer
    }

    /// Begins with nothing, for a list of options or a message copied from elsewhere.
    #[inline]
    pub fn bare(out: &'v mut Vec<u8>) -> Self {
        let start = out.len();
        let form = Form::Bare;
        Self { out, start, form }
    }

    /// Octets of the message so far, its size on TCP not counted.
    #[inline]
    pub fn len(&self) -> usize {
        let before = match self.form {
            Form::Framed => FRAME_SIZE_OCTETS,
            Form::Bare | Form::Finished => 0,
        };
        self.out.len().saturating_sub(self.start + before)
    }

    /// Whether nothing was written.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an option whose data is ready.
    #[inline]
    pub fn option(&mut self, code: OptionCode, data: &[u8]) -> Result<(), ComposeError> {
        let too_long = ComposeError::OptionTooLong {
            code,
            len: data.len(),
        };
        let len = u16::try_from(data.len()).map_err(|_| too_long)?;
        self.out.reserve(OPTION_HEADER_OCTETS + data.len());
        self.put_u16(code.0);
        self.put_u16(len);
        self.put(data);
        Ok(())
    }

    /// Adds an option whose data `write` puts there: fields with [`put`](Self::put) and its
    /// kin, options in it with this method and [`option`](Self::option).
    pub fn nested(
        &mut self,
        code: OptionCode,
        write: impl FnOnce(&mut Self) -> Result<(), ComposeError>,
    ) -> Result<(), ComposeError> {
        let header = self.out.len();
        self.put_u16(code.0);
        self.put_u16(0);
        let data = self.out.len();
        let done = write(self).and_then(|()| {
            let len = self.out.len().saturating_sub(data);
            let too_long = ComposeError::OptionTooLong { code, len };
            let len = u16::try_from(len).map_err(|_| too_long)?;
            self.patch_u16(data - 2, len);
            Ok(())
        });
        if done.is_err() {
            self.out.truncate(header);
        }
        done
    }

    /// Adds octets as they are: fields of an option, or options that were checked before.
    #[inline]
    pub fn put(&mut self, octets: &[u8]) {
        self.out.extend_from_slice(octets);
    }

    /// Adds one octet.
    #[inline]
    pub fn put_u8(&mut self, value: u8) {
        self.out.push(value);
    }

    /// Adds a number of two octets.
    #[inline]
    pub fn put_u16(&mut self, value: u16) {
        self.put(&value.to_be_bytes());
    }

    /// Adds a number of four octets.
    #[inline]
    pub fn put_u32(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }

    /// Adds a number of eight octets.
    #[inline]
    pub fn put_u64(&mut self, value: u64) {
        self.put(&value.to_be_bytes());
    }

    /// Adds an address.
    #[inline]
    pub fn put_ipv6(&mut self, address: Ipv6Addr) {
        self.put(&address.octets());
    }

    /// Adds msg-type and transaction-id, also for a message inside RELAY_MSG.
    #[inline]
    pub fn client_header(&mut self, msg_type: MessageType, xid: Xid) {
        let [x1, x2, x3] = xid.0;
        self.put(&[msg_type.0, x1, x2, x3]);
    }

    /// Adds the fixed fields of a relay message, also for one inside RELAY_MSG.
    #[inline]
    pub fn relay_header(&mut self, header: &RelayHeader) {
        self.put(&[header.msg_type.0, header.hop_count]);
        self.put_ipv6(header.link_address);
        self.put_ipv6(header.peer_address);
    }

    /// Takes back everything behind the first `len` octets of the message, for leaving out again
    /// what makes it too long.
    ///
    /// `len` is a value of [`Composer::len`] from between two options.
    pub fn truncate(&mut self, len: usize) {
        let end = self.out.len() - self.len() + len;
        self.out.truncate(end);
    }

    /// Ends the message and tells how many octets were added to the buffer, size included.
    ///
    /// Fails, with the buffer as it was before, if the message is longer than
    /// [`MAX_MESSAGE_OCTETS`].
    pub fn finish(mut self) -> Result<usize, ComposeError> {
        let len = self.len();
        let too_long = ComposeError::MessageTooLong {
            len,
            limit: MAX_MESSAGE_OCTETS,
        };
        let size = u16::try_from(len).map_err(|_| too_long)?;
        if self.form == Form::Framed {
            self.patch_u16(self.start, size);
        }
        self.form = Form::Finished;
        Ok(self.out.len() - self.start)
    }

    #[inline]
    fn patch_u16(&mut self, at: usize, value: u16) {
        if let Some(field) = self.out.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *field = value.to_be_bytes();
        }
    }
}

impl Drop for Composer<'_> {
    fn drop(&mut self) {
        if self.form != Form::Finished {
            self.out.truncate(self.start);
        }
    }
}
