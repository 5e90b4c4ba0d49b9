//! New DUIDs of each type.

use std::time::SystemTime;

use super::{Duid, DuidError};

/// 2000-01-01 00:00 UTC, from which DUID-LLT counts, in Unix seconds. Source: RFC 8415 §11.2.
pub const EPOCH_UNIX_SECS: i64 = 946_684_800;

/// Why no DUID could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// What it is to be made of does not fit.
    #[error(transparent)]
    Size(#[from] DuidError),
}

/// A DUID-UUID from a random UUID of version 4. Source: RFC 8415 §11.5, RFC 4122 §4.4, D-31.
pub fn uuid() -> Result<Duid, GenerateError> {
    let mut uuid = [0; 16];
    getrandom::fill(&mut uuid)?;
    uuid[6] = uuid[6] & 0x0f | 0x40; // version 4
    uuid[8] = uuid[8] & 0x3f | 0x80; // variant of RFC 4122
    Ok(Duid::new([&[0, 4][..], &uuid].concat())?)
}

/// A DUID-LL. Source: RFC 8415 §11.4.
pub fn link_layer(hardware_type: u16, address: &[u8]) -> Result<Duid, GenerateError> {
    let octets = [&[0, 3][..], &hardware_type.to_be_bytes(), address].concat();
    Ok(Duid::new(octets)?)
}

/// A DUID-LLT of a time. Source: RFC 8415 §11.2.
pub fn link_layer_time(
    hardware_type: u16,
    address: &[u8],
    now: SystemTime,
) -> Result<Duid, GenerateError> {
    let unix_secs = match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i128::from(since.as_secs()),
        Err(before) => -i128::from(before.duration().as_secs()),
    };
    let since_epoch = (unix_secs - i128::from(EPOCH_UNIX_SECS)).rem_euclid(1 << 32);
    // The remainder is below 2^32.
    let time = u32::try_from(since_epoch).unwrap_or_default();
    let head = [&[0, 1][..], &hardware_type.to_be_bytes()].concat();
    Ok(Duid::new(
        [&head[..], &time.to_be_bytes(), address].concat(),
    )?)
}

/// A DUID-EN; without an identifier, 8 random octets. Source: RFC 8415 §11.3.
pub fn enterprise(number: u32, identifier: Option<&[u8]>) -> Result<Duid, GenerateError> {
    let mut random = [0; 8];
    let identifier = if let Some(identifier) = identifier {
        identifier
    } else {
        getrandom::fill(&mut random)?;
        &random
    };
    let octets = [&[0, 2][..], &number.to_be_bytes(), identifier].concat();
    Ok(Duid::new(octets)?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Parts;
    use super::*;

    /// RELAY-002: a generated DUID-UUID is of version 4 and never the same.
    #[test]
    fn a_uuid_is_random_and_says_so() {
        let (one, other) = (uuid().unwrap(), uuid().unwrap());
        assert_ne!(one, other);
        let Parts::Uuid(octets) = one.parts() else {
            panic!("no DUID-UUID");
        };
        assert_eq!(octets[6] >> 4, 4);
        assert_eq!(octets[8] >> 6, 2);
    }

    #[test]
    fn the_time_counts_from_the_year_2000_and_wraps() {
        let at = |secs| SystemTime::UNIX_EPOCH + Duration::from_secs(secs);
        let shown = |now| link_layer_time(1, &[0xaa], now).unwrap().to_string();
        assert_eq!(shown(at(946_684_801)), "00:01:00:01:00:00:00:01:aa");
        assert_eq!(shown(at(946_684_799)), "00:01:00:01:ff:ff:ff:ff:aa");
        assert_eq!(
            shown(at(946_684_801 + (1 << 32))),
            "00:01:00:01:00:00:00:01:aa"
        );
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        assert!(link_layer(1, &[]).is_ok());
        assert!(link_layer(1, &[0; 127]).is_err());
        assert!(enterprise(1, Some(&[0; 125])).is_err());
        assert_eq!(enterprise(2495, None).unwrap().octets().len(), 14);
    }
}
