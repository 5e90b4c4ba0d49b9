//! Values of the relay's configuration.

use leasebook_protocol::relay::RSOO_ENABLED;
use leasebook_wire::code::OptionCode;

use super::FromText;
use crate::cli::values::Server;
use crate::text::hex;

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

/// An option that a relay supplies for clients (RELAY-026).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct SuppliedOption {
    /// The code.
    pub(in crate::config) code: OptionCode,
    /// The data.
    pub(in crate::config) data: Vec<u8>,
}

impl FromText for SuppliedOption {
    const FORM: &'static str = "an option in quotes, \"CODE:HEX\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let no_option = || format!("`{text}` is no option; write it as \"CODE:HEX\"");
        let (code, data) = text.split_once(':').ok_or_else(no_option)?;
        let code = OptionCode(code.parse().map_err(|_| no_option())?);
        if !RSOO_ENABLED.contains(&code) {
            let enabled = RSOO_ENABLED.map(|code| code.0.to_string());
            return Err(format!(
                "option {} is not made to be supplied by relays; those that are: {}",
                code.0,
                enabled.join(", ")
            ));
        }
        let data = hex::parse(data).map_err(|error| error.to_string())?;
        Ok(Self { code, data })
    }
}
