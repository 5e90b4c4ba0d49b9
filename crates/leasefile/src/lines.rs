//! A file, line by line, without a copy per line.

use std::io::{self, Read};

/// The longest line read; what is longer is reported and skipped.
///
/// A Kea row with 32 relays, each with 2 KiB of options in hex, takes 140 KiB.
pub(crate) const MAX_LINE_OCTETS: usize = 1 << 20;

/// Octets asked of the file at once.
const CHUNK_OCTETS: usize = 256 << 10;

/// One line, without its line ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// From 1.
    pub(crate) number: u64,
    /// The line without `\n` or `\r\n`; of a line too long, nothing.
    pub(crate) text: &'a [u8],
    /// Whether a newline followed.
    pub(crate) ended: bool,
    /// Whether the line was longer than [`MAX_LINE_OCTETS`].
    pub(crate) too_long: bool,
}

/// Cuts what a reader gives into lines.
///
/// ```text
/// buffer:  |..read before..|start ...unread... end|..room..|
/// ```
/// `start <= end <= buffer.len()` always.
pub(crate) struct Lines<R> {
    source: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    number: u64,
    octets: u64,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            buffer: vec![0; CHUNK_OCTETS],
            start: 0,
            end: 0,
            at_end: false,
            number: 0,
            octets: 0,
        }
    }

    /// Octets of the lines given so far, line endings included.
    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }

    /// Lines given so far.
    pub(crate) fn count(&self) -> u64 {
        self.number
    }

    /// The next line, `None` at the end of the file.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut searched = 0;
        let mut too_long = false;
        loop {
            let unread = &self.buffer[self.start..self.end];
            if let Some(found) = memchr::memchr(b'\n', &unread[searched..]) {
                let length = searched + found;
                return Ok(Some(self.give(length, true, too_long)));
            }
            if self.at_end {
                let length = self.end - self.start;
                if length == 0 && !too_long {
                    return Ok(None);
                }
                return Ok(Some(self.give(length, false, too_long)));
            }
            searched = unread.len();
            if searched > MAX_LINE_OCTETS {
                too_long = true;
                self.octets += searched as u64;
                self.start = self.end;
                searched = 0;
            }
            self.fill()?;
        }
    }

    fn give(&mut self, length: usize, ended: bool, too_long: bool) -> Line<'_> {
        let start = self.start;
        let taken = length + usize::from(ended);
        self.start += taken;
        self.octets += taken as u64;
        self.number += 1;
        let too_long = too_long || length > MAX_LINE_OCTETS;
        let text = &self.buffer[start..start + length];
        Line {
            number: self.number,
            text: if too_long {
                &[]
            } else {
                text.strip_suffix(b"\r").unwrap_or(text)
            },
            ended,
            too_long,
        }
    }

    /// Reads more, moving what is unread to the front if room is short.
    fn fill(&mut self) -> io::Result<()> {
        if self.buffer.len() - self.end < CHUNK_OCTETS / 2 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.buffer.len() - self.end < CHUNK_OCTETS / 2 {
                // Bounded: unread octets never exceed the longest line and one chunk.
                let room = self.buffer.len() * 2;
                self.buffer.resize(room, 0);
            }
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.at_end = true,
                // A reader that claims more than it had room for is not believed.
                Ok(count) => self.end = (self.end + count).min(self.buffer.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one octet at a time.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let (Some(to), Some((&octet, rest))) = (room.first_mut(), self.0.split_first()) else {
                return Ok(0);
            };
            *to = octet;
            self.0 = rest;
            Ok(1)
        }
    }

    fn all(source: impl Read) -> Vec<(u64, Vec<u8>, bool, bool)> {
        let mut lines = Lines::new(source);
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push((line.number, line.text.to_vec(), line.ended, line.too_long));
        }
        found
    }

    #[test]
    fn cuts_at_newlines_however_the_octets_arrive() {
        let text = b"one\r\n\nthree\nlast";
        let expected = vec![
            (1, b"one".to_vec(), true, false),
            (2, vec![], true, false),
            (3, b"three".to_vec(), true, false),
            (4, b"last".to_vec(), false, false),
        ];
        assert_eq!(all(&text[..]), expected);
        assert_eq!(all(Drip(text)), expected);
        assert_eq!(all(&b""[..]), vec![]);
    }

    #[test]
    fn skips_a_line_too_long_and_goes_on() {
        let mut text = vec![b'x'; 3 * MAX_LINE_OCTETS];
        text.extend_from_slice(b"\nshort\n");
        text.extend(vec![b'y'; 2 * MAX_LINE_OCTETS]);
        assert_eq!(
            all(&text[..]),
            vec![
                (1, vec![], true, true),
                (2, b"short".to_vec(), true, false),
                (3, vec![], false, true),
            ]
        );
        let mut lines = Lines::new(&text[..]);
        while lines.next().unwrap().is_some() {}
        assert_eq!(lines.octets(), text.len() as u64);
    }
}
