//! Which requirement is met by which test.
//!
//! `docs/requirements.md` numbers every rule the project is held to. A test that checks one names its ID in the
//! first line of its documentation; this crate reads both and writes `docs/conformance.md`, so that the list of
//! what is met can neither be forgotten nor wished for: an ID is met when a test that runs names it, not otherwise.
//!
//! | module | its room |
//! |---|---|
//! | [`requirement`] | the rules: ID, level, text, read from `docs/requirements.md` |
//! | [`claim`] | the IDs that the documentation of one test names, ranges spelled out |
//! | [`scan`] | the tests of a source file, Rust or Python, and the walk over the project |
//! | [`exception`] | `docs/not-applicable.toml`: rules that do not concern this product, each with its reason |
//! | [`report`] | the page, and the comparison with the one on disk |
#![forbid(unsafe_code)]

pub mod claim;
pub mod exception;
pub mod report;
pub mod requirement;
pub mod scan;

use std::path::{Path, PathBuf};

/// Where the rules are, from the root of the project.
pub const REQUIREMENTS: &str = "docs/requirements.md";
/// Where the exceptions are, from the root of the project.
pub const EXCEPTIONS: &str = "docs/not-applicable.toml";
/// Where the page is written, from the root of the project.
pub const PAGE: &str = "docs/conformance.md";

/// Why no page could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read.
    #[error("reading {}: {source}", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The list of rules contradicts itself or cannot be understood.
    #[error("{REQUIREMENTS}:{line}: {what}")]
    Requirement {
        /// Line in the file, from 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// The list of exceptions cannot be understood, or names what it may not.
    #[error("{EXCEPTIONS}: {0}")]
    Exception(String),
    /// Tests whose claims cannot be taken.
    #[error("{}", .0.join("\n"))]
    Claims(Vec<String>),
}

/// Reads the rules, the exceptions and every test below `root`, and renders the page.
///
/// # Errors
/// A file that cannot be read, rules or exceptions that contradict themselves, and tests that name an unknown ID.
pub fn render(root: &Path) -> Result<report::Page, Error> {
    let requirements = requirement::parse(&read(&root.join(REQUIREMENTS))?)?;
    let exceptions = exception::parse(&read(&root.join(EXCEPTIONS))?)?;
    let tests = scan::project(root)?;
    report::render(&requirements, &exceptions, &tests)
}

/// The text of a file, or an error that names it.
fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}
