//! A load of four-message exchanges: clients that each ask once, through relays or none.
//!
//! One thread sends SOLICITs at a steady rate, answers each ADVERTISE with a REQUEST, and checks
//! each REPLY. It is here because perfdhcp knows one hop at most, and one processor of it is
//! full before a fast server is.

use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::{Duration, Instant};

use leasebook_wire::code::{ALL_DHCP_RELAY_AGENTS_AND_SERVERS, MessageType, OptionCode};
use leasebook_wire::message::RelayHeader;
use leasebook_wire::{ClientMessage, ComposeError, Composer, Options, RelayChain, Xid};

use super::{Driver, Leases, Run, Shape};
use crate::datagrams::{BATCH, Peer, link_local, rest};

/// What a client waits for an answer before the exchange counts as dropped, as perfdhcp does.
const DROP_AFTER: Duration = Duration::from_secs(1);

/// The levels a datagram may have.
const LEVELS: usize = 4;

/// Clients, all of them new ones.
pub(crate) struct Load {
    peer: Peer,
    form: Form,
    /// The number of the next client; no two loads of one server may share any.
    next: u64,
}

/// What the messages look like.
#[derive(Clone, Copy)]
struct Form {
    shape: Shape,
    /// The relay's address on the clients' link.
    relay: Ipv6Addr,
}

/// What is known of one exchange.
#[derive(Clone, Copy)]
enum Step {
    Soliciting(Instant),
    Requesting(Instant),
    Done,
}

/// One run in progress.
struct Progress {
    first: u64,
    steps: Vec<Step>,
    run: Run,
    heard: Instant,
}

impl Load {
    /// Clients at the interface of this name, whose address there is `relay`, of the server at
    /// `server`; their numbers begin with `first`.
    pub(crate) fn new(
        (interface, relay): (&str, Ipv6Addr),
        server: Ipv6Addr,
        shape: Shape,
        first: u64,
    ) -> anyhow::Result<Self> {
        let peer = if shape.hops == 0 {
            let own = link_local(interface, 546)?;
            let group = ALL_DHCP_RELAY_AGENTS_AND_SERVERS;
            Peer::new(own, SocketAddrV6::new(group, 547, 0, own.scope_id()))?
        } else {
            let own = SocketAddrV6::new(relay, 547, 0, 0);
            Peer::new(own, SocketAddrV6::new(server, 547, 0, 0))?
        };
        Ok(Self {
            peer,
            form: Form { shape, relay },
            next: first,
        })
    }

    /// Asks once, and tells whether there was an answer at once, to this or an earlier time.
    pub(super) fn knock(&mut self) -> anyhow::Result<bool> {
        self.solicit()?;
        self.peer.send()?;
        rest(&[&self.peer])?;
        Ok(self.peer.receive(&mut |_| Ok(()))? > 0)
    }

    /// Sends as many SOLICITs as are due.
    fn begin(&mut self, progress: &mut Progress, due: usize) -> anyhow::Result<()> {
        let now = Instant::now();
        for _ in 0..due.min(BATCH) {
            self.solicit()?;
            progress.steps.push(Step::Soliciting(now));
            progress.run.begun += 1;
        }
        self.peer.send()
    }

    fn solicit(&mut self) -> Result<(), ComposeError> {
        let (number, form) = (self.next, self.form);
        self.next += 1;
        self.peer
            .put(|octets| form.wrap(octets, |out| solicit(number, form.shape.leases, out)))
    }

    /// Hears what has come, and answers; false if there was nothing.
    fn hear(&mut self, progress: &mut Progress) -> anyhow::Result<bool> {
        let form = self.form;
        let now = Instant::now();
        let mut requests = Vec::new();
        let mut ends = Vec::new();
        let count = self.peer.receive(&mut |octets| {
            if form.answer(octets, now, progress, &mut requests)? {
                ends.push(requests.len());
            }
            Ok(())
        })?;
        let mut start = 0;
        for end in ends {
            let request = requests.get(start..end).unwrap_or_default();
            start = end;
            self.peer.put(|octets| {
                octets.extend_from_slice(request);
                Ok(())
            })?;
        }
        self.peer.send()?;
        if count > 0 {
            progress.heard = now;
        }
        Ok(count > 0)
    }
}

impl Driver for Load {
    fn run(&mut self, rate: u32, time: Duration) -> anyhow::Result<Run> {
        let began = Instant::now();
        let mut progress = Progress {
            first: self.next,
            steps: Vec::new(),
            run: Run::default(),
            heard: began,
        };
        loop {
            let elapsed = began.elapsed();
            if elapsed >= time {
                break;
            }
            let due = due(rate, elapsed).saturating_sub(progress.steps.len());
            self.begin(&mut progress, due)?;
            if !self.hear(&mut progress)? && due == 0 {
                rest(&[&self.peer])?;
            }
        }
        progress.run.took = began.elapsed();
        progress.heard = Instant::now();
        while progress.run.done + progress.run.refused < progress.run.begun
            && progress.heard.elapsed() < DROP_AFTER
        {
            if !self.hear(&mut progress)? {
                rest(&[&self.peer])?;
            }
        }
        let mut run = progress.run;
        let waited = run.advertised.iter().chain(&run.replied);
        run.late = waited.filter(|waited| **waited > DROP_AFTER).count();
        Ok(run)
    }
}

impl Form {
    /// Takes an answer into account; appends the REQUEST that follows from it, if one does.
    fn answer(
        self,
        octets: &[u8],
        now: Instant,
        progress: &mut Progress,
        requests: &mut Vec<u8>,
    ) -> anyhow::Result<bool> {
        let chain = RelayChain::parse(octets, LEVELS)?;
        let message = chain.message();
        let xid = u64::from(message.xid().number());
        let at = xid.wrapping_sub(progress.first) % u64::from(Xid::COUNT);
        let number = progress.first + at;
        let at = usize::try_from(at)?;
        let Some(step) = progress.steps.get_mut(at) else {
            return Ok(false);
        };
        match (*step, message.msg_type()) {
            (Step::Soliciting(since), MessageType::ADVERTISE) => {
                progress.run.advertised.push(now.duration_since(since));
                *step = Step::Requesting(now);
                self.wrap(requests, |out| request(&message, number, out))?;
                Ok(true)
            }
            (Step::Requesting(since), MessageType::REPLY) => {
                progress.run.replied.push(now.duration_since(since));
                *step = Step::Done;
                if has_leases(message.options(), self.shape.leases, &mut progress.run) {
                    progress.run.done += 1;
                } else {
                    progress.run.refused += 1;
                }
                Ok(false)
            }
            // An answer that came twice, or too late.
            _ => Ok(false),
        }
    }

    /// Puts one level for each relay around a client's message.
    fn wrap(
        self,
        octets: &mut Vec<u8>,
        inner: impl FnOnce(&mut Composer<'_>) -> Result<(), ComposeError>,
    ) -> Result<(), ComposeError> {
        let mut out = Composer::bare(octets);
        match self.shape.hops {
            0 => inner(&mut out)?,
            1 => level(&mut out, (0, self.relay, CLIENT), inner)?,
            _ => level(&mut out, (1, Ipv6Addr::UNSPECIFIED, self.relay), |out| {
                level(out, (0, self.relay, CLIENT), inner)
            })?,
        }
        out.finish().map(drop)
    }
}

/// What relays see as the clients' address.
const CLIENT: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0x200, 0x5eff, 0xfe00, 0x5301);

/// How many exchanges should have begun.
fn due(rate: u32, elapsed: Duration) -> usize {
    let due = u128::from(rate) * elapsed.as_micros() / 1_000_000;
    usize::try_from(due).unwrap_or(usize::MAX)
}

/// One relay's level: what it is and from whom, and what it holds.
fn level(
    out: &mut Composer<'_>,
    (hop_count, link_address, peer_address): (u8, Ipv6Addr, Ipv6Addr),
    inner: impl FnOnce(&mut Composer<'_>) -> Result<(), ComposeError>,
) -> Result<(), ComposeError> {
    out.relay_header(&RelayHeader {
        msg_type: MessageType::RELAY_FORW,
        hop_count,
        link_address,
        peer_address,
    });
    out.option(OptionCode::INTERFACE_ID, b"pon0")?;
    if hop_count == 0 {
        out.option(OptionCode::REMOTE_ID, b"\0\0\x0d\xe9an0/card7")?;
        out.option(OptionCode::RELAY_ID, &[0, 3, 0, 1, 2, 0, 0, 0, 0, 0])?;
    }
    out.nested(OptionCode::RELAY_MSG, inner)
}

/// A DUID-LL of the client's own.
fn client_id(number: u64) -> [u8; 10] {
    let mut octets = [0; 10];
    // Its last six octets are the number's, the first of them that of a local address.
    octets[2..].copy_from_slice(&number.to_be_bytes());
    octets[..5].copy_from_slice(&[0, 3, 0, 1, 2]);
    octets
}

fn begin(kind: MessageType, number: u64, out: &mut Composer<'_>) -> Result<(), ComposeError> {
    let [.., x1, x2, x3] = number.to_be_bytes();
    out.client_header(kind, Xid([x1, x2, x3]));
    out.option(OptionCode::CLIENTID, &client_id(number))?;
    out.option(OptionCode::ELAPSED_TIME, &[0, 0])?;
    // DNS_SERVERS and DOMAIN_LIST, as perfdhcp asks.
    out.option(OptionCode::ORO, &[0, 23, 0, 24])
}

fn solicit(number: u64, leases: Leases, out: &mut Composer<'_>) -> Result<(), ComposeError> {
    begin(MessageType::SOLICIT, number, out)?;
    for code in leases.associations() {
        out.option(*code, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])?;
    }
    Ok(())
}

/// The REQUEST for what an ADVERTISE offers.
fn request(
    advertise: &ClientMessage<'_>,
    number: u64,
    out: &mut Composer<'_>,
) -> Result<(), ComposeError> {
    begin(MessageType::REQUEST, number, out)?;
    for option in advertise.options() {
        if matches!(
            option.code,
            OptionCode::SERVERID | OptionCode::IA_NA | OptionCode::IA_PD
        ) {
            out.option(option.code, option.data)?;
        }
    }
    Ok(())
}

/// Whether a REPLY has all that was asked for; what it has goes to the run's leases.
fn has_leases(options: Options<'_>, leases: Leases, run: &mut Run) -> bool {
    leases.associations().iter().all(|code| {
        let found = options.first(*code);
        // IAID, T1 and T2 come first, then one option of a lease, or a status.
        let lease = found.and_then(|option| option.data.get(12..));
        let lease = lease.and_then(|octets| Options::parse(octets, 0).ok());
        let lease = lease.and_then(|options| {
            let address = options.first(OptionCode::IAADDR);
            let prefix = options.first(OptionCode::IAPREFIX);
            match (address, prefix) {
                (Some(address), _) => address.data.get(..16),
                (_, Some(prefix)) => prefix.data.get(9..25),
                _ => None,
            }
        });
        let Some(octets) = lease.and_then(|octets| octets.try_into().ok()) else {
            return false;
        };
        run.leases.push(u128::from_be_bytes(octets));
        true
    })
}
