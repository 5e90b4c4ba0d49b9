//! DUIDs (temporary minimum).
#![allow(missing_docs)]
use std::fmt;
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duid(Box<[u8]>);
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a DUID has 1 to 130 octets")]
pub struct BadDuid;
impl Duid {
    pub fn new(octets: &[u8]) -> Result<Self, BadDuid> {
        if octets.is_empty() || octets.len() > 130 {
            return Err(BadDuid);
        }
        Ok(Self(octets.into()))
    }
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}
impl fmt::Display for Duid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, o) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(":")?;
            }
            write!(f, "{o:02x}")?;
        }
        Ok(())
    }
}
