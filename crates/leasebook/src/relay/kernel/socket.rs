//! A netlink socket: requests sent many at once, dumps read to their end, notifications.
//!
//! The kernel works a request off while it is being sent, so one call carries a few hundred
//! routes in and one answer comes back. `rtnetlink`, which waits for each answer apart, is for
//! other uses (docs/decisions/0005-netlink.md has the comparison).

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

/// Octets read at once: what the kernel fills a dump's datagram with, and then some.
const READ_OCTETS: usize = 1 << 17;

/// Octets the kernel may hold for us, notifications above all.
const RECEIVE_OCTETS: usize = 8 << 20;

/// A socket of the routing family.
pub(crate) struct Netlink {
    socket: Socket,
    sequence: u32,
    inbox: Vec<u8>,
}

/// A request that the kernel refused.
#[derive(Debug)]
pub(super) struct Refused {
    /// Its place in the batch.
    pub(super) place: usize,
    /// Why.
    pub(super) error: io::Error,
}

impl Netlink {
    /// Opens a socket that hears these groups.
    pub(super) fn open(groups: &[u32]) -> io::Result<Self> {
        Self::open_family(NETLINK_ROUTE, groups)
    }

    /// The same of another family, whose messages have the same header.
    pub(crate) fn open_family(family: isize, groups: &[u32]) -> io::Result<Self> {
        let mut socket = Socket::new(family)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        // Refusals need not repeat the request; old kernels do not know this and repeat it.
        let _ = socket.set_cap_ack(true);
        let forced = nix::sys::socket::sockopt::RcvBufForce;
        if nix::sys::socket::setsockopt(&socket, forced, &RECEIVE_OCTETS).is_err() {
            socket.set_rx_buf_sz(RECEIVE_OCTETS)?;
        }
        for group in groups {
            socket.add_membership(*group)?;
        }
        Ok(Self {
            socket,
            sequence: 0,
            inbox: Vec::with_capacity(READ_OCTETS),
        })
    }

    /// Has the kernel work off all requests; those it refused.
    pub(super) fn requests(
        &mut self,
        requests: &[(RouteNetlinkMessage, u16)],
    ) -> io::Result<Vec<Refused>> {
        let Some(last) = requests.len().checked_sub(1) else {
            return Ok(Vec::new());
        };
        let first = self.sequence.wrapping_add(1);
        let mut octets = Vec::with_capacity(requests.len() * 128);
        for (place, (message, flags)) in requests.iter().enumerate() {
            let ack = if place == last { NLM_F_ACK } else { 0 };
            self.put(message.clone(), NLM_F_REQUEST | flags | ack, &mut octets);
        }
        send(&self.socket, &octets)?;
        let mut refused = Vec::new();
        loop {
            let mut is_over = false;
            self.read(&mut |sequence, payload| {
                let place = sequence.wrapping_sub(first);
                let place = usize::try_from(place).unwrap_or(usize::MAX);
                if let NetlinkPayload::Error(answer) = payload
                    && place <= last
                {
                    if answer.code.is_some() {
                        let error = answer.to_io();
                        refused.push(Refused { place, error });
                    }
                    is_over |= place == last;
                }
            })?;
            if is_over {
                return Ok(refused);
            }
        }
    }

    /// Reads all there is of a kind. What changes meanwhile may be missing; the notification of
    /// that change is what has it read again.
    pub(super) fn dump(
        &mut self,
        request: RouteNetlinkMessage,
        each: &mut dyn FnMut(RouteNetlinkMessage),
    ) -> io::Result<()> {
        let mut octets = Vec::new();
        self.put(request, NLM_F_REQUEST | NLM_F_DUMP, &mut octets);
        let asked = self.sequence;
        send(&self.socket, &octets)?;
        loop {
            let mut end = None;
            self.read(&mut |sequence, payload| {
                if sequence != asked {
                    return;
                }
                match payload {
                    NetlinkPayload::InnerMessage(message) => each(message),
                    NetlinkPayload::Done(_) => end = Some(Ok(())),
                    NetlinkPayload::Error(answer) if answer.code.is_some() => {
                        end = Some(Err(answer.to_io()));
                    }
                    _ => {}
                }
            })?;
            if let Some(end) = end {
                return end;
            }
        }
    }

    /// Waits for the next datagram; its octets.
    pub(crate) fn receive(&mut self) -> io::Result<&[u8]> {
        self.inbox.clear();
        self.socket.recv(&mut self.inbox, 0)?;
        Ok(&self.inbox)
    }

    fn put(&mut self, message: RouteNetlinkMessage, flags: u16, out: &mut Vec<u8>) {
        self.sequence = self.sequence.wrapping_add(1);
        let mut message = NetlinkMessage::from(message);
        message.header.flags = flags;
        message.header.sequence_number = self.sequence;
        message.finalize();
        let start = out.len();
        out.resize(start + message.buffer_len(), 0);
        if let Some(room) = out.get_mut(start..) {
            message.serialize(room);
        }
    }

    fn read(
        &mut self,
        each: &mut dyn FnMut(u32, NetlinkPayload<RouteNetlinkMessage>),
    ) -> io::Result<()> {
        self.receive()?;
        for octets in messages(&self.inbox) {
            match NetlinkMessage::<RouteNetlinkMessage>::deserialize(octets) {
                Ok(message) => each(message.header.sequence_number, message.payload),
                // A kind that the library does not know is none that was asked for.
                Err(error) => tracing::debug!(%error, "netlink message not understood"),
            }
        }
        Ok(())
    }
}

fn send(socket: &Socket, octets: &[u8]) -> io::Result<()> {
    let sent = socket.send(octets, 0)?;
    if sent == octets.len() {
        Ok(())
    } else {
        Err(io::ErrorKind::WriteZero.into())
    }
}

/// The messages of a datagram, one after the other.
pub(crate) fn messages(datagram: &[u8]) -> impl Iterator<Item = &[u8]> {
    /// Messages begin at multiples of this.
    const ALIGNMENT: usize = 4;
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let header = NetlinkBuffer::new_checked(rest).ok()?;
        let octets = usize::try_from(header.length()).ok()?;
        let message = rest.get(..octets)?;
        let next = octets.next_multiple_of(ALIGNMENT);
        rest = rest.get(next..).unwrap_or_default();
        Some(message)
    })
}
