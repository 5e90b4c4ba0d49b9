//! Datagrams through a relay, both ways, beside Debian's relays in namespaces of the same shape.
//!
//! ```text
//!  near: clients and server                 far: one relay
//!    bench   ─ SOLICIT ──────────────────────► bench-far
//!    up      ◄ RELAY-FORW ─ RELAY-REPL ──────► up-far
//! ```
//!
//! One thread plays clients and server: it sends a client's SOLICIT, and for each RELAY-FORW that
//! comes out on the other side a RELAY-REPL with an ADVERTISE, which must come back to the client.
//! ADVERTISE, because what a REPLY grants has our relay install a route, and the others not.

use std::net::{Ipv6Addr, SocketAddrV6};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::ensure;
use leasebook_wire::code::{ALL_DHCP_RELAY_AGENTS_AND_SERVERS, MessageType, OptionCode};
use leasebook_wire::message::RelayHeader;
use leasebook_wire::{ComposeError, Composer, RelayMessage, Xid};
use tempfile::TempDir;

use crate::datagrams::{BATCH, Peer, link_local, rest};
use crate::field::{self, Far, Process, binary, has, load_average, median};
use crate::fixture::delegation;
use crate::search::{self, Effort, Highest, Tried, count};

/// How long nothing comes before what is missing counts as lost.
const LOST_AFTER: Duration = Duration::from_millis(500);

/// Datagrams that each exchange takes through the relay.
const DATAGRAMS: f64 = 2.0;

/// Measures our relay and those of Debian that are installed.
pub(crate) fn relaying(effort: Effort) -> anyhow::Result<()> {
    field::enter()?;
    println!(
        "relaying: datagrams both ways; load average {}",
        load_average()
    );
    let mut sites = vec![Site::new("leasebook", 1)?];
    if has("dhcrelay", "isc-dhcp-relay") {
        sites.push(Site::new("isc", 2)?);
    }
    if has("dibbler-relay", "dibbler-relay") {
        sites.push(Site::new("dibbler", 3)?);
    }
    let mut found = Vec::new();
    for site in &mut sites {
        found.push(site.highest(effort)?);
    }
    println!(
        "  {:<10} {:>13} {:>6} | {:>8} {:>9} {:>8} {:>6} {:>10} {:>8}",
        "relay", "datagrams/s", "ratio", "at", "CPU each", "ours", "ratio", "round trip", "ours"
    );
    let Some((own, peers)) = sites.split_first_mut() else {
        return Ok(());
    };
    let Some((best, others)) = found.split_first() else {
        return Ok(());
    };
    println!("  {:<10} {:>13}", own.name, shown(*best));
    for (peer, found) in peers.iter_mut().zip(others) {
        let equal = effort.equal_rate(&[*best, *found]);
        let mut rounds: [Vec<f64>; 4] = Default::default();
        for _ in 0..effort.rounds {
            let (theirs, ours) = (
                peer.at_load(equal, effort.step)?,
                own.at_load(equal, effort.step)?,
            );
            let figures = [theirs[0], ours[0], theirs[1], ours[1]];
            for (values, figure) in rounds.iter_mut().zip(figures) {
                values.push(figure);
            }
        }
        let [each, own_each, trip, own_trip] = rounds.map(|values| median(&values));
        println!(
            "  {:<10} {:>13} {:>6.2} | {:>6.0}/s {:>6.2} us {:>5.2} us {:>6.2} {:>7.2} ms {:>5.2} ms",
            peer.name,
            shown(*found),
            best.rate / found.rate,
            f64::from(equal) * DATAGRAMS,
            each * 1e6,
            own_each * 1e6,
            own_each / each,
            trip * 1e3,
            own_trip * 1e3,
        );
    }
    println!(
        "  datagrams/s: most without a loss in one of two tries, ratio ours over theirs (goal 3);\n\
         \x20 CPU each: processor time of the relay for a datagram at half of their rate, ratio ours over theirs (goal 0.33)\n"
    );
    Ok(())
}

/// The highest rate, in datagrams.
fn shown(found: Highest) -> String {
    let mark = if found.is_of_load { ">" } else { "" };
    format!("{mark}{:.0}", found.rate * DATAGRAMS)
}

/// A relay in a namespace of its own, its clients and its server.
struct Site {
    name: &'static str,
    process: Process,
    clients: Peer,
    server: Peer,
    /// The number of the next exchange.
    next: u32,
    _far: Far,
    _dir: TempDir,
}

/// What came of a run.
struct Passed {
    begun: usize,
    returned: usize,
    took: Duration,
    trips: Duration,
}

impl Site {
    fn new(name: &'static str, number: u16) -> anyhow::Result<Self> {
        let far = Far::new()?;
        let (down, up) = (format!("down{number}"), format!("up{number}"));
        far.join(&down, address(number, 1, 2), address(number, 1, 1))?;
        let server = address(number, 2, 1);
        far.join(&up, server, address(number, 2, 2))?;
        let dir = tempfile::Builder::new()
            .prefix("leasebook-relaying-")
            .tempdir()?;
        let mut command = match name {
            "leasebook" => leasebook(&far, dir.path(), (&down, server))?,
            "isc" => isc(&far, dir.path(), (&down, &up, server)),
            _ => dibbler(&far, dir.path(), (&down, &up, server))?,
        };
        let process = Process::start(&mut command, &dir.path().join("log"))?;
        let own = link_local(&down, 546)?;
        let group = SocketAddrV6::new(ALL_DHCP_RELAY_AGENTS_AND_SERVERS, 547, 0, own.scope_id());
        let relay = SocketAddrV6::new(address(number, 2, 2), 547, 0, 0);
        let mut site = Self {
            name,
            process,
            clients: Peer::new(own, group)?,
            server: Peer::new(SocketAddrV6::new(server, 547, 0, 0), relay)?,
            next: 0,
            _far: far,
            _dir: dir,
        };
        let (clients, server, next) = (&mut site.clients, &mut site.server, &mut site.next);
        site.process.wait(name, || {
            *next += 1;
            let number = *next;
            clients.put(|octets| solicit(number, octets))?;
            clients.send()?;
            rest(&[clients, server])?;
            Ok(server.receive(&mut |_| Ok(()))? > 0)
        })?;
        Ok(site)
    }

    fn highest(&mut self, effort: Effort) -> anyhow::Result<Highest> {
        search::highest(effort, |rate| {
            let before = self.process.processor_time()?;
            let passed = self.run(rate, effort.step)?;
            ensure!(passed.returned > 0, "{} relays nothing", self.name);
            let took = self.process.processor_time()?.saturating_sub(before);
            Ok(Tried {
                rate: count(passed.begun) / passed.took.as_secs_f64(),
                is_clean: passed.returned == passed.begun,
                each: took.as_secs_f64() / count(passed.returned),
            })
        })
    }

    /// Processor seconds of the relay for each datagram, and the mean time there and back.
    fn at_load(&mut self, rate: u32, time: Duration) -> anyhow::Result<[f64; 2]> {
        let before = self.process.processor_time()?;
        let passed = self.run(rate, time)?;
        let took = self.process.processor_time()?.saturating_sub(before);
        let returned = count(passed.returned.max(1));
        Ok([
            took.as_secs_f64() / (returned * DATAGRAMS),
            passed.trips.as_secs_f64() / returned,
        ])
    }

    fn run(&mut self, rate: u32, time: Duration) -> anyhow::Result<Passed> {
        let first = self.next;
        let began = Instant::now();
        let mut sent: Vec<Option<Instant>> = Vec::new();
        let mut passed = Passed {
            begun: 0,
            returned: 0,
            took: Duration::ZERO,
            trips: Duration::ZERO,
        };
        let mut heard = began;
        loop {
            let elapsed = began.elapsed();
            let is_over = elapsed >= time;
            if !is_over {
                passed.took = elapsed;
                let due = u128::from(rate) * elapsed.as_micros() / 1_000_000;
                let due = usize::try_from(due)?.saturating_sub(sent.len()).min(BATCH);
                let now = Instant::now();
                for _ in 0..due {
                    let number = self.next;
                    self.next += 1;
                    self.clients.put(|octets| solicit(number, octets))?;
                    sent.push(Some(now));
                }
                self.clients.send()?;
            }
            let came = self.serve()? + self.returned(first, &mut sent, &mut passed)?;
            if came > 0 {
                heard = Instant::now();
            } else {
                rest(&[&self.clients, &self.server])?;
            }
            let is_all = passed.returned == sent.len();
            if is_over && (is_all || heard.elapsed() > LOST_AFTER) {
                passed.begun = sent.len();
                return Ok(passed);
            }
        }
    }

    /// Answers what came to the server.
    fn serve(&mut self) -> anyhow::Result<usize> {
        let (mut replies, mut ends) = (Vec::new(), Vec::new());
        let came = self.server.receive(&mut |octets| {
            advertise(octets, &mut replies)?;
            ends.push(replies.len());
            Ok(())
        })?;
        let mut start = 0;
        for end in ends {
            let reply = replies.get(start..end).unwrap_or_default();
            start = end;
            self.server.put(|octets| {
                octets.extend_from_slice(reply);
                Ok(())
            })?;
        }
        self.server.send()?;
        Ok(came)
    }

    /// Counts what came back to the clients.
    fn returned(
        &mut self,
        first: u32,
        sent: &mut [Option<Instant>],
        passed: &mut Passed,
    ) -> anyhow::Result<usize> {
        let now = Instant::now();
        self.clients.receive(&mut |octets| {
            if let [kind, x1, x2, x3, ..] = *octets
                && kind == MessageType::ADVERTISE.0
            {
                let xid = Xid([x1, x2, x3]).number();
                let at = xid.wrapping_sub(first) % Xid::COUNT;
                if let Some(since) = sent.get_mut(at as usize).and_then(Option::take) {
                    passed.returned += 1;
                    passed.trips += now.duration_since(since);
                }
            }
            Ok(())
        })
    }
}

fn address(number: u16, side: u16, host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, number, side, 0, 0, 0, host)
}

fn leasebook(far: &Far, dir: &Path, (down, server): (&str, Ipv6Addr)) -> anyhow::Result<Command> {
    let text = format!(
        "state = {:?}\ncontrol = {:?}\n\
         [[server]]\naddress = \"{server}\"\nrecover = false\n\
         [[interface]]\nname = \"{down}-far\"\n",
        dir.join("state").display().to_string(),
        dir.join("control").display().to_string(),
    );
    let path = dir.join("relay.toml");
    std::fs::write(&path, text)?;
    let mut command = far.command(binary()?);
    command.args(["relay", "--config"]).arg(path);
    Ok(command)
}

fn isc(far: &Far, dir: &Path, (down, up, server): (&str, &str, Ipv6Addr)) -> Command {
    let mut command = far.command("dhcrelay");
    command
        .args(["-6", "-d", "-q", "-I", "-pf"])
        .arg(dir.join("pid"))
        .args(["-l", &format!("{down}-far")])
        .args(["-u", &format!("{server}%{up}-far")]);
    command
}

/// It knows no other places than Debian's for its files, so it gets ones of its own there.
fn dibbler(
    far: &Far,
    dir: &Path,
    (down, up, server): (&str, &str, Ipv6Addr),
) -> anyhow::Result<Command> {
    let text = format!(
        "log-level 3\nlog-mode short\n\
         iface {up}-far {{ server unicast {server} }}\n\
         iface {down}-far {{ client multicast yes\n interface-id 7001 }}\n"
    );
    std::fs::write(dir.join("relay.conf"), text)?;
    let mut command = far.command("unshare");
    let script = "for place in /etc/dibbler /var/lib/dibbler /var/log/dibbler; do\n\
                  mount --bind \"$0\" $place || exit; done\n\
                  exec dibbler-relay run";
    command.args(["--mount", "sh", "-c", script]).arg(dir);
    Ok(command)
}

/// A client's message.
fn solicit(number: u32, octets: &mut Vec<u8>) -> Result<(), ComposeError> {
    let xid = Xid::from_number(number % Xid::COUNT);
    let mut message = Composer::client(octets, MessageType::SOLICIT, xid);
    let [a, b, c, d] = number.to_be_bytes();
    message.option(OptionCode::CLIENTID, &[0, 3, 0, 1, 2, 0, a, b, c, d])?;
    message.option(OptionCode::ELAPSED_TIME, &[0, 0])?;
    message.option(OptionCode::ORO, &[0, 23, 0, 24])?;
    message.option(OptionCode::IA_PD, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])?;
    message.finish().map(drop)
}

/// What the server answers to a RELAY-FORW.
fn advertise(forward: &[u8], octets: &mut Vec<u8>) -> anyhow::Result<()> {
    let forward = RelayMessage::parse(forward)?;
    let solicit = forward.relayed().unwrap_or_default();
    let [_, x1, x2, x3, options @ ..] = solicit else {
        anyhow::bail!("a relay passed on what is no SOLICIT");
    };
    // The option of the client's DUID comes first.
    let client = options.get(4..14).unwrap_or_default();
    let mut message = Composer::relay(
        octets,
        &RelayHeader {
            msg_type: MessageType::RELAY_REPL,
            ..forward.header()
        },
    );
    if let Some(interface) = forward.options().first(OptionCode::INTERFACE_ID) {
        message.option(interface.code, interface.data)?;
    }
    message.nested(OptionCode::RELAY_MSG, |message| {
        message.client_header(MessageType::ADVERTISE, Xid([*x1, *x2, *x3]));
        message.option(OptionCode::CLIENTID, client)?;
        message.option(OptionCode::SERVERID, &[0, 3, 0, 1, 2, 0, 0, 0, 0, 9])?;
        let prefix = Ipv6Addr::new(0x3fff, 0x100, 0x1200, 0, 0, 0, 0, 0);
        delegation(message, [1500, 2400], prefix)
    })?;
    message.finish()?;
    Ok(())
}
