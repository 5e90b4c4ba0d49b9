//! Taking claims into the table.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::Ipv6Addr;

use leasebook_wire::code::OptionCode;

use super::super::claim::Claim;
use super::rows::{Client, Group, Lease, NONE, SHARED, Source, Span, next_row, row_of};
use super::{Full, Reconciler};

impl Reconciler {
    /// The row of a client, made if need be.
    pub(super) fn client(&mut self, duid: &[u8]) -> Result<u32, Full> {
        let hash = self.hash(duid);
        let is_it = |row: u32| {
            let client = self.clients.get(row_of(row));
            client.is_some_and(|client| self.span(client.duid) == duid)
        };
        if let Some(row) = self.client_index.find(hash, is_it) {
            return Ok(row);
        }
        let row = next_row(self.clients.len())?;
        let duid = self.keep(duid)?;
        self.clients.push(Client {
            duid,
            first_group: NONE,
        });
        self.client_index.insert(hash, row);
        Ok(row)
    }

    /// The row of a client on a link, made if need be.
    pub(super) fn group(&mut self, client: u32, link: Option<Ipv6Addr>) -> Result<u32, Full> {
        let link = match link {
            Some(address) => self.link(address)?,
            None => NONE,
        };
        let first = self
            .clients
            .get(row_of(client))
            .map_or(NONE, |client| client.first_group);
        let first_link = self.groups.get(row_of(first)).map(|group| group.link);
        let is_only = self
            .groups
            .get(row_of(first))
            .is_some_and(|group| group.next == NONE);
        if is_only && first_link.is_some_and(|known| known == NONE || link == NONE) {
            // Of one place known and one unknown, nothing says that they differ.
            if let Some(group) = self.groups.get_mut(row_of(first))
                && group.link == NONE
            {
                group.link = link;
            }
            return Ok(first);
        }
        let mut next = first;
        while let Some(group) = self.groups.get(row_of(next)) {
            if group.link == link {
                return Ok(next);
            }
            next = group.next;
        }
        let row = next_row(self.groups.len())?;
        self.groups.push(Group {
            client,
            link,
            next: first,
            first_lease: NONE,
            options: Span::default(),
            transaction: i64::MIN,
        });
        if let Some(client) = self.clients.get_mut(row_of(client)) {
            client.first_group = row;
        }
        Ok(row)
    }

    /// The row of a link-address.
    fn link(&mut self, address: Ipv6Addr) -> Result<u32, Full> {
        if let Some(&row) = self.links.get(&address) {
            return Ok(row);
        }
        let row = next_row(self.link_addresses.len())?;
        self.link_addresses.push(address);
        self.links.insert(address, row);
        Ok(row)
    }

    /// Keeps the options beside the leases, unless newer ones are there.
    pub(super) fn take_options(
        &mut self,
        row: u32,
        claim: &Claim<'_>,
        source: &Source,
    ) -> Result<(), Full> {
        let transaction = source.transaction();
        let Some(&group) = self.groups.get(row_of(row)) else {
            return Ok(());
        };
        if !self.keeps_options || transaction < group.transaction {
            return Ok(());
        }
        let mut rest = std::mem::take(&mut self.scratch);
        rest.clear();
        for option in claim.options() {
            if !is_told_otherwise(option.code) {
                let len = u16::try_from(option.data.len()).unwrap_or(u16::MAX);
                rest.extend_from_slice(&option.code.0.to_be_bytes());
                rest.extend_from_slice(&len.to_be_bytes());
                rest.extend_from_slice(option.data);
            }
        }
        // Servers that send one lease a message repeat the same options with each.
        let options = if self.span(group.options) == rest {
            group.options
        } else {
            self.keep(&rest)?
        };
        self.scratch = rest;
        if let Some(group) = self.groups.get_mut(row_of(row)) {
            group.options = options;
            group.transaction = transaction;
        }
        Ok(())
    }

    /// Adds a lease, or settles it with what is known of the same.
    pub(super) fn take_lease(&mut self, client: u32, group: u32, told: Lease) -> Result<(), Full> {
        let hash = self.hash(&(told.name, told.prefix_len));
        let mut other_client = NONE;
        let known = self.lease_index.find(hash, |row| {
            let Some(lease) = self.leases.get(row_of(row)) else {
                return false;
            };
            if (lease.name, lease.prefix_len) != (told.name, told.prefix_len) {
                return false;
            }
            let is_own = self.client_of(lease) == client;
            if !is_own {
                other_client = row;
            }
            is_own
        });
        if let Some(row) = known {
            self.settled = self.settled.saturating_add(1);
            if let Some(lease) = self.leases.get_mut(row_of(row)) {
                self.live = self.live.saturating_sub(u64::from(lease.is_live()));
                lease.settle(told);
                self.live = self.live.saturating_add(u64::from(lease.is_live()));
            }
            return Ok(());
        }
        let row = next_row(self.leases.len())?;
        let mut told = told;
        if let Some(other) = self.leases.get_mut(row_of(other_client))
            && other.is_live()
            && told.is_live()
        {
            other.flags |= SHARED;
            told.flags |= SHARED;
        }
        if let Some(group_row) = self.groups.get_mut(row_of(group)) {
            told.group = group;
            told.next = group_row.first_lease;
            group_row.first_lease = row;
        }
        self.live = self.live.saturating_add(u64::from(told.is_live()));
        self.leases.push(told);
        self.lease_index.insert(hash, row);
        Ok(())
    }

    /// Copies octets to stay.
    fn keep(&mut self, octets: &[u8]) -> Result<Span, Full> {
        let at = u64::try_from(self.octets.len()).map_err(|_| Full)?;
        let len = u32::try_from(octets.len()).map_err(|_| Full)?;
        self.octets.extend_from_slice(octets);
        Ok(Span { at, len })
    }

    pub(super) fn span(&self, span: Span) -> &[u8] {
        let at = usize::try_from(span.at).unwrap_or(usize::MAX);
        let end = at.saturating_add(row_of(span.len));
        self.octets.get(at..end).unwrap_or_default()
    }

    fn client_of(&self, lease: &Lease) -> u32 {
        self.groups
            .get(row_of(lease.group))
            .map_or(NONE, |group| group.client)
    }

    fn hash<T: Hash + ?Sized>(&self, key: &T) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.seed.hash(&mut hasher);
        key.hash(&mut hasher);
        hasher.finish()
    }
}

/// Whether an option is kept elsewhere than among the options beside the leases.
fn is_told_otherwise(code: OptionCode) -> bool {
    matches!(
        code,
        OptionCode::CLIENTID | OptionCode::IAADDR | OptionCode::IAPREFIX | OptionCode::CLT_TIME
    )
}
