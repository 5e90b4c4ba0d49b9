//! What can be wrong with a configuration file, and where.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::Loaded;
use crate::text::suggest;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read at all.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is wrong, in one place or several; never empty, in the order of the file.
    #[error("{}", lines(.0))]
    Wrong(Vec<Problem>),
}

/// One thing wrong, or doubtful, with a place in the file.
///
/// Shown as `leasebook.toml:12:19: what is wrong; what would be right`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong and what would be right, one lower-case sentence.
    pub what: String,
    /// The line as it stands in the file.
    pub source_line: String,
}

/// Something allowed that is probably not meant.
pub type Warning = Problem;

impl Problem {
    /// The problem with the line it is about, a caret under the place.
    pub fn with_source(&self) -> String {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let indent: String = self
            .source_line
            .chars()
            .take(self.column.saturating_sub(1))
            .map(|character| if character == '\t' { '\t' } else { ' ' })
            .collect();
        format!(
            "{self}\n {margin} |\n {number} | {}\n {margin} | {indent}^",
            self.source_line
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, line, column) = (self.path.display(), self.line, self.column);
        write!(formatter, "{path}:{line}:{column}: {}", self.what)
    }
}

/// All problems, a line each.
fn lines(problems: &[Problem]) -> String {
    let shown: Vec<String> = problems.iter().map(Problem::to_string).collect();
    shown.join("\n")
}

/// Collects problems and warnings while a file is resolved.
pub(super) struct Findings<'a> {
    /// The file's text, to turn offsets into places.
    lines: Lines<'a>,
    /// The file's name.
    path: &'a Path,
    /// What is wrong.
    pub(super) problems: Vec<(usize, String)>,
    /// What is doubtful.
    warnings: Vec<(usize, String)>,
}

impl<'a> Findings<'a> {
    /// Nothing found yet.
    pub(super) fn new(text: &'a str, path: &'a Path) -> Self {
        Self {
            lines: Lines::of(text),
            path,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Notes an error at `span`.
    pub(super) fn wrong(&mut self, span: Range<usize>, what: impl Into<String>) {
        self.problems.push((span.start, what.into()));
    }

    /// Notes a warning at `span`.
    pub(super) fn doubtful(&mut self, span: Range<usize>, what: impl Into<String>) {
        self.warnings.push((span.start, what.into()));
    }

    /// The line, counted from 1, of `span`'s beginning.
    pub(super) fn line_of(&self, span: Range<usize>) -> usize {
        self.lines.place(span.start).0
    }

    /// The configuration with its warnings, or the errors.
    pub(super) fn finish<T>(self, config: T) -> Result<Loaded<T>, ConfigError> {
        let with_places = |mut found: Vec<(usize, String)>| -> Vec<Problem> {
            found.sort_by_key(|(at, _)| *at);
            found
                .into_iter()
                .map(|(at, what)| self.lines.problem(self.path, at, what))
                .collect()
        };
        if self.problems.is_empty() {
            Ok(Loaded {
                config,
                warnings: with_places(self.warnings),
            })
        } else {
            Err(ConfigError::Wrong(with_places(self.problems)))
        }
    }
}

/// A text with the places where its lines begin, found once: a file may have a million.
struct Lines<'a> {
    /// The text.
    text: &'a str,
    /// The octet at which each line begins.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Finds the lines.
    fn of(text: &'a str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(after_newlines).collect(),
        }
    }

    /// Line and column, both counted from 1, of an octet of the text.
    fn place(&self, at: usize) -> (usize, usize) {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts[line - 1];
        (line, self.text[start..at].chars().count() + 1)
    }

    /// The problem at an octet of the text.
    fn problem(&self, path: &Path, at: usize, what: String) -> Problem {
        let (line, column) = self.place(at);
        let rest = &self.text[self.starts[line - 1]..];
        Problem {
            path: path.to_owned(),
            line,
            column,
            what,
            source_line: rest.lines().next().unwrap_or("").to_owned(),
        }
    }
}

/// Turns what the TOML reader says into a problem, with the key that was probably meant.
pub(super) fn of_toml(error: &toml::de::Error, text: &str, path: &Path) -> Problem {
    let at = error.span().map_or(0, |span| span.start);
    let message = error.message().trim_end();
    let mut what = message.replace('\n', "; ");
    if let Some(rest) = message.strip_prefix("unknown field `") {
        what = unknown_key(rest);
    }
    Lines::of(text).problem(path, at, what)
}

/// Says of an unknown key which keys there are; `rest` is the reader's message after
/// "unknown field `".
fn unknown_key(rest: &str) -> String {
    let mut names = rest.split('`').step_by(2);
    let written = names.next().unwrap_or_default();
    let known: Vec<&str> = rest.split('`').skip(2).step_by(2).collect();
    match suggest::nearest(written, known.iter().copied()) {
        Some(meant) => format!("`{written}` is no setting here; `{meant}` is probably meant"),
        None => format!(
            "`{written}` is no setting here; the settings are {}",
            known.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        let place = |text, at| Lines::of(text).place(at);
        assert_eq!(place("", 0), (1, 1));
        assert_eq!(place("ab\ncd", 4), (2, 2));
        assert_eq!(place("äö\nü = x", 5), (2, 1));
        assert_eq!(place("äö = x", 4), (1, 3));
        assert_eq!(place("ab", 99), (1, 3));
    }

    #[test]
    fn a_problem_is_shown_with_its_line() {
        let shown = Lines::of("a = 1\n\tb = 2\n")
            .problem(Path::new("f"), 7, "no".to_owned())
            .with_source();
        assert_eq!(shown, "f:2:2: no\n   |\n 2 | \tb = 2\n   | \t^");
    }
}
