//! What several overlays hold of a stretch of keys.

use std::iter::Peekable;

use super::{Order, Overlay, Word};
use crate::record::{Record, RecordView};

/// A key that overlays hold, with its record or as gone.
pub(crate) type Shadow<'a> = (&'a [u8], Option<RecordView<'a>>);

/// The records of several overlays in the order of their keys, of each key the newest.
struct Merged<I: Iterator> {
    /// Newest first.
    layers: Vec<Peekable<I>>,
}

impl<'a, I: Iterator<Item = Word<'a>>> Iterator for Merged<I> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut least: Option<&'a [u8]> = None;
        for layer in &mut self.layers {
            if let Some((key, _)) = layer.peek() {
                least = Some(least.map_or(*key, |least| least.min(*key)));
            }
        }
        let least = least?;
        let mut newest = None;
        for layer in &mut self.layers {
            if let Some(word) = layer.next_if(|(key, _)| *key == least) {
                newest = newest.or(Some(word));
            }
        }
        newest
    }
}

/// What overlays hold of a stretch of keys, copied so that nobody has to wait while it is read:
/// a record is shared, not copied, and there is a limit.
#[derive(Debug)]
pub(crate) struct Shadows {
    held: Vec<Held>,
    /// From here on they were not looked at; none if all were.
    pub(crate) horizon: Option<Box<[u8]>>,
}

#[derive(Debug)]
enum Held {
    Gone(Box<[u8]>),
    Record(Record),
}

/// The most keys that are copied at once: some 10 microseconds.
const MAX_SHADOWS: usize = 512;

impl Shadows {
    /// Of `overlays`, newest first, what is at `from` or behind, and before `until`.
    pub(crate) fn copy(overlays: &[(&Overlay, &Order)], from: &[u8], until: Option<&[u8]>) -> Self {
        let layers = overlays
            .iter()
            .map(|(overlay, order)| order.from(&overlay.slots, from).peekable());
        let merged = Merged {
            layers: layers.collect(),
        };
        let mut held = Vec::new();
        for (key, said) in merged {
            if until.is_some_and(|until| key >= until) {
                break;
            }
            if held.len() == MAX_SHADOWS {
                let horizon = Some(key.into());
                return Self { held, horizon };
            }
            let gone = || Held::Gone(key.into());
            held.push(said.map_or_else(gone, |record| Held::Record(record.clone())));
        }
        let horizon = None;
        Self { held, horizon }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Shadow<'_>> {
        self.held.iter().map(|held| match held {
            Held::Gone(key) => (&**key, None),
            Held::Record(record) => {
                let view = record.view();
                (view.key(), Some(view))
            }
        })
    }
}
