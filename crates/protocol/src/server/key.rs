//! The key by which a client knows a RECONFIGURE to be from its server (RFC 8415 §20.4).
//!
//! It is kept with the client's binding as the AUTH option of the REPLY that told it: protocol,
//! algorithm and method 3, 1, 0, the highest replay detection value that may have been used,
//! and the key. So it is as durable as the lease, and records without one stay what they were.
//! Leasequery never tells it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use leasebook_wire::code::OptionCode;
use leasebook_wire::option::{Auth, ReconfigureKey};
use leasebook_wire::{ComposeError, Composer, Options};
use md5::Md5;

/// Octets of a key and of an HMAC-MD5. Source: RFC 8415 §20.4.1.
pub(super) const KEY_OCTETS: usize = 16;

/// A client's key, and the highest replay detection value used with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    key: [u8; KEY_OCTETS],
    /// Only ever grows, over restarts too (DHCP-S-095).
    pub(super) replay: u64,
}

/// Keys are not shown.
impl std::fmt::Debug for Kept {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Kept")
            .field("replay", &self.replay)
            .finish_non_exhaustive()
    }
}

impl Kept {
    /// A new key, 128 random bits (DHCP-S-093).
    pub(super) fn draw(random: &mut dyn FnMut() -> u64) -> Self {
        let bits = (u128::from(random()) << 64) | u128::from(random());
        Self {
            key: bits.to_be_bytes(),
            replay: 0,
        }
    }

    /// The key among a binding's options.
    pub(super) fn of(options: &[u8]) -> Option<Self> {
        let auth: Auth<'_> = Options::parse(options, 0).ok()?.view_or_absent()?;
        let Some(ReconfigureKey::Key(key)) = auth.reconfigure_key() else {
            return None;
        };
        let replay = auth.replay_detection;
        Some(Self { key, replay })
    }

    /// Adds AUTH with the key: to a REPLY, and to a binding's options.
    pub(super) fn put(&self, options: &mut Composer<'_>) -> Result<(), ComposeError> {
        options.reconfigure_key(self.replay, &ReconfigureKey::Key(self.key))
    }

    /// Reserves `count` replay detection values at `now` (Unix seconds); gives the first.
    ///
    /// Seconds in the upper half keep them growing for a client whose binding was lost, as
    /// long as the clock is right; where it is not, the number kept does.
    pub(super) fn reserve(&mut self, now: u64, count: u64) -> u64 {
        let first = self.replay.saturating_add(1).max(now << 32);
        self.replay = first.saturating_add(count.saturating_sub(1));
        first
    }

    /// The HMAC-MD5 of a message whose own HMAC is zeros (DHCP-S-094).
    pub(super) fn sign(&self, message: &[u8]) -> [u8; KEY_OCTETS] {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Md5>::new_from_slice(&self.key) else {
            return [0; KEY_OCTETS];
        };
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    /// A binding's options with this key in the place of the one they have.
    pub(super) fn replace_in(&self, options: &[u8]) -> Vec<u8> {
        let mut replaced = Vec::with_capacity(options.len());
        let mut composer = Composer::bare(&mut replaced);
        for option in Options::parse(options, 0).unwrap_or_default() {
            if option.code != OptionCode::AUTH {
                // It fits: it was one.
                let _ = composer.option(option.code, option.data);
            }
        }
        let _ = self.put(&mut composer);
        let _ = composer.finish();
        replaced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(options: &[u8]) -> Option<(u64, [u8; 16])> {
        Kept::of(options).map(|kept| (kept.replay, kept.key))
    }

    /// DHCP-S-093: what is kept is read back equal, and other options stay.
    #[test]
    fn a_key_is_kept_among_other_options() {
        let mut next = 0;
        let mut key = Kept::draw(&mut || {
            next += 1;
            next
        });
        key.reserve(7, 1);
        let before = [0, 39, 0, 1, 0];
        let options = key.replace_in(&before);
        assert!(options.starts_with(&before));
        assert_eq!(kept(&options), Some((7 << 32, key.key)));
        key.reserve(7, 3);
        assert_eq!(kept(&key.replace_in(&options)).unwrap().0, (7 << 32) + 3);
        assert_eq!(kept(&before), None);
    }

    /// DHCP-S-095: the replay detection value grows with each use, whatever the clock does.
    #[test]
    fn replay_detection_grows_when_the_clock_runs_back() {
        let mut key = Kept::draw(&mut || 1);
        let first = key.reserve(1000, 8);
        let later = key.reserve(10, 1);
        assert_eq!((first, later), (1000 << 32, (1000 << 32) + 8));
        assert_eq!(key.reserve(2000, 1), 2000 << 32);
    }

    /// DHCP-S-094: the first test vector of RFC 2202.
    #[test]
    fn the_signature_is_hmac_md5() {
        let key = Kept {
            key: [0x0b; 16],
            replay: 0,
        };
        let expected = 0x9294_727a_3638_bb1c_13f4_8ef8_158b_fc9d_u128;
        assert_eq!(key.sign(b"Hi There"), expected.to_be_bytes());
    }
}
