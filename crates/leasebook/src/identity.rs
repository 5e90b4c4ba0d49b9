//! The server's DUID: configured, or made once and kept with the data.
//!
//! The file `server-id` in the data directory holds the DUID in hex on one line. It is
//! written whole or not at all and on stable storage before the DUID is used. One that
//! cannot be read stops the start: a new identity in silence would make every client and
//! relay take the server for another. Source: D-31, RELAY-005.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use leasebook_wire::Duid;

use crate::duid::generate::{self, NoRandom};
use crate::duid::{self, SendableError};

/// The name of the file in the data directory.
pub const FILE_NAME: &str = "server-id";

/// Why the server has no identity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The file is there and cannot be read.
    #[error(
        "cannot read the server's DUID from {}: {source}; make it readable, or set server-id \
         in the configuration", path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not hold a DUID.
    #[error(
        "{} does not hold the server's DUID: {source}; restore the file, set server-id in the \
         configuration, or make a new DUID on purpose with `leasebook duid generate --save {} \
         --replace` (clients and relays will see a new server)",
        path.display(), directory.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Its directory.
        directory: PathBuf,
        /// What is wrong.
        source: SendableError,
    },
    /// There is one already.
    #[error(
        "{} exists; with --replace it is overwritten, and clients and relays will see a new \
         server", path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("cannot keep the server's DUID in {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// None could be made.
    #[error("cannot make a DUID for the server: {0}")]
    Generate(#[from] NoRandom),
}

/// Where an identity came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The configuration.
    Configured,
    /// The file beside the data.
    Kept,
    /// Made just now and kept.
    Made,
}

/// The server's DUID: the configured one, else the one kept, else a new one that is kept.
pub fn server_id(
    directory: &Path,
    configured: Option<&Duid>,
) -> Result<(Duid, Origin), IdentityError> {
    if let Some(duid) = configured {
        return Ok((duid.clone(), Origin::Configured));
    }
    if let Some(duid) = kept(directory)? {
        return Ok((duid, Origin::Kept));
    }
    let duid = generate::uuid()?;
    keep(directory, &duid, false)?;
    Ok((duid, Origin::Made))
}

/// The DUID kept in a data directory, if there is one.
pub fn kept(directory: &Path) -> Result<Option<Duid>, IdentityError> {
    let path = directory.join(FILE_NAME);
    match fs::read_to_string(&path) {
        Ok(text) => match duid::sendable(text.trim()) {
            Ok(duid) => Ok(Some(duid)),
            Err(source) => Err(IdentityError::Malformed {
                path,
                directory: directory.to_owned(),
                source,
            }),
        },
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(IdentityError::Read { path, source }),
    }
}

/// Keeps a DUID in a data directory, on stable storage when this returns.
pub fn keep(directory: &Path, duid: &Duid, replace: bool) -> Result<(), IdentityError> {
    let path = directory.join(FILE_NAME);
    let new = directory.join(format!("{FILE_NAME}.new"));
    let kept = write_synced(&new, duid).and_then(|()| {
        if replace {
            fs::rename(&new, &path)
        } else {
            // A link does not replace, a rename would.
            let linked = fs::hard_link(&new, &path);
            fs::remove_file(&new)?;
            linked
        }?;
        // The name is durable only once its directory is.
        File::open(directory)?.sync_all()
    });
    kept.map_err(|source| {
        if source.kind() == io::ErrorKind::AlreadyExists {
            IdentityError::Exists { path }
        } else {
            IdentityError::Write { path, source }
        }
    })
}

/// Writes the file under its first name.
fn write_synced(path: &Path, duid: &Duid) -> io::Result<()> {
    let mut file = File::create(path)?;
    writeln!(file, "{duid}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D-31: an identity is made once and found again.
    #[test]
    fn an_identity_is_made_once_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let (made, origin) = server_id(directory.path(), None).unwrap();
        assert_eq!(origin, Origin::Made);
        assert_eq!(
            server_id(directory.path(), None).unwrap(),
            (made, Origin::Kept)
        );
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_configured_identity_wins_and_is_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let duid: Duid = "00:03:00:01:aa".parse().unwrap();
        let found = server_id(directory.path(), Some(&duid)).unwrap();
        assert_eq!(found, (duid, Origin::Configured));
        assert!(kept(directory.path()).unwrap().is_none());
    }

    /// D-31: a malformed or unreadable file is an error with the ways out.
    #[test]
    fn a_spoilt_file_is_never_replaced_in_silence() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE_NAME);
        for spoilt in ["", "00:03", "not hex\n"] {
            fs::write(&path, spoilt).unwrap();
            let error = server_id(directory.path(), None).unwrap_err().to_string();
            assert!(error.contains("restore the file"), "{error}");
            assert!(error.contains("--replace"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), spoilt);
        }
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(
            server_id(directory.path(), None),
            Err(IdentityError::Read { .. })
        ));
    }

    #[test]
    fn an_identity_is_replaced_only_on_purpose() {
        let directory = tempfile::tempdir().unwrap();
        let (first, second) = (generate::uuid().unwrap(), generate::uuid().unwrap());
        keep(directory.path(), &first, false).unwrap();
        assert!(matches!(
            keep(directory.path(), &second, false),
            Err(IdentityError::Exists { .. })
        ));
        assert_eq!(kept(directory.path()).unwrap(), Some(first));
        keep(directory.path(), &second, true).unwrap();
        assert_eq!(kept(directory.path()).unwrap(), Some(second));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_directory_is_told() {
        let error = server_id(Path::new("/nonexistent/leasebook"), None).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("/nonexistent/leasebook/server-id")
        );
    }
}
