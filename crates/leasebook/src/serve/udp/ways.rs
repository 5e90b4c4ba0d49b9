//! By which listener something leaves that answers nothing, such as RECONFIGURE: by the one that
//! last heard its receiver, since another may be bound to another device, such as another VRF.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::Ipv6Addr;

use leasebook_protocol::server::{Arrival, Reply};

use super::socket::Listener;

/// Pairs of interface and address remembered, at most; there are as many as interfaces and
/// addresses of this machine.
const MAX_HEARD: usize = 4096;

/// What was heard by which listener.
#[derive(Debug)]
pub(super) struct Ways {
    /// With one listener there is nothing to remember.
    has_several: bool,
    /// The last by interface and by the address asked, which is none for a group.
    heard: HashMap<(u32, Option<Ipv6Addr>), usize>,
}

impl Ways {
    pub(super) fn new(listeners: &[Listener]) -> Self {
        Self {
            has_several: listeners.len() > 1,
            heard: HashMap::new(),
        }
    }

    /// A datagram came by the listener at this place.
    pub(super) fn heard(&mut self, arrival: &Arrival, at: usize) {
        if !self.has_several {
            return;
        }
        if self.heard.len() >= MAX_HEARD {
            self.heard.clear();
        }
        let asked = (!arrival.to.is_multicast()).then_some(arrival.to);
        self.heard.insert((arrival.interface, asked), at);
    }

    /// Sends each of `replies`, whose octets lie in `octets`, by the listener that reaches its
    /// receiver; where none is known to, by one of each device. Returns how many the system did
    /// not take, with its last words.
    pub(super) fn send(
        &self,
        replies: &[&Reply],
        octets: &[u8],
        listeners: &[Listener],
    ) -> (usize, Option<io::Error>) {
        let own = link_locals(replies);
        let sent: Vec<Reply> = replies.iter().map(|reply| on_link(reply, &own)).collect();
        let devices: Vec<Device> = listeners.iter().map(Device::of).collect();
        let mut known: BTreeMap<usize, Vec<&Reply>> = BTreeMap::new();
        let mut failed = (0, None);
        for (asked, reply) in replies.iter().zip(&sent) {
            let places = self.of(asked, &devices);
            if let [only] = places[..] {
                known.entry(only).or_default().push(reply);
                continue;
            }
            // It has left if one of them knows a way.
            let mut why = None;
            let tries = places.into_iter();
            let taken = tries.filter_map(|at| listeners.get(at)).filter(|listener| {
                let (failed, error) = listener.send(&[reply], octets);
                why = error.or(why.take());
                failed == 0
            });
            if taken.count() == 0 {
                failed = (failed.0 + 1, why.or(failed.1));
            }
        }
        for (at, replies) in known {
            if let Some(listener) = listeners.get(at) {
                let (count, error) = listener.send(&replies, octets);
                failed = (failed.0 + count, error.or(failed.1));
            }
        }
        failed
    }

    /// The places of the listeners by which a reply may reach its receiver.
    fn of(&self, reply: &Reply, listeners: &[Device]) -> Vec<usize> {
        if let Some(at) = self.heard.get(&(reply.interface, reply.from)) {
            return vec![*at];
        }
        let of_device = |index| {
            let places = listeners.iter().enumerate();
            let bound = places.filter(|(_, device)| device.index == index);
            bound
                .min_by_key(|(_, device)| device.has_address)
                .map(|(at, _)| at)
        };
        if reply.interface != 0
            && let Some(at) = of_device(Some(reply.interface))
        {
            return vec![at];
        }
        let mut devices: Vec<Option<u32>> = listeners.iter().map(|device| device.index).collect();
        devices.sort_unstable();
        devices.dedup();
        devices.into_iter().filter_map(of_device).collect()
    }
}

/// The port of clients (RFC 8415 §7.2).
const CLIENT_PORT: u16 = 546;

/// To a client on a link of ours a message leaves from the link-local address there, as all that it
/// was answered did: dhcpcd takes RECONFIGURE from no other.
fn on_link(reply: &Reply, own: &HashMap<u32, Ipv6Addr>) -> Reply {
    let mut reply = reply.clone();
    if is_on_link(&reply) {
        reply.from = own.get(&reply.interface).copied();
    }
    reply
}

fn is_on_link(reply: &Reply) -> bool {
    reply.to.port() == CLIENT_PORT && reply.from.is_none() && reply.interface != 0
}

/// Our link-local address on each interface, if one of `replies` needs any.
fn link_locals(replies: &[&Reply]) -> HashMap<u32, Ipv6Addr> {
    let mut own = HashMap::new();
    if !replies.iter().any(|reply| is_on_link(reply)) {
        return own;
    }
    // Without the list the system chooses.
    for one in nix::ifaddrs::getifaddrs().into_iter().flatten() {
        let address = one.address.as_ref();
        if let Some(six) = address.and_then(|address| address.as_sockaddr_in6())
            && six.ip().is_unicast_link_local()
        {
            own.entry(six.scope_id()).or_insert(six.ip());
        }
    }
    own
}

/// What a listener is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Device {
    /// The interface's number, as it is now; none if it is bound to no device.
    index: Option<u32>,
    /// It is bound to an address too.
    has_address: bool,
}

impl Device {
    fn of(listener: &Listener) -> Self {
        let index = |name| nix::net::if_::if_nametoindex(name).unwrap_or(0);
        Self {
            index: listener.device().map(index),
            has_address: !listener.address().ip().is_unspecified(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddrV6, UdpSocket};

    use super::*;

    const HERE: Ipv6Addr = Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 1);

    fn reply(interface: u32, from: Option<Ipv6Addr>) -> Reply {
        Reply {
            to: "[3fff::7]:547".parse().unwrap(),
            from,
            interface,
            octets: 0..0,
            is_bound: false,
        }
    }

    /// DHCP-S-096: on a link of ours from the address that clients there know, else as the system has it.
    #[test]
    fn a_client_on_our_link_is_told_from_the_address_it_knows() {
        let here: Ipv6Addr = "fe80::1".parse().unwrap();
        let own = HashMap::from([(3, here)]);
        let from = |reply: &Reply| on_link(reply, &own).from;
        let mut direct = reply(3, None);
        direct.to.set_port(CLIENT_PORT);
        assert_eq!(from(&direct), Some(here));
        direct.interface = 4;
        assert_eq!(from(&direct), None);
        direct.interface = 0;
        assert_eq!(from(&direct), None);
        assert_eq!(from(&reply(3, None)), None);
        assert_eq!(from(&reply(3, Some(HERE))), Some(HERE));
    }

    fn several() -> Ways {
        Ways {
            has_several: true,
            heard: HashMap::new(),
        }
    }

    fn bound_to(index: u32) -> Device {
        Device {
            index: Some(index),
            has_address: false,
        }
    }

    /// DHCP-S-096: the way that a client's relay was last heard by decides the listener.
    #[test]
    fn who_was_heard_is_told_by_the_same_listener() {
        let mut ways = several();
        let devices = [bound_to(1), bound_to(2), bound_to(2)];
        let arrival = |interface, to| Arrival {
            from: "[3fff::7]:547".parse().unwrap(),
            to,
            interface,
        };
        // Of a VRF, the interface is one of its members and not the device itself.
        ways.heard(&arrival(9, HERE), 2);
        ways.heard(&arrival(9, "ff05::1:3".parse().unwrap()), 1);
        assert_eq!(ways.of(&reply(9, Some(HERE)), &devices), [2]);
        assert_eq!(ways.of(&reply(9, None), &devices), [1]);
        ways.heard(&arrival(9, HERE), 0);
        assert_eq!(ways.of(&reply(9, Some(HERE)), &devices), [0]);
    }

    /// DHCP-S-096: until then the client's interface decides, and if not even that is known, each
    /// device is tried.
    #[test]
    fn who_was_not_heard_is_told_by_its_device_or_by_all() {
        let plain = Device {
            index: None,
            has_address: false,
        };
        let on_address = Device {
            has_address: true,
            ..bound_to(2)
        };
        let devices = [on_address, bound_to(1), bound_to(2), plain];
        let ways = several();
        assert_eq!(ways.of(&reply(2, None), &devices), [2]);
        assert_eq!(ways.of(&reply(1, None), &devices), [1]);
        assert_eq!(ways.of(&reply(0, None), &devices), [3, 1, 2]);
        assert_eq!(ways.of(&reply(7, None), &devices), [3, 1, 2]);
        assert_eq!(ways.of(&reply(0, None), &[plain]), [0]);
    }

    /// DHCP-S-096: what one of several devices takes has left, and what none takes has failed once.
    #[test]
    fn what_one_of_several_takes_has_not_failed() {
        let listen = |at: &str| Listener::open(&at.parse().unwrap()).unwrap();
        // To a client of this machine there is no way by the device that is none of its own.
        let listeners = [listen("[::1]:0%lo"), listen("[::]:0")];
        let client = UdpSocket::bind("[::1]:0").unwrap();
        client
            .set_read_timeout(Some(std::time::Duration::from_secs(10)))
            .unwrap();
        let port = client.local_addr().unwrap().port();
        let mut told = reply(0, None);
        told.to = SocketAddrV6::new(Ipv6Addr::LOCALHOST, port, 0, 0);
        told.octets = 0..2;
        let mut lost = told.clone();
        lost.to = SocketAddrV6::new("fe80::1".parse().unwrap(), 547, 0, 9_999_999);
        let ways = Ways::new(&listeners);
        let (failed, error) = ways.send(&[&lost, &told], b"ok", &listeners);
        assert_eq!((failed, error.is_some()), (1, true));
        assert_eq!(client.recv(&mut [0; 8]).unwrap(), 2);
    }
}
