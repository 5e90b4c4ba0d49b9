//! The page `docs/conformance.md`.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::Error;
use crate::claim::Claim;
use crate::exception::Exceptions;
use crate::requirement::{DECISIONS, Group, Id, Level, Requirement, Requirements};
use crate::scan::Test;

/// Groups whose unmet MUSTs stand at the top of the page: Bulk Leasequery end to end.
const PROMINENT: [&str; 3] = ["WIRE", "BLQ-S", "BLQ-R"];

/// The page and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The page itself.
    pub text: String,
    /// One line for the terminal: how many of the rules are met.
    pub summary: String,
    /// Tests that mention an ID where it does not count, one sentence each.
    pub hints: Vec<String>,
}

/// How a rule stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Status<'a> {
    /// Tests that name it, in the order of their files; at least one.
    Met(Vec<&'a str>),
    /// Why it does not concern this product.
    NotApplicable(&'a str),
    /// Neither.
    NotYet,
}

/// How the rules of one group stand, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    all: usize,
    met: usize,
    not_applicable: usize,
    not_yet: usize,
    must_not_yet: usize,
}

impl Tally {
    /// Counts one rule.
    fn count(&mut self, requirement: &Requirement, status: &Status<'_>) {
        self.all += 1;
        match status {
            Status::Met(_) => self.met += 1,
            Status::NotApplicable(_) => self.not_applicable += 1,
            Status::NotYet => {
                self.not_yet += 1;
                self.must_not_yet += usize::from(requirement.level == Level::Must);
            }
        }
    }

    /// Adds the counts of another group.
    fn add(&mut self, other: Self) {
        self.all += other.all;
        self.met += other.met;
        self.not_applicable += other.not_applicable;
        self.not_yet += other.not_yet;
        self.must_not_yet += other.must_not_yet;
    }

    /// One row of the table of counts.
    fn row(self, name: &str, title: &str) -> String {
        let Self {
            all,
            met,
            not_applicable,
            not_yet,
            must_not_yet,
        } = self;
        format!(
            "| {name} | {title} | {all} | {met} | {not_applicable} | {not_yet} | {must_not_yet} |\n"
        )
    }
}

/// The names of the tests of each rule, and the hints.
type Collected<'a> = (BTreeMap<Id, Vec<&'a str>>, Vec<String>);

/// Writes the page.
///
/// # Errors
/// Tests whose IDs are unknown or unreadable, exceptions for unknown rules, and rules that are both tested and excepted.
pub fn render(
    requirements: &Requirements,
    exceptions: &Exceptions,
    tests: &[Test],
) -> Result<Page, Error> {
    let (met, hints) = collect(requirements, tests)?;
    for id in exceptions.keys() {
        if requirements.get(id).is_none() {
            return Err(Error::Exception(format!(
                "{id} is no rule of {}",
                crate::REQUIREMENTS
            )));
        }
        if let Some(names) = met.get(id) {
            return Err(Error::Exception(format!(
                "{id} is excepted, yet {} checks it: one of them is wrong",
                names[0]
            )));
        }
    }
    let status = |id: &Id| match (met.get(id), exceptions.get(id)) {
        (Some(names), _) => Status::Met(names.clone()),
        (None, Some(reason)) => Status::NotApplicable(reason),
        (None, None) => Status::NotYet,
    };
    let (counts, total) = counts(requirements, &status);
    let mut text = String::from(HEAD);
    text.push_str(&counts);
    text.push_str(&not_yet(requirements, &status));
    for group in &requirements.groups {
        text.push_str(&table(group, &status));
    }
    let summary = format!(
        "{} of {} requirements are met by a test, {} do not apply, {} are not yet met, {} of those a MUST",
        total.met, total.all, total.not_applicable, total.not_yet, total.must_not_yet
    );
    Ok(Page {
        text,
        summary,
        hints,
    })
}

/// The names of the tests of each rule, and the hints; every claim that cannot be taken is told at once.
fn collect<'a>(requirements: &Requirements, tests: &'a [Test]) -> Result<Collected<'a>, Error> {
    let mut met: BTreeMap<Id, Vec<&str>> = BTreeMap::new();
    let (mut hints, mut wrong) = (Vec::new(), Vec::new());
    for test in tests {
        let place = format!("{} (line {})", test.name, test.line);
        match &test.claim {
            Claim::Misplaced(id) if requirements.has_group(&id.group) => {
                hints.push(format!("{place} mentions {id}, which counts only as the first words of its documentation, with a colon behind"));
            }
            Claim::Nothing | Claim::Misplaced(_) => {}
            Claim::Unreadable(what) => wrong.push(format!("{place}: {what}")),
            Claim::Ids(ids) => {
                for id in ids.iter().filter(|id| requirements.get(id).is_none()) {
                    wrong.push(format!(
                        "{place}: {id} is no rule of {}",
                        crate::REQUIREMENTS
                    ));
                }
                if test.ignored {
                    hints.push(format!("{place} is left out of an ordinary run, so what it names does not count as met"));
                    continue;
                }
                for id in ids {
                    let names = met.entry(id.clone()).or_default();
                    if !names.contains(&test.name.as_str()) {
                        names.push(&test.name);
                    }
                }
            }
        }
    }
    if wrong.is_empty() {
        Ok((met, hints))
    } else {
        Err(Error::Claims(wrong))
    }
}

/// The table of counts and the sum over all groups but the decisions.
fn counts<'a>(requirements: &Requirements, status: &impl Fn(&Id) -> Status<'a>) -> (String, Tally) {
    let mut text = String::from(
        "| group | | rules | met | not applicable | not yet | of those MUST |\n|---|---|---|---|---|---|---|\n",
    );
    let mut total = Tally::default();
    for group in requirements
        .groups
        .iter()
        .filter(|group| group.name != DECISIONS)
    {
        let mut tally = Tally::default();
        for requirement in &group.requirements {
            tally.count(requirement, &status(&requirement.id));
        }
        total.add(tally);
        text.push_str(&tally.row(&group.name, &group.title));
    }
    text.push_str(&total.row("all", ""));
    (text, total)
}

/// The unmet MUSTs of the prominent groups, with their text.
fn not_yet<'a>(requirements: &Requirements, status: &impl Fn(&Id) -> Status<'a>) -> String {
    let mut text = format!(
        "\n## Not yet\n\nMUSTs of {} that no test names.\n\n",
        PROMINENT.join(", ")
    );
    let is_open = |requirement: &&Requirement| {
        requirement.level == Level::Must && status(&requirement.id) == Status::NotYet
    };
    let prominent = requirements
        .groups
        .iter()
        .filter(|group| PROMINENT.contains(&group.name.as_str()));
    let open: Vec<_> = prominent
        .flat_map(|group| &group.requirements)
        .filter(is_open)
        .collect();
    if open.is_empty() {
        text.push_str("None.\n");
    }
    for requirement in open {
        let _ = writeln!(
            text,
            "- **{}** {}: {}",
            requirement.id,
            requirement.shown_level(),
            requirement.text
        );
    }
    text
}

/// One group.
fn table<'a>(group: &Group, status: &impl Fn(&Id) -> Status<'a>) -> String {
    let (heading, column) = if group.name == DECISIONS {
        ("Decisions".to_owned(), "decision")
    } else {
        (format!("{}: {}", group.name, group.title), "level")
    };
    let mut text = format!("\n## {heading}\n\n| ID | {column} | status |\n|---|---|---|\n");
    for requirement in &group.requirements {
        let second = if group.name == DECISIONS {
            requirement.text.clone()
        } else {
            requirement.shown_level()
        };
        let shown = match status(&requirement.id) {
            Status::Met(names) if names.len() == 1 => format!("met by `{}`", names[0]),
            Status::Met(names) => format!("met by `{}` (+{} more)", names[0], names.len() - 1),
            Status::NotApplicable(reason) => {
                format!("not applicable: {}", reason.replace('|', "\\|"))
            }
            Status::NotYet => "not yet".to_owned(),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {shown} |",
            requirement.id,
            second.replace('|', "\\|")
        );
    }
    text
}

/// What the page begins with.
const HEAD: &str = "\
# Conformance

Which rule of [requirements.md](requirements.md) is met by which test. Written by `cargo run -p leasebook-conformance`, checked by
`./test`; do not edit. A rule is **met** when a test that runs names its ID in the first line of its documentation, **not
applicable** when [not-applicable.toml](not-applicable.toml) says why, and **not yet** met otherwise, whatever the code does.

";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{exception, requirement, scan};

    const RULES: &str = "\
## BLQ-S: the server
- **BLQ-S-001** MUST: Listens. [draft §3]
- **BLQ-S-002** MUST↑: Limits. [draft §4]
- **BLQ-S-003** SHOULD: Shares. [draft §7]
## SEC: security
- **SEC-001** MUST: Refuses. [8415]
- **D-05** **Link-address.** Text.
";

    fn page(exceptions: &str, source: &str) -> Result<Page, Error> {
        let exceptions = exception::parse(&format!("[not-applicable]\n{exceptions}")).unwrap();
        render(
            &requirement::parse(RULES).unwrap(),
            &exceptions,
            &scan::source("crates/a/src/b.rs", source),
        )
    }

    #[test]
    fn nothing_is_met_without_a_test() {
        let page = page("", "/// BLQ-S-001: no test.\nfn helper() {}\n").unwrap();
        assert!(
            page.text.contains("| all |  | 4 | 0 | 0 | 4 | 3 |\n"),
            "{}",
            page.text
        );
        assert!(!page.text.contains("| met by"), "{}", page.text);
    }

    #[test]
    fn tests_are_named_and_further_ones_counted() {
        let source = "/// BLQ-S-001, D-05: x.\n#[test]\nfn one() {}\n/// BLQ-S-001: x.\n#[test]\nfn two() {}\n";
        let text = page("", source).unwrap().text;
        assert!(
            text.contains("| BLQ-S-001 | MUST | met by `crates/a/src/b.rs::one` (+1 more) |\n"),
            "{text}"
        );
        assert!(
            text.contains("| D-05 | Link-address | met by `crates/a/src/b.rs::one` |\n"),
            "{text}"
        );
    }

    #[test]
    fn open_musts_of_bulk_leasequery_come_first() {
        let text = page("\"BLQ-S-001\" = \"why\"", "").unwrap().text;
        let (_, rest) = text.split_once("## Not yet").unwrap();
        let (section, tables) = rest.split_once("\n## ").unwrap();
        assert!(
            section.contains("- **BLQ-S-002** MUST↑: Limits. [draft §4]\n"),
            "{section}"
        );
        assert!(
            !section.contains("BLQ-S-001")
                && !section.contains("BLQ-S-003")
                && !section.contains("SEC-001"),
            "{section}"
        );
        assert!(
            tables.contains("| BLQ-S-001 | MUST | not applicable: why |\n"),
            "{tables}"
        );
        assert!(
            tables.contains("| BLQ-S-003 | SHOULD | not yet |\n"),
            "{tables}"
        );
    }

    #[test]
    fn a_test_of_an_unknown_rule_is_an_error() {
        let error = page("", "/// BLQ-S-004: x.\n#[test]\nfn one() {}\n")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "crates/a/src/b.rs::one (line 3): BLQ-S-004 is no rule of docs/requirements.md"
        );
    }

    #[test]
    fn an_ignored_test_meets_nothing_and_is_told() {
        let page = page("", "/// BLQ-S-001: x.\n#[test]\n#[ignore]\nfn one() {}\n").unwrap();
        assert!(page.text.contains("| BLQ-S-001 | MUST | not yet |\n"));
        assert_eq!(page.hints.len(), 1);
    }

    #[test]
    fn an_exception_must_be_a_rule_that_no_test_checks() {
        let source = "/// BLQ-S-001: x.\n#[test]\nfn one() {}\n";
        assert!(matches!(
            page("\"BLQ-S-009\" = \"why\"", ""),
            Err(Error::Exception(_))
        ));
        assert!(matches!(
            page("\"BLQ-S-001\" = \"why\"", source),
            Err(Error::Exception(_))
        ));
    }

    #[test]
    fn an_id_in_the_middle_is_a_hint_only() {
        let page = page(
            "",
            "/// Drops it (BLQ-S-001), UTF-008 aside.\n#[test]\nfn one() {}\n",
        )
        .unwrap();
        assert_eq!(page.hints.len(), 1);
        assert!(!page.text.contains("| met by"));
    }
}
