//! One row of a Kea lease file.

use std::net::Ipv6Addr;

use crate::kea::columns::{Column, Columns, MAX_COLUMNS};
use crate::kea::escape::unescape;
use crate::kea::relay_info::RelayInfoReader;
use crate::problem::{Effect, Fault};
use crate::row::{HardwareAddress, LeaseRow, LinkHint};
use crate::text::{
    MAX_DUID_OCTETS, excerpt, parse_ipv6, parse_octets, parse_u8, parse_u32, parse_u64,
};
use leasebook_store::{IaKind, LeaseName, LeaseState, RelayData};

/// How Kea writes the DUID of a declined lease, whose client it forgets: `00:00:00`, and
/// `00` before Kea 2.0.
const EMPTY_DUIDS: [&[u8]; 2] = [&[0, 0, 0], &[0]];

/// Hardware type Ethernet: what a file without the column `hwtype` means.
const ETHERNET: u16 = 1;

/// Something wrong in a row: the column, what, and what was done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) field: Option<&'static str>,
    pub(super) fault: Fault,
    pub(super) effect: Effect,
}

impl Wrong {
    fn skipped(column: Column, fault: Fault) -> Self {
        Self {
            field: Some(column.name()),
            fault,
            effect: Effect::Skipped,
        }
    }
}

/// A line cut at its commas.
pub(super) struct Cells<'a> {
    line: &'a [u8],
    columns: &'a Columns,
    /// End of each cell; the next one begins one octet later.
    ends: [usize; MAX_COLUMNS],
    /// How many cells there are, though there be more than can be reached.
    pub(super) count: usize,
}

impl<'a> Cells<'a> {
    #[inline]
    pub(super) fn cut(line: &'a [u8], columns: &'a Columns) -> Self {
        let mut ends = [0; MAX_COLUMNS];
        let mut count = 0;
        for comma in memchr::memchr_iter(b',', line) {
            if let Some(end) = ends.get_mut(count) {
                *end = comma;
            }
            count += 1;
        }
        if let Some(end) = ends.get_mut(count) {
            *end = line.len();
        }
        count += 1;
        Self {
            line,
            columns,
            ends,
            count,
        }
    }

    /// The cell of a column; empty if the row, of an older layout, has no such column.
    #[inline]
    fn get(&self, column: Column) -> &'a [u8] {
        let Some(place) = self
            .columns
            .place(column)
            .filter(|&place| place < self.count)
        else {
            return &[];
        };
        let start = place
            .checked_sub(1)
            .map_or(0, |before| self.ends[before] + 1);
        &self.line[start..self.ends[place]]
    }

    /// Whether the row has a cell for the column.
    fn has(&self, column: Column) -> bool {
        self.columns
            .place(column)
            .is_some_and(|place| place < self.count)
    }

    fn u32(&self, column: Column) -> Result<u32, Wrong> {
        let cell = self.get(column);
        parse_u32(cell).ok_or_else(|| not_a_number(column, cell, u32::MAX.into()))
    }

    fn flag(&self, column: Column) -> Result<bool, Wrong> {
        match self.get(column) {
            b"0" => Ok(false),
            b"1" => Ok(true),
            cell => Err(not_one_of(column, cell, "0 or 1")),
        }
    }
}

/// Reads rows; keeps its memory from one to the next.
#[derive(Debug)]
pub(super) struct RowParser {
    relay_info: RelayInfoReader,
    /// Relay data not in use by the row: its memory is kept for the next that needs it.
    spare_relay: Option<RelayData>,
    unescaped: Vec<u8>,
    /// What was wrong with the row last read, though the lease was kept.
    pub(super) warnings: Vec<Wrong>,
}

impl RowParser {
    pub(super) fn new() -> Self {
        Self {
            relay_info: RelayInfoReader::default(),
            spare_relay: None,
            unescaped: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Reads everything that decides whether the row counts, and nothing else.
    pub(super) fn check(&mut self, cells: &Cells<'_>, row: &mut LeaseRow) -> Result<(), Wrong> {
        self.warnings.clear();
        if cells.count < cells.columns.least || cells.count > cells.columns.most {
            return Err(Wrong {
                field: None,
                fault: Fault::ColumnCount {
                    found: cells.count,
                    expected: cells.columns.least,
                },
                effect: Effect::Skipped,
            });
        }
        self.read_name(cells, row)?;
        row.state = read_state(cells)?;
        read_client(cells, row)?;
        row.iaid = cells.u32(Column::Iaid)?;
        row.link = LinkHint::SubnetId(cells.u32(Column::SubnetId)?);
        row.preferred = cells.u32(Column::PrefLifetime)?;
        row.valid = cells.u32(Column::ValidLifetime)?;
        row.clt = read_clt(cells, row.valid)?;
        row.fqdn_forward = cells.flag(Column::FqdnFwd)?;
        row.fqdn_reverse = cells.flag(Column::FqdnRev)?;
        row.deleted = row.valid == 0;
        Ok(())
    }

    /// Reads the whole row.
    pub(super) fn read(&mut self, cells: &Cells<'_>, row: &mut LeaseRow) -> Result<(), Wrong> {
        self.check(cells, row)?;
        self.read_hostname(cells, row);
        self.read_hardware(cells, row);
        self.read_relays(cells, row);
        Ok(())
    }

    fn read_name(&mut self, cells: &Cells<'_>, row: &mut LeaseRow) -> Result<(), Wrong> {
        let cell = cells.get(Column::Address);
        let address = parse_ipv6(cell)
            .ok_or_else(|| Wrong::skipped(Column::Address, not_an_address(cell)))?;
        let kind = match cells.get(Column::LeaseType) {
            b"0" => IaKind::Na,
            b"1" => IaKind::Ta,
            b"2" => IaKind::Pd,
            cell => {
                return Err(not_one_of(
                    Column::LeaseType,
                    cell,
                    "0 (IA_NA), 1 (IA_TA) or 2 (IA_PD)",
                ));
            }
        };
        row.kind = kind;
        row.lease = if kind == IaKind::Pd {
            self.read_prefix(address, cells)?
        } else {
            // Kea writes 128 here and does not read it.
            LeaseName::Address(address)
        };
        Ok(())
    }

    fn read_prefix(&mut self, address: Ipv6Addr, cells: &Cells<'_>) -> Result<LeaseName, Wrong> {
        let cell = cells.get(Column::PrefixLen);
        let wrong = || {
            Wrong::skipped(
                Column::PrefixLen,
                Fault::NotAPrefixLength {
                    value: excerpt(cell),
                },
            )
        };
        let len = parse_u8(cell).filter(|&len| len > 0).ok_or_else(wrong)?;
        let name = LeaseName::prefix(address, len).ok_or_else(wrong)?;
        if name
            != (LeaseName::Prefix {
                prefix: address,
                len,
            })
        {
            self.warnings.push(Wrong {
                field: Some(Column::Address.name()),
                fault: Fault::BitsBehindPrefix { len },
                effect: Effect::Kept,
            });
        }
        Ok(name)
    }

    fn read_hostname(&mut self, cells: &Cells<'_>, row: &mut LeaseRow) {
        row.hostname.clear();
        let cell = cells.get(Column::Hostname);
        if cell.is_empty() {
            return;
        }
        self.unescaped.clear();
        unescape(cell, &mut self.unescaped);
        match std::str::from_utf8(&self.unescaped) {
            Ok(hostname) => row.hostname.push_str(hostname),
            Err(_) => self.drop_field(
                Column::Hostname,
                Fault::NotOneOf {
                    value: excerpt(cell),
                    expected: "text in UTF-8",
                },
            ),
        }
    }

    fn read_hardware(&mut self, cells: &Cells<'_>, row: &mut LeaseRow) {
        let cell = cells.get(Column::Hwaddr);
        if cell.is_empty() {
            row.hardware = None;
            return;
        }
        let hardware = row.hardware.get_or_insert_with(|| HardwareAddress {
            kind: ETHERNET,
            octets: Vec::new(),
        });
        hardware.octets.clear();
        let kind = match cells.get(Column::Hwtype) {
            b"" => Some(ETHERNET),
            cell => parse_u32(cell).and_then(|kind| u16::try_from(kind).ok()),
        };
        if let Some(kind) = kind
            && parse_octets(cell, &mut hardware.octets).is_some()
            && u8::try_from(hardware.octets.len()).is_ok()
        {
            hardware.kind = kind;
            return;
        }
        row.hardware = None;
        let value = excerpt(cell);
        self.drop_field(Column::Hwaddr, Fault::NotAHardwareAddress { value });
    }

    fn read_relays(&mut self, cells: &Cells<'_>, row: &mut LeaseRow) {
        let mut relay = row
            .relay
            .take()
            .or_else(|| self.spare_relay.take())
            .unwrap_or_else(|| RelayData {
                peer: Ipv6Addr::UNSPECIFIED,
                chain: Vec::new(),
            });
        let context = cells.get(Column::UserContext);
        if context.is_empty() {
            self.spare_relay = Some(relay);
            return;
        }
        match self.relay_info.read(context, &mut relay) {
            Ok(true) => row.relay = Some(relay),
            Ok(false) => self.spare_relay = Some(relay),
            Err(fault) => {
                self.spare_relay = Some(relay);
                self.warnings.push(Wrong {
                    field: Some(Column::UserContext.name()),
                    fault: fault.into(),
                    effect: Effect::RelayDropped,
                });
            }
        }
    }

    fn drop_field(&mut self, column: Column, fault: Fault) {
        self.warnings.push(Wrong {
            field: Some(column.name()),
            fault,
            effect: Effect::FieldDropped,
        });
    }
}

fn read_state(cells: &Cells<'_>) -> Result<LeaseState, Wrong> {
    if !cells.has(Column::State) {
        return Ok(LeaseState::Bound);
    }
    match cells.get(Column::State) {
        b"0" => Ok(LeaseState::Bound),
        b"1" => Ok(LeaseState::Declined),
        b"2" => Ok(LeaseState::Reclaimed),
        b"3" => Ok(LeaseState::Released),
        b"4" => Ok(LeaseState::Registered),
        cell => Err(not_one_of(
            Column::State,
            cell,
            "a state from 0 to 4 (bound, declined, expired, released, registered)",
        )),
    }
}

fn read_client(cells: &Cells<'_>, row: &mut LeaseRow) -> Result<(), Wrong> {
    let cell = cells.get(Column::Duid);
    row.client.clear();
    let read = parse_octets(cell, &mut row.client);
    if read.is_none() || row.client.is_empty() || row.client.len() > MAX_DUID_OCTETS {
        return Err(Wrong::skipped(
            Column::Duid,
            Fault::NotADuid {
                value: excerpt(cell),
            },
        ));
    }
    if row.state != LeaseState::Declined && EMPTY_DUIDS.contains(&row.client.as_slice()) {
        return Err(Wrong::skipped(Column::Duid, Fault::EmptyDuid));
    }
    Ok(())
}

/// When the lease began: its end less its valid lifetime.
///
/// The end of an infinite lease is its beginning plus 2^32 - 1, so past 2106; versions of
/// Kea that kept 32 bits of it wrote it modulo 2^32. Kea reads both by subtracting modulo
/// 2^32, and so is it done here where the plain difference would be negative.
fn read_clt(cells: &Cells<'_>, valid: u32) -> Result<u64, Wrong> {
    let cell = cells.get(Column::Expire);
    let expire = parse_u64(cell).ok_or_else(|| not_a_number(Column::Expire, cell, u64::MAX))?;
    match expire.checked_sub(u64::from(valid)) {
        Some(clt) => Ok(clt),
        None if valid == u32::MAX => Ok((expire + 1) & u64::from(u32::MAX)),
        None => Err(Wrong::skipped(
            Column::Expire,
            Fault::EndsBeforeBegin { expire, valid },
        )),
    }
}

#[cold]
fn not_a_number(column: Column, cell: &[u8], max: u64) -> Wrong {
    let value = excerpt(cell);
    Wrong::skipped(column, Fault::NotANumber { value, max })
}

#[cold]
fn not_one_of(column: Column, cell: &[u8], expected: &'static str) -> Wrong {
    let value = excerpt(cell);
    Wrong::skipped(column, Fault::NotOneOf { value, expected })
}

#[cold]
fn not_an_address(cell: &[u8]) -> Fault {
    Fault::NotAnAddress {
        value: excerpt(cell),
    }
}
