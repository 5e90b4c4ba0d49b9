//! How full pools are, told before they are empty.

use std::collections::HashSet;

use leasebook_protocol::server::pool::{PoolRef, Usage};
use leasebook_protocol::server::{Config, Server};
use leasebook_store::LinkId;

use crate::log::events;
use crate::page::place;
use crate::tell;

/// Leases of a hundred that must be free again before a pool counts as relieved, so that one that
/// wavers is not told again and again.
const RELIEF: u8 = 5;

/// The pools that were told of.
#[derive(Debug, Default)]
pub(super) struct PoolWatch {
    filling: HashSet<(LinkId, PoolRef)>,
}

/// A pool that has come to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Come {
    Filling,
    Relieved,
}

impl PoolWatch {
    /// Looks at every pool; `warning` is in leases of a hundred, 0 is never.
    pub(super) fn look(&mut self, server: &Server, config: &Config, warning: u8) {
        if warning == 0 {
            self.filling.clear();
            return;
        }
        for usage in server.usage() {
            match self.judge(&usage, warning) {
                Some(Come::Filling) => {
                    let (link, pool) = place(config, &usage);
                    let (taken, total) = (usage.taken, usage.total);
                    tell!(events::DHCP_POOL_FILLING, link, pool, taken, total = %total, percent = percent(&usage));
                }
                Some(Come::Relieved) => {
                    let (link, pool) = place(config, &usage);
                    let (taken, total) = (usage.taken, usage.total);
                    tell!(events::DHCP_POOL_RELIEVED, link, pool, taken, total = %total, percent = percent(&usage));
                }
                None => {}
            }
        }
    }

    fn judge(&mut self, usage: &Usage, warning: u8) -> Option<Come> {
        let key = (usage.link, usage.pool);
        let now = percent(usage);
        if now >= warning.into() {
            return self.filling.insert(key).then_some(Come::Filling);
        }
        let is_relieved = now < u128::from(warning.saturating_sub(RELIEF)).max(1);
        (is_relieved && self.filling.remove(&key)).then_some(Come::Relieved)
    }
}

/// Leases taken of a hundred, rounded down.
fn percent(usage: &Usage) -> u128 {
    let taken = u128::try_from(usage.taken).unwrap_or(u128::MAX);
    taken.saturating_mul(100) / usage.total.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(taken: usize) -> Usage {
        Usage {
            link: LinkId(1),
            pool: PoolRef::Addresses(0),
            total: 200,
            taken,
        }
    }

    #[test]
    fn a_pool_is_told_of_once_on_its_way_up_and_once_on_its_way_down() {
        let mut watch = PoolWatch::default();
        let filled = [100, 179, 180, 200, 181, 179, 171, 169, 100, 180];
        let told: Vec<_> = filled
            .into_iter()
            .filter_map(|taken| Some((taken, watch.judge(&usage(taken), 90)?)))
            .collect();
        assert_eq!(
            told,
            [
                (180, Come::Filling),
                (169, Come::Relieved),
                (180, Come::Filling)
            ]
        );
    }

    #[test]
    fn a_pool_of_all_addresses_overflows_nothing() {
        let all = Usage {
            total: u128::MAX,
            ..usage(usize::MAX)
        };
        assert_eq!(percent(&all), 0);
        assert_eq!(
            percent(&Usage {
                total: 0,
                ..usage(0)
            }),
            0
        );
    }
}
