//! A server in a directory of its own, and a relay that speaks to it.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::message::RelayHeader;
use leasebook_wire::{ClientMessage, Composer, RelayChain, Xid};

/// How long anything may take on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// `leasebook serve`, ended when it is dropped.
pub(crate) struct Server {
    child: Child,
    dir: Option<tempfile::TempDir>,
    log: Receiver<String>,
    /// Lines of the log that were passed over: what one thread logs may come before what
    /// another does.
    passed: RefCell<Vec<String>>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a server with this configuration on a free port.
    pub(crate) fn start(config: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("leasebook.toml"), config).expect("written");
        let mut child = Command::new(env!("CARGO_BIN_EXE_leasebook"))
            .arg("serve")
            .arg("--config")
            .arg(dir.path().join("leasebook.toml"))
            .arg("--data")
            .arg(dir.path().join("data"))
            .args(["--udp", "[::1]:0", "--tcp", "[::1]:0"])
            .env_remove("LEASEBOOK_CONFIG")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let (sender, log) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // The test may have ended.
                let _ = sender.send(line);
            }
        });
        let mut server = Self {
            child,
            dir: Some(dir),
            log,
            passed: RefCell::default(),
            address: SocketAddr::from(([0; 16], 0)),
        };
        let listening = server.logged("DHCP_LISTENING");
        let (_, address) = listening.split_once("address=").expect("an address");
        let address = address.split_whitespace().next().expect("an address");
        server.address = address.trim_matches('"').parse().expect("an address");
        server.logged("LBK_READY");
        server
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    fn path(&self) -> &Path {
        self.dir.as_ref().expect("running").path()
    }

    /// What it is set to.
    pub(crate) fn config(&self) -> String {
        std::fs::read_to_string(self.path().join("leasebook.toml")).expect("readable")
    }

    /// Ends it in order, and gives its directory to be looked at.
    pub(crate) fn stop(mut self) -> Stopped {
        self.signal(rustix::process::Signal::TERM);
        self.child.wait().expect("ended");
        Stopped(self.dir.take().expect("running"))
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).ok();
        let pid = pid.and_then(rustix::process::Pid::from_raw).expect("a pid");
        rustix::process::kill_process(pid, signal).expect("told");
    }

    /// Waits for a line of the log that has this in it, and that no call gave before.
    pub(crate) fn logged(&self, what: &str) -> String {
        let mut passed = self.passed.borrow_mut();
        if let Some(at) = passed.iter().position(|line| line.contains(what)) {
            return passed.remove(at);
        }
        while let Ok(line) = self.log.recv_timeout(PATIENCE) {
            if line.contains(what) {
                return line;
            }
            passed.push(line);
        }
        panic!("no {what} in the log:\n{}", passed.join("\n"));
    }

    /// Puts another configuration in force.
    pub(crate) fn reload(&self, config: &str) {
        std::fs::write(self.path().join("leasebook.toml"), config).expect("written");
        self.signal(rustix::process::Signal::HUP);
        self.logged("LBK_RELOADED");
    }
}

/// What a server that ended left.
pub(crate) struct Stopped(tempfile::TempDir);

impl Stopped {
    /// Its data.
    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("data")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command on the server's data: whether it succeeded, standard output, standard error.
pub(crate) fn leasebook(data: &Path, arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_leasebook"))
        .args(arguments)
        .arg("--data")
        .arg(data)
        .env_remove("LEASEBOOK_CONFIG")
        .output()
        .expect("the program runs");
    let text = |octets| String::from_utf8(octets).expect("text");
    (
        output.status.success(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A relay on the link 2001:db8:1::/64, and the clients behind it.
pub(crate) struct Relay(UdpSocket);

impl Relay {
    pub(crate) fn of(server: &Server) -> Self {
        let socket = UdpSocket::bind("[::1]:0").expect("a port");
        socket.connect(server.address).expect("connected");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        Self(socket)
    }

    /// Sends a message of the client with that number, with what `put` puts behind CLIENTID.
    pub(crate) fn send(&self, kind: MessageType, client: u8, put: impl FnOnce(&mut Composer<'_>)) {
        let mut inner = Vec::new();
        let mut message = Composer::client(&mut inner, kind, Xid([1, 2, client]));
        let duid = [0, 3, 0, 1, 2, 0, 0, 0, 0, client];
        message.option(OptionCode::CLIENTID, &duid).expect("fits");
        put(&mut message);
        message.finish().expect("fits");
        let mut octets = Vec::new();
        let header = RelayHeader {
            msg_type: MessageType::RELAY_FORW,
            hop_count: 0,
            link_address: "2001:db8:1::1".parse().expect("an address"),
            peer_address: "fe80::99".parse().expect("an address"),
        };
        let mut relay = Composer::relay(&mut octets, &header);
        relay
            .option(OptionCode::INTERFACE_ID, b"eth0")
            .expect("fits");
        relay.option(OptionCode::RELAY_MSG, &inner).expect("fits");
        relay.finish().expect("fits");
        self.0.send(&octets).expect("sent");
    }

    /// The next message for a client: its octets.
    pub(crate) fn hear(&self) -> Vec<u8> {
        let mut octets = vec![0; 65_535];
        let len = self.0.recv(&mut octets).expect("a message");
        let chain = RelayChain::parse(&octets[..len], 8).expect("readable");
        assert_eq!(chain.depth(), 1);
        chain.message().octets().to_vec()
    }

    /// Sends a message and hears the answer.
    pub(crate) fn ask(
        &self,
        kind: MessageType,
        client: u8,
        put: impl FnOnce(&mut Composer<'_>),
    ) -> Vec<u8> {
        self.send(kind, client, put);
        let octets = self.hear();
        let message = ClientMessage::parse(&octets).expect("readable");
        assert_eq!(message.xid(), Xid([1, 2, client]));
        octets
    }
}

/// A link with addresses.
pub(crate) const LINK: &str = r#"
server-id = "00:03:00:01:02:00:00:00:00:aa"
[dhcp]
reconfigure = true
[[link]]
id = 1
name = "one"
on-link = ["2001:db8:1::/64"]
[[link.pool]]
addresses = "2001:db8:1::/64"
"#;

/// The server's DUID there.
pub(crate) const SERVER_ID: [u8; 10] = [0, 3, 0, 1, 2, 0, 0, 0, 0, 0xaa];
