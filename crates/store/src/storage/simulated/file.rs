//! The files of a simulated disk.

use std::io;

use super::{Chance, Fault, SimulatedDisk};
use crate::storage::DiskFile;

/// The number of a file, whatever its name.
pub(super) type FileId = u64;

/// What a device writes at once: a sector is there wholly or not at all, in octets.
const SECTOR: usize = 512;

/// A file's octets: as processes see them, and as they are surely on the device.
#[derive(Debug, Default)]
pub(super) struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// What led from `durable` to `live`, oldest first.
    pending: Vec<Pending>,
}

/// A change of a file that was not synced.
#[derive(Debug)]
enum Pending {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

impl Inode {
    pub(super) fn from_octets(octets: Vec<u8>) -> Self {
        Self {
            durable: octets.clone(),
            live: octets,
            pending: Vec::new(),
        }
    }

    pub(super) fn live(&self) -> &[u8] {
        &self.live
    }

    pub(super) fn set_len(&mut self, len: usize) {
        self.live.resize(len, 0);
        self.pending.push(Pending::SetLen(len));
    }

    fn write(&mut self, offset: usize, octets: &[u8]) {
        put(&mut self.live, offset, octets);
        self.pending.push(Pending::Write(offset, octets.to_vec()));
    }

    fn sync(&mut self) {
        for change in self.pending.drain(..) {
            match change {
                Pending::Write(offset, octets) => put(&mut self.durable, offset, &octets),
                Pending::SetLen(len) => self.durable.resize(len, 0),
            }
        }
    }

    /// A sync that failed: some of it is there, the rest will never be written.
    fn fail_sync(&mut self, chance: &mut Chance) {
        self.durable = self.torn(chance);
        self.pending.clear();
    }

    /// What a power loss leaves.
    pub(super) fn torn(&self, chance: &mut Chance) -> Vec<u8> {
        let mut left = self.durable.clone();
        for change in &self.pending {
            match change {
                Pending::Write(offset, octets) => tear(&mut left, *offset, octets, chance),
                Pending::SetLen(len) => {
                    if chance.below(2) == 0 {
                        left.resize(*len, 0);
                    }
                }
            }
        }
        left
    }
}

/// Writes what a power loss leaves of one write.
fn tear(left: &mut Vec<u8>, offset: usize, octets: &[u8], chance: &mut Chance) {
    match chance.below(4) {
        0 => {}
        1 => put(left, offset, octets),
        2 => put(left, offset, &octets[..chance.below(octets.len() + 1)]),
        _ => {
            let mut start = 0;
            while start < octets.len() {
                let sector_end = (offset + start) / SECTOR * SECTOR + SECTOR;
                let end = (sector_end - offset).min(octets.len());
                if chance.below(2) == 0 {
                    put(left, offset + start, &octets[start..end]);
                }
                start = end;
            }
        }
    }
}

fn put(into: &mut Vec<u8>, offset: usize, octets: &[u8]) {
    if octets.is_empty() {
        return;
    }
    let end = offset + octets.len();
    if into.len() < end {
        into.resize(end, 0);
    }
    into[offset..end].copy_from_slice(octets);
}

/// An open file of a simulated disk.
#[derive(Debug)]
pub(super) struct SimulatedFile {
    disk: SimulatedDisk,
    id: FileId,
    writable: bool,
}

impl SimulatedFile {
    pub(super) fn new(disk: SimulatedDisk, id: FileId, writable: bool) -> Self {
        Self { disk, id, writable }
    }

    fn check_writable(&self) -> io::Result<()> {
        if self.writable {
            Ok(())
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }

    fn lengthen(&self, len: u64, cut: bool) -> io::Result<()> {
        self.check_writable()?;
        let mut state = self.disk.state.lock();
        state.operation()?;
        let room = state.room();
        let inode = state.inode(self.id)?;
        let len = usize::try_from(len).map_err(io::Error::other)?;
        let present = inode.live.len();
        if len > present && (len - present) as u64 > room {
            return Err(Fault::NoSpace.error());
        }
        if cut || len > present {
            inode.set_len(len);
        }
        Ok(())
    }
}

impl DiskFile for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        let mut state = self.disk.state.lock();
        Ok(state.inode(self.id)?.live.len() as u64)
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state.lock();
        let live = &state.inode(self.id)?.live;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = live.get(offset..).unwrap_or_default();
        let read = there.len().min(into.len());
        into[..read].copy_from_slice(&there[..read]);
        Ok(read)
    }

    fn write_all_at(&self, octets: &[u8], offset: u64) -> io::Result<()> {
        self.check_writable()?;
        let mut state = self.disk.state.lock();
        if state.without_power {
            return Err(Fault::PowerLoss.error());
        }
        let fault = state.fault_now();
        let room = usize::try_from(state.room()).unwrap_or(usize::MAX);
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let inode = state.inode(self.id)?;
        let fits = (inode.live.len() + room.min(usize::MAX / 2)).saturating_sub(offset);
        let (octets, fault) = match fault {
            None if fits < octets.len() => (&octets[..fits], Some(Fault::NoSpace)),
            Some(Fault::NoSpace) => (&octets[..octets.len() / 2], fault),
            Some(Fault::InputOutput) => (&octets[..0], fault),
            // Under way when power went: any part of it may be there.
            None | Some(Fault::PowerLoss) => (octets, fault),
        };
        inode.write(offset, octets);
        fault.map_or(Ok(()), |fault| Err(fault.error()))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.lengthen(len, true)
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        self.lengthen(len, false)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        let fault = state.fault_now();
        let operations = state.operations;
        let inode = state.inode(self.id)?;
        match fault {
            None => {
                inode.sync();
                Ok(())
            }
            Some(Fault::PowerLoss) => Err(Fault::PowerLoss.error()),
            Some(fault) => {
                inode.fail_sync(&mut Chance::new(operations));
                Err(fault.error())
            }
        }
    }
}
