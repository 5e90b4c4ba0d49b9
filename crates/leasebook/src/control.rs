//! What an operator asks of a running server: a socket beside the data.
//!
//! ```text
//!  leasebook leases reconfigure ──► DATA/control        "reconfigure renew lease 2001:db8::/56"
//!                               ◄── DATA/control-PID    "ok told 1 of 1 bindings", "error ..."
//!  leasebook leases show, stats ──► DATA/control        "show lease 2001:db8::7", "stats"
//! ```
//!
//! One datagram of text each way. Who may ask is who may open the socket: the server's own user
//! and root. The server never waits for whoever asks.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use leasebook_store::{LeaseName, LinkId};
use leasebook_wire::Duid;
use leasebook_wire::code::MessageType;
use leasebook_wire::option::ReconfMsg;

/// The socket's name in the data directory.
const NAME: &str = "control";

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Octets of the longest request.
const REQUEST_OCTETS: usize = 4096;

/// Octets of the longest answer; a longer one is cut.
const ANSWER_OCTETS: usize = 65_536;

/// Something asked of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Clients are to be told to ask anew.
    Reconfigure {
        /// What they are to send (RFC 8415 §21.19).
        ask: ReconfMsg,
        /// Which clients.
        whom: Whom,
    },
    /// All about a client, or about who has a lease.
    Show(Whom),
    /// How much there is in the book, and how full pools are.
    Stats,
}

/// Which clients are to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The one with this DUID, on every link.
    Client(Duid),
    /// The one that holds this lease.
    Lease(LeaseName),
    /// All on this link.
    Link(LinkId),
}

/// The names of what can be asked for.
const ASKS: [(&str, MessageType); 3] = [
    ("renew", MessageType::RENEW),
    ("rebind", MessageType::REBIND),
    ("information-request", MessageType::INFORMATION_REQUEST),
];

/// The message of this name, if clients can be asked for it.
pub fn ask(name: &str) -> Option<ReconfMsg> {
    let (_, kind) = ASKS.iter().find(|(known, _)| *known == name)?;
    ReconfMsg::new(*kind)
}

/// A lease as it is written: an address, or a prefix with its length.
pub fn lease(text: &str) -> Option<LeaseName> {
    if let Some((prefix, len)) = text.split_once('/') {
        return LeaseName::prefix(prefix.parse().ok()?, len.parse().ok()?);
    }
    Some(LeaseName::Address(text.parse().ok()?))
}

impl fmt::Display for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whom = match self {
            Self::Reconfigure { ask, whom } => {
                let kind = ask.msg_type();
                let name = ASKS.iter().find(|(_, known)| *known == kind);
                write!(out, "reconfigure {} ", name.map_or("?", |(name, _)| name))?;
                whom
            }
            Self::Show(whom) => {
                out.write_str("show ")?;
                whom
            }
            Self::Stats => return out.write_str("stats"),
        };
        match whom {
            Whom::Client(duid) => write!(out, "client {duid}"),
            Whom::Lease(name) => write!(out, "lease {name}"),
            Whom::Link(link) => write!(out, "link {}", link.0),
        }
    }
}

impl Request {
    /// Reads what [`Request`] shows; none if it is anything else.
    fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        match *words.as_slice() {
            ["reconfigure", name, kind, value] => Some(Self::Reconfigure {
                ask: ask(name)?,
                whom: whom(kind, value)?,
            }),
            ["show", kind, value] => Some(Self::Show(whom(kind, value)?)),
            ["stats"] => Some(Self::Stats),
            _ => None,
        }
    }
}

fn whom(kind: &str, value: &str) -> Option<Whom> {
    Some(match kind {
        "client" => Whom::Client(value.parse().ok()?),
        "lease" => Whom::Lease(lease(value)?),
        "link" => Whom::Link(LinkId(value.parse().ok()?)),
        _ => return None,
    })
}

/// The server's end.
#[derive(Debug)]
pub struct Control {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Control {
    /// Opens the socket in a data directory that is locked by this process.
    pub fn open(data: &Path) -> io::Result<Self> {
        let path = data.join(NAME);
        // The lock says that nobody listens there; the file is of a process that was killed.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = UnixDatagram::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, path })
    }

    /// The same socket for a task, to wait by until there is a request; must be called within
    /// the runtime.
    pub fn waiter(&self) -> io::Result<tokio::net::UnixDatagram> {
        tokio::net::UnixDatagram::from_std(self.socket.try_clone()?)
    }

    /// Takes the next request and answers it with what `decide` says.
    ///
    /// # Errors
    /// `WouldBlock` if there is none.
    pub fn serve(
        &self,
        decide: &mut dyn FnMut(Request) -> Result<String, String>,
    ) -> io::Result<()> {
        let mut octets = [0; REQUEST_OCTETS];
        let (len, from) = self.socket.recv_from(&mut octets)?;
        let text = octets.get(..len).and_then(|text| str::from_utf8(text).ok());
        let answer = match text.and_then(Request::parse) {
            Some(request) => decide(request),
            None => Err("this server does not understand the request; is it older?".into()),
        };
        let answer = match answer {
            Ok(text) => format!("ok {text}"),
            Err(text) => format!("error {text}"),
        };
        if let Some(path) = from.as_pathname() {
            // Whoever asked may be gone.
            let octets = answer.as_bytes();
            let octets = octets.get(..ANSWER_OCTETS).unwrap_or(octets);
            let _ = self.socket.send_to(octets, path);
        }
        Ok(())
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Nothing depends on it: the next start removes it.
        let _ = fs::remove_file(&self.path);
    }
}

/// Why a running server did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Nobody listens.
    #[error("no server runs on {}: {source}", data.display())]
    NotRunning {
        /// The data directory.
        data: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No socket could be made to hear the answer by.
    #[error("cannot make a socket at {}: {source}", path.display())]
    Socket {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No answer came.
    #[error("the server did not answer within {} s: {source}", ANSWER_WITHIN.as_secs())]
    Silent {
        /// What the system said.
        source: io::Error,
    },
    /// The server said no.
    #[error("{0}")]
    Refused(String),
}

/// Asks the server that runs on a data directory; gives what it did.
pub fn request(data: &Path, request: &Request) -> Result<String, ControlError> {
    let path = data.join(format!("{NAME}-{}", std::process::id()));
    let answer = exchange(data, &path, request);
    // It is there only if it could be made.
    let _ = fs::remove_file(&path);
    let answer = answer?;
    match answer.split_once(' ') {
        Some(("ok", text)) => Ok(text.to_owned()),
        Some(("error", text)) => Err(ControlError::Refused(text.to_owned())),
        _ => Err(ControlError::Refused(format!("the server said: {answer}"))),
    }
}

fn exchange(data: &Path, path: &Path, request: &Request) -> Result<String, ControlError> {
    let wrong = |source| ControlError::Socket {
        path: path.to_owned(),
        source,
    };
    let socket = UnixDatagram::bind(path).map_err(wrong)?;
    // The server runs as a user of its own and must be able to answer root.
    fs::set_permissions(path, fs::Permissions::from_mode(0o666)).map_err(wrong)?;
    socket
        .set_read_timeout(Some(ANSWER_WITHIN))
        .map_err(wrong)?;
    let sent = socket.send_to(request.to_string().as_bytes(), data.join(NAME));
    sent.map_err(|source| ControlError::NotRunning {
        data: data.to_owned(),
        source,
    })?;
    let mut octets = vec![0; ANSWER_OCTETS];
    let len = socket
        .recv(&mut octets)
        .map_err(|source| ControlError::Silent { source })?;
    let answer = octets.get(..len).unwrap_or_default();
    Ok(String::from_utf8_lossy(answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_back_equal() {
        let all = [
            Whom::Client("00:03:00:01:02:00:5e:10:00:01".parse().unwrap()),
            Whom::Lease(lease("2001:db8::7").unwrap()),
            Whom::Lease(lease("2001:db8:100::/56").unwrap()),
            Whom::Link(LinkId(7)),
        ];
        for whom in all {
            for (name, _) in ASKS {
                let ask = ask(name).unwrap();
                let whom = whom.clone();
                let request = Request::Reconfigure { ask, whom };
                assert_eq!(Request::parse(&request.to_string()), Some(request));
            }
            let request = Request::Show(whom);
            assert_eq!(Request::parse(&request.to_string()), Some(request));
        }
        let stats = Request::Stats;
        assert_eq!(Request::parse(&stats.to_string()), Some(stats));
        for text in [
            "",
            "reconfigure",
            "reconfigure release link 7",
            "stop",
            "reconfigure renew link x",
        ] {
            assert_eq!(Request::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_server_answers_and_leaves_no_file_behind() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().to_owned();
        let renew = Request::Reconfigure {
            ask: ask("renew").unwrap(),
            whom: Whom::Link(LinkId(7)),
        };
        let alone = request(&data, &renew).unwrap_err();
        assert!(matches!(alone, ControlError::NotRunning { .. }), "{alone}");

        // A file that a killed process left is no hindrance.
        fs::write(data.join(NAME), "").unwrap();
        let control = Control::open(&data).unwrap();
        let mut answers = vec![Err("no".to_owned()), Ok("told".to_owned())];
        let asked = renew.clone();
        std::thread::scope(|scope| {
            let client = scope.spawn(|| [request(&data, &renew), request(&data, &renew)]);
            while !answers.is_empty() {
                // Nothing may be there yet.
                let _ = control.serve(&mut |request| {
                    assert_eq!(request, asked);
                    answers.pop().unwrap()
                });
                std::thread::yield_now();
            }
            let [told, refused] = client.join().unwrap();
            assert_eq!(told.unwrap(), "told");
            assert!(matches!(refused, Err(ControlError::Refused(why)) if why == "no"));
        });
        drop(control);
        assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
    }
}
