//! Octets that are mostly few, kept where they are used.
//!
//! A tree of keys that lie each in a place of its own misses the cache at every comparison. With
//! the keys in the tree's nodes a node is some lines behind one another, and nothing is allocated.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ops::Deref;

/// Some octets; compares as they do.
#[derive(Clone, Debug)]
pub(crate) struct Short(Place);

#[derive(Clone, Debug)]
enum Place {
    /// In place: how many, and the octets with zeros behind.
    Here(u8, [u8; HERE_OCTETS]),
    Apart(Box<[u8]>),
}

/// What most keys of records and indexes need: a DUID of 14 octets behind link, tag and number.
const HERE_OCTETS: usize = 38;

impl From<&[u8]> for Short {
    #[inline]
    fn from(octets: &[u8]) -> Self {
        let mut here = [0; HERE_OCTETS];
        let place = match (u8::try_from(octets.len()), here.get_mut(..octets.len())) {
            (Ok(len), Some(to)) => {
                to.copy_from_slice(octets);
                Place::Here(len, here)
            }
            _ => Place::Apart(octets.into()),
        };
        Self(place)
    }
}

impl Deref for Short {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Place::Here(len, octets) => octets.get(..usize::from(*len)).unwrap_or_default(),
            Place::Apart(octets) => octets,
        }
    }
}

impl Borrow<[u8]> for Short {
    #[inline]
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Short {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Short {}

impl PartialOrd for Short {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Short {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_give_back_their_octets_and_sort_as_they_do() {
        let octets: Vec<u8> = (0..80).collect();
        let mut before: Option<Short> = None;
        for len in 0..octets.len() {
            let short = Short::from(&octets[..len]);
            assert_eq!(*short, octets[..len]);
            assert!(before.is_none_or(|before| before < short));
            before = Some(short);
        }
        assert!(Short::from(&b"b"[..]) > Short::from(&octets[..]));
    }
}
