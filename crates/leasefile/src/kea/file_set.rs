//! The files that make up one lease database of Kea.
//!
//! Kea appends to the main file. Its lease file cleanup (LFC) moves that to `.1`, merges
//! `.2` (what the last cleanup left) and `.1` into `.output`, renames this to `.completed`,
//! removes `.1` and `.2`, and renames `.completed` to `.2`. Stopped at any point it leaves:
//! ```text
//! FILE.2 + FILE.1 + FILE            .output is half-written and counts for nothing
//! FILE.completed + FILE             .completed has all of .2 and .1, whether they remain or not
//! FILE.2 + FILE                     between cleanups
//! ```
//! What is later in the list is newer. `.pid` names the process of a running cleanup.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The files Kea would load for the lease file `main`, oldest first.
///
/// `main` itself is always the last, whether it exists or not; of the others those that
/// exist now. Source: Kea's memfile backend, which loads `.completed` or else `.2` and
/// `.1`, then the main file.
pub fn kea_file_set(main: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let completed = beside(main, ".completed");
    if completed.exists() {
        files.push(completed);
    } else {
        files.extend(
            [beside(main, ".2"), beside(main, ".1")]
                .into_iter()
                .filter(|file| file.exists()),
        );
    }
    files.push(main.to_path_buf());
    files
}

/// The file in which a running cleanup of `main` keeps its process id, if there is one.
///
/// Kea itself does not load its leases while that process lives.
pub fn cleanup_pid_file(main: &Path) -> Option<PathBuf> {
    Some(beside(main, ".pid")).filter(|file| file.exists())
}

fn beside(main: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(main);
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_of(present: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("kea-leases6.csv");
        for suffix in present {
            std::fs::write(beside(&main, suffix), "").unwrap();
        }
        kea_file_set(&main)
            .iter()
            .map(|file| {
                let name = file.file_name().unwrap().to_str().unwrap();
                name.strip_prefix("kea-leases6.csv").unwrap().to_owned()
            })
            .collect()
    }

    #[test]
    fn takes_the_files_kea_takes_in_its_order() {
        assert_eq!(set_of(&[""]), [""]);
        assert_eq!(set_of(&["", ".2"]), [".2", ""]);
        assert_eq!(
            set_of(&["", ".1", ".2", ".output", ".pid"]),
            [".2", ".1", ""]
        );
        assert_eq!(set_of(&["", ".1", ".2", ".completed"]), [".completed", ""]);
        assert_eq!(set_of(&[".completed"]), [".completed", ""]);
    }

    #[test]
    fn finds_the_pid_of_a_running_cleanup() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("leases");
        assert_eq!(cleanup_pid_file(&main), None);
        std::fs::write(beside(&main, ".pid"), "17\n").unwrap();
        assert_eq!(
            cleanup_pid_file(&main),
            Some(folder.path().join("leases.pid"))
        );
    }
}
