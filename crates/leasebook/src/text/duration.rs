//! Spans of time with units: `30s`, `5m`, `1h30m`, `250ms`.

use std::fmt::Write as _;
use std::time::Duration;

/// What is asked for whenever a time cannot be read.
pub const FORM: &str = "a number with a unit: ms, s, m, h or d, such as \"30s\" or \"1h30m\"";

/// Why a text is no span of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// Not numbers with units.
    #[error("`{text}` is not a time; write {FORM}")]
    Form {
        /// What was written.
        text: String,
    },
    /// A number without a unit.
    #[error("`{text}` has no unit; write {FORM}")]
    NoUnit {
        /// What was written.
        text: String,
    },
    /// More than a u64 of milliseconds.
    #[error("`{text}` is longer than can be counted")]
    TooLong {
        /// What was written.
        text: String,
    },
}

/// The units, longest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads a span of time: one or more whole numbers, each with its unit.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let form = || DurationError::Form {
        text: text.to_owned(),
    };
    let too_long = || DurationError::TooLong {
        text: text.to_owned(),
    };
    let mut rest = text;
    let mut total_ms: u64 = 0;
    if rest.is_empty() {
        return Err(form());
    }
    while !rest.is_empty() {
        let digits_end = rest
            .find(|character: char| !character.is_ascii_digit())
            .ok_or_else(|| DurationError::NoUnit {
                text: text.to_owned(),
            })?;
        let (digits, after) = rest.split_at(digits_end);
        if digits.is_empty() {
            return Err(form());
        }
        let unit_end = after
            .find(|character: char| character.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let (_, unit_ms) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(form)?;
        let number: u64 = digits.parse().map_err(|_| too_long())?;
        total_ms = number
            .checked_mul(*unit_ms)
            .and_then(|ms| total_ms.checked_add(ms))
            .ok_or_else(too_long)?;
        rest = next;
    }
    Ok(Duration::from_millis(total_ms))
}

/// Shows a span of time in the fewest units, such as `1h30m`; below a millisecond is cut.
pub fn show(duration: Duration) -> String {
    let mut left_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if left_ms == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, unit_ms) in UNITS {
        let number = left_ms / unit_ms;
        if number > 0 {
            // Writing to a String cannot fail.
            let _ = write!(text, "{number}{unit}");
            left_ms %= unit_ms;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_each_unit_and_their_sums() {
        let table = [
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("2d", 172_800_000),
            ("1m1ms", 60_001),
            ("0s", 0),
        ];
        for (text, ms) in table {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in ["", "s", "-1s", "1.5s", "1 s", "5x", "1s2"] {
            assert!(parse(text).is_err(), "{text:?} was taken");
        }
        assert_eq!(
            parse("30"),
            Err(DurationError::NoUnit {
                text: "30".to_owned()
            })
        );
        assert_eq!(
            parse("999999999999999999d"),
            Err(DurationError::TooLong {
                text: "999999999999999999d".to_owned()
            })
        );
    }

    proptest! {
        #[test]
        fn shown_times_read_back_equal(ms in any::<u64>()) {
            let duration = Duration::from_millis(ms);
            prop_assert_eq!(parse(&show(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse(&text);
        }
    }
}
