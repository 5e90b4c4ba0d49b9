//! What operators ask of the running server, and what it tells them.

use leasebook_protocol::server::Notice;
use leasebook_store::IaKind;
use leasebook_wire::option::ReconfMsg;

use super::worker::Worker;
use crate::control::{Request, Whom};
use crate::log::{clients, events};
use crate::page;
use crate::tell;

/// RECONFIGURE messages sent in one turn.
const SENT_AT_ONCE: usize = 2048;

/// Pools of which an operator is told at once.
const POOLS_SHOWN: usize = 500;

impl Worker {
    /// Does what an operator asks.
    pub(super) fn asked(&mut self) {
        let Some(control) = self.control.take() else {
            return;
        };
        // Nothing was there after all, if it fails.
        let _ = control.serve(&mut |request| match request {
            Request::Reconfigure { ask, whom } => self.begin_recall(ask, &whom),
            Request::Show(whom) => {
                // Until all is learnt pools seem emptier than they are.
                let usage = self.server.usage().filter(|_| self.learning.is_none());
                let desk = page::Desk {
                    book: &self.book,
                    config: &self.setup.dhcp,
                    usage: &usage.collect::<Vec<_>>(),
                    has_dhcp: true,
                    now: self.clock.now().wall,
                };
                page::pages(desk, &whom).map_err(|error| error.to_string())
            }
            Request::Stats => {
                let totals = page::totals(&self.book).map_err(|error| error.to_string())?;
                if self.learning.is_some() {
                    let soon = "pools: the book is being read since the start or reload; ask again in a moment";
                    return Ok(format!("{totals}\n{soon}\n"));
                }
                let usage = self.server.usage();
                let pools = page::pools(usage, &self.setup.dhcp, POOLS_SHOWN);
                Ok(format!("{totals}\n{pools}"))
            }
        });
        self.control = Some(control);
        self.recall();
    }

    fn begin_recall(&mut self, ask: ReconfMsg, whom: &Whom) -> Result<String, String> {
        self.finish();
        let now = self.clock.now();
        let (server, book) = (&mut self.server, &*self.book);
        let begun = self
            .recall
            .begin((ask, whom), now, (server, book), &mut self.batch);
        let is_kept = self.finish();
        let begun = begun.and_then(|told| {
            let failed = "the store failed; the log says why".to_owned();
            if is_kept { Ok(told) } else { Err(failed) }
        });
        let outcome = begun.as_ref().map_or_else(String::as_str, String::as_str);
        let whom = whom.clone();
        let request = Request::Reconfigure { ask, whom };
        tell!(events::DHCP_RECONFIGURE_ASKED, request = %request, outcome);
        begun
    }

    /// Tells clients to ask anew, and those that did not so far, again.
    pub(super) fn recall(&mut self) {
        if self.recall.is_empty() && self.server.reconfigures_waiting() == 0 {
            return;
        }
        self.finish();
        let now = self.clock.now();
        let book = &*self.book;
        if !self.recall.is_empty() {
            let gone_on = self
                .recall
                .go_on(now, &mut self.server, book, &mut self.batch);
            if let Err(error) = gone_on {
                self.failed(&error);
            }
            self.finish();
        }
        let book = &*self.book;
        let batch = &mut self.batch;
        match self
            .server
            .send_reconfigures(now, SENT_AT_ONCE, book, batch)
        {
            Ok(sent) => self.tally.reconfigures(sent),
            Err(error) => self.failed(&error),
        }
        let senders = (&*self.listeners, &mut self.tally);
        self.outbox.unasked(&self.ways, &mut self.batch, senders);
    }

    /// Tells the operator what the server noticed.
    pub(super) fn notices(&mut self) {
        for notice in self.server.take_notices() {
            match notice {
                Notice::Declined {
                    link,
                    client,
                    lease,
                } => {
                    tell!(events::DHCP_ADDRESS_DECLINED, link = link.0, client = %clients::client(client.octets()), address = %clients::lease(lease));
                }
                Notice::Unanswered { link, client } => {
                    tell!(
                        events::DHCP_RECONFIGURE_UNANSWERED,
                        link = link.0,
                        client = clients::client(&client)
                    );
                }
                Notice::Exhausted { link, kind } => {
                    if let Some(times) = self.exhausted.now() {
                        let kind = if kind == IaKind::Pd {
                            "prefixes"
                        } else {
                            "addresses"
                        };
                        tell!(events::DHCP_POOLS_EXHAUSTED, link = link.0, kind, times);
                    }
                }
            }
        }
    }
}
