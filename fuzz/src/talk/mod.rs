//! A conversation with a server, and what must hold of it after each step.
//!
//! | module | its room |
//! |---|---|
//! | [`message`] | one message of a client, through its relays |
//! | [`answer`] | what the client is told |
//! | [`ask`] | what Leasequery tells, beside what the book holds |
//!
//! What is known here is known from outside only: who was promised what, who was heard through
//! which relays last, what was declined. The server is held to it.

mod answer;
mod ask;
mod message;

use std::collections::{BTreeMap, BTreeSet};

use leasebook_protocol::server::Batch;
use leasebook_store::{LeaseName, LeaseStore as _, LinkId, Record};
use leasebook_wire::code::MessageType;

use crate::book;
use crate::plan::Plan;
use crate::site::{Site, duid, is_answered};

use self::answer::Answer;
use self::message::Message;

/// Clients that talk.
const CLIENTS: u8 = 6;

/// A client on a link.
type Who = (LinkId, Vec<u8>);

/// Relay-IDs and Remote-IDs of a chain, outermost first.
type Ids = (Vec<Vec<u8>>, Vec<Vec<u8>>);

/// A server, and what its clients believe.
#[derive(Debug, Default)]
pub struct Talk {
    /// The server.
    pub site: Site,
    /// What each client was promised, and until when: Unix seconds.
    promised: BTreeMap<LeaseName, (Who, u64)>,
    /// Addresses found in use, and until when nobody gets them.
    declined: BTreeMap<LeaseName, u64>,
    /// The relays by which each client was heard when its binding last changed.
    heard_by: BTreeMap<Who, Ids>,
    /// Everyone who was ever heard.
    known: BTreeSet<Who>,
    xid: u16,
}

impl Talk {
    /// Nobody has spoken yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Some messages of different clients, decided together; sometimes the disk refuses.
    pub fn burst(&mut self, plan: &mut Plan<'_>) {
        let mut burst: Vec<Message> = Vec::new();
        for _ in 0..=plan.below(3) {
            let client = plan.octet() % CLIENTS;
            self.xid += 1;
            let named = self.names(plan, client);
            let message = Message::draw(plan, client, self.xid, &named);
            if !burst.iter().any(|other| other.client == message.client) {
                burst.push(message);
            }
        }
        for message in &burst {
            self.stops_using(message);
        }
        let before = self.records(&burst);
        let mut batch = Batch::default();
        let mut answered = Vec::new();
        for message in &burst {
            self.site.arrival = message.arrival;
            let outcome = self.site.decide(&message.octets, &mut batch);
            if is_answered(&outcome) {
                answered.push(message);
            }
        }
        assert_eq!(answered.len(), batch.replies().len());
        if plan.octet() >= 240 {
            // Nothing of it has happened, and what promises something is not sent.
            self.site.server.abandoned(&mut batch);
            assert_eq!(self.records(&burst), before);
            return;
        }
        self.site.commit(&mut batch);
        self.learn(&burst, &before);
        for (message, reply) in answered.iter().zip(batch.replies()) {
            let octets = &batch.octets()[reply.octets.clone()];
            let answer = Answer::read(message, octets);
            self.hear(message, &answer);
        }
    }

    /// Names of leases that a client may put into a message: what it was promised, what others
    /// were, and whatever.
    fn names(&self, plan: &mut Plan<'_>, client: u8) -> Vec<LeaseName> {
        let client = duid(client);
        let own = self.promised.iter().filter(|(_, (who, _))| who.1 == client);
        let mut names: Vec<LeaseName> = own.map(|(name, _)| *name).collect();
        match plan.below(8) {
            0 => names.clear(),
            1 => names.extend(self.promised.keys().nth(plan.below(8))),
            2 => names.push(message::any_name(plan)),
            _ => {}
        }
        names
    }

    /// A client that gives a lease back has stopped using it before it says so
    /// (RFC 8415 §18.2.7); what it says in a binding message about no lease ends nothing.
    fn stops_using(&mut self, message: &Message) {
        if message.ends_leases() {
            for name in &message.named {
                if self
                    .promised
                    .get(name)
                    .is_some_and(|(who, _)| who.1 == message.duid())
                {
                    self.promised.remove(name);
                }
            }
        }
    }

    fn records(&self, burst: &[Message]) -> Vec<Option<Record>> {
        let records = burst.iter().map(|message| self.record(&message.who()));
        records.collect()
    }

    fn record(&self, (link, client): &Who) -> Option<Record> {
        let found = self.site.store.binding(*link, client);
        found.expect("memory is read")
    }

    /// A message that changed its client's binding is the one whose relays count
    /// (BLQ-S-042); one that did not, is not (D-10, SEC-016).
    fn learn(&mut self, burst: &[Message], before: &[Option<Record>]) {
        for (message, before) in burst.iter().zip(before) {
            let who = message.who();
            let now = self.record(&who);
            let is_put = now
                .as_ref()
                .zip(before.as_ref())
                .is_none_or(|(now, before)| {
                    now.view().clt() != before.view().clt()
                        || now.view().seq() != before.view().seq()
                });
            if !is_put || now.is_none() {
                continue;
            }
            assert!(message.may_commit(), "{message:?} changed the book");
            self.known.insert(who.clone());
            self.heard_by.insert(who, message.ids.clone());
        }
    }

    /// The client learns what it is told.
    fn hear(&mut self, message: &Message, answer: &Answer) {
        let now = self.site.now.wall;
        for (name, valid) in &answer.leases {
            if *valid == 0 {
                self.promised.remove(name);
                continue;
            }
            if let Some(until) = self.declined.get(name) {
                assert!(*until <= now, "{name} is declined and given to {message:?}");
            }
            if answer.kind == MessageType::REPLY {
                let until = now + u64::from(*valid);
                self.promised.insert(*name, (message.who(), until));
            } else if let Some((who, until)) = self.promised.get(name) {
                let is_free = *until <= now || *who == message.who();
                assert!(
                    is_free,
                    "{name} of {who:?} is offered in answer to {message:?}"
                );
            }
        }
        if message.kind == MessageType::DECLINE {
            for lease in self
                .record(&message.who())
                .iter()
                .flat_map(|record| record.view().leases())
            {
                if lease.state == leasebook_store::LeaseState::Declined {
                    let until = lease.clt + u64::from(lease.valid);
                    self.declined.insert(lease.name, until);
                }
            }
        }
    }

    /// The server starts anew over the same book.
    pub fn restart(&mut self) {
        self.site.restart();
    }

    /// The server takes back what has run out.
    pub fn reclaim(&mut self) {
        let records: Vec<Record> = self
            .known
            .iter()
            .filter_map(|who| self.record(who))
            .collect();
        let mut batch = Batch::default();
        let Site {
            server, store, now, ..
        } = &mut self.site;
        server
            .reclaim(*now, &records, store, &mut batch)
            .expect("memory is read");
        self.site.commit(&mut batch);
    }

    /// What holds after every step.
    pub fn check(&mut self) {
        let now = self.site.now.wall;
        self.promised.retain(|_, (_, until)| *until > now);
        let holders = book::check_holders(&self.site.store, now);
        for (name, (who, _)) in &self.promised {
            assert_eq!(holders.get(name), Some(who), "{name} was promised");
        }
        for ((_, client), record) in book::live(&self.site.store, now) {
            let live = book::live_leases(&record, now);
            assert!(live.len() <= 6, "{client:?} has {} leases", live.len());
        }
    }
}
