//! What the documentation of a test claims to check.
//!
//! The first paragraph begins with the IDs, and a colon ends them:
//!
//! ```text
//! BLQ-S-020: a reused transaction-id is dropped.
//! WIRE-031..034, SEC-003: DUIDs of every length.
//! ```
//!
//! Commas, semicolons, spaces and "and" stand between IDs.
//! `A..B` is every ID from A to B, both included; B is a number of the same group, or a whole ID of it.

use crate::requirement::{DECISIONS, Id};

/// The most IDs one range may stand for: more is a slip of the pen, not a test.
const RANGE_LIMIT: u32 = 40;

/// What a first paragraph says about IDs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It names none.
    Nothing,
    /// It begins with these.
    Ids(Vec<Id>),
    /// It mentions one, but not at the beginning: nothing is claimed, and the author may have meant to.
    Misplaced(Id),
    /// It begins with an ID and goes on in a way that cannot be read; the text says how.
    Unreadable(String),
}

/// Reads the first paragraph of a test's documentation.
pub fn parse(paragraph: &str) -> Claim {
    let starts_with_id = words(paragraph)
        .next()
        .is_some_and(|word| leading_id(word).is_some());
    if !starts_with_id {
        let mentioned =
            words(paragraph).find_map(|word| leading_id(word.trim_start_matches(['(', '[', '`'])));
        return mentioned.map_or(Claim::Nothing, Claim::Misplaced);
    }
    let Some((list, _)) = paragraph.split_once(':') else {
        return Claim::Unreadable(format!("'{paragraph}' has no colon behind its IDs"));
    };
    let mut ids = Vec::new();
    let items = list
        .split([',', ';', ' '])
        .filter(|item| !matches!(*item, "" | "and"));
    for item in items {
        match parse_item(item) {
            Ok(found) => ids.extend(found),
            Err(what) => return Claim::Unreadable(what),
        }
    }
    Claim::Ids(ids)
}

/// One ID, or a range of them.
fn parse_item(item: &str) -> Result<Vec<Id>, String> {
    let Some((first, last)) = item.split_once("..") else {
        return Id::parse(item)
            .map(|id| vec![id])
            .ok_or_else(|| format!("'{item}' is no ID"));
    };
    let first = Id::parse(first).ok_or_else(|| format!("'{first}' is no ID"))?;
    let last_number = match Id::parse(last) {
        Some(last) if last.group == first.group => Some(last.number),
        Some(_) => None,
        None => last.parse().ok(),
    };
    let last = last_number
        .ok_or_else(|| format!("'{item}' does not end in a number of group {}", first.group))?;
    if last < first.number || last - first.number >= RANGE_LIMIT {
        return Err(format!(
            "'{item}' runs backwards or over more than {RANGE_LIMIT} IDs"
        ));
    }
    Ok((first.number..=last)
        .map(|number| Id {
            group: first.group.clone(),
            number,
        })
        .collect())
}

/// What is between white space.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
}

/// The ID at the start of a word, whatever punctuation follows it.
///
/// Decisions count only where the list of IDs is read: `D-05` is too short to be told from other words in prose.
fn leading_id(word: &str) -> Option<Id> {
    let end = word
        .find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-'))
        .unwrap_or(word.len());
    let id = Id::parse(&word[..end])?;
    (id.group != DECISIONS || matches!(word.as_bytes().get(end), Some(b':' | b',' | b'.')))
        .then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(paragraph: &str) -> Vec<String> {
        match parse(paragraph) {
            Claim::Ids(ids) => ids.iter().map(ToString::to_string).collect(),
            other => panic!("{paragraph}: {other:?}"),
        }
    }

    #[test]
    fn reads_one_id_a_list_and_ranges() {
        assert_eq!(shown("BLQ-S-020: a reused id is dropped."), ["BLQ-S-020"]);
        assert_eq!(
            shown("BLQ-S-031, D-05: `::` is malformed."),
            ["BLQ-S-031", "D-05"]
        );
        assert_eq!(
            shown("BLQ-S-031 and SEC-003: both."),
            ["BLQ-S-031", "SEC-003"]
        );
        assert_eq!(shown("BLQ-S-031 SEC-003: both."), ["BLQ-S-031", "SEC-003"]);
        assert_eq!(
            shown("WIRE-031..034: lengths."),
            ["WIRE-031", "WIRE-032", "WIRE-033", "WIRE-034"]
        );
        assert_eq!(
            shown("WIRE-009..WIRE-010, BLQ-R-001: more."),
            ["WIRE-009", "WIRE-010", "BLQ-R-001"]
        );
    }

    #[test]
    fn claims_nothing_without_an_id_in_front() {
        assert_eq!(parse("A reused id is dropped."), Claim::Nothing);
        assert_eq!(parse("See RFC 5460 §7.2, UTF-8: no id."), Claim::Nothing);
        assert_eq!(parse(""), Claim::Nothing);
    }

    #[test]
    fn an_id_further_back_is_pointed_out() {
        let id = Id::parse("BLQ-S-020").unwrap();
        assert_eq!(
            parse("A reused id is dropped (BLQ-S-020)."),
            Claim::Misplaced(id)
        );
    }

    #[test]
    fn what_begins_with_an_id_must_be_read_to_the_colon() {
        for paragraph in [
            "BLQ-S-020 a reused id is dropped",
            "BLQ-S-020 drops: a reused id",
            "BLQ-S-020..WIRE-022: two groups",
            "BLQ-S-020..018: backwards",
            "BLQ-S-020..999: too many",
            "BLQ-S-020, BLQ-S-21: short number",
        ] {
            assert!(
                matches!(parse(paragraph), Claim::Unreadable(_)),
                "{paragraph}: {:?}",
                parse(paragraph)
            );
        }
    }
}
