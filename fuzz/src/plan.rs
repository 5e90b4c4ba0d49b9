//! Choices out of the fuzzer's octets.
//!
//! One octet is one choice wherever that is enough, so that a mutation of the input changes one
//! decision and leaves the others as they were. Past the end every choice is 0.

/// The octets, and how far they are used.
#[derive(Debug)]
pub struct Plan<'a> {
    octets: &'a [u8],
}

impl<'a> Plan<'a> {
    /// At the beginning.
    pub fn new(octets: &'a [u8]) -> Self {
        Self { octets }
    }

    /// Whether all octets are used.
    pub fn is_over(&self) -> bool {
        self.octets.is_empty()
    }

    /// The next octet.
    pub fn octet(&mut self) -> u8 {
        self.octets.split_off_first().copied().unwrap_or(0)
    }

    /// A number below `bound`, which is 1 to 256.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.octet()) % bound
    }

    /// Yes or no.
    pub fn flag(&mut self) -> bool {
        self.octet() & 1 == 1
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Two octets, network order.
    pub fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.octet(), self.octet()])
    }

    /// So many octets, or as many as there are.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.octets.split_at(count.min(self.octets.len()));
        self.octets = rest;
        taken
    }

    /// Octets whose number is the next octet.
    pub fn piece(&mut self) -> &'a [u8] {
        let count = usize::from(self.octet());
        self.take(count)
    }

    /// A wait in seconds: mostly short, sometimes past every lifetime and timer.
    pub fn seconds(&mut self) -> u64 {
        let octet = self.octet();
        match octet >> 6 {
            0 => 0,
            1 => u64::from(octet & 0x3f),
            2 => u64::from(octet & 0x3f) * 60,
            _ => u64::from(octet & 0x3f) * 3600,
        }
    }
}
