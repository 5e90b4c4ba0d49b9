//! Telling the server, piece by piece, which leases of its book are taken.

use leasebook_protocol::Now;
use leasebook_protocol::server::{Batch, Server};
use leasebook_store::{Book, Flow, LeaseName, Progress, RecordView, StoreError};
use leasebook_wire::code::MessageType;
use leasebook_wire::option::ReconfMsg;

use super::recall::Recall;
use crate::log::events;
use crate::tell;

/// Records learnt in one turn: clients wait for less than a millisecond behind them.
const RECORDS_AT_ONCE: usize = 512;

/// How far the server has been told. Until it is done the book is asked more often, and nothing
/// is given twice.
pub(super) struct Learning {
    from: Vec<u8>,
    /// Clients whose leases no longer fit are told to renew, where they can be.
    is_reloaded: bool,
    misplaced: Misplaced,
}

/// Clients with leases that the configuration has no room for.
#[derive(Debug, Default)]
struct Misplaced {
    clients: u64,
    /// Those of them that are told to renew.
    recalled: u64,
    example: Option<LeaseName>,
}

impl Learning {
    /// Begins at the first record, after a start or after a reload.
    pub(super) fn begin(is_reloaded: bool) -> Self {
        Self {
            from: Vec::new(),
            is_reloaded,
            misplaced: Misplaced::default(),
        }
    }

    /// Goes on by a piece; true if it was the last.
    pub(super) fn go_on(
        &mut self,
        now: Now,
        (server, batch): (&mut Server, &Batch),
        book: &Book,
        recall: &mut Recall,
    ) -> Result<bool, StoreError> {
        let Self {
            from,
            is_reloaded,
            misplaced,
        } = self;
        let renew = ReconfMsg::new(MessageType::RENEW).filter(|_| *is_reloaded);
        let mut learnt = 0;
        let progress = book.scan_all(from, &mut |run| {
            for record in run.iter() {
                learnt += 1;
                // What was decided last is not in the book yet.
                let newest = batch.newest(record.link(), record.client());
                let newest = newest.map(|binding| binding.leases.iter().copied());
                let known = record.leases().filter(|_| newest.is_none());
                for lease in newest.clone().into_iter().flatten().chain(known) {
                    server.occupy(record.link(), &lease, now.wall);
                }
                misplaced.look(
                    &record,
                    now,
                    server,
                    renew.map(|renew| (renew, &mut *recall)),
                );
            }
            if learnt < RECORDS_AT_ONCE {
                Flow::Continue
            } else {
                Flow::Stop
            }
        })?;
        if progress == Progress::More {
            return Ok(false);
        }
        server.all_told();
        std::mem::take(misplaced).tell();
        Ok(true)
    }
}

impl Misplaced {
    fn look(
        &mut self,
        record: &RecordView<'_>,
        now: Now,
        server: &Server,
        renew: Option<(ReconfMsg, &mut Recall)>,
    ) {
        let Some(lease) = server.misplaced(record, now.wall) else {
            return;
        };
        self.clients += 1;
        self.example.get_or_insert(lease);
        if let Some((renew, recall)) = renew
            && server.can_reconfigure(record)
        {
            self.recalled += 1;
            recall.push(record, renew);
        }
    }

    fn tell(self) {
        let Self {
            clients, recalled, ..
        } = self;
        if let Some(example) = self.example {
            tell!(events::DHCP_LEASES_MISPLACED, clients, recalled, example = %example);
        }
    }
}
