//! Which column of a Kea lease file holds what.

use std::path::Path;

use crate::problem::ReadError;

/// The columns of a DHCPv6 lease file in the order Kea 3.x writes them.
///
/// 1.0 ends with `hostname`, 2.0 adds `hwaddr`, 3.0 `state`, 3.1 `user_context`, 4.0
/// `hwtype` and `hwaddr_source`, 5.0 `pool_id` (these are versions of the file, not of Kea).
pub const KNOWN_COLUMNS: [&str; 18] = [
    "address",
    "duid",
    "valid_lifetime",
    "expire",
    "subnet_id",
    "pref_lifetime",
    "lease_type",
    "iaid",
    "prefix_len",
    "fqdn_fwd",
    "fqdn_rev",
    "hostname",
    "hwaddr",
    "state",
    "user_context",
    "hwtype",
    "hwaddr_source",
    "pool_id",
];

/// How many of [`KNOWN_COLUMNS`] every version of the file has.
const ALWAYS_THERE: usize = 12;

/// The most columns a header may have; more are not a lease file.
pub(crate) const MAX_COLUMNS: usize = 64;

/// A column this crate reads; the number is its place in [`KNOWN_COLUMNS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Column {
    Address = 0,
    Duid = 1,
    ValidLifetime = 2,
    Expire = 3,
    SubnetId = 4,
    PrefLifetime = 5,
    LeaseType = 6,
    Iaid = 7,
    PrefixLen = 8,
    FqdnFwd = 9,
    FqdnRev = 10,
    Hostname = 11,
    Hwaddr = 12,
    State = 13,
    UserContext = 14,
    Hwtype = 15,
}

impl Column {
    /// The column's name in the header.
    pub(crate) fn name(self) -> &'static str {
        KNOWN_COLUMNS[self as usize]
    }
}

/// The places of the columns in one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    /// For each of [`KNOWN_COLUMNS`], its place in a row.
    places: [Option<u8>; KNOWN_COLUMNS.len()],
    /// Columns of the header: a row has no fewer.
    pub(crate) least: usize,
    /// The most columns a row may have: Kea, freshly upgraded, appends rows of its new
    /// layout to a file whose header is of the old one.
    pub(crate) most: usize,
}

impl Columns {
    /// Reads the header line of `file`.
    pub(crate) fn parse(header: &[u8], file: &Path) -> Result<Self, ReadError> {
        let mut columns = Self {
            places: [None; KNOWN_COLUMNS.len()],
            least: 0,
            most: 0,
        };
        let mut in_known_order = true;
        for (place, name) in header.split(|&octet| octet == b',').enumerate() {
            let Some(place) = u8::try_from(place)
                .ok()
                .filter(|&place| usize::from(place) < MAX_COLUMNS)
            else {
                return Err(ReadError::UnknownFormat { file: file.into() });
            };
            columns.least = usize::from(place) + 1;
            let name = name.trim_ascii();
            let known = KNOWN_COLUMNS
                .iter()
                .position(|known| known.as_bytes() == name);
            if let Some(known) = known
                && columns.places[known].replace(place).is_some()
            {
                return Err(ReadError::DoubleColumn {
                    file: file.into(),
                    column: KNOWN_COLUMNS[known].to_owned(),
                });
            }
            in_known_order &= known.is_none_or(|known| known == usize::from(place));
        }
        if let Some(column) = (0..ALWAYS_THERE).find(|&known| columns.places[known].is_none()) {
            return Err(ReadError::MissingColumn {
                file: file.into(),
                column: KNOWN_COLUMNS[column],
            });
        }
        columns.most = columns.least;
        if in_known_order && columns.least < KNOWN_COLUMNS.len() {
            columns.allow_newer_rows();
        }
        Ok(columns)
    }

    fn allow_newer_rows(&mut self) {
        for (known, place) in self.places.iter_mut().enumerate().skip(self.least) {
            *place = u8::try_from(known).ok();
        }
        self.most = KNOWN_COLUMNS.len();
    }

    /// Where `column` is in a row.
    #[inline]
    pub(crate) fn place(&self, column: Column) -> Option<usize> {
        self.places[column as usize].map(usize::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(header: &str) -> Result<Columns, ReadError> {
        Columns::parse(header.as_bytes(), Path::new("leases.csv"))
    }

    #[test]
    fn every_version_of_the_header_is_read() {
        for version in [12, 13, 14, 15, 17, 18] {
            let columns = parse(&KNOWN_COLUMNS[..version].join(",")).unwrap();
            assert_eq!((columns.least, columns.most), (version, 18));
            assert_eq!(columns.place(Column::UserContext), Some(14));
        }
        let newer = format!("{},novelty", KNOWN_COLUMNS.join(","));
        let columns = parse(&newer).unwrap();
        assert_eq!((columns.least, columns.most), (19, 19));
    }

    #[test]
    fn columns_are_found_in_any_order() {
        let mut names = KNOWN_COLUMNS.to_vec();
        names.reverse();
        let columns = parse(&names.join(",")).unwrap();
        assert_eq!(columns.place(Column::Address), Some(17));
        assert_eq!((columns.least, columns.most), (18, 18));
        names.truncate(17);
        assert!(matches!(
            parse(&names.join(",")),
            Err(ReadError::MissingColumn {
                column: "address",
                ..
            })
        ));
    }

    #[test]
    fn refuses_a_header_that_names_a_column_twice() {
        let header = format!("{},duid", KNOWN_COLUMNS.join(","));
        assert!(
            matches!(parse(&header), Err(ReadError::DoubleColumn { column, .. }) if column == "duid")
        );
    }
}
