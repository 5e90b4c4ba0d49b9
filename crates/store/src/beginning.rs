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

/// Sorts by beginnings, by what `whole` gives where those are equal, and then by what is counted.
pub(crate) fn sort_by_beginning<'k>(
    places: &mut [(Beginning, u32)],
    whole: impl Fn(u32) -> &'k [u8],
) {
    places.sort_unstable();
    for group in places.chunk_by_mut(|a, b| a.0 == b.0) {
        if group.len() > 1 {
            group.sort_by(|a, b| whole(a.1).cmp(whole(b.1)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_equal_beginnings_are_sorted_by_all_of_them() {
        let keys: [&[u8]; 4] = [
            b"abcdefgh-abcdefgh-abcdefgh-2",
            b"b",
            b"abcdefgh-abcdefgh-abcdefgh-1",
            b"a",
        ];
        let mut places: Vec<_> = (0..)
            .zip(keys)
            .map(|(at, key)| (Beginning::of(key), at))
            .collect();
        sort_by_beginning(&mut places, |at| keys[at as usize]);
        let order: Vec<u32> = places.into_iter().map(|(_, at)| at).collect();
        assert_eq!(order, [3, 2, 0, 1]);
    }

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
