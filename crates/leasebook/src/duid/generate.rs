//! New DUIDs that need something from the system: random numbers, the time.

use std::time::SystemTime;

use leasebook_wire::Duid;

/// 2000-01-01 00:00 UTC, from which DUID-LLT counts, in Unix seconds. Source: RFC 8415 §11.2.
pub const EPOCH_UNIX_SECS: i64 = 946_684_800;

/// The system has no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers: {0}")]
pub struct NoRandom(#[from] getrandom::Error);

/// A DUID-UUID from a random UUID of version 4. Source: RFC 8415 §11.5, RFC 4122 §4.4, D-31.
pub fn uuid() -> Result<Duid, NoRandom> {
    let mut uuid: [u8; 16] = random()?;
    uuid[6] = uuid[6] & 0x0f | 0x40; // version 4
    uuid[8] = uuid[8] & 0x3f | 0x80; // variant of RFC 4122
    Ok(Duid::uuid(uuid))
}

/// Octets from the system's cryptographic source. Source: SEC-022.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandom> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets)?;
    Ok(octets)
}

/// A time as DUID-LLT tells it: seconds since 2000, modulo 2^32. Source: RFC 8415 §11.2.
pub fn secs_since_2000(now: SystemTime) -> u32 {
    let unix_secs = match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i128::from(since.as_secs()),
        Err(before) => -i128::from(before.duration().as_secs()),
    };
    let wrapped = (unix_secs - i128::from(EPOCH_UNIX_SECS)).rem_euclid(1 << 32);
    // The remainder is below 2^32.
    u32::try_from(wrapped).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use leasebook_wire::duid::DuidContents;

    use super::*;

    /// D-31: a generated DUID-UUID is of version 4 and never the same.
    #[test]
    fn a_uuid_is_random_and_says_so() {
        let (one, other) = (uuid().unwrap(), uuid().unwrap());
        assert_ne!(one, other);
        let DuidContents::Uuid(octets) = one.contents() else {
            panic!("no DUID-UUID");
        };
        assert_eq!(octets[6] >> 4, 4);
        assert_eq!(octets[8] >> 6, 2);
    }

    #[test]
    fn the_time_counts_from_the_year_2000_and_wraps() {
        let at = |secs| secs_since_2000(SystemTime::UNIX_EPOCH + Duration::from_secs(secs));
        assert_eq!(at(946_684_801), 1);
        assert_eq!(at(946_684_799), u32::MAX);
        assert_eq!(at(946_684_801 + (1 << 32)), 1);
    }
}
