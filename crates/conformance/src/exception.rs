//! Rules that do not concern this product, from `docs/not-applicable.toml`.
//!
//! One table, `[not-applicable]`, of `ID = "reason"`. The file is curated: a rule that is merely not done yet has no
//! place in it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Error;
use crate::requirement::Id;

/// Reasons by ID.
pub type Exceptions = BTreeMap<Id, String>;

/// The file as TOML has it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    #[serde(default)]
    not_applicable: BTreeMap<String, String>,
}

/// Reads the file.
///
/// # Errors
/// No TOML, a key that is no ID, a reason without words.
pub fn parse(text: &str) -> Result<Exceptions, Error> {
    let file: File = toml::from_str(text).map_err(|error| Error::Exception(error.to_string()))?;
    let entry = |(name, reason): (String, String)| {
        let id = Id::parse(&name).ok_or_else(|| Error::Exception(format!("'{name}' is no ID")))?;
        if reason.trim().is_empty() {
            return Err(Error::Exception(format!("{id} has no reason")));
        }
        Ok((id, reason.trim().to_owned()))
    };
    file.not_applicable.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_reasons_by_id() {
        let found = parse("[not-applicable]\n\"WIRE-007\" = \"nothing to name\"\n").unwrap();
        assert_eq!(found[&Id::parse("WIRE-007").unwrap()], "nothing to name");
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn refuses_what_is_no_id_and_what_has_no_reason() {
        for text in [
            "[not-applicable]\nWIRE = \"x\"",
            "[not-applicable]\n\"WIRE-001\" = \" \"",
            "[other]\n",
            "nonsense",
        ] {
            assert!(matches!(parse(text), Err(Error::Exception(_))), "{text}");
        }
    }
}
