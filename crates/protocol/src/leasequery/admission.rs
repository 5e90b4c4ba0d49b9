//! Which connections are let in, and which give way.
//!
//! A table of the connections there are; the shell tells it what happens and does what it says.
//! It holds no more entries than the limit allows.

use std::collections::HashMap;
use std::net::IpAddr;

use super::config::{Config, Unlisted};
use crate::time::Mono;

/// A connection's name, given by the shell and never used twice at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// The connections there are.
#[derive(Debug, Default)]
pub struct Admission {
    open: HashMap<ConnectionId, Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    source: IpAddr,
    /// Since when it has had no query in progress; `None` while it has one.
    idle_since: Option<Mono>,
}

/// What is to be done about a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Serve it; it is in the table now.
    Admit,
    /// Serve it and close this one, which is out of the table (BLQ-S-004).
    AdmitInPlaceOf(ConnectionId),
    /// Close it at once, without a word (BLQ-S-004, BLQ-S-005, D-16).
    Close(Closed),
}

/// Why a connection was closed as it was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closed {
    /// Its source is not listed (BLQ-S-005).
    Unlisted,
    /// All connections are taken and none is idle (BLQ-S-002).
    Full,
    /// The source has its share and none of those is idle (BLQ-S-003).
    SourceFull,
}

impl Admission {
    /// With no connections.
    pub fn new() -> Self {
        Self::default()
    }

    /// Judges the connection `id` from `source`, accepted at `now`.
    ///
    /// A source over its share displaces only its own idle connection, so that nobody can push
    /// others out by connecting often (D-16).
    pub fn accept(
        &mut self,
        config: &Config,
        id: ConnectionId,
        source: IpAddr,
        now: Mono,
    ) -> Verdict {
        let source = source.to_canonical();
        if config.unlisted == Unlisted::Close && config.rights(source).is_none() {
            return Verdict::Close(Closed::Unlisted);
        }
        let limits = config.limits;
        let of_source = self.open.values().filter(|open| open.source == source);
        let (needs_place, only_of, refusal) =
            if of_source.count() >= limits.connections_per_source.max(1) {
                (true, Some(source), Closed::SourceFull)
            } else {
                let is_full = self.open.len() >= limits.connections.max(1);
                (is_full, None, Closed::Full)
            };
        let mut verdict = Verdict::Admit;
        if needs_place {
            let Some(idle) = self.longest_idle(only_of) else {
                return Verdict::Close(refusal);
            };
            self.open.remove(&idle);
            verdict = Verdict::AdmitInPlaceOf(idle);
        }
        let idle_since = Some(now);
        self.open.insert(id, Open { source, idle_since });
        verdict
    }

    /// Notes that a connection has queries in progress from now on.
    pub fn busy(&mut self, id: ConnectionId) {
        if let Some(open) = self.open.get_mut(&id) {
            open.idle_since = None;
        }
    }

    /// Notes that a connection has no query in progress any more since `now`; one that had
    /// none before keeps its age.
    pub fn idle(&mut self, id: ConnectionId, now: Mono) {
        if let Some(open) = self.open.get_mut(&id) {
            open.idle_since.get_or_insert(now);
        }
    }

    /// Forgets a connection that was closed; unknown ones do no harm.
    pub fn closed(&mut self, id: ConnectionId) {
        self.open.remove(&id);
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// How many connections a source has; the shell divides the source's queries among them.
    pub fn of_source(&self, source: IpAddr) -> usize {
        let source = source.to_canonical();
        let all = self.open.values();
        all.filter(|open| open.source == source).count()
    }

    fn longest_idle(&self, only_of: Option<IpAddr>) -> Option<ConnectionId> {
        self.open
            .iter()
            .filter(|(_, open)| only_of.is_none_or(|source| open.source == source))
            .filter_map(|(id, open)| open.idle_since.map(|since| (since, *id)))
            .min()
            .map(|(_, id)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leasebook_wire::Duid;

    const LISTED: &str = "::1";

    fn config(connections: usize, per_source: usize) -> Config {
        let mut config = Config::new(Duid::new(&[0, 3, 0, 1, 9]).unwrap());
        config.limits.connections = connections;
        config.limits.connections_per_source = per_source;
        config
    }

    fn accept(admission: &mut Admission, config: &Config, id: u64, source: &str) -> Verdict {
        admission.accept(config, ConnectionId(id), source.parse().unwrap(), Mono(id))
    }

    /// BLQ-S-005, SEC-004: a source that is not listed is closed, or kept where refusals are wanted.
    #[test]
    fn unlisted_sources_are_closed() {
        let mut config = config(10, 10);
        let mut admission = Admission::new();
        let closed = Verdict::Close(Closed::Unlisted);
        assert_eq!(accept(&mut admission, &config, 1, "2001:db8::1"), closed);
        assert!(admission.is_empty());
        config.unlisted = Unlisted::Refuse;
        assert_eq!(
            accept(&mut admission, &config, 1, "2001:db8::1"),
            Verdict::Admit
        );
    }

    /// BLQ-S-002, BLQ-S-004: at the limit the longest idle gives way, else the new one is closed.
    #[test]
    fn the_longest_idle_gives_way_at_the_limit() {
        let config = config(3, 3);
        let mut admission = Admission::new();
        for id in 1..=3 {
            assert_eq!(accept(&mut admission, &config, id, LISTED), Verdict::Admit);
        }
        admission.busy(ConnectionId(1));
        let second = Verdict::AdmitInPlaceOf(ConnectionId(2));
        assert_eq!(accept(&mut admission, &config, 4, LISTED), second);
        admission.busy(ConnectionId(3));
        admission.busy(ConnectionId(4));
        let full = Verdict::Close(Closed::SourceFull);
        assert_eq!(accept(&mut admission, &config, 5, LISTED), full);
        admission.idle(ConnectionId(1), Mono(9));
        let first = Verdict::AdmitInPlaceOf(ConnectionId(1));
        assert_eq!(accept(&mut admission, &config, 6, LISTED), first);
        assert_eq!(admission.len(), 3);
        admission.closed(ConnectionId(3));
        assert_eq!(accept(&mut admission, &config, 7, LISTED), Verdict::Admit);
    }

    /// BLQ-S-003: a source over its share displaces its own idle connection only.
    #[test]
    fn a_source_keeps_to_its_share() {
        let config = config(3, 1);
        let mut admission = Admission::new();
        assert_eq!(accept(&mut admission, &config, 1, "::1"), Verdict::Admit);
        assert_eq!(
            accept(&mut admission, &config, 2, "127.0.0.1"),
            Verdict::Admit
        );
        let own = Verdict::AdmitInPlaceOf(ConnectionId(2));
        assert_eq!(accept(&mut admission, &config, 3, "::ffff:127.0.0.1"), own);
        admission.busy(ConnectionId(3));
        let full = Verdict::Close(Closed::SourceFull);
        assert_eq!(accept(&mut admission, &config, 4, "127.0.0.1"), full);
        assert_eq!(admission.of_source("127.0.0.1".parse().unwrap()), 1);
    }
}
