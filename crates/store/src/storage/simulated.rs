//! A disk in memory that can lose power, fail and fill up. Test support.
//!
//! Always compiled, because the simulations of other crates use it; nothing in a running
//! server does.

mod file;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Disk, DiskFile, Mode};
use file::{FileId, Inode, SimulatedFile};

/// A disk in memory, for tests of what survives a fault. Clones are the same disk.
///
/// It counts its *operations*: each write, reservation, change of length, sync, making of a
/// file, rename and removal is one; reading is none. [`SimulatedDisk::fault_at`] names the one
/// that shall go wrong. [`SimulatedDisk::after_power_loss`] makes the disk that a machine would
/// find afterwards, [`SimulatedDisk::after_kill`] what another process would find.
///
/// The model of a power loss: what was synced is there. Every single write since then is there
/// wholly, or cut at any octet, or with any of its 512-octet sectors missing, or not at all,
/// each independently of the others; a change of length is there or not. Names of a directory
/// that was not synced: any number of its oldest changes are there.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

/// What shall go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operation and all after it fail, as if power went away while it ran.
    PowerLoss,
    /// The operation fails with `EIO`; later ones work. A failed sync forgets, as kernels do,
    /// what it could not write: later syncs succeed without it.
    InputOutput,
    /// The operation fails with `ENOSPC`; a write has then written its first half.
    NoSpace,
}

impl SimulatedDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the operation of this number go wrong, counted from 0 over the life of the disk.
    pub fn fault_at(&self, operation: u64, fault: Fault) {
        self.state.lock().fault = Some((operation, fault));
    }

    /// How many operations there have been.
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Limits what all files together may hold, in octets; a write beyond it writes what fits
    /// and then fails with `ENOSPC`.
    pub fn set_capacity(&self, octets: u64) {
        self.state.lock().capacity = Some(octets);
    }

    /// Takes the limit away.
    pub fn unlimit(&self) {
        self.state.lock().capacity = None;
    }

    /// The disk as the machine finds it after losing power now; `seed` decides what of the
    /// unsynced things is there.
    #[must_use]
    pub fn after_power_loss(&self, seed: u64) -> Self {
        let state = self.state.lock();
        let mut chance = Chance::new(seed);
        let names = state.durable_names(&mut chance);
        let files = state
            .files
            .iter()
            .map(|(id, inode)| (*id, Inode::from_octets(inode.torn(&mut chance))))
            .collect();
        Self::from_parts(state.dirs.clone(), names, files, state.next_id)
    }

    /// The disk as another process finds it when this one ends now without a power loss; all
    /// of it counts as synced, which is the kindest view.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        let state = self.state.lock();
        let files = state
            .files
            .iter()
            .map(|(id, inode)| (*id, Inode::from_octets(inode.live().to_vec())))
            .collect();
        let names = state.names.clone();
        Self::from_parts(state.dirs.clone(), names, files, state.next_id)
    }

    /// The octets of a file, if there is one of that name.
    pub fn octets(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state.lock();
        let id = state.names.get(path)?;
        Some(state.files.get(id)?.live().to_vec())
    }

    /// Puts a file there, synced, without counting an operation.
    pub fn put(&self, path: &Path, octets: Vec<u8>) {
        let mut state = self.state.lock();
        if let Some(dir) = path.parent() {
            state.make_dirs(dir);
        }
        let id = state.new_file(Inode::from_octets(octets));
        state.names.insert(path.to_owned(), id);
        state.durable.insert(path.to_owned(), id);
    }

    fn from_parts(
        dirs: Vec<PathBuf>,
        names: BTreeMap<PathBuf, FileId>,
        files: BTreeMap<FileId, Inode>,
        next_id: FileId,
    ) -> Self {
        let state = State {
            dirs,
            durable: names.clone(),
            names,
            files,
            next_id,
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }
}

impl Disk for SimulatedDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.state.lock().make_dirs(path);
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state.lock();
        if !state.dirs.iter().any(|made| made == dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        let names = inside.filter_map(|path| path.file_name()?.to_str().map(str::to_owned));
        Ok(names.collect())
    }

    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state.lock();
        let found = state.names.get(path).copied();
        let id = match (mode, found) {
            (Mode::Create, found) => {
                state.operation()?;
                if let Some(id) = found {
                    state.inode(id)?.set_len(0);
                    id
                } else {
                    let id = state.new_file(Inode::default());
                    state.change_name(NameChange::Set(path.to_owned(), id));
                    id
                }
            }
            (Mode::Read | Mode::Write, Some(id)) => id,
            (Mode::Read | Mode::Write, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        let writable = mode != Mode::Read;
        Ok(Box::new(SimulatedFile::new(self.clone(), id, writable)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.operation()?;
        let id = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        state.change_name(NameChange::Move(from.to_owned(), to.to_owned(), id));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.operation()?;
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change_name(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.operation()?;
        let pending = std::mem::take(&mut state.pending_names);
        let (here, elsewhere): (Vec<_>, Vec<_>) = pending
            .into_iter()
            .partition(|change| change.dir() == Some(dir));
        state.pending_names = elsewhere;
        for change in here {
            change.apply(&mut state.durable);
        }
        Ok(())
    }
}

/// Everything a simulated disk holds.
#[derive(Debug, Default)]
struct State {
    dirs: Vec<PathBuf>,
    /// The names as processes see them.
    names: BTreeMap<PathBuf, FileId>,
    /// The names as a power loss leaves them at least.
    durable: BTreeMap<PathBuf, FileId>,
    /// What led from `durable` to `names`, oldest first.
    pending_names: Vec<NameChange>,
    files: BTreeMap<FileId, Inode>,
    next_id: FileId,
    operations: u64,
    fault: Option<(u64, Fault)>,
    without_power: bool,
    capacity: Option<u64>,
}

impl State {
    /// Counts an operation; the error with which it shall fail before doing anything.
    fn operation(&mut self) -> io::Result<()> {
        match self.fault_now() {
            None => Ok(()),
            Some(fault) => Err(fault.error()),
        }
    }

    /// Counts an operation and tells what shall go wrong with it.
    fn fault_now(&mut self) -> Option<Fault> {
        if self.without_power {
            return Some(Fault::PowerLoss);
        }
        let number = self.operations;
        self.operations += 1;
        let (at, fault) = self.fault?;
        if number != at {
            return None;
        }
        self.without_power = fault == Fault::PowerLoss;
        Some(fault)
    }

    fn inode(&mut self, id: FileId) -> io::Result<&mut Inode> {
        Ok(self.files.get_mut(&id).ok_or(io::ErrorKind::NotFound)?)
    }

    fn new_file(&mut self, inode: Inode) -> FileId {
        let id = self.next_id;
        self.next_id += 1;
        self.files.insert(id, inode);
        id
    }

    fn make_dirs(&mut self, path: &Path) {
        for dir in path.ancestors() {
            if !self.dirs.iter().any(|made| made == dir) {
                self.dirs.push(dir.to_owned());
            }
        }
    }

    fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }

    /// How many octets more there is room for.
    fn room(&self) -> u64 {
        let Some(capacity) = self.capacity else {
            return u64::MAX;
        };
        let named = self.names.values().filter_map(|id| self.files.get(id));
        let used: u64 = named.map(|inode| inode.live().len() as u64).sum();
        capacity.saturating_sub(used)
    }

    fn durable_names(&self, chance: &mut Chance) -> BTreeMap<PathBuf, FileId> {
        let mut names = self.durable.clone();
        let mut left: BTreeMap<Option<&Path>, usize> = BTreeMap::new();
        for change in &self.pending_names {
            *left.entry(change.dir()).or_default() += 1;
        }
        for survivors in left.values_mut() {
            *survivors = chance.below(*survivors + 1);
        }
        for change in &self.pending_names {
            if let Some(survivors) = left.get_mut(&change.dir())
                && *survivors > 0
            {
                *survivors -= 1;
                change.apply(&mut names);
            }
        }
        names
    }
}

impl Fault {
    fn error(self) -> io::Error {
        match self {
            Self::PowerLoss => io::Error::other("the simulated machine has no power"),
            Self::InputOutput => io::Error::from_raw_os_error(5),
            Self::NoSpace => io::Error::from_raw_os_error(28),
        }
    }
}

/// A change of a directory.
#[derive(Clone, Debug)]
enum NameChange {
    Set(PathBuf, FileId),
    Move(PathBuf, PathBuf, FileId),
    Remove(PathBuf),
}

impl NameChange {
    /// The directory it changes; renames stay within one in the store.
    fn dir(&self) -> Option<&Path> {
        match self {
            Self::Set(path, _) | Self::Move(_, path, _) | Self::Remove(path) => path.parent(),
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, FileId>) {
        match self {
            Self::Set(path, id) => {
                names.insert(path.clone(), *id);
            }
            Self::Move(from, to, id) => {
                names.remove(from);
                names.insert(to.clone(), *id);
            }
            Self::Remove(path) => {
                names.remove(path);
            }
        }
    }
}

/// Pseudo-random numbers from a seed (splitmix64): enough for choosing what survives.
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    fn below(&mut self, bound: usize) -> usize {
        let bound = (bound as u64).max(1);
        usize::try_from(self.next() % bound).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
