//! How looks at the book are begun, and what they wait for.

use std::sync::Arc;

use parking_lot::RwLockReadGuard;

use super::view::{View, Walking};
use super::{Layers, Shared};
use crate::lease_store::StoreError;
use crate::ledger::Reader;
use crate::overlay::{Order, Overlay};

impl Layers {
    /// Newest first: those that there are, and how many they are.
    fn overlays<'l>(&'l self, group: Option<&'l Overlay>) -> ([&'l Overlay; 3], usize) {
        let mut overlays = [&self.active; 3];
        let layers = [group, Some(&self.active), self.frozen.as_deref()];
        let mut count = 0;
        for overlay in layers.into_iter().flatten().filter(|one| !one.is_empty()) {
            overlays[count] = overlay;
            count += 1;
        }
        (overlays, count)
    }
}

/// Keys of the active overlay that are put in order while changes wait: some 100 microseconds.
const ORDERED_AT_ONCE: usize = 128;

impl Shared {
    /// Runs `look` on one consistent look at the whole book, under `group` if there is one.
    ///
    /// Overlays are held first and the ledger is read second, so what a checkpoint brings from
    /// the one to the other meanwhile is seen in both, never in neither. While this runs no
    /// change becomes visible, so it must be short, and `look` must not come back here.
    pub(super) fn look<T>(
        &self,
        group: Option<&Overlay>,
        look: impl FnOnce(&View<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let layers = self.layers.read();
        let reader = self.ledger.read()?;
        let (overlays, count) = layers.overlays(group);
        look(&View {
            overlays: &overlays[..count],
            reader: &reader,
        })
    }

    /// As `look`, for what walks through the book in order, and gives what it saw of the ledger, to
    /// be read while changes become visible. What `look` takes out of the overlays has to go with it.
    pub(super) fn look_ahead<T>(
        &self,
        look: impl FnOnce(&Walking<'_>) -> Result<T, StoreError>,
    ) -> Result<(Reader<'_>, T), StoreError> {
        let layers = self.layers_in_order();
        let reader = self.ledger.read()?;
        let (overlays, count) = layers.overlays(None);
        let overlays = &overlays[..count];
        let guards: Vec<_> = overlays.iter().map(|overlay| overlay.order()).collect();
        let orders = overlays.iter().zip(&guards);
        let orders: Vec<(&Overlay, &Order)> = orders
            .map(|(overlay, order)| (*overlay, &**order))
            .collect();
        let view = View {
            overlays,
            reader: &reader,
        };
        let seen = look(&Walking::new(view, &orders))?;
        Ok((reader, seen))
    }

    /// The layers, all in order. What there is to do is done in steps, so that changes do not wait
    /// for more than one of them.
    fn layers_in_order(&self) -> RwLockReadGuard<'_, Layers> {
        loop {
            let layers = self.layers.read();
            let frozen = layers.frozen.as_ref();
            if let Some(frozen) = frozen.filter(|frozen| !frozen.is_in_order()) {
                // It does not change any more, so this needs no lock that others want.
                let frozen = Arc::clone(frozen);
                drop(layers);
                frozen.put_in_order(usize::MAX);
                continue;
            }
            if layers.active.put_in_order(ORDERED_AT_ONCE) {
                return layers;
            }
        }
    }
}
