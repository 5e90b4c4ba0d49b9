//! From the rows of lease files to bindings: a file has one row a lease, the book one
//! record a client and link.

use std::collections::HashMap;

use leasebook_leasefile::{LeaseRow, LinkHint};
use leasebook_store::{Binding, Lease, LeaseName, LinkId, RelayData};
use leasebook_wire::Duid;
use leasebook_wire::code::OptionCode;
use leasebook_wire::options::Options;

const FQDN: OptionCode = OptionCode(39);
const LINK_LAYER: OptionCode = OptionCode(79);

/// The longest domain name, with its final empty label (RFC 8415 §10).
const MAX_NAME_OCTETS: usize = 255;

/// Which link a row is on.
pub trait FindLink {
    /// The link that has Kea's subnet id `id`.
    fn of_subnet(&self, id: u32) -> Option<LinkId>;
    /// Whether the configuration has a link of this number.
    fn is_configured(&self, link: LinkId) -> bool;
    /// The link on which `address` lies, by on-link prefixes, relay addresses or pools.
    fn of_address(&self, address: std::net::Ipv6Addr) -> Option<LinkId>;
}

/// Why a row has no place in the book.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// No link is configured for the row.
    #[error("no link has kea-subnet-ids = [{0}]; add it to a [[link]] of the configuration")]
    UnknownSubnet(u32),
    /// A link number that is not configured.
    #[error("link {0} is not configured; add a [[link]] with id = {0}")]
    UnknownLink(u32),
    /// The file names no link and none contains the lease.
    #[error("no configured link contains {0}; add its prefix to a [[link]]")]
    UnknownAddress(LeaseName),
    /// No DUID of 1 to 130 octets.
    #[error("the client identifier of {0} is no DUID")]
    NoClient(LeaseName),
}

/// What the rows of one client on one link add up to.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The leases, as the file has them.
    pub leases: Vec<Lease>,
    /// Leases the file says are gone, with the time of the row that says so.
    pub gone: Vec<(LeaseName, u64)>,
    relay: Option<RelayData>,
    options: Vec<u8>,
    /// The newest row's time, whose relay data and options count.
    newest: Option<u64>,
}

impl Group {
    /// Takes a row in. Of several rows the one with the newest client transaction tells the
    /// relays and options of the client, the later of equals (BLQ-S-042).
    fn add(&mut self, row: &LeaseRow) {
        if row.deleted {
            self.gone.push((row.lease, row.clt));
            return;
        }
        self.leases.push(Lease {
            name: row.lease,
            kind: row.kind,
            iaid: row.iaid,
            state: row.state,
            clt: row.clt,
            preferred: row.preferred.min(row.valid),
            valid: row.valid,
        });
        if self.newest.is_none_or(|newest| {
            is_better(newest, self.relay.as_ref(), row.clt, row.relay.as_ref())
        }) {
            self.newest = Some(row.clt);
            self.relay.clone_from(&row.relay);
            self.options = options(row);
        }
    }

    /// The binding that `held` becomes by these rows; `None` if nothing changes.
    ///
    /// A lease of the book that is newer than its row stays; `older` counts those.
    pub fn merge(
        mut self,
        key: &GroupKey,
        held: Option<Binding>,
        older: &mut u64,
    ) -> Option<Merged> {
        self.leases.sort_by_key(|lease| lease.name);
        let Some(held) = held else {
            return (!self.leases.is_empty()).then(|| {
                Merged::Put(Binding {
                    link: key.link,
                    client: key.client.clone(),
                    leases: self.leases,
                    relay: self.relay,
                    options: self.options,
                })
            });
        };
        let mut binding = held.clone();
        for lease in self.leases {
            match binding
                .leases
                .iter_mut()
                .find(|kept| kept.name == lease.name)
            {
                Some(kept) if kept.clt > lease.clt => *older += 1,
                Some(kept) => *kept = lease,
                None => binding.leases.push(lease),
            }
        }
        for (name, at) in self.gone {
            binding
                .leases
                .retain(|kept| kept.name != name || kept.clt > at);
        }
        if self.newest.is_some_and(|newest| {
            is_better(held.clt(), held.relay.as_ref(), newest, self.relay.as_ref())
        }) {
            binding.relay = self.relay;
            binding.options = self.options;
        }
        binding.sort_leases();
        if binding.leases.is_empty() {
            return Some(Merged::Remove);
        }
        (binding != held).then_some(Merged::Put(binding))
    }
}

/// Whether relays told at `new` are to take the place of those told at `old`.
///
/// The newer transaction's are (BLQ-S-042). A server writes the leases of one message in
/// several rows of one time; where one of them tells more of the way, it is the one that
/// counts, so that no relay loses sight of its client.
fn is_better(
    old: u64,
    old_relay: Option<&RelayData>,
    new: u64,
    new_relay: Option<&RelayData>,
) -> bool {
    let told = |relay: Option<&RelayData>| relay.map_or(0, |relay| relay.chain.len());
    new > old || (new == old && told(new_relay) >= told(old_relay))
}

/// What an import makes of one client on one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// The binding is now this.
    Put(Binding),
    /// Its last lease is gone.
    Remove,
}

/// One client on one link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// The link.
    pub link: LinkId,
    /// The client.
    pub client: Duid,
}

/// Collects rows until their owner takes the groups and begins anew, so that memory is
/// bounded by the rows between two takings.
#[derive(Debug, Default)]
pub struct Groups {
    groups: HashMap<GroupKey, Group>,
    rows: usize,
}

impl Groups {
    /// Puts a row with the others of its client and link.
    pub fn add(&mut self, row: &LeaseRow, links: &dyn FindLink) -> Result<(), RowError> {
        let key = GroupKey {
            link: link_of(row, links)?,
            client: client_of(row)?,
        };
        self.groups.entry(key).or_default().add(row);
        self.rows += 1;
        Ok(())
    }

    /// Rows taken in since the last taking.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// All groups in the order of link and client.
    pub fn take(&mut self) -> Vec<(GroupKey, Group)> {
        self.rows = 0;
        let mut groups: Vec<_> = self.groups.drain().collect();
        groups.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        groups
    }
}

fn link_of(row: &LeaseRow, links: &dyn FindLink) -> Result<LinkId, RowError> {
    match row.link {
        LinkHint::SubnetId(id) => links.of_subnet(id).ok_or(RowError::UnknownSubnet(id)),
        LinkHint::Link(id) => Some(LinkId(id))
            .filter(|link| links.is_configured(*link))
            .ok_or(RowError::UnknownLink(id)),
        LinkHint::Unknown => relay_link_address(row)
            .and_then(|address| links.of_address(address))
            .or_else(|| links.of_address(row.address()))
            .ok_or(RowError::UnknownAddress(row.lease)),
    }
}

/// The link-address of the relay nearest to the client that set one (D-07).
fn relay_link_address(row: &LeaseRow) -> Option<std::net::Ipv6Addr> {
    let mut level = row.relay.as_ref()?.chain.as_slice();
    let mut nearest = None;
    loop {
        let address = std::net::Ipv6Addr::from(*level.get(2..)?.first_chunk::<16>()?);
        if !address.is_unspecified() {
            nearest = Some(address);
        }
        let options = Options::parse(level.get(34..)?, 0).ok()?;
        match options.first(OptionCode::RELAY_MSG) {
            Some(inner) => level = inner.data,
            None => return nearest,
        }
    }
}

/// A declined lease has no client any more; it gets a name of its own, zeroes and the
/// address, so that such leases do not pile up in one record.
fn client_of(row: &LeaseRow) -> Result<Duid, RowError> {
    let made;
    let octets = if row.has_client() {
        &row.client
    } else {
        made = [&[0; 3][..], &row.address().octets()].concat();
        &made
    };
    Duid::new(octets).map_err(|_| RowError::NoClient(row.lease))
}

/// What the file knows of the client, as the options that would tell it.
fn options(row: &LeaseRow) -> Vec<u8> {
    let mut octets = row.options.clone();
    let has_name = Options::parse(&octets, 0).is_ok_and(|kept| kept.first(FQDN).is_some());
    if !row.hostname.is_empty() && !has_name {
        let flags = u8::from(row.fqdn_forward);
        let name = [&[flags][..], &domain_name(&row.hostname)].concat();
        put(&mut octets, FQDN, &name);
    }
    if let Some(hardware) = &row.hardware {
        let data = [&hardware.kind.to_be_bytes()[..], &hardware.octets].concat();
        put(&mut octets, LINK_LAYER, &data);
    }
    octets
}

/// Labels of at most 63 octets; what is longer is cut into several, since nothing else can
/// hold it and the text is for people (RFC 4704 §4.2). A final dot makes the name complete.
fn domain_name(text: &str) -> Vec<u8> {
    let (name, complete) = text
        .strip_suffix('.')
        .map_or((text, false), |name| (name, true));
    let mut wire = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        for part in label.as_bytes().chunks(63) {
            if wire.len() + 1 + part.len() > MAX_NAME_OCTETS - 1 {
                return wire;
            }
            wire.push(u8::try_from(part.len()).unwrap_or(63));
            wire.extend_from_slice(part);
        }
    }
    if complete {
        wire.push(0);
    }
    wire
}

fn put(octets: &mut Vec<u8>, code: OptionCode, data: &[u8]) {
    let Ok(len) = u16::try_from(data.len()) else {
        return;
    };
    octets.extend_from_slice(&code.0.to_be_bytes());
    octets.extend_from_slice(&len.to_be_bytes());
    octets.extend_from_slice(data);
}

#[cfg(test)]
mod tests {
    use super::*;
    use leasebook_store::{IaKind, LeaseState};

    struct OneLink;

    impl FindLink for OneLink {
        fn of_subnet(&self, id: u32) -> Option<LinkId> {
            (id == 1).then_some(LinkId(10))
        }
        fn is_configured(&self, link: LinkId) -> bool {
            link == LinkId(10)
        }
        fn of_address(&self, address: std::net::Ipv6Addr) -> Option<LinkId> {
            address
                .to_string()
                .starts_with("3fff:0:0:1")
                .then_some(LinkId(10))
        }
    }

    fn row(lease: &str, clt: u64, valid: u32) -> LeaseRow {
        let mut row = LeaseRow::new();
        row.lease = LeaseName::Address(lease.parse().unwrap());
        row.kind = IaKind::Na;
        row.client = vec![0, 1, 2, 3];
        row.link = LinkHint::SubnetId(1);
        (row.clt, row.valid, row.preferred) = (clt, valid, valid / 2);
        row
    }

    fn grouped(rows: &[LeaseRow]) -> (GroupKey, Group) {
        let mut groups = Groups::default();
        for row in rows {
            groups.add(row, &OneLink).unwrap();
        }
        let mut all = groups.take();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    fn merged(rows: &[LeaseRow], held: Option<Binding>) -> Option<Merged> {
        let (key, group) = grouped(rows);
        group.merge(&key, held, &mut 0)
    }

    fn put(rows: &[LeaseRow]) -> Binding {
        match merged(rows, None) {
            Some(Merged::Put(binding)) => binding,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rows_of_one_client_and_link_become_one_binding() {
        let binding = put(&[row("3fff::2", 100, 10), row("3fff::1", 100, 10)]);
        assert_eq!(binding.link, LinkId(10));
        let names: Vec<_> = binding
            .leases
            .iter()
            .map(|lease| lease.name.to_string())
            .collect();
        assert_eq!(names, ["3fff::1", "3fff::2"]);
    }

    #[test]
    fn the_same_rows_again_change_nothing() {
        let rows = [row("3fff::2", 100, 10), row("3fff::1", 90, 10)];
        assert_eq!(merged(&rows, Some(put(&rows))), None);
    }

    #[test]
    fn a_newer_lease_of_the_book_stays() {
        let held = put(&[row("3fff::1", 200, 50)]);
        let (key, group) = grouped(&[row("3fff::1", 100, 10)]);
        let mut older = 0;
        assert_eq!(group.merge(&key, Some(held), &mut older), None);
        assert_eq!(older, 1);
    }

    #[test]
    fn a_deleted_row_takes_the_lease_and_at_last_the_binding() {
        let mut gone = row("3fff::1", 100, 0);
        gone.deleted = true;
        let both = put(&[row("3fff::1", 100, 10), row("3fff::2", 100, 10)]);
        match merged(std::slice::from_ref(&gone), Some(both)) {
            Some(Merged::Put(binding)) => assert_eq!(binding.leases.len(), 1),
            other => panic!("{other:?}"),
        }
        let one = put(&[row("3fff::1", 100, 10)]);
        assert_eq!(
            merged(std::slice::from_ref(&gone), Some(one)),
            Some(Merged::Remove)
        );
        assert_eq!(merged(&[gone], None), None);
    }

    /// BLQ-S-042: the relays of the newest row are the client's.
    #[test]
    fn the_newest_row_tells_the_relays() {
        let relay = |last: &str| {
            Some(RelayData {
                peer: last.parse().unwrap(),
                chain: vec![0; 34],
            })
        };
        let mut old = row("3fff::1", 100, 10);
        let mut new = row("3fff::2", 101, 10);
        (old.relay, new.relay) = (relay("::1"), relay("::2"));
        assert_eq!(put(&[new.clone(), old.clone()]).relay, relay("::2"));
        new.relay = None;
        assert_eq!(put(&[new, old]).relay, None);
    }

    /// BLQ-S-039: of rows of one time the one that tells more of the relays counts.
    #[test]
    fn rows_of_one_time_keep_the_longer_chain() {
        let relay = |len| {
            Some(RelayData {
                peer: "::1".parse().unwrap(),
                chain: vec![0; len],
            })
        };
        let (mut long, mut short) = (row("3fff::1", 100, 10), row("3fff::2", 100, 10));
        (long.relay, short.relay) = (relay(90), relay(34));
        assert_eq!(put(&[long.clone(), short.clone()]).relay, relay(90));
        assert_eq!(put(&[short, long]).relay, relay(90));
    }

    #[test]
    fn rows_without_a_link_or_client_say_so() {
        let mut groups = Groups::default();
        let mut unknown = row("3fff::1", 1, 1);
        unknown.link = LinkHint::SubnetId(9);
        assert_eq!(
            groups.add(&unknown, &OneLink),
            Err(RowError::UnknownSubnet(9))
        );
        unknown.link = LinkHint::Unknown;
        assert!(matches!(
            groups.add(&unknown, &OneLink),
            Err(RowError::UnknownAddress(_))
        ));
        let mut placed = row("3fff:0:0:1::5", 1, 1);
        placed.link = LinkHint::Unknown;
        assert_eq!(groups.add(&placed, &OneLink), Ok(()));
    }

    #[test]
    fn declined_leases_without_a_client_stay_apart() {
        let declined = |address| {
            let mut row = row(address, 1, 1);
            row.client = vec![0; 3];
            row.state = LeaseState::Declined;
            row
        };
        let mut groups = Groups::default();
        groups.add(&declined("3fff::1"), &OneLink).unwrap();
        groups.add(&declined("3fff::2"), &OneLink).unwrap();
        assert_eq!(groups.take().len(), 2);
    }

    #[test]
    fn a_host_name_becomes_a_name_of_labels() {
        assert_eq!(domain_name("a.bc."), b"\x01a\x02bc\0");
        assert_eq!(domain_name("host, one"), b"\x09host, one");
        assert!(domain_name(&"x.".repeat(400)).len() <= MAX_NAME_OCTETS);
        assert_eq!(domain_name(&"y".repeat(70)).first(), Some(&63));
    }
}
