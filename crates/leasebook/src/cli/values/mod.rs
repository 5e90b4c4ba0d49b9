//! What arguments stand for: servers, sources, questions, spans of time.

mod server;

pub use server::{DEFAULT_PORT, Endpoint, Host, Server, ServerError, Source, ZoneError};

use std::time::Duration;

/// Reads a span of time for clap.
///
/// Its errors are those of [`crate::text::duration::parse`], with words for the range.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    let time = crate::text::duration::parse(text).map_err(|error| error.to_string())?;
    if time.is_zero() {
        Err("a timeout of 0 would end everything at once; give at least 1ms".to_owned())
    } else {
        Ok(time)
    }
}
