//! Values of the relay's configuration.

use super::FromText;
use crate::cli::values::Server;

impl FromText for Server {
    const FORM: &'static str = "a server in quotes, such as \"2001:db8::1\"";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error: crate::cli::values::ServerError| error.to_string())
    }
}

/// A Remote-ID with places to fill in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct RemoteIdTemplate {
    /// The enterprise number.
    pub(in crate::config) enterprise: u32,
    /// The text.
    pub(in crate::config) text: String,
}

impl FromText for RemoteIdTemplate {
    const FORM: &'static str = "a Remote-ID in quotes, \"ENTERPRISE:TEXT\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let split = text.split_once(':');
        let parsed = split.and_then(|(enterprise, text)| {
            Some(Self {
                enterprise: enterprise.parse().ok()?,
                text: text.to_owned(),
            })
        });
        parsed.ok_or_else(|| {
            format!("`{text}` is no Remote-ID; write it as \"ENTERPRISE:TEXT\", with a number")
        })
    }
}
