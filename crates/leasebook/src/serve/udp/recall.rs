//! Telling clients to ask anew: one at an operator's word, many a piece at a time.

use std::collections::VecDeque;

use leasebook_protocol::Now;
use leasebook_protocol::server::{Batch, NotTold, Server};
use leasebook_store::{
    Book, Cursor, Flow, LeaseStore as _, LinkId, Links, Progress, Query, RecordView, Selector,
    StoreError,
};
use leasebook_wire::option::ReconfMsg;

use crate::control::Whom;

/// Clients told in one turn, so that others need not wait long behind their commit.
const AT_ONCE: usize = 512;

/// Clients that wait to be told, at most; one more renews in its own time.
const MAX_QUEUE: usize = 1 << 17;

/// Clients that are to be told.
#[derive(Debug, Default)]
pub(super) struct Recall {
    queue: VecDeque<(LinkId, Box<[u8]>, ReconfMsg)>,
    /// Links whose clients are being looked for.
    scans: VecDeque<(Cursor, ReconfMsg)>,
}

impl Recall {
    /// The record's client is to be told when its turn comes.
    pub(super) fn push(&mut self, record: &RecordView<'_>, ask: ReconfMsg) {
        if self.queue.len() < MAX_QUEUE {
            let client = record.client().into();
            self.queue.push_back((record.link(), client, ask));
        }
    }

    /// Whether nobody waits to be told.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.scans.is_empty()
    }

    /// Does what an operator asks, as far as it can be done at once: adds to `batch` what must be
    /// durable first. Gives what is to be answered.
    pub(super) fn begin(
        &mut self,
        (ask, whom): (ReconfMsg, &Whom),
        now: Now,
        (server, book): (&mut Server, &Book),
        batch: &mut Batch,
    ) -> Result<String, String> {
        let said = |error: StoreError| error.to_string();
        let records = match whom {
            Whom::Client(client) => book.of_client(client.octets()).map_err(said)?,
            Whom::Lease(name) => book.holder(*name).map_err(said)?.into_iter().collect(),
            Whom::Link(link) => {
                if !server.uses_reconfigure() {
                    return Err(NotTold::Off.to_string());
                }
                let query = Query {
                    selector: Selector::All,
                    links: Links::of(vec![*link]),
                };
                let cursor = Cursor::new(query, book.last_seq());
                self.scans.push_back((cursor, ask));
                return Ok(format!("clients of {link} are told, some each second"));
            }
        };
        let (mut told, mut why) = (0, NotTold::NoLease);
        for record in &records {
            let view = record.view();
            let client = (view.link(), view.client());
            match server.reconfigure_client(now, client, ask, book, batch) {
                Ok(()) => told += 1,
                Err(error) => why = error,
            }
        }
        if told == 0 {
            return Err(format!("nobody is told: {why}"));
        }
        Ok(format!("told {told} of {} bindings", records.len()))
    }

    /// Looks for clients on links, and begins to tell the next of those that wait: adds to `batch`
    /// what must be durable first.
    pub(super) fn go_on(
        &mut self,
        now: Now,
        server: &mut Server,
        book: &Book,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        if self.queue.len() < AT_ONCE {
            self.look(now, server, book)?;
        }
        for _ in 0..AT_ONCE {
            if batch.is_large() {
                break;
            }
            let Some((link, client, ask)) = self.queue.pop_front() else {
                break;
            };
            match server.reconfigure_client(now, (link, &client), ask, book, batch) {
                Err(NotTold::Busy) => {
                    self.queue.push_front((link, client, ask));
                    break;
                }
                Err(NotTold::Store(error)) => return Err(error),
                // Whoever released its leases meanwhile, or cannot be told, is none to tell.
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn look(&mut self, now: Now, server: &Server, book: &Book) -> Result<(), StoreError> {
        let Some((mut cursor, ask)) = self.scans.pop_front() else {
            return Ok(());
        };
        let progress = book.scan(&mut cursor, now.wall, &mut |run| {
            for record in run.iter().filter(|record| server.can_reconfigure(record)) {
                self.push(&record, ask);
            }
            if self.queue.len() < AT_ONCE {
                Flow::Continue
            } else {
                Flow::Stop
            }
        })?;
        if progress == Progress::More {
            self.scans.push_front((cursor, ask));
        }
        Ok(())
    }
}
