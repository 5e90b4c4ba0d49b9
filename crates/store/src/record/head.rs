//! What patching a frame needs of a record, decoded at once.

use super::layout::{FLAG_UNIFORM, HEAD_OCTETS};

/// The part of a record's head that says what its frame is and until when it is true.
///
/// The frames of a [`Run`](crate::Run) lie behind one another and so do its records' heads, so
/// a reply is made by going through both side by side, without a look at anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The newest client transaction of the bound leases: Unix seconds. Where [`Head::is_uniform`]
    /// it is the client's newest of all (D-10).
    pub clt: u64,
    /// Seconds after `clt` at which the first bound lease runs out; `u32::MAX` is never.
    pub all_live: u32,
    /// Octets of the client's DUID.
    pub client_len: u8,
    /// Every bound lease has the client's newest transaction time.
    pub is_uniform: bool,
    /// IAADDR options in the frame.
    pub addresses: u16,
    /// IAPREFIX options in the frame, behind the others.
    pub prefixes: u16,
}

impl Head {
    #[inline]
    pub(crate) fn new(octets: &[u8; HEAD_OCTETS]) -> Self {
        // All places are constants inside the array: no look at bounds is left.
        let [c0, c1, c2, c3, c4, c5, c6, c7, l0, l1, l2, l3, ..] = *octets;
        let [.., client_len, flags, a0, a1, p0, p1, _, _] = *octets;
        Self {
            clt: u64::from_le_bytes([c0, c1, c2, c3, c4, c5, c6, c7]),
            all_live: u32::from_le_bytes([l0, l1, l2, l3]),
            client_len,
            is_uniform: flags & FLAG_UNIFORM != 0,
            addresses: u16::from_le_bytes([a0, a1]),
            prefixes: u16::from_le_bytes([p0, p1]),
        }
    }

    /// Whether the frame, patched, is true at `now` (Unix seconds): no lease has ended, and one
    /// age holds for all.
    #[inline]
    pub fn is_template(&self, now: u64) -> bool {
        let age = now.saturating_sub(self.clt);
        self.is_uniform && (self.all_live == u32::MAX || u64::from(self.all_live) > age)
    }
}
