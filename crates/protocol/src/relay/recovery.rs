//! Asking one server for everything that was relayed by us.
//!
//! ```text
//!  by Relay-ID, on all links ──► bindings ──► done
//!        │ none, or not answered            └─► by address, where doubtful
//!        └─► by link-address, each port, and by the Remote-IDs configured
//! ```
//!
//! One machine for each server; all run at the same time and share the [`Relay`]. A server that
//! is down is tried again by its requestor's back-off. Source: RELAY-068 to RELAY-085, D-45.

use std::collections::{HashMap, VecDeque};

use leasebook_wire::Duid;
use leasebook_wire::code::StatusCode;

use super::claim::{Pending, Teller};
use super::machine::Relay;
use super::ports::PortNo;
use super::table::Delegation;
use crate::requestor::{
    Action, Ask, AskError, Binding, Cause, Config, Connection, Deviations, Ending, Entropy, Event,
    Input, QueryId, Question, Tally,
};
use crate::time::{Mono, Now};

/// Confirmations without a denial after which a server's doubtful leases are routed first and
/// asked about behind (decisions.md, "Recovery by the relay").
const TRUSTED_AFTER: u32 = 64;

/// Confirmations outstanding at once, beside the bulk query.
const MAX_CONFIRMING: usize = 256;

/// What a server was asked, for what reason.
#[derive(Debug)]
enum Purpose {
    /// By a Relay-ID of ours.
    RelayId,
    /// By the link-address of a port.
    Link(PortNo),
    /// By a Remote-ID that the configuration names.
    RemoteId,
    /// By the address of a lease in doubt; what was told of it again.
    Confirm(Box<Pending>, Option<Box<Delegation>>),
}

/// How far it is with a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It has been asked and has not answered to the end.
    Asking,
    /// An attempt failed; it is tried again.
    Retrying(Cause),
    /// It has answered everything.
    Done,
    /// It answers with an error status and will not be asked again.
    Refused(StatusCode, String),
    /// It could not be asked to the end.
    Failed(Cause),
}

/// What came of a server so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Leases told that were routed or known.
    pub taken: u64,
    /// Leases refused.
    pub refused: u64,
    /// Leases confirmed when asked about again.
    pub confirmed: u64,
    /// Leases denied.
    pub denied: u64,
    /// Messages, leases and octets.
    pub tally: Tally,
}

/// The recovery from one server.
#[derive(Debug)]
pub struct ServerRecovery {
    server: u16,
    connection: Connection,
    purposes: HashMap<QueryId, Purpose>,
    waiting: VecDeque<Pending>,
    confirming: usize,
    phase: Phase,
    counts: Counts,
    /// Ports asked by link-address already, or to be asked if need be.
    has_asked_links: bool,
    found_any: bool,
}

impl ServerRecovery {
    /// Begins: asks by Relay-ID, former ones too (RELAY-069).
    ///
    /// `server` is its place in the configuration. The requestor should retry without end.
    pub fn begin(
        now: Now,
        server: u16,
        config: Config,
        entropy: Entropy,
        relay: &Relay,
    ) -> Result<Self, AskError> {
        let mut recovery = Self {
            server,
            connection: Connection::new(config, entropy),
            purposes: HashMap::new(),
            waiting: VecDeque::new(),
            confirming: 0,
            phase: Phase::Asking,
            counts: Counts::default(),
            has_asked_links: false,
            found_any: false,
        };
        let relay_config = relay.config();
        let ids = std::iter::once(&relay_config.relay_id).chain(&relay_config.former_ids);
        for id in ids {
            let question = Question::RelayId(Duid::clone(id));
            recovery.ask(now, question, Purpose::RelayId)?;
        }
        Ok(recovery)
    }

    // Getters

    /// The server's place in the configuration.
    pub fn server(&self) -> u16 {
        self.server
    }

    /// How far it is.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// What came so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What the server did wrong.
    pub fn deviations(&self) -> &Deviations {
        self.connection.deviations()
    }

    /// Whether nothing more will come of it.
    pub fn is_finished(&self) -> bool {
        self.connection.is_finished()
    }

    /// Whether there is no sense in waiting for it: it has answered, refused, or was tried in
    /// vain and goes on trying.
    pub fn is_settled(&self) -> bool {
        self.phase != Phase::Asking
    }

    // Inputs and outputs

    /// Takes what happened to the connection; bindings go to `relay` as they come (RELAY-075).
    pub fn handle(&mut self, now: Now, input: Input<'_>, relay: &mut Relay) {
        let mut ended = Vec::new();
        let mut told = Told {
            server: self.server,
            is_trusted: self.is_trusted(),
            purposes: &mut self.purposes,
            counts: &mut self.counts,
            waiting: &mut self.waiting,
            found_any: &mut self.found_any,
        };
        let phase = &mut self.phase;
        self.connection
            .handle(now, input, &mut |event| match event {
                Event::Binding(binding) => told.binding(&binding, relay),
                Event::Ended {
                    query,
                    ending,
                    tally,
                } => ended.push((query, ending, tally)),
                Event::Interrupted { cause, .. } => *phase = Phase::Retrying(cause),
                Event::Deviation { .. } => {}
            });
        for (query, ending, tally) in ended {
            self.ended(now, query, ending, tally, relay);
        }
        self.confirm(now, relay);
        if self.connection.pending() == 0 && self.waiting.is_empty() && !self.is_finished() {
            if matches!(self.phase, Phase::Asking | Phase::Retrying(_)) {
                self.phase = Phase::Done;
            }
            self.connection.finish(now);
        }
    }

    /// The next thing to do with the socket.
    pub fn poll(&mut self) -> Option<Action> {
        self.connection.poll()
    }

    /// When [`Input::Timer`] is due.
    pub fn deadline(&self) -> Option<Mono> {
        self.connection.deadline()
    }

    // Steps

    fn is_trusted(&self) -> bool {
        self.counts.denied == 0 && self.counts.confirmed >= u64::from(TRUSTED_AFTER)
    }

    fn ask(&mut self, now: Now, question: Question, purpose: Purpose) -> Result<(), AskError> {
        let query = self.connection.ask(now, Ask::everywhere(question))?;
        self.purposes.insert(query, purpose);
        Ok(())
    }

    fn ended(&mut self, now: Now, query: QueryId, ending: Ending, tally: Tally, relay: &mut Relay) {
        let Some(purpose) = self.purposes.remove(&query) else {
            return;
        };
        let sum = &mut self.counts.tally;
        sum.attempts = sum.attempts.saturating_add(tally.attempts);
        sum.messages = sum.messages.saturating_add(tally.messages);
        sum.leases = sum.leases.saturating_add(tally.leases);
        sum.octets = sum.octets.saturating_add(tally.octets);
        match purpose {
            Purpose::RelayId => self.asked_by_relay_id(now, ending, relay),
            Purpose::Link(_) | Purpose::RemoteId => self.note(ending),
            Purpose::Confirm(pending, again) => {
                self.confirming = self.confirming.saturating_sub(1);
                match (again, ending) {
                    (Some(again), _) => {
                        self.counts.confirmed += 1;
                        relay.confirmed(&pending, *again);
                    }
                    (None, Ending::Complete | Ending::NoneFound) => {
                        self.counts.denied += 1;
                        relay.denied(&pending);
                    }
                    (None, _) => relay.unanswered(&pending),
                }
            }
        }
    }

    /// A server that does not know the question, does not allow it, or has nothing for our
    /// Relay-ID may still know the links (RELAY-070, RELAY-071).
    fn asked_by_relay_id(&mut self, now: Now, ending: Ending, relay: &Relay) {
        let cannot = |status: &StatusCode| {
            [StatusCode::UNKNOWN_QUERY_TYPE, StatusCode::NOT_ALLOWED].contains(status)
        };
        let asks_links = match &ending {
            Ending::NoneFound => relay.config().asks_links_where_none && !self.found_any,
            Ending::Refused { status, .. } => cannot(status),
            _ => false,
        };
        if asks_links && self.has_asked_links {
            return;
        }
        if !asks_links {
            self.note(ending);
            return;
        }
        self.has_asked_links = true;
        let mut asked = 0;
        for (no, port) in relay.ports().present() {
            let link = port.link_address;
            if link.is_unspecified() || link.is_unicast_link_local() {
                continue;
            }
            let asks = self.ask(now, Question::LinkAddress(link), Purpose::Link(no));
            asked += usize::from(asks.is_ok());
        }
        for id in &relay.config().remote_ids {
            let asks = self.ask(now, Question::RemoteId(id.clone()), Purpose::RemoteId);
            asked += usize::from(asks.is_ok());
        }
        if asked == 0 {
            self.note(ending);
        }
    }

    /// Notes how a query ended; the worst is kept.
    fn note(&mut self, ending: Ending) {
        match ending {
            Ending::Complete | Ending::NoneFound => {}
            // A link that the server does not know has nothing to tell.
            Ending::Refused { status, .. } if status == StatusCode::NOT_CONFIGURED => {}
            Ending::Refused { status, text } => self.phase = Phase::Refused(status, text),
            Ending::Partial(cause) | Ending::Unanswered(cause) => self.phase = Phase::Failed(cause),
        }
    }

    /// Asks about leases in doubt, a few at a time.
    fn confirm(&mut self, now: Now, relay: &mut Relay) {
        while self.confirming < MAX_CONFIRMING
            && let Some(pending) = self.waiting.pop_front()
        {
            let question = Question::Address(pending.delegation.prefix.addr());
            let purpose = Purpose::Confirm(Box::new(pending.clone()), None);
            match self.ask(now, question, purpose) {
                Ok(()) => self.confirming += 1,
                Err(_) => relay.unanswered(&pending),
            }
        }
    }
}

/// What is needed while octets are read.
struct Told<'a> {
    server: u16,
    is_trusted: bool,
    purposes: &'a mut HashMap<QueryId, Purpose>,
    counts: &'a mut Counts,
    waiting: &'a mut VecDeque<Pending>,
    found_any: &'a mut bool,
}

impl Told<'_> {
    fn binding(&mut self, binding: &Binding<'_>, relay: &mut Relay) {
        let mut teller = Teller {
            server: self.server,
            asked_on: None,
            is_trusted: self.is_trusted,
        };
        match self.purposes.get_mut(&binding.query) {
            Some(Purpose::Confirm(pending, again)) => {
                if let Some(retold) = relay.retold(teller, binding, pending) {
                    *again = Some(Box::new(retold));
                }
                return;
            }
            Some(Purpose::Link(port)) => teller.asked_on = Some(*port),
            Some(Purpose::RelayId) => *self.found_any = true,
            Some(Purpose::RemoteId) => {}
            None => return,
        }
        let judged = relay.claim(teller, binding);
        self.counts.taken += u64::from(judged.taken);
        self.counts.refused += u64::from(judged.refused);
        self.waiting.extend(judged.pending);
    }
}
