//! Where unpredictable numbers come from: transaction-ids and jitter (SEC-022).

use leasebook_protocol::requestor::connection::Entropy;
use rand::CryptoRng;

/// Numbers that nobody can predict, for a requestor.
pub fn entropy() -> Entropy {
    Box::new(|| draw(&mut rand::rng()))
}

/// The type is what holds the rule: no other source is taken.
fn draw(source: &mut impl CryptoRng) -> u64 {
    source.next_u64()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::entropy;

    /// SEC-022: transaction-ids are drawn from a cryptographic source, each machine's from its own place in it.
    #[test]
    fn transaction_ids_follow_no_course() {
        let (mut one, mut other) = (entropy(), entropy());
        let drawn: Vec<u64> = (0..500).flat_map(|_| [one(), other()]).collect();
        let ids = drawn.iter().map(|number| number & 0xff_ffff);
        let steps: HashSet<u64> = drawn
            .windows(2)
            .map(|pair| pair[1].wrapping_sub(pair[0]))
            .collect();
        assert_eq!(steps.len(), drawn.len() - 1);
        // Of 1000 numbers below 2^24 two may be equal, but not many.
        assert!(ids.collect::<HashSet<_>>().len() > 990);
    }
}
