//! Times, states and names.

use std::time::Duration;

use leasebook_store::{IaKind, Lease, LeaseState};

use crate::text;
use crate::text::hex;

/// The option that an IA is.
pub(super) fn kind(kind: IaKind) -> &'static str {
    match kind {
        IaKind::Na => "IA_NA",
        IaKind::Ta => "IA_TA",
        IaKind::Pd => "IA_PD",
    }
}

/// What a lease is now, since when and until when.
///
/// When it was bound first is not kept: what is told is when its client was last heard of it.
pub(super) fn state(lease: &Lease, now: u64) -> String {
    let heard = ago(lease.clt, now);
    let end = lease.clt.saturating_add(lease.valid.into());
    match lease.state {
        LeaseState::Bound if lease.valid == u32::MAX => {
            format!("bound for ever; given or extended {heard}")
        }
        LeaseState::Bound if lease.is_live(now) => {
            let (valid, preferred) = (lease.valid_left(now), lease.preferred_left(now));
            let preferred = match preferred {
                0 => "not preferred any more: it should have been extended".to_owned(),
                left => format!("preferred for {}", duration(left.into())),
            };
            let (until, valid) = (time(end), duration(valid.into()));
            format!("bound until {until}, for {valid}; {preferred}; given or extended {heard}")
        }
        LeaseState::Bound => format!("ended {}, last heard of {heard}", ago(end, now)),
        LeaseState::Declined if lease.valid_left(now) > 0 => {
            let left = duration(lease.valid_left(now).into());
            format!("declined {heard}: another uses it; kept from all for {left}")
        }
        LeaseState::Declined => format!("declined {heard}: another used it"),
        LeaseState::Released => format!("released {heard}"),
        LeaseState::Reclaimed => format!("ended and taken back, last heard of {heard}"),
        LeaseState::Registered => format!("registered by its client {heard}; no lease"),
    }
}

/// A moment, and how long it is past.
pub(super) fn ago(unix: u64, now: u64) -> String {
    format!("{}, {} ago", time(unix), duration(now.saturating_sub(unix)))
}

/// As `1d2h`.
pub(super) fn duration(secs: u64) -> String {
    text::duration::show(Duration::from_secs(secs))
}

/// RFC 3339, in UTC.
pub(super) fn time(unix: u64) -> String {
    let seconds = i64::try_from(unix).ok();
    let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| format!("second {unix}"), |time| time.to_string())
}

/// Text where it is that (behind an enterprise number too), else hex.
pub(super) fn text_or_hex(octets: &[u8]) -> String {
    if let Some(text) = text_of(octets) {
        return text.to_owned();
    }
    if let Some((enterprise, rest)) = octets.split_first_chunk::<4>()
        && octets.first() == Some(&0)
        && let Some(text) = text_of(rest)
    {
        return format!("{}:{text}", u32::from_be_bytes(*enterprise));
    }
    hex::show(octets)
}

fn text_of(octets: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(octets).ok()?;
    let is_shown = !text.is_empty() && !text.chars().any(char::is_control);
    is_shown.then_some(text)
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn any_of(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_relays_put_in_is_text_where_it_is_text() {
        let cases: [(&[u8], &str); 6] = [
            (b"olt0/3", "olt0/3"),
            (b"\0\0\x0d\xe9olt0/0/7", "3561:olt0/0/7"),
            ("Gebäude 7".as_bytes(), "Gebäude 7"),
            (b"a\nb", "61:0a:62"),
            (b"\0\0\x0d\xe9\x01", "00:00:0d:e9:01"),
            (b"", ""),
        ];
        for (octets, shown) in cases {
            assert_eq!(text_or_hex(octets), shown);
        }
        assert_eq!(any_of(&["gold"]), "gold");
        assert_eq!(any_of(&["gold", "silver", "tin"]), "gold, silver or tin");
    }
}
