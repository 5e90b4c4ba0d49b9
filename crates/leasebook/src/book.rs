//! Opening the book of a data directory.

use std::path::Path;

use leasebook_store::{Book, BookOptions, Recovery, StoreError};

/// Why a book could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store says why.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gave no random number to name a new book by.
    #[error("cannot get a random number from the system: {0}")]
    NoRandom(getrandom::Error),
}

/// Opens the book in `data`, or begins one; tells what had to be recovered.
///
/// # Errors
/// If another process has it, a file is damaged, or the system refuses.
pub fn open(data: &Path) -> Result<(Book, Recovery), OpenError> {
    let mut fresh = [0; 16];
    getrandom::fill(&mut fresh).map_err(OpenError::NoRandom)?;
    Ok(Book::open(
        data,
        BookOptions::default(),
        u128::from_le_bytes(fresh),
    )?)
}
