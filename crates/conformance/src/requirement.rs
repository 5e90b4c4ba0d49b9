//! The rules, as `docs/requirements.md` lists them.
//!
//! A rule is one line, `- **BLQ-S-012** MUST: text. [source]`; an arrow behind the level (`MUST↑`) says that it is
//! stricter than its source. A decision is `- **D-05** **Title.** text`. Everything else in the file is prose.

use std::collections::BTreeMap;
use std::fmt;

use crate::Error;

/// The group of the decisions, which have no level.
pub const DECISIONS: &str = "D";

/// The name of one rule: its group and its number there.
///
/// Shown with three digits (`BLQ-S-012`), or two in the group of the decisions (`D-05`). Ordered by number in a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// What stands before the number: `WIRE`, `BLQ-S`, `D`.
    pub group: String,
    /// The number, from 1.
    pub number: u32,
}

impl Id {
    /// Reads an ID that is all of `text`.
    pub fn parse(text: &str) -> Option<Self> {
        let (group, digits) = text.rsplit_once('-')?;
        let group_is_fit = !group.is_empty()
            && group.chars().all(|c| c.is_ascii_uppercase() || c == '-')
            && !group.starts_with('-')
            && !group.ends_with('-');
        let width = if group == DECISIONS { 2 } else { 3 };
        if !group_is_fit || digits.len() != width || !digits.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            group: group.to_owned(),
            number: digits.parse().ok()?,
        })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = if self.group == DECISIONS { 2 } else { 3 };
        write!(f, "{}-{:0width$}", self.group, self.number)
    }
}

/// How much a rule binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Without it the group is not conforming.
    Must,
    /// Done, unless a record says why not.
    Should,
    /// Free; if done, then as said.
    May,
    /// A decision: it has no level of its own.
    Decision,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Its name.
    pub id: Id,
    /// How much it binds.
    pub level: Level,
    /// Whether it asks for more than its source does; shown as an arrow.
    pub stricter: bool,
    /// What it says, its source included; the title only for a decision.
    pub text: String,
}

impl Requirement {
    /// The level as the list writes it: `MUST↑`, `SHOULD`.
    pub fn shown_level(&self) -> String {
        let word = match self.level {
            Level::Must => "MUST",
            Level::Should => "SHOULD",
            Level::May => "MAY",
            Level::Decision => "–",
        };
        format!("{word}{}", if self.stricter { "↑" } else { "" })
    }
}

/// A group of rules under one heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// `WIRE`, `BLQ-S`, `D`.
    pub name: String,
    /// What the heading says behind the name.
    pub title: String,
    /// Its rules, in the order of the file.
    pub requirements: Vec<Requirement>,
}

/// All rules, by group in the order of the file, the decisions last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// The groups.
    pub groups: Vec<Group>,
    known: BTreeMap<Id, (usize, usize)>,
}

impl Requirements {
    /// The rule of that name.
    pub fn get(&self, id: &Id) -> Option<&Requirement> {
        let (group, index) = self.known.get(id)?;
        self.groups.get(*group)?.requirements.get(*index)
    }

    /// Whether any rule is in a group of that name.
    pub fn has_group(&self, name: &str) -> bool {
        self.groups.iter().any(|group| group.name == name)
    }

    /// Adds a rule to its group; a second rule of the same name is refused.
    fn add(
        &mut self,
        requirement: Requirement,
        titles: &BTreeMap<String, String>,
        line: usize,
    ) -> Result<(), Error> {
        let id = requirement.id.clone();
        let position = self.groups.iter().position(|group| group.name == id.group);
        let group = position.unwrap_or(self.groups.len());
        if position.is_none() {
            let title = titles.get(&id.group).cloned().unwrap_or_default();
            self.groups.push(Group {
                name: id.group.clone(),
                title,
                requirements: Vec::new(),
            });
        }
        let index = self.groups[group].requirements.len();
        if self.known.insert(id.clone(), (group, index)).is_some() {
            return Err(Error::Requirement {
                line,
                what: format!("{id} is there a second time"),
            });
        }
        self.groups[group].requirements.push(requirement);
        Ok(())
    }
}

/// Reads the whole list.
///
/// # Errors
/// A line that begins like a rule and is none, and an ID that is used twice: either would lose a rule.
pub fn parse(text: &str) -> Result<Requirements, Error> {
    let mut found = Requirements::default();
    let mut titles = BTreeMap::from([(DECISIONS.to_owned(), "decisions".to_owned())]);
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        if let Some((group, title)) = line
            .strip_prefix("## ")
            .and_then(|rest| rest.split_once(": "))
        {
            titles.insert(group.to_owned(), title.to_owned());
        }
        let Some((name, rest)) = line
            .strip_prefix("- **")
            .and_then(|rest| rest.split_once("**"))
        else {
            continue;
        };
        // Other bold words open list items too ("- **MUST**: ..."); what ends in a number is meant as a rule.
        if !name.ends_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let refuse = |what: String| Error::Requirement {
            line: line_number,
            what,
        };
        let id = Id::parse(name)
            .ok_or_else(|| refuse(format!("'{name}' is no ID; one looks like BLQ-S-012")))?;
        let (level, stricter, text) = parse_rest(&id, rest).ok_or_else(|| {
            refuse(format!("{id} is followed by neither 'MUST: ', 'SHOULD: ' nor 'MAY: ' (an arrow may stand before the colon)"))
        })?;
        found.add(
            Requirement {
                id,
                level,
                stricter,
                text,
            },
            &titles,
            line_number,
        )?;
    }
    Ok(found)
}

/// Level, arrow and text of what stands behind the name of a rule.
fn parse_rest(id: &Id, rest: &str) -> Option<(Level, bool, String)> {
    if id.group == DECISIONS {
        let (title, _) = rest.strip_prefix(" **")?.split_once("**")?;
        return Some((
            Level::Decision,
            false,
            title.trim_end_matches('.').to_owned(),
        ));
    }
    let (level, text) = rest.strip_prefix(' ')?.split_once(": ")?;
    let stricter = level.ends_with('↑');
    let level = match level.trim_end_matches('↑') {
        "MUST" => Level::Must,
        "SHOULD" => Level::Should,
        "MAY" => Level::May,
        _ => return None,
    };
    Some((level, stricter, text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
- **MUST**: without it the group is not conforming.

## BLQ-S: the server

- **BLQ-S-001** MUST↑: Listens. [draft §3]
  - Δ not a rule.
- **BLQ-S-002** MAY: Limits. [draft §4]

- **D-05** **Link-address `::`.** Types 2, 3, 5: all links.
";

    #[test]
    fn reads_groups_levels_and_decisions() {
        let list = parse(LIST).unwrap();
        assert_eq!(list.groups.len(), 2);
        assert_eq!(list.groups[0].title, "the server");
        let first = &list.groups[0].requirements[0];
        assert_eq!(
            (first.shown_level().as_str(), first.text.as_str()),
            ("MUST↑", "Listens. [draft §3]")
        );
        assert_eq!(list.groups[1].requirements[0].text, "Link-address `::`");
        let id = Id::parse("BLQ-S-002").unwrap();
        assert_eq!(list.get(&id).map(|found| found.level), Some(Level::May));
        assert_eq!(list.get(&Id::parse("BLQ-S-003").unwrap()), None);
    }

    #[test]
    fn refuses_an_id_that_is_used_twice() {
        let twice = format!("{LIST}- **BLQ-S-002** MUST: Again.\n");
        assert_eq!(
            parse(&twice).unwrap_err().to_string(),
            "docs/requirements.md:10: BLQ-S-002 is there a second time"
        );
    }

    #[test]
    fn refuses_a_rule_without_a_level() {
        let error = parse("- **WIRE-001** Listens.\n").unwrap_err().to_string();
        assert!(
            error.starts_with("docs/requirements.md:1: WIRE-001 is followed by neither"),
            "{error}"
        );
    }

    #[test]
    fn an_id_has_a_group_and_a_number_of_fixed_width() {
        for text in ["BLQ-S-012", "WIRE-001", "D-05"] {
            assert_eq!(
                Id::parse(text).map(|id| id.to_string()).as_deref(),
                Some(text)
            );
        }
        for text in [
            "BLQ-S-12",
            "WIRE-0001",
            "-001",
            "wire-001",
            "WIRE",
            "D-005",
            "BLQ--001x",
            "",
        ] {
            assert_eq!(Id::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_list_of_the_project_has_every_rule_of_its_index() {
        let text = include_str!("../../../docs/requirements.md");
        let list = parse(text).unwrap();
        for group in list.groups.iter().filter(|group| group.name != DECISIONS) {
            let of = |level| {
                group
                    .requirements
                    .iter()
                    .filter(|rule| rule.level == level)
                    .count()
            };
            let (must, should, may) = (of(Level::Must), of(Level::Should), of(Level::May));
            let row = format!(
                "| {} | {} | {must} | {should} | {may} |",
                group.name,
                group.requirements.len()
            );
            assert!(text.contains(&row), "the index lacks {row}");
        }
        assert_eq!(list.groups.len(), 9);
    }

    #[test]
    fn numbers_of_the_project_run_from_one_without_a_gap() {
        for group in parse(include_str!("../../../docs/requirements.md"))
            .unwrap()
            .groups
        {
            let numbers: Vec<_> = group
                .requirements
                .iter()
                .map(|rule| rule.id.number)
                .collect();
            assert!(
                numbers
                    .iter()
                    .copied()
                    .eq(1..=u32::try_from(numbers.len()).unwrap()),
                "{}: {numbers:?}",
                group.name
            );
        }
    }
}
