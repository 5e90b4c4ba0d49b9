//! Writes `docs/conformance.md`, or with `--check` tells whether it is what would be written.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use leasebook_conformance::{PAGE, REQUIREMENTS, render};

/// Lists every requirement with the tests that name it, in docs/conformance.md.
#[derive(Parser)]
struct Options {
    /// Write nothing; fail if the page on disk is not what would be written.
    #[arg(long)]
    check: bool,
    /// The root of the project; by default the nearest folder upwards with docs/requirements.md.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

fn main() -> ExitCode {
    run(Options::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Writes or checks the page.
fn run(options: Options) -> anyhow::Result<ExitCode> {
    let root = options.root.map_or_else(find_root, Ok)?;
    let page = render(&root)?;
    for hint in &page.hints {
        eprintln!("note: {hint}");
    }
    println!("{}", page.summary);
    let path = root.join(PAGE);
    if !options.check {
        std::fs::write(&path, &page.text).with_context(|| format!("writing {}", path.display()))?;
    } else if std::fs::read_to_string(&path).ok().as_deref() != Some(page.text.as_str()) {
        eprintln!("{PAGE} is out of date; `cargo run -p leasebook-conformance` writes it anew");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// The nearest folder upwards that has the list of rules.
fn find_root() -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir().context("finding the current folder")?;
    let root = here
        .ancestors()
        .find(|folder| folder.join(REQUIREMENTS).is_file());
    root.map(PathBuf::from).with_context(|| {
        format!(
            "no {REQUIREMENTS} in {} or above; name the root with --root",
            here.display()
        )
    })
}
