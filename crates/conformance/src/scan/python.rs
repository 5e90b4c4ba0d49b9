//! Tests in Python sources: functions named `test_*`, at any depth, and their docstrings.

use super::{Found, first_paragraph};

/// Every test function of a file.
pub(super) fn tests(text: &str) -> Vec<Found> {
    let lines: Vec<_> = text.lines().collect();
    let mut found = Vec::new();
    let mut skipped = false;
    for (index, line) in lines.iter().enumerate() {
        let line = line.trim();
        if line.starts_with('@') {
            skipped |= is_skip(line);
        } else if let Some(name) = function_name(line) {
            if name.starts_with("test_") {
                let paragraph = docstring(&lines[index..]);
                found.push(Found {
                    name,
                    line: index + 1,
                    paragraph,
                    ignored: skipped,
                });
            }
            skipped = false;
        } else if line.starts_with("class ") {
            skipped = false;
        }
    }
    found
}

/// Whether a decorator always leaves its test out, or expects it to fail; `skipif` does so only
/// where something is missing.
fn is_skip(decorator: &str) -> bool {
    ["skip", "xfail"].iter().any(|mark| {
        decorator
            .strip_prefix("@pytest.mark.")
            .and_then(|rest| rest.strip_prefix(mark))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('('))
    })
}

/// The name in `def name(` or `async def name(`.
fn function_name(line: &str) -> Option<String> {
    let rest = line
        .strip_prefix("async ")
        .unwrap_or(line)
        .strip_prefix("def ")?;
    let name: String = rest
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!name.is_empty()).then_some(name)
}

/// The first paragraph of the docstring of the function whose `def` is the first of `lines`.
fn docstring(lines: &[&str]) -> String {
    let Some(end) = lines.iter().position(|line| line.trim_end().ends_with(':')) else {
        return String::new();
    };
    let body = lines.get(end + 1..).unwrap_or_default();
    let Some(first) = body
        .iter()
        .map(|line| line.trim())
        .find(|line| !line.is_empty())
    else {
        return String::new();
    };
    let opening = first.strip_prefix('r').unwrap_or(first);
    let Some(quotes) = ["\"\"\"", "'''"]
        .into_iter()
        .find(|quotes| opening.starts_with(quotes))
    else {
        return String::new();
    };
    let text = body.join("\n");
    // The quotes are there: `first` is a line of `text`.
    let inner = text.split_once(quotes).map_or("", |(_, inner)| inner);
    first_paragraph(inner.split(quotes).next().unwrap_or_default().lines())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, String, bool)> {
        tests(text)
            .into_iter()
            .map(|test| (test.name, test.paragraph, test.ignored))
            .collect()
    }

    #[test]
    fn reads_docstrings_of_one_line_and_of_several() {
        let text = "def test_a(serve):\n    \"\"\"BLQ-S-012, SEC-003: a.\"\"\"\n    pass\n\nclass T:\n    def test_b(\n        self,\n    ) -> None:\n        r'''WIRE-001,\n        WIRE-002: b.\n\n        More.'''\n";
        assert_eq!(
            found(text),
            [
                (
                    "test_a".to_owned(),
                    "BLQ-S-012, SEC-003: a.".to_owned(),
                    false
                ),
                (
                    "test_b".to_owned(),
                    "WIRE-001, WIRE-002: b.".to_owned(),
                    false
                ),
            ]
        );
    }

    #[test]
    fn a_test_without_a_docstring_claims_nothing() {
        let text = "def test_a():\n    x = 1\n    \"\"\"WIRE-001: not a docstring.\"\"\"\ndef helper():\n    \"\"\"WIRE-002: no test.\"\"\"\n";
        assert_eq!(found(text), [("test_a".to_owned(), String::new(), false)]);
    }

    #[test]
    fn what_is_always_skipped_is_marked() {
        let text = "@pytest.mark.skip(reason='x')\ndef test_a():\n    pass\n@pytest.mark.skipif(x)\ndef test_b():\n    pass\n@pytest.mark.xfail\ndef test_c():\n    pass\n";
        let ignored: Vec<_> = found(text)
            .into_iter()
            .map(|(_, _, ignored)| ignored)
            .collect();
        assert_eq!(ignored, [true, false, true]);
    }
}
