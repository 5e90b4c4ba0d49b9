//! Dates of ISC lease files.

/// Seconds of a day.
const DAY_SECS: i64 = 86_400;

/// `2026/01/14` and `10:01:02` of UTC as Unix seconds; `None` if they are no moment
/// from 1970 to 9999.
pub(super) fn unix_seconds(date: &[u8], clock: &[u8]) -> Option<u64> {
    let [year, month, day] = three(date, b'/')?;
    let [hour, minute, second] = three(clock, b':')?;
    let in_range = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !in_range {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * DAY_SECS + hour * 3600 + minute * 60 + second;
    u64::try_from(seconds).ok()
}

fn three(text: &[u8], separator: u8) -> Option<[i64; 3]> {
    let mut parts = text
        .split(|&octet| octet == separator)
        .map(|part| crate::text::parse_u32(part).map(i64::from));
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

/// Days from 1970-01-01 in the Gregorian calendar. Years are taken to begin in March, so
/// that the leap day is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    const FROM_MARCH_0000_TO_1970: i64 = 719_468;
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year * 365 + year / 4 - year / 100 + day_of_year;
    era * DAYS_OF_400_YEARS + day_of_era - FROM_MARCH_0000_TO_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_unix_seconds() {
        let cases: [(&str, &str, u64); 5] = [
            ("1970/01/01", "00:00:00", 0),
            ("2000/02/29", "12:00:00", 951_825_600),
            ("2026/01/14", "10:01:02", 1_768_384_862),
            ("2038/01/19", "03:14:07", 2_147_483_647),
            ("2106/02/07", "06:28:16", 4_294_967_296),
        ];
        for (date, clock, seconds) in cases {
            assert_eq!(
                unix_seconds(date.as_bytes(), clock.as_bytes()),
                Some(seconds),
                "{date}"
            );
        }
        for (date, clock) in [
            ("1969/12/31", "00:00:00"),
            ("2026/13/01", "00:00:00"),
            ("2026/01/14", "24:00:00"),
            ("2026/01", "00:00:00"),
            ("2026/01/14/1", "00:00:00"),
            ("", ""),
        ] {
            assert_eq!(
                unix_seconds(date.as_bytes(), clock.as_bytes()),
                None,
                "{date}"
            );
        }
    }
}
