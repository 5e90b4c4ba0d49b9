//! The name that was probably meant.

/// The candidate nearest to `written`, if one is near enough to be a slip.
///
/// Near enough: at most one edit in three characters, and never more than three.
pub fn nearest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let allowed = (written.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (edits(written, candidate), candidate))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// How many single characters must be put in, taken out or exchanged (Levenshtein).
///
/// `_` and `-` count as equal, for that slip is the most common one.
fn edits(from: &str, to: &str) -> usize {
    let plain = |text: &str| -> Vec<char> {
        text.chars()
            .map(|character| if character == '_' { '-' } else { character })
            .flat_map(char::to_lowercase)
            .collect()
    };
    let (from, to) = (plain(from), plain(to));
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, from_character) in from.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (column, to_character) in to.iter().enumerate() {
            let exchange = diagonal + usize::from(from_character != to_character);
            diagonal = row[column + 1];
            row[column + 1] = exchange.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_the_name_that_was_meant() {
        let names = ["max-connections", "data-timeout", "tcp"];
        assert_eq!(nearest("max_connections", names), Some("max-connections"));
        assert_eq!(nearest("data-timout", names), Some("data-timeout"));
        assert_eq!(nearest("tpc", names), None);
        assert_eq!(nearest("tc", names), Some("tcp"));
        assert_eq!(nearest("colour", names), None);
        assert_eq!(nearest("", names), None);
    }
}
