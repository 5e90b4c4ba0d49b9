//! The file: blocks one after another, and their leases as rows.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use leasebook_store::{IaKind, LeaseName};
use xxhash_rust::xxh3::xxh3_128;

use crate::isc::block::{Block, ByteOrder, Stop, Wrong, ia_kind, skip_statement};
use crate::isc::tokens::{Token, Tokens};
use crate::last_rows::LeaseKey;
use crate::problem::{Problem, ReadError, Report};
use crate::row::{LeaseRow, LinkHint};

/// Reads an ISC `dhcpd6.leases`.
///
/// The reader gives every lease of every block in the file's order;
/// [`crate::LeaseFiles`] gives those that count. What cannot be read is reported and
/// skipped: a wrong statement costs its lease, a wrong block all of its own.
pub struct IscReader<R> {
    file: Arc<Path>,
    tokens: Tokens<R>,
    order: ByteOrder,
    server_duid: Option<Vec<u8>>,
    block: Block,
    /// Blocks begun, so the number of the current one, from 1.
    blocks: u64,
    /// Leases of the block already given.
    given: usize,
    wrongs: Vec<Wrong>,
}

impl<R: Read> IscReader<R> {
    /// A reader of `source`; `file` names it in problems.
    pub fn new(file: Arc<Path>, source: R) -> Self {
        Self {
            file,
            tokens: Tokens::new(source),
            // Where the file does not say, it was written where nearly all are.
            order: ByteOrder::Little,
            server_duid: None,
            block: Block::default(),
            blocks: 0,
            given: 0,
            wrongs: Vec::new(),
        }
    }

    /// Octets of the file read so far, for showing progress.
    pub fn octets_read(&self) -> u64 {
        self.tokens.octets()
    }

    /// The server's DUID, once its statement was read; it stands near the file's beginning.
    pub fn server_duid(&self) -> Option<&[u8]> {
        self.server_duid.as_deref()
    }

    /// Fills `row` with the next lease; false at the end of the file.
    ///
    /// # Errors
    /// If reading fails.
    pub fn next(&mut self, row: &mut LeaseRow, report: &mut Report<'_>) -> Result<bool, ReadError> {
        while !self.next_of_block(row) {
            if !self.next_block(report)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Fills `row` with the next lease of the current block; false if it has no more.
    pub(crate) fn next_of_block(&mut self, row: &mut LeaseRow) -> bool {
        let Some(lease) = self.block.leases.get(self.given) else {
            return false;
        };
        self.given += 1;
        row.line = lease.line;
        row.lease = lease.name;
        row.kind = self.block.kind.unwrap_or(IaKind::Na);
        row.iaid = self.block.iaid;
        row.client.clone_from(&self.block.client);
        row.link = LinkHint::Unknown;
        row.clt = lease.clt;
        row.preferred = lease.preferred;
        row.valid = lease.valid;
        row.state = lease.state;
        row.relay = None;
        row.hostname.clear();
        row.fqdn_forward = false;
        row.fqdn_reverse = false;
        row.hardware = None;
        row.options.clear();
        row.deleted = lease.valid == 0;
        true
    }

    /// Goes to the next block, whole or not; false at the end of the file.
    pub(crate) fn next_block(&mut self, report: &mut Report<'_>) -> Result<bool, ReadError> {
        self.given = 0;
        self.block.leases.clear();
        let outcome = self.find_block();
        for wrong in self.wrongs.drain(..) {
            report(Problem {
                file: Arc::clone(&self.file),
                line: wrong.line,
                field: wrong.field,
                fault: wrong.fault,
                effect: wrong.effect,
            });
        }
        outcome.map_err(|source| ReadError::Io {
            doing: "read",
            file: self.file.to_path_buf(),
            source,
        })
    }

    fn find_block(&mut self) -> io::Result<bool> {
        loop {
            let token = self.tokens.next()?;
            if token == Token::EndOfFile {
                return Ok(false);
            }
            let outcome = match ia_kind(&self.tokens.text).filter(|_| token == Token::Word) {
                Some(kind) => {
                    self.blocks += 1;
                    let (order, tokens) = (self.order, &mut self.tokens);
                    match self.block.read(kind, order, tokens, &mut self.wrongs) {
                        Ok(()) => return Ok(true),
                        Err(stop) => {
                            // Leases read before the tear are whole, but whether the block
                            // is the client's newest word is not known: none is given.
                            self.block.leases.clear();
                            Err(stop)
                        }
                    }
                }
                None => self.read_statement(token),
            };
            match outcome {
                Ok(()) => {}
                Err(Stop::Io(error)) => return Err(error),
                Err(Stop::Wrong(wrong) | Stop::Torn(wrong)) => self.wrongs.push(wrong),
            }
        }
    }

    /// A statement of the file's top level that is no block of leases.
    fn read_statement(&mut self, token: Token) -> Result<(), Stop> {
        let line = self.tokens.line();
        let is = |word: &[u8]| token == Token::Word && self.tokens.text == word;
        if is(b"authoring-byte-order") {
            let token = self.tokens.next()?;
            if self.tokens.text == b"big-endian" {
                self.order = ByteOrder::Big;
            }
            return skip_statement(&mut self.tokens, token, line);
        }
        if is(b"server-duid") {
            let token = self.tokens.next()?;
            if token == Token::String {
                self.server_duid = Some(self.tokens.text.clone());
            }
            return skip_statement(&mut self.tokens, token, line);
        }
        skip_statement(&mut self.tokens, token, line)
    }

    /// The number of the current block, from 1.
    pub(crate) fn block_number(&self) -> u64 {
        self.blocks
    }

    /// What identifies the current block's identity association.
    pub(crate) fn block_key(&self) -> LeaseKey {
        let mut identity = vec![match self.block.kind {
            Some(IaKind::Ta) => 1,
            Some(IaKind::Pd) => 2,
            _ => 0,
        }];
        identity.extend_from_slice(&self.block.iaid.to_be_bytes());
        identity.extend_from_slice(&self.block.client);
        xxh3_128(&identity).to_be_bytes()
    }

    /// What identifies each lease of the current block.
    pub(crate) fn lease_keys(&self) -> impl Iterator<Item = LeaseKey> {
        self.block.leases.iter().map(|lease| name_key(lease.name))
    }
}

/// What identifies a lease of an ISC file: an address and a prefix, or two prefixes of
/// different length, are different leases though they begin with the same octets.
pub(crate) fn name_key(name: LeaseName) -> LeaseKey {
    let (address, len) = match name {
        LeaseName::Address(address) => (address, 0xff),
        LeaseName::Prefix { prefix, len } => (prefix, len),
    };
    let mut identity = [len; 17];
    identity[..16].copy_from_slice(&address.octets());
    xxh3_128(&identity).to_be_bytes()
}

#[cfg(test)]
mod tests;
