//! What kind of lease file a file is, by its first octets.

use std::fmt;

use crate::kea::KNOWN_COLUMNS;

/// The octets of a file's beginning that [`Format::detect`] wants to see.
pub const DETECT_OCTETS: usize = 64 << 10;

/// A kind of lease file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Kea's memfile CSV, DHCPv6.
    KeaCsv,
    /// ISC dhcpd's `dhcpd6.leases`.
    IscLeases,
    /// leasebook's own JSON lines.
    JsonLines,
}

impl Format {
    /// The format of a file that begins with `first`, [`DETECT_OCTETS`] of it or all.
    ///
    /// A file of white space only is an empty Kea file: a server that never gave a lease
    /// leaves one. `None` for anything else, among it Kea's and ISC's DHCPv4 files.
    pub fn detect(first: &[u8]) -> Option<Self> {
        let first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
        let first = first.trim_ascii_start();
        if first.is_empty() {
            return Some(Self::KeaCsv);
        }
        if first[0] == b'{' {
            return is_json_line(first).then_some(Self::JsonLines);
        }
        let line = first.split(|&octet| octet == b'\n').next().unwrap_or(first);
        if is_kea_header(line) {
            return Some(Self::KeaCsv);
        }
        is_isc(first).then_some(Self::IscLeases)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeaCsv => "Kea lease file",
            Self::IscLeases => "ISC dhcpd6.leases",
            Self::JsonLines => "leasebook JSON lines",
        })
    }
}

/// A lease of ours begins and ends on one line; a configuration in JSON does not look so.
fn is_json_line(first: &[u8]) -> bool {
    let line = first.split(|&octet| octet == b'\n').next().unwrap_or(first);
    memchr::memmem::find(line, b"\"client\"").is_some()
}

fn is_kea_header(line: &[u8]) -> bool {
    let has = |wanted: &str| {
        line.split(|&octet| octet == b',')
            .any(|name| name.trim_ascii() == wanted.as_bytes())
    };
    // `duid` tells it from a DHCPv4 file.
    has(KNOWN_COLUMNS[0]) && has(KNOWN_COLUMNS[1])
}

/// Statements that only a DHCPv6 lease file of ISC dhcpd begins with; comments before are skipped.
fn is_isc(first: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 6] = [
        b"authoring-byte-order",
        b"server-duid",
        b"default-duid",
        b"ia-na",
        b"ia-ta",
        b"ia-pd",
    ];
    first
        .split(|&octet| octet == b'\n')
        .map(<[u8]>::trim_ascii)
        .find(|line| !line.is_empty() && !line.starts_with(b"#"))
        .is_some_and(|line| {
            // A DHCPv4 file may begin with the byte order too.
            BEGINNINGS
                .iter()
                .any(|beginning| line.starts_with(beginning))
                && memchr::memmem::find(first, b"\nlease ").is_none()
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn knows_every_format_by_its_beginning() {
        let kea = include_bytes!("../tests/data/kea-leases6.csv");
        assert_eq!(Format::detect(kea), Some(Format::KeaCsv));
        assert_eq!(Format::detect(b" \n\n"), Some(Format::KeaCsv));
        for isc in [
            "# The format of this file is documented\n\n# This\n\nauthoring-byte-order little-endian;\n\nia-na \"x\" {\n",
            "server-duid \"\\000\";\n",
            "ia-pd \"\\001\" {",
        ] {
            assert_eq!(
                Format::detect(isc.as_bytes()),
                Some(Format::IscLeases),
                "{isc}"
            );
        }
        let json = b"{\"link\":1,\"client\":\"00:03\",\"leases\":[]}\n";
        assert_eq!(Format::detect(json), Some(Format::JsonLines));
    }

    #[test]
    fn refuses_files_of_dhcpv4_and_configurations() {
        for other in [
            "address,hwaddr,client_id,valid_lifetime,expire,subnet_id\n",
            "# comment\nauthoring-byte-order little-endian;\n\nlease 192.0.2.1 {\n",
            "{\n \"Dhcp6\": { \"client\": 1 } }",
            "subnet6 2001:db8::/32 {",
            "\u{1f}\u{8b}",
        ] {
            assert_eq!(Format::detect(other.as_bytes()), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_can_be_judged(first in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Format::detect(&first);
        }
    }
}
