//! What comes of all servers together: written as it comes, or collected and joined.

use std::io::{self, Write};
use std::net::Ipv6Addr;
use std::time::Duration;

use leasebook_protocol::requestor::reconcile::Full;
use leasebook_protocol::requestor::{Account, Binding, Event, Reconciler, Server};
use leasebook_protocol::{Mono, Now};

use super::shown;
use super::tell::Teller;
use crate::show::{Output, Shown};

/// Where events of all servers end up.
pub(super) struct Gather<W: Write> {
    output: Output<W>,
    /// None: bindings are written as they come.
    collected: Option<Reconciler>,
    /// Used again for each binding written as it comes.
    shown: Shown,
    /// The names of the servers, in the order given.
    servers: Vec<String>,
    accounts: Vec<Account>,
    asked_link: Option<Ipv6Addr>,
    teller: Teller,
    /// Leases that came so far, those told again included.
    leases: u64,
    /// Why nothing more can be taken.
    failure: Option<Failure>,
}

/// What goes wrong on this side.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The output cannot be written.
    #[error("cannot write the result: {0}")]
    Write(#[from] io::Error),
    /// There is too much to join.
    #[error(transparent)]
    Full(#[from] Full),
}

/// How things are gathered.
pub(super) struct Manner {
    /// The names of the servers, in the order given.
    pub(super) servers: Vec<String>,
    /// The seed of the collection; none to write bindings as they come.
    pub(super) collect: Option<u64>,
    /// The link that was asked for, shown where the relays tell none.
    pub(super) asked_link: Option<Ipv6Addr>,
}

impl<W: Write> Gather<W> {
    /// Nothing gathered yet.
    pub(super) fn new(output: Output<W>, manner: Manner, teller: Teller) -> Self {
        let mut shown = Shown::default();
        if let [only] = &manner.servers[..] {
            shown.server.clone_from(only);
        }
        Self {
            output,
            collected: manner.collect.map(|seed| Reconciler::new(seed, true)),
            shown,
            accounts: vec![Account::default(); manner.servers.len()],
            servers: manner.servers,
            asked_link: manner.asked_link,
            teller,
            leases: 0,
            failure: None,
        }
    }

    /// Takes an event of the server with this number.
    pub(super) fn take(&mut self, server: usize, event: Event<'_>, now: Now) {
        match event {
            Event::Binding(binding) => {
                if self.failure.is_none()
                    && let Err(failure) = self.binding(server, &binding)
                {
                    self.failure = Some(failure);
                }
            }
            Event::Ended { ending, tally, .. } => {
                if let Some(account) = self.accounts.get_mut(server) {
                    account.add(ending, tally);
                }
            }
            Event::Interrupted {
                cause, again_at, ..
            } => {
                let name = self.servers.get(server).map_or("", String::as_str);
                self.teller.again(
                    name,
                    &cause,
                    again_at.since(now.mono),
                    self.collected.is_none(),
                );
            }
            // The summary tells all deviations with their counts.
            Event::Deviation { .. } => {}
        }
    }

    fn binding(&mut self, server: usize, binding: &Binding<'_>) -> Result<(), Failure> {
        self.leases += u64::from(binding.claim.lease_count());
        if let Some(collected) = &mut self.collected {
            let server = Server(u16::try_from(server).unwrap_or(u16::MAX));
            collected.add_on(server, &binding.claim, binding.arrived, binding.link)?;
            return Ok(());
        }
        if binding.claim.lease_count() > 0 {
            let link = binding.link.or(self.asked_link);
            shown::fill(&mut self.shown, &binding.claim, link);
            self.output.binding(&self.shown)?;
        }
        Ok(())
    }

    /// Hands on what was written, since nothing may come for a while.
    pub(super) fn flush(&mut self) {
        if self.collected.is_none()
            && self.failure.is_none()
            && let Err(error) = self.output.flush()
        {
            self.failure = Some(error.into());
        }
    }

    /// Shows how much has come since the beginning.
    pub(super) fn show_progress(&self, since: Duration) {
        self.teller.progress(self.leases, since);
    }

    /// Whether nothing more can be taken.
    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Writes what was collected and the end; what came of each server.
    pub(super) fn finish(mut self, now: Mono) -> Result<(Vec<Account>, Teller), Failure> {
        self.teller.end_progress();
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if let Some(collected) = &self.collected {
            for joined in collected.sorted_bindings() {
                if let Some(shown) = shown::joined(&joined, now, &self.servers, self.asked_link) {
                    self.output.binding(&shown)?;
                }
            }
        }
        self.output.finish()?;
        Ok((self.accounts, self.teller))
    }
}
