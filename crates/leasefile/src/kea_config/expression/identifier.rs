//! What stands for a client without being a test: Kea's own classes, and expressions of values.

use super::formula::Formula;
use super::{Operand, Parser, equal, holds, shown, tokens};
use crate::kea_config::write::data;

/// The members of one of Kea's own classes; none if it is not one.
pub(in crate::kea_config) fn builtin(name: &str) -> Option<Vec<String>> {
    shown(&builtin_formula(name)?).ok()
}

pub(super) fn builtin_formula(name: &str) -> Option<Formula> {
    let reserved = |is_reserved: bool| holds("reserved", is_reserved.to_string());
    Some(match name {
        "ALL" => Formula::Any(vec![reserved(true), reserved(false)]),
        "KNOWN" => reserved(true),
        "UNKNOWN" => reserved(false),
        _ => {
            // The first item of a VENDOR_CLASS of any enterprise, with its length.
            let item = name.strip_prefix("VENDOR_CLASS_")?;
            let mut octets = u16::try_from(item.len()).ok()?.to_be_bytes().to_vec();
            octets.extend_from_slice(item.as_bytes());
            let data = data(&octets);
            let vendor_class = format!("{{ code = 16, data = {data}, at = {ENTERPRISE_OCTETS} }}");
            holds("option", vendor_class)
        }
    })
}

/// Octets of the enterprise number in VENDOR_CLASS. Source: RFC 8415 §21.16.
pub(in crate::kea_config) const ENTERPRISE_OCTETS: usize = 4;

/// What an expression takes out of a message: a flexible identifier, or what tells the classes
/// that are made of a template.
#[derive(Clone, Debug)]
pub(in crate::kea_config) struct Identifier(Operand);

impl Identifier {
    /// Reads the expression.
    ///
    /// # Errors
    /// What in it cannot be said in leasebook's words.
    pub(in crate::kea_config) fn read(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut parser = Parser::new(&tokens, &[]);
        let operand = parser.operand()?;
        parser.end()?;
        Ok(Self(operand))
    }

    /// The setting that is a client by which this is `value`.
    pub(in crate::kea_config) fn setting(
        &self,
        value: &[u8],
    ) -> Result<(&'static str, String), String> {
        match equal(self.0.clone(), Operand::Octets(value.to_vec()))? {
            Formula::Holds(setting) => Ok(setting),
            _ => Err("it is no single comparison".to_owned()),
        }
    }

    /// The members by which this is `value`.
    pub(in crate::kea_config) fn equals(&self, value: &[u8]) -> Result<Vec<String>, String> {
        let (key, value) = self.setting(value)?;
        Ok(vec![format!("{{ {key} = {value} }}")])
    }

    /// The members by which this is anything at all.
    pub(in crate::kea_config) fn exists(&self) -> Result<Vec<String>, String> {
        match &self.0 {
            Operand::Option(code) | Operand::Part(code, 0, 1..) => {
                let none = format!("{{ option = {{ code = {code}, data = \"\" }} }}");
                Ok(vec![format!(
                    "{{ option = {{ code = {code} }}, unless = [{none}] }}"
                )])
            }
            _ => Err("that it is not empty is nothing leasebook compares".to_owned()),
        }
    }
}
