//! The beginning of a key as numbers, so that sorting many seldom looks at the keys themselves.

/// The first 24 octets of a key, zeros behind a shorter one; sorts as they do.
///
/// Enough to tell leases apart, and most clients. Keys of equal beginnings have to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Beginning([u64; 3]);

impl Beginning {
    pub(crate) fn of(key: &[u8]) -> Self {
        let mut octets = [0; 24];
        let len = key.len().min(octets.len());
        if let (Some(to), Some(from)) = (octets.get_mut(..len), key.get(..len)) {
            to.copy_from_slice(from);
        }
        let mut numbers = [0; 3];
        for (number, octets) in numbers.iter_mut().zip(octets.as_chunks::<8>().0) {
            *number = u64::from_be_bytes(*octets);
        }
        Self(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_sort_as_keys_do() {
        let keys: [&[u8]; 6] = [
            b"",
            b"a",
            b"ab",
            b"abcdefgh",
            b"abcdefgi-and-more-than-24-octets",
            b"b",
        ];
        for pair in keys.windows(2) {
            assert!(Beginning::of(pair[0]) <= Beginning::of(pair[1]));
        }
        assert!(Beginning::of(b"abcdefgh-abcdefgh-abcdefa") < Beginning::of(b"abcdefgh-abcdefgz"));
    }
}
