//! Many records behind one another in memory.

use super::layout::{LENGTHS_OCTETS, SEQ_AT};
use super::{EncodeError, Record, RecordView};
use crate::binding::Binding;

/// Records in one piece of memory, numbered from 0 as they came: for bulk work, where each on
/// its own would cost more to make and to let go than to fill.
#[derive(Debug, Default)]
pub(crate) struct Records {
    octets: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Records {
    /// Encodes a binding behind the others.
    pub(crate) fn push(&mut self, binding: &Binding) -> Result<(), EncodeError> {
        Record::encode_onto(binding, 0, &mut self.octets)?;
        self.ends.push(self.octets.len());
        Ok(())
    }

    /// Copies a record behind the others.
    pub(crate) fn push_view(&mut self, view: &RecordView<'_>) {
        view.put(&mut self.octets);
        self.ends.push(self.octets.len());
    }

    /// Takes all out, but keeps their room.
    pub(crate) fn clear(&mut self) {
        self.octets.clear();
        self.ends.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// What all take, in octets.
    pub(crate) fn octets(&self) -> usize {
        self.octets.len()
    }

    /// The record of that number; of one that is not there, an empty view.
    pub(crate) fn get(&self, number: usize) -> RecordView<'_> {
        RecordView::trusted(self.octets_of(number))
    }

    /// The record in its one-record form.
    pub(crate) fn octets_of(&self, number: usize) -> &[u8] {
        let end = self.ends.get(number).copied().unwrap_or(0);
        let octets = self.octets.get(self.start(number)..end);
        octets.unwrap_or_default()
    }

    /// Makes the journal's change `seq` the one that made all of them what they are.
    pub(crate) fn number_all(&mut self, seq: u64) {
        for number in 0..self.len() {
            let at = self.start(number) + LENGTHS_OCTETS + SEQ_AT;
            if let Some(field) = self.octets.get_mut(at..at + 8) {
                field.copy_from_slice(&seq.to_le_bytes());
            }
        }
    }

    fn start(&self, number: usize) -> usize {
        let before = number.checked_sub(1);
        before
            .and_then(|before| self.ends.get(before).copied())
            .unwrap_or(0)
    }
}
