//! The delegations on disk, for a restart with no server in reach: the file `delegations` of the
//! state directory, written anew now and then.
//!
//! ```text
//! {"leasebook-delegations":1,"written":1700000000}          when, by the wall clock
//! {"prefix":"2001:db8:100::/56","client":"00:03:...",...}   one each
//! {"count":1,"crc32c":305419896}                            how many, and the sum of all lines above
//! ```
//!
//! It is put in place whole or not at all. One that is spoilt is set aside and told; nothing of it is
//! believed. Only the relay's user can read it (SEC-025), and it goes when it is no longer wanted.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use ipnet::Ipv6Net;
use leasebook_protocol::Now;
use leasebook_protocol::relay::Kept;
use leasebook_wire::Duid;
use serde::{Deserialize, Serialize};

use super::shared::Shared;
use crate::log::events;
use crate::tell;

/// The file, and what a spoilt one is called.
const FILE: &str = "delegations";
const SPOILT: &str = "delegations.spoilt";

/// The form of the file that is written and read.
const FORM: u32 = 1;

/// Delegations read at once, so that clients need not wait long behind it.
const AT_ONCE: usize = 1000;

#[derive(Serialize, Deserialize)]
struct Head {
    #[serde(rename = "leasebook-delegations")]
    form: u32,
    /// Unix time.
    written: u64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    prefix: Ipv6Net,
    client: String,
    iaid: Option<u32>,
    interface: String,
    via: Option<std::net::Ipv6Addr>,
    /// Seconds left when it was written; none is for ever.
    preferred: Option<u64>,
    valid: Option<u64>,
    heard_secs_ago: i64,
}

#[derive(Serialize, Deserialize)]
struct Tail {
    count: u64,
    crc32c: u32,
}

/// Why nothing comes from the file.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error("it cannot be read: {0}")]
    Read(io::Error),
    #[error("line {0} is not as it was written")]
    Line(usize),
    #[error("it is of form {0}, and this program reads form {FORM}")]
    Form(u32),
    #[error("its end is missing or does not fit the rest")]
    Sum,
}

/// Takes back what an earlier run left, as far as its interfaces are still configured; how many.
pub(super) fn restore(directory: &Path, shared: &Shared, is_ours: &dyn Fn(&str) -> bool) -> usize {
    let path = directory.join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return 0,
        Err(error) => Err(KeepError::Read(error)),
    };
    let now = shared.clock.now();
    match text.and_then(|text| parse(&text, now.wall)) {
        Ok(all) => {
            let mut relay = shared.relay();
            let ours = all.iter().filter(|one| is_ours(&one.interface));
            let taken = ours.filter(|one| relay.restore(now.mono, one)).count();
            shared.settle(&mut relay);
            taken
        }
        Err(error) => {
            let aside = directory.join(SPOILT);
            let moved = fs::rename(&path, &aside).err();
            let moved = moved.map(|error| error.to_string());
            tell!(
                events::RELAY_KEPT_SPOILT,
                file = %path.display(),
                error = %error,
                aside = %aside.display(),
                not_moved = moved
            );
            0
        }
    }
}

/// Takes the file away, where none is to be kept.
pub(super) fn remove(directory: &Path) {
    // None that cannot be removed is worse than one that is not there; it is not read either.
    let _ = fs::remove_file(directory.join(FILE));
}

fn parse(text: &str, wall: u64) -> Result<Vec<Kept>, KeepError> {
    let body = text.trim_end_matches('\n');
    let (body, tail) = body.rsplit_once('\n').ok_or(KeepError::Sum)?;
    let tail: Tail = serde_json::from_str(tail).map_err(|_| KeepError::Sum)?;
    let summed = text.get(..=body.len()).unwrap_or_default();
    if crc32c::crc32c(summed.as_bytes()) != tail.crc32c {
        return Err(KeepError::Sum);
    }
    let mut lines = body.lines();
    let head = lines.next().unwrap_or_default();
    let head: Head = serde_json::from_str(head).map_err(|_| KeepError::Line(1))?;
    if head.form != FORM {
        return Err(KeepError::Form(head.form));
    }
    // A clock that ran back tells nothing; then no time has passed, and servers tell better soon.
    let passed = Duration::from_secs(wall.saturating_sub(head.written));
    let all: Result<Vec<Kept>, KeepError> = lines
        .enumerate()
        .map(|(place, line)| kept(line, passed).ok_or(KeepError::Line(place + 2)))
        .collect();
    let all = all?;
    let is_whole = u64::try_from(all.len()).is_ok_and(|count| count == tail.count);
    is_whole.then_some(all).ok_or(KeepError::Sum)
}

fn kept(line: &str, passed: Duration) -> Option<Kept> {
    let line: Line = serde_json::from_str(line).ok()?;
    let client: Duid = line.client.parse().ok()?;
    let left =
        |secs: Option<u64>| secs.map(|secs| Duration::from_secs(secs).saturating_sub(passed));
    let ago = i64::try_from(passed.as_secs()).unwrap_or(i64::MAX);
    Some(Kept {
        prefix: line.prefix,
        client: client.octets().into(),
        iaid: line.iaid,
        interface: line.interface,
        via: line.via,
        preferred: left(line.preferred),
        valid: left(line.valid),
        heard_secs_ago: line.heard_secs_ago.saturating_add(ago),
    })
}

/// The thread that writes the file; dropping it writes once more and ends it.
pub(super) struct Keeping {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeping {
    /// Begins to write, if anything has changed, after each time.
    pub(super) fn begin(
        directory: PathBuf,
        every: Duration,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("keep".to_owned());
        let thread = thread.spawn(move || {
            let mut written = None;
            loop {
                let is_over = stopped.recv_timeout(every) != Err(RecvTimeoutError::Timeout);
                let version = shared.relay().table().version();
                if written != Some(version) {
                    match write(&directory, &shared) {
                        Ok(()) => written = Some(version),
                        Err(error) => {
                            let file = directory.join(FILE);
                            tell!(
                                events::RELAY_NOT_KEPT,
                                file = %file.display(),
                                error = %error
                            );
                        }
                    }
                }
                if is_over {
                    return;
                }
            }
        })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was told by the panic hook; here is nothing more to do.
            let _ = thread.join();
        }
    }
}

fn write(directory: &Path, shared: &Shared) -> io::Result<()> {
    let new = directory.join(format!("{FILE}.new"));
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    let mut out = Summed::new(&file);
    let now = shared.clock.now();
    put(&mut out, now, shared)?;
    file.sync_all()?;
    fs::rename(&new, directory.join(FILE))?;
    File::open(directory)?.sync_all()
}

fn put(out: &mut Summed<&File>, now: Now, shared: &Shared) -> io::Result<()> {
    out.line(&Head {
        form: FORM,
        written: now.wall,
    })?;
    let (mut last, mut count) = (None, 0);
    loop {
        let (mut all, mut read) = (Vec::with_capacity(AT_ONCE), 0);
        {
            let relay = shared.relay();
            for one in relay.table().after(last).take(AT_ONCE) {
                (last, read) = (Some(one.prefix), read + 1);
                all.extend(relay.kept(now.mono, one));
            }
        }
        for one in &all {
            out.line(&line(one))?;
            count += 1;
        }
        if read < AT_ONCE {
            break;
        }
    }
    let crc32c = out.sum;
    out.line(&Tail { count, crc32c })?;
    out.to.flush()
}

fn line(kept: &Kept) -> Line {
    let secs = |left: Option<Duration>| left.map(|left| left.as_secs());
    Line {
        prefix: kept.prefix,
        client: super::control::client_name(&kept.client),
        iaid: kept.iaid,
        interface: kept.interface.clone(),
        via: kept.via,
        preferred: secs(kept.preferred),
        valid: secs(kept.valid),
        heard_secs_ago: kept.heard_secs_ago,
    }
}

/// Lines on their way, and the sum of them.
struct Summed<W: Write> {
    to: BufWriter<W>,
    sum: u32,
}

impl<W: Write> Summed<W> {
    fn new(to: W) -> Self {
        Self {
            to: BufWriter::new(to),
            sum: 0,
        }
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut octets = serde_json::to_vec(value)?;
        octets.push(b'\n');
        self.sum = crc32c::crc32c_append(self.sum, &octets);
        self.to.write_all(&octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> Kept {
        Kept {
            prefix: "2001:db8:100::/56".parse().unwrap(),
            client: vec![0, 3, 0, 1, 2, 0, 0, 0, 0, 1].into(),
            iaid: Some(9),
            interface: "eth7".to_owned(),
            via: Some("fe80::1".parse().unwrap()),
            preferred: Some(Duration::from_secs(100)),
            valid: None,
            heard_secs_ago: 5,
        }
    }

    fn file(written: u64, all: &[Kept]) -> String {
        let mut octets = Vec::new();
        let mut out = Summed::new(&mut octets);
        out.line(&Head {
            form: FORM,
            written,
        })
        .unwrap();
        for one in all {
            out.line(&line(one)).unwrap();
        }
        let (count, crc32c) = (u64::try_from(all.len()).unwrap(), out.sum);
        out.line(&Tail { count, crc32c }).unwrap();
        drop(out);
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn what_is_written_reads_back_older() {
        let text = file(1000, &[one()]);
        assert_eq!(parse(&text, 1000).unwrap(), [one()]);
        let later = Kept {
            preferred: Some(Duration::from_secs(70)),
            heard_secs_ago: 35,
            ..one()
        };
        assert_eq!(parse(&text, 1030).unwrap(), [later]);
        // RELAY-082: a clock that ran back takes nothing away and gives nothing.
        assert_eq!(parse(&text, 3).unwrap(), [one()]);
    }

    #[test]
    fn whatever_is_cut_or_changed_is_not_believed() {
        let text = file(1000, &[one(), one()]);
        for end in 0..text.len() - 1 {
            assert!(parse(&text[..end], 1000).is_err(), "cut at {end}");
        }
        for place in 0..text.len() - 1 {
            let mut octets = text.clone().into_bytes();
            octets[place] ^= 1;
            let Ok(changed) = String::from_utf8(octets) else {
                continue;
            };
            assert!(parse(&changed, 1000).is_err(), "changed at {place}");
        }
    }
}
