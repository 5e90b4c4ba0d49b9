//! The tests of the project and what each claims.
//!
//! Sources are read line by line, without a compiler: in Rust a function with an attribute whose last path segment
//! begins with `test`, and the `///` block above it; in Python a function named `test_*` and its docstring; and every
//! fuzz target with its `//!` block. A test marked `#[ignore]`, `@pytest.mark.skip` or `@pytest.mark.xfail` shows
//! nothing, so its claim does not count.

mod python;
mod rust;

use std::path::{Path, PathBuf};

use crate::claim::{self, Claim};
use crate::{Error, read};

/// Folders of the project that hold tests, from its root.
const ROOTS: [&str; 4] = ["crates", "benches", "tests", "fuzz/fuzz_targets"];

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// File and function as the page shows them: `crates/wire/src/frame.rs::refuses_a_short_size`.
    pub name: String,
    /// Line of the function in its file, from 1.
    pub line: usize,
    /// What its documentation claims.
    pub claim: Claim,
    /// Whether an ordinary run leaves it out.
    pub ignored: bool,
}

/// A function found in a source: name, line, first paragraph of its documentation, whether it is left out.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    name: String,
    line: usize,
    paragraph: String,
    ignored: bool,
}

/// Every test of the project, ordered by file and line.
///
/// # Errors
/// A file or folder that cannot be read.
pub fn project(root: &Path) -> Result<Vec<Test>, Error> {
    let mut files = Vec::new();
    for folder in ROOTS.map(|folder| root.join(folder)) {
        if folder.is_dir() {
            walk(&folder, &mut files)?;
        }
    }
    files.sort();
    let mut tests = Vec::new();
    for path in files {
        let shown = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .to_string_lossy()
            .replace('\\', "/");
        tests.extend(source(&shown, &read(&path)?));
    }
    Ok(tests)
}

/// The tests of one source; `path` is from the root of the project and tells the language.
pub fn source(path: &str, text: &str) -> Vec<Test> {
    if path.starts_with("fuzz/") {
        let claim = claim::parse(&rust::module_paragraph(text));
        return vec![Test {
            name: path.to_owned(),
            line: 1,
            claim,
            ignored: false,
        }];
    }
    let found = if is_python(Path::new(path)) {
        python::tests(text)
    } else {
        rust::tests(text)
    };
    let named = |found: Found| Test {
        name: format!("{path}::{}", found.name),
        line: found.line,
        claim: claim::parse(&found.paragraph),
        ignored: found.ignored,
    };
    found.into_iter().map(named).collect()
}

/// Collects the Rust and Python files below `folder`; hidden folders and what builds leave behind are passed over.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |source| Error::Read {
        path: folder.to_owned(),
        source,
    };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if name.starts_with('.') || name == "target" || name == "__pycache__" {
            continue;
        }
        if entry.file_type().map_err(failed)?.is_dir() {
            walk(&path, files)?;
        } else if is_python(&path) || path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether a file is Python by its name.
fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "py")
}

/// Joins the lines of a documentation block up to its first empty one.
fn first_paragraph<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let lines: Vec<_> = lines
        .map(str::trim)
        .skip_while(|line| line.is_empty())
        .take_while(|line| !line.is_empty())
        .collect();
    lines.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requirement::Id;

    #[test]
    fn finds_tests_of_every_kind_in_a_project() {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put(
            "crates/wire/src/a.rs",
            "/// WIRE-001: x.\n#[test]\nfn one() {}\n",
        );
        put(
            "crates/wire/target/b.rs",
            "/// WIRE-002: x.\n#[test]\nfn built() {}\n",
        );
        put(
            "tests/e2e/test_c.py",
            "def test_two():\n    \"\"\"WIRE-003: x.\"\"\"\n",
        );
        put("fuzz/fuzz_targets/d.rs", "//! WIRE-004: x.\n#![no_main]\n");
        let ids: Vec<_> = project(root.path())
            .unwrap()
            .into_iter()
            .map(|test| (test.name, test.claim))
            .collect();
        let expected = [
            ("crates/wire/src/a.rs::one", "WIRE-001"),
            ("fuzz/fuzz_targets/d.rs", "WIRE-004"),
            ("tests/e2e/test_c.py::test_two", "WIRE-003"),
        ];
        let expected =
            expected.map(|(name, id)| (name.to_owned(), Claim::Ids(vec![Id::parse(id).unwrap()])));
        assert_eq!(ids, expected);
    }
}
