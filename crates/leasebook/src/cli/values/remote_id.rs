//! A Remote-ID as written on the command line.

use std::fmt;
use std::str::FromStr;

use crate::text::hex;

/// A Remote-ID: enterprise number and what follows. Source: RFC 4649 §3.
///
/// Written as the option's octets in hex (enterprise number in the first four), or as
/// `ENTERPRISE:TEXT` with the number in decimal. Hex wins where a text can be read as both:
/// pairs of hex digits, five octets or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteId {
    /// The vendor's enterprise number.
    pub enterprise: u32,
    /// The octets that identify, one at least.
    pub identifier: Vec<u8>,
}

/// Why a text is no Remote-ID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no Remote-ID; write the option's octets in hex (4 of enterprise number and at \
     least 1 more), or ENTERPRISE:TEXT such as 2495:port-7"
)]
pub struct RemoteIdError {
    /// What was written.
    text: String,
}

impl RemoteId {
    /// The octets before the identifier. Source: RFC 4649 §3.
    const ENTERPRISE_OCTETS: usize = 4;

    /// The option's octets.
    pub fn octets(&self) -> Vec<u8> {
        let mut octets = self.enterprise.to_be_bytes().to_vec();
        octets.extend_from_slice(&self.identifier);
        octets
    }
}

impl FromStr for RemoteId {
    type Err = RemoteIdError;

    fn from_str(text: &str) -> Result<Self, RemoteIdError> {
        if let Some(octets) = pairs_of_hex(text)
            && let Some((enterprise, identifier)) =
                octets.split_first_chunk::<{ Self::ENTERPRISE_OCTETS }>()
            && !identifier.is_empty()
        {
            return Ok(Self {
                enterprise: u32::from_be_bytes(*enterprise),
                identifier: identifier.to_vec(),
            });
        }
        let wrong = || RemoteIdError {
            text: text.to_owned(),
        };
        let (number, identifier) = text.split_once(':').ok_or_else(wrong)?;
        if identifier.is_empty() || !number.bytes().all(|octet| octet.is_ascii_digit()) {
            return Err(wrong());
        }
        Ok(Self {
            enterprise: number.parse().map_err(|_| wrong())?,
            identifier: identifier.as_bytes().to_vec(),
        })
    }
}

impl fmt::Display for RemoteId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::show(&self.octets()))
    }
}

/// The octets of a text that is hex with each octet in two digits.
fn pairs_of_hex(text: &str) -> Option<Vec<u8>> {
    let whole = !text.contains(':') || text.split(':').all(|group| group.len() == 2);
    whole.then(|| hex::parse(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::RemoteId;

    #[test]
    fn a_remote_id_is_hex_or_enterprise_and_text() {
        let table: [(&str, u32, &[u8]); 6] = [
            ("2495:port-7", 2495, b"port-7"),
            ("00:00:09:bf:70", 2495, b"p"),
            ("000009bf70", 2495, b"p"),
            ("10:ab", 10, b"ab"),
            ("9:a:b", 9, b"a:b"),
            ("2495:0a0b", 2495, b"0a0b"),
        ];
        for (text, enterprise, identifier) in table {
            let read: RemoteId = text.parse().unwrap();
            assert_eq!(read.enterprise, enterprise, "{text}");
            assert_eq!(read.identifier, identifier, "{text}");
            assert_eq!(read.to_string().parse(), Ok(read));
        }
        for text in [
            "",
            ":",
            "port-7",
            "2495:",
            "4294967296:x",
            "-1:x",
            "000009bf",
        ] {
            assert!(text.parse::<RemoteId>().is_err(), "{text:?} was taken");
        }
    }
}
