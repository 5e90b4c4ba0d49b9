//! The DUID of a server or a relay: configured, or made once and kept with the data.
//!
//! The file `server-id` in the data directory, or `relay-id` in the relay's state directory,
//! holds the DUID in hex on one line. It is
//! written whole or not at all and on stable storage before the DUID is used. One that
//! cannot be read stops the start: a new identity in silence would make every client and
//! relay take the server for another. Source: D-31, RELAY-005.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use leasebook_wire::Duid;

use crate::duid::generate::{self, NoRandom};
use crate::duid::{self, SendableError};

/// Whose identity it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The server's.
    Server,
    /// The relay's.
    Relay,
}

impl Role {
    /// The name of the file, and of the setting in the configuration.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Server => "server-id",
            Self::Relay => "relay-id",
        }
    }

    /// The word for people.
    const fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Relay => "relay",
        }
    }

    /// What a new identity would do.
    const fn consequence(self) -> &'static str {
        match self {
            Self::Server => "clients and relays will see a new server",
            Self::Relay => "servers will not know what was relayed before",
        }
    }
}

/// Why the server has no identity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The file is there and cannot be read.
    #[error(
        "cannot read the {}'s DUID from {}: {source}; make it readable, or set {} in the \
         configuration", role.word(), path.display(), role.file_name()
    )]
    Read {
        /// Whose.
        role: Role,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is there and nothing is in it.
    #[error(
        "{} is empty, and should hold the {}'s DUID; {}",
        path.display(), role.word(), advice(*role, directory)
    )]
    Empty {
        /// Whose.
        role: Role,
        /// The file.
        path: PathBuf,
        /// Its directory.
        directory: PathBuf,
    },
    /// The file does not hold a DUID.
    #[error(
        "{} does not hold the {}'s DUID: {source}; {}",
        path.display(), role.word(), advice(*role, directory)
    )]
    Malformed {
        /// Whose.
        role: Role,
        /// The file.
        path: PathBuf,
        /// Its directory.
        directory: PathBuf,
        /// What is wrong.
        source: SendableError,
    },
    /// There is one already.
    #[error(
        "{} exists; with --replace it is overwritten, and {}", path.display(), role.consequence()
    )]
    Exists {
        /// Whose.
        role: Role,
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("cannot keep the {}'s DUID in {}: {source}", role.word(), path.display())]
    Write {
        /// Whose.
        role: Role,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// None could be made.
    #[error("cannot make a DUID: {0}")]
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

/// The DUID: the configured one, else the one kept, else a new one that is kept.
pub fn identity(
    role: Role,
    directory: &Path,
    configured: Option<&Duid>,
) -> Result<(Duid, Origin), IdentityError> {
    if let Some(duid) = configured {
        return Ok((duid.clone(), Origin::Configured));
    }
    if let Some(duid) = kept(role, directory)? {
        return Ok((duid, Origin::Kept));
    }
    let duid = generate::uuid()?;
    keep(role, directory, &duid, false)?;
    Ok((duid, Origin::Made))
}

/// The DUID kept in a directory, if there is one.
pub fn kept(role: Role, directory: &Path) -> Result<Option<Duid>, IdentityError> {
    let path = directory.join(role.file_name());
    match fs::read_to_string(&path) {
        Ok(text) if text.trim().is_empty() => Err(IdentityError::Empty {
            role,
            path,
            directory: directory.to_owned(),
        }),
        Ok(text) => match duid::sendable(text.trim()) {
            Ok(duid) => Ok(Some(duid)),
            Err(source) => Err(IdentityError::Malformed {
                role,
                path,
                directory: directory.to_owned(),
                source,
            }),
        },
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(IdentityError::Read { role, path, source }),
    }
}

/// Keeps a DUID in a directory, on stable storage when this returns.
pub fn keep(role: Role, directory: &Path, duid: &Duid, replace: bool) -> Result<(), IdentityError> {
    let path = directory.join(role.file_name());
    let new = directory.join(format!("{}.new", role.file_name()));
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
            IdentityError::Exists { role, path }
        } else {
            IdentityError::Write { role, path, source }
        }
    })
}

/// The ways out where a file does not tell who we are.
fn advice(role: Role, directory: &Path) -> String {
    let flag = match role {
        Role::Server => "",
        Role::Relay => "--relay ",
    };
    format!(
        "restore the file, set {} in the configuration, or make a new DUID on purpose with \
         `leasebook duid generate {flag}--save {} --replace` ({})",
        role.file_name(),
        directory.display(),
        role.consequence()
    )
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

    /// DHCP-S-038, D-31: an identity is made once and found again.
    #[test]
    fn an_identity_is_made_once_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let (made, origin) = identity(Role::Server, directory.path(), None).unwrap();
        assert_eq!(origin, Origin::Made);
        assert_eq!(
            identity(Role::Server, directory.path(), None).unwrap(),
            (made, Origin::Kept)
        );
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_configured_identity_wins_and_is_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let duid: Duid = "00:03:00:01:aa".parse().unwrap();
        let found = identity(Role::Server, directory.path(), Some(&duid)).unwrap();
        assert_eq!(found, (duid, Origin::Configured));
        assert!(kept(Role::Server, directory.path()).unwrap().is_none());
    }

    /// D-31: a malformed or unreadable file is an error with the ways out.
    #[test]
    fn a_spoilt_file_is_never_replaced_in_silence() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(Role::Server.file_name());
        for spoilt in ["", "00:03", "not hex\n"] {
            fs::write(&path, spoilt).unwrap();
            let error = identity(Role::Server, directory.path(), None)
                .unwrap_err()
                .to_string();
            assert!(error.contains("restore the file"), "{error}");
            assert!(error.contains("--replace"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), spoilt);
        }
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(
            identity(Role::Server, directory.path(), None),
            Err(IdentityError::Read { .. })
        ));
    }

    /// RELAY-002, RELAY-003, RELAY-004, RELAY-005: a relay's identity is made once, durable before its
    /// first use and the same afterwards; a configured one wins; a spoilt file is an error.
    #[test]
    fn a_relays_identity_is_kept_apart() {
        let directory = tempfile::tempdir().unwrap();
        let of = |configured| identity(Role::Relay, directory.path(), configured);
        let (made, origin) = of(None).unwrap();
        assert_eq!((origin, made.octets().len()), (Origin::Made, 18));
        assert_eq!(of(None).unwrap(), (made.clone(), Origin::Kept));
        let (server, _) = identity(Role::Server, directory.path(), None).unwrap();
        assert_ne!(server, made);
        let old: Duid = "00:03:00:01:aa".parse().unwrap();
        assert_eq!(of(Some(&old)).unwrap(), (old.clone(), Origin::Configured));
        fs::write(directory.path().join("relay-id"), "00").unwrap();
        let error = of(None).unwrap_err().to_string();
        assert!(error.contains("--relay --save"), "{error}");
    }

    #[test]
    fn an_identity_is_replaced_only_on_purpose() {
        let directory = tempfile::tempdir().unwrap();
        let (first, second) = (generate::uuid().unwrap(), generate::uuid().unwrap());
        keep(Role::Server, directory.path(), &first, false).unwrap();
        assert!(matches!(
            keep(Role::Server, directory.path(), &second, false),
            Err(IdentityError::Exists { .. })
        ));
        assert_eq!(kept(Role::Server, directory.path()).unwrap(), Some(first));
        keep(Role::Server, directory.path(), &second, true).unwrap();
        assert_eq!(kept(Role::Server, directory.path()).unwrap(), Some(second));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_directory_is_told() {
        let error = identity(Role::Server, Path::new("/nonexistent/leasebook"), None).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("/nonexistent/leasebook/server-id")
        );
    }
}
