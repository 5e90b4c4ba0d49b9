//! Tests in Rust sources.
//!
//! A function belongs to the documentation and attributes directly above it; a line of anything else, an empty one
//! included, ends them. Attributes may run over several lines. Inside string literals nothing is recognised as long as
//! the literal does not itself hold a test with its attribute at the beginning of a line.

use super::{Found, first_paragraph};

/// What stands above the line being read.
#[derive(Default)]
struct Above {
    doc: Vec<String>,
    is_test: bool,
    ignored: bool,
}

/// Every test function of a file.
pub(super) fn tests(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut above = Above::default();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let line = line.trim();
        if let Some(doc) = line.strip_prefix("///") {
            above.doc.push(doc.to_owned());
        } else if line.starts_with("#[") {
            let mut attribute = line.to_owned();
            while !is_closed(&attribute) {
                let Some((_, more)) = lines.next() else { break };
                attribute.push_str(more.trim());
            }
            above.is_test |= is_test(&attribute);
            above.ignored |= attribute.starts_with("#[ignore");
            // An attribute and its function may share a line.
            if let Some(name) = attribute
                .rsplit_once(']')
                .and_then(|(_, rest)| function_name(rest))
            {
                take(&mut above, &name, index, &mut found);
            }
        } else if let Some(name) = function_name(line) {
            take(&mut above, &name, index, &mut found);
        } else if !line.starts_with("//") || line.is_empty() {
            above = Above::default();
        }
    }
    found
}

/// The first paragraph of a file's own documentation.
pub(super) fn module_paragraph(text: &str) -> String {
    let docs = text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .map(|line| line.trim_start_matches("//!"));
    first_paragraph(docs)
}

/// Records the function if it is a test, and forgets what stood above it.
fn take(above: &mut Above, name: &str, index: usize, found: &mut Vec<Found>) {
    let above = std::mem::take(above);
    if above.is_test {
        let paragraph = first_paragraph(above.doc.iter().map(String::as_str));
        found.push(Found {
            name: name.to_owned(),
            line: index + 1,
            paragraph,
            ignored: above.ignored,
        });
    }
}

/// Whether the brackets of an attribute are balanced; string literals in it are passed over.
fn is_closed(attribute: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_i32, false, false);
    for c in attribute.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '[' if !in_string => depth += 1,
            ']' if !in_string => depth -= 1,
            _ => {}
        }
    }
    depth <= 0
}

/// Whether an attribute makes its function a test: `#[test]`, `#[tokio::test(...)]`, `#[test_case(...)]`.
fn is_test(attribute: &str) -> bool {
    let path: String = attribute
        .trim_start_matches("#[")
        .chars()
        .take_while(|c| c.is_alphanumeric() || "_:".contains(*c))
        .collect();
    path.rsplit("::")
        .next()
        .is_some_and(|last| last == "test" || last == "test_case")
}

/// The name in `fn name(`, behind any qualifiers.
fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    words
        .by_ref()
        .find(|word| {
            !matches!(*word, "pub" | "async" | "const" | "unsafe") && !word.starts_with("pub(")
        })
        .filter(|word| *word == "fn")?;
    let name: String = words
        .next()?
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, String)> {
        tests(text)
            .into_iter()
            .map(|test| (test.name, test.paragraph))
            .collect()
    }

    fn pair(name: &str, paragraph: &str) -> (String, String) {
        (name.to_owned(), paragraph.to_owned())
    }

    #[test]
    fn joins_the_first_paragraph_above_a_test() {
        let text = "    /// WIRE-001,\n    /// WIRE-002: two.\n    ///\n    /// WIRE-003: not this.\n    #[test]\n    fn two() {\n";
        assert_eq!(found(text), [pair("two", "WIRE-001, WIRE-002: two.")]);
    }

    #[test]
    fn knows_the_attributes_of_tests() {
        let text = "/// a\n#[tokio::test(\n    flavor = \"current_thread\"\n)]\nasync fn one() {}\n#[test] fn two() {}\n#[should_panic(expected = \"]\")]\n#[test]\n/// c\nfn three() {}\n";
        assert_eq!(
            found(text),
            [pair("one", "a"), pair("two", ""), pair("three", "c")]
        );
    }

    #[test]
    fn reads_property_tests() {
        let text = "proptest! {\n    #![proptest_config(x)]\n    /// WIRE-016: no octets panic.\n    #[test]\n    fn no_octets_panic(\n        octets in any()\n    ) {\n";
        assert_eq!(
            found(text),
            [pair("no_octets_panic", "WIRE-016: no octets panic.")]
        );
    }

    #[test]
    fn passes_over_what_is_no_test() {
        assert_eq!(
            found(
                "/// WIRE-001: x.\npub fn helper() {}\n#[cfg(test)]\nmod tests {}\n#[derive(Debug)]\nstruct A;\n"
            ),
            []
        );
        assert_eq!(
            found("/// WIRE-001: x.\n\n#[test]\nfn apart() {}\n"),
            [pair("apart", "")]
        );
        assert_eq!(
            found("#[test]\n// why\nfn commented() {}\n"),
            [pair("commented", "")]
        );
    }

    #[test]
    fn an_ignored_test_is_marked() {
        let ignored: Vec<_> =
            tests("#[test]\n#[ignore = \"slow\"]\nfn a() {}\n#[test]\nfn b() {}\n")
                .iter()
                .map(|test| test.ignored)
                .collect();
        assert_eq!(ignored, [true, false]);
    }

    #[test]
    fn a_file_speaks_for_itself_in_its_first_paragraph() {
        assert_eq!(
            module_paragraph(
                "//! WIRE-016: no\n//! panic.\n//!\n//! Seeds: messages\n#![no_main]\n"
            ),
            "WIRE-016: no panic."
        );
    }
}
