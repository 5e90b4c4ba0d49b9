//! Every event there is. `docs/messages.md` is made of these comments.

use std::fmt::Write as _;

use tracing::Level;

use super::Event;

/// Declares events: a constant each, and the list of all.
macro_rules! events {
    ($( $(#[doc = $line:literal])* $id:ident $level:ident $message:literal; )*) => {
        $(
            $(#[doc = $line])*
            pub const $id: Event = Event {
                id: stringify!($id),
                level: Level::$level,
                message: $message,
                documentation: &[$($line),*],
            };
        )*

        /// All events, in the order of the documentation.
        pub const ALL: &[Event] = &[$($id),*];
    };
}

events! {
    /// The program has begun: `version`, `config`, `data`, and `server_id` with its
    /// `origin` (configured, kept with the data, or made just now).
    LBK_STARTED INFO "leasebook started";
    /// Something in the configuration is allowed but probably not meant: `place` and `what`.
    /// Change it, or live with it.
    LBK_CONFIG_DOUBTFUL WARN "the configuration is doubtful";
    /// Everything is open and listens. Under systemd the service counts as started from here.
    LBK_READY INFO "ready";
    /// SIGHUP came and limits, rights, timers and the log's level were read again from `config`.
    LBK_RELOADED INFO "configuration reloaded";
    /// SIGHUP came but the configuration is wrong: `error` says where. The old one stays in
    /// force. Correct the file, try it with `leasebook check`, and reload again.
    LBK_RELOAD_FAILED ERROR "configuration not reloaded";
    /// The new configuration changes `settings` that are taken over only at a start. Everything
    /// else was reloaded. Restart when it suits.
    LBK_RESTART_NEEDED WARN "some settings need a restart";
    /// SIGTERM or SIGINT came. Queries in progress are ended with QueryTerminated, then the
    /// store is closed; `within_secs` bounds it.
    LBK_STOPPING INFO "stopping";
    /// All is closed and on stable storage.
    LBK_STOPPED INFO "stopped";
    /// Something that should never end did: `what` and `error`. The program stops so that it
    /// can be started again; please report it.
    LBK_TASK_FAILED ERROR "an inner task failed";
    /// Counters can be read at `address`.
    LBK_METRICS_LISTENING INFO "metrics listening";
    /// The socket by which `leasebook leases show`, `stats` and `reconfigure` reach this server
    /// cannot be made: `error`. All else works. A path beyond 100 characters is too long for one.
    LBK_CONTROL_FAILED WARN "no control socket";

    /// The store is open: `data`, `bindings`, and how long it took in `millis`.
    STORE_OPENED INFO "store opened";
    /// The store did not close in order the last time, and the end of the journal held a record
    /// that was not written whole. It was cut at `offset` of `file`; nothing acknowledged is
    /// lost.
    STORE_TAIL_CUT WARN "torn end of the journal cut";
    /// The store cannot answer or write: `error`. Queries it concerns end with QueryTerminated.
    /// Look at the disk; a full one needs room and no restart.
    STORE_FAILED ERROR "store failed";

    /// Bulk Leasequery is served at `address`.
    BLQ_LISTENING INFO "listening for bulk leasequery";
    /// A connection could not be accepted: `error`, often too many open files. Told once a
    /// minute at most; listening goes on.
    BLQ_ACCEPT_FAILED WARN "connection not accepted";
    /// A connection from `peer` was closed when it was accepted, since its source is on no
    /// `[[bulk.allow]]`. Told once a minute at most for all sources, with how many there were
    /// in `times`. If the peer is a relay of yours, list it.
    BLQ_SOURCE_UNLISTED WARN "source not allowed";
    /// A connection from `peer` was closed when it was accepted, since `limit` connections
    /// (in all, or of its source, as `scope` says) are open and none of them is idle. Told once
    /// a minute at most, with how many there were in `times`. Raise max-connections if your
    /// requestors need more.
    BLQ_LIMIT_REACHED WARN "too many connections";
    /// The source of `peer` asks more often than `queries-per-second` allows: its next queries
    /// on this connection are read only after `millis`. Nothing is lost by that.
    BLQ_SOURCE_HELD DEBUG "queries held back";
    /// `peer` has connected.
    BLQ_CONNECTION_OPENED DEBUG "connection opened";
    /// The connection of `peer` has ended: `queries` and `bindings` answered, `octets` sent,
    /// messages `dropped`, `millis` it lasted, and why it ended in `reason`.
    BLQ_CONNECTION_CLOSED INFO "connection closed";
    /// A query of `peer` has been answered in full: `type`, `bindings`, `octets`, `millis`.
    BLQ_QUERY_DONE INFO "query answered";
    /// A query of `peer` was refused with `status`; `text` is what the peer was told.
    /// NotConfigured: the link or address is in no `[[link]]`. NotAllowed: see `[[bulk.allow]]`.
    BLQ_QUERY_REFUSED INFO "query refused";
    /// A query of `peer` could not be answered to its end, for `reason`; `bindings` were sent.
    /// The peer was told QueryTerminated if it still listened.
    BLQ_QUERY_CUT WARN "query ended early";
    /// A message of `peer` was dropped; `kind` says why. The counter
    /// leasebook_bulk_messages_dropped_total has how many of each kind.
    BLQ_MESSAGE_DROPPED DEBUG "message dropped";
    /// `peer` sent a message of a type that does not belong here, such as SOLICIT over TCP:
    /// `type`. Told once for each connection; three in a row close it.
    BLQ_MESSAGE_UNEXPECTED INFO "message does not belong here";

    /// DHCPv6 and Leasequery over UDP are served at `address`, by `device` alone if there is one.
    DHCP_LISTENING INFO "listening for DHCPv6";
    /// The groups of servers were joined on `interface`, whose clients are on `link`.
    DHCP_INTERFACE_JOINED INFO "interface served";
    /// The groups of servers cannot be joined on `interface`: `error`. Its clients are not heard;
    /// it is tried again when the interface is made anew.
    DHCP_INTERFACE_FAILED WARN "interface not served";
    /// `interface` is configured and gone. It is served again when it comes back.
    DHCP_INTERFACE_GONE WARN "interface gone";
    /// The socket could not be read: `error`. Told once a minute at most, with how often it was in
    /// `times`; the socket is tried on.
    DHCP_SOCKET_FAILED ERROR "socket not read";
    /// A reply could not be sent: `error`, often a relay or interface that is gone. The client
    /// will ask again. Told once a minute at most, with how often it was in `times`.
    DHCP_REPLY_NOT_SENT WARN "reply not sent";
    /// `client` on `link` found that another uses `address`. Nobody gets it for the probation;
    /// look for a device with an address of its own making.
    DHCP_ADDRESS_DECLINED WARN "address declined";
    /// An operator asked that clients be told to ask anew: `request`, and what came of it,
    /// `outcome`.
    DHCP_RECONFIGURE_ASKED INFO "reconfigure asked for";
    /// `client` on `link` was told by RECONFIGURE to ask anew, eight times over four minutes, and
    /// did not. It is off, cannot be reached, or does not take our key.
    DHCP_RECONFIGURE_UNANSWERED WARN "reconfigure not answered";
    /// A client on `link` got nothing, for every pool of `kind` that it may use is full. Told
    /// once a minute at most, with how often it was in `times`. Add a pool.
    DHCP_POOLS_EXHAUSTED WARN "pools exhausted";
    /// A pool of `link` has come to dhcp.pool-warning: `taken` of `total` leases, `percent` of a
    /// hundred, are in use or kept from use. Add to it before clients get nothing.
    DHCP_POOL_FILLING WARN "pool is filling";
    /// A pool that was filling has room again.
    DHCP_POOL_RELIEVED INFO "pool has room again";
    /// After a start or a reload: so many `clients` have leases for which the configuration has
    /// no room any more, such as `example`. They keep them until they renew or the lease ends;
    /// `recalled` of them are told to renew by RECONFIGURE.
    DHCP_LEASES_MISPLACED WARN "leases no longer fit the configuration";
    /// A datagram came `from` a client or relay `to` an address of ours on `interface`; what
    /// became of it is in `outcome`, all it said in `message`. Keys are not shown.
    DHCP_HEARD DEBUG "heard";
    /// This `message` went `to` a client or relay.
    DHCP_TOLD DEBUG "told";
    /// What `peer` asked about by UDP did not fit one datagram: so many `leases` and `options`
    /// were left out. Bulk Leasequery over TCP tells all.
    LQ_UDP_LEFT_OUT WARN "answer cut to fit a datagram";

    /// The relay has begun: `version`, `config`, and `relay_id` with its `origin` (configured,
    /// kept in the state directory, or made just now).
    RELAY_STARTED INFO "relay started";
    /// Clients and servers are heard at `address`.
    RELAY_LISTENING INFO "listening for DHCPv6";
    /// A client-facing interface is there: `interface`, and the `link_address` that names its
    /// link to servers.
    RELAY_INTERFACE_JOINED INFO "interface joined";
    /// A client-facing interface has no global or unique-local address: `interface`. Servers
    /// that choose pools by link-address cannot serve its clients. Give it an address, or set
    /// link-address.
    RELAY_INTERFACE_UNADDRESSED WARN "interface without an address for its link";
    /// A client-facing interface cannot be heard on: `interface` and `error`.
    RELAY_INTERFACE_FAILED ERROR "interface not joined";
    /// A client-facing interface went: `interface`. Its delegations are kept until they end, and
    /// their routes come back with it.
    RELAY_INTERFACE_GONE WARN "interface gone";
    /// The kernel's interfaces cannot be read: `error`. What was known stays in force.
    RELAY_INTERFACES_UNKNOWN ERROR "interfaces not read";
    /// A server's name cannot be looked up: `server` and `error`. It is tried again every 15
    /// seconds, and when interfaces change.
    RELAY_SERVER_UNKNOWN ERROR "server not found";
    /// A REPLY passed on gave a client a prefix: `prefix`, `client` and `interface`. It is routed.
    RELAY_LEARNT DEBUG "delegation learnt";
    /// A client gave a prefix back, a REPLY ended it, or the operator cleared it.
    RELAY_RELEASED DEBUG "delegation released";
    /// The valid lifetime of a prefix ran out.
    RELAY_EXPIRED DEBUG "delegation expired";
    /// A REPLY gave a prefix, `by`, that overlaps one of another client: `prefix` of `client`
    /// has ended, `new_client` has the new one. A RELEASE may have been lost; if it happens often,
    /// two servers hand out the same prefixes.
    RELAY_DISPLACED WARN "delegation displaced";
    /// A prefix is not routed: `prefix` of `client`, and `why`; `server` told it on recovery, or
    /// none, and then a REPLY gave it. The message was passed on all the same.
    RELAY_REFUSED WARN "delegation refused";
    /// A prefix is beyond a limit and not routed: `prefix`, `client`, `interface`, and which
    /// `limit` of what `scope`. Raise prefixes-per-client or prefixes-per-interface if it should be.
    RELAY_LIMIT_REACHED WARN "delegation beyond a limit";
    /// A server told a prefix and denied it when asked again: `prefix`, `client` and `server`. It
    /// is not routed, and listed as quarantined: the server may send leases that have ended.
    RELAY_DENIED WARN "delegation denied by its server";
    /// More happened at once than could be told: `times` events were left out of the log. The
    /// counters have them.
    RELAY_NOTICES_LOST WARN "events left out";
    /// Recovery has begun: `servers` are asked, for `cause`.
    RELAY_RECOVERING INFO "recovery begun";
    /// A server has told everything: `server`, with `leases` in all, those `taken`, `refused`,
    /// `confirmed` and `denied`, the `deviations` of the server from the protocol, and the time.
    RELAY_RECOVERED INFO "recovered from server";
    /// A server cannot be asked now: `server` and `cause`. It is tried again, at first after a
    /// second, then ever more seldom, once a minute at last.
    RELAY_RECOVERY_RETRY WARN "recovery is tried again";
    /// A server refuses: `server`, its `status` and `text`. It is not asked again until
    /// `leasebook relay recover`. Allow this relay there.
    RELAY_RECOVERY_REFUSED ERROR "server refuses recovery";
    /// A server could not be asked to the end: `server` and `cause`. What it told is in force.
    RELAY_RECOVERY_FAILED ERROR "recovery failed";
    /// Every server has answered or was tried in vain; routes are in place: `routed` of `known`
    /// delegations, after `millis`.
    RELAY_SETTLED INFO "recovery settled";
    /// Routes in the kernel were not as wanted and were put right: `found` of ours were there,
    /// `wanted` are to be, `changes` were needed. Someone else may work on them.
    RELAY_ROUTES_REPAIRED WARN "routes repaired";
    /// The kernel refuses routes: `count` of them, `prefix` is the first, with its `error`. They
    /// are tried again every 15 seconds, and when interfaces change.
    RELAY_ROUTE_FAILED ERROR "route refused by the kernel";
    /// The kernel does not take routes at all: `error`. The relay needs CAP_NET_ADMIN.
    RELAY_NETLINK_FAILED ERROR "no way to the kernel's routes";
    /// Datagrams cannot be read: `error`. Told once a minute at most, with how many `times`.
    RELAY_SOCKET_FAILED ERROR "socket failed";
    /// The system did not take `failed` datagrams, with `error` for the last. Told once a minute
    /// at most, with how many `times`. A server may be unreachable, or an interface down.
    RELAY_NOT_SENT WARN "datagrams not sent";
    /// Clients' link-layer addresses cannot be seen: `error`. They are left out of what servers
    /// are told. The relay needs CAP_NET_RAW for them.
    RELAY_LINK_LAYER_UNKNOWN ERROR "link-layer addresses unknown";
    /// The rules of nftables for what customers send are in the kernel: for `interfaces`, with
    /// `delegations`. `repaired` tells that somebody else had changed them, or that it did not
    /// work before.
    RELAY_FILTER_LOADED INFO "filter loaded";
    /// nft did not take the rules: `error`. It is tried again, after a minute at most; until then
    /// the rules are as they were, and customers are filtered by those or not at all. Told once a
    /// minute at most, with how many `times`.
    RELAY_FILTER_FAILED ERROR "filter not loaded";
    /// The kernel's notifications about nftables cannot be heard: `error`. What others do to the
    /// rules is not noticed and not repaired.
    RELAY_FILTER_UNWATCHED WARN "filter not watched";
    /// No filter is configured, and the `table` that this relay would use is there, from when one
    /// was: it filters what customers send by delegations of then. If no other relay of this machine
    /// uses it, `nft delete table ip6 TABLE` takes it away.
    RELAY_FILTER_LEFT WARN "a filter is left";
    /// The `interface` is heard by the lightweight relay.
    RELAY_LIGHTWEIGHT_JOINED INFO "interface heard by the lightweight relay";
    /// The `interface` is configured for the lightweight relay and is no port of a bridge: it is not
    /// heard until it is one.
    RELAY_LIGHTWEIGHT_NO_BRIDGE WARN "interface in no bridge";
    /// The rules of nftables that keep originals from passing are in the kernel: the lightweight relay
    /// works. They stay when it ends, so that then no message of a client passes; `nft delete table
    /// bridge TABLE` takes them away.
    RELAY_LIGHTWEIGHT_GUARDED INFO "originals are kept from passing";
    /// nft did not take those rules: `error`. Nothing is relayed by the lightweight relay until it
    /// does; it is tried again, after a minute at most. Told once a minute at most, with how many
    /// `times`.
    RELAY_LIGHTWEIGHT_UNGUARDED ERROR "originals are not kept from passing";
    /// Delegations that an earlier run left on disk are routed, so many `delegations`, until
    /// servers and clients tell better.
    RELAY_KEPT_ROUTED INFO "delegations from disk routed";
    /// Every server has told everything, and none told these `delegations` that came from disk:
    /// they are no longer routed.
    RELAY_KEPT_FORGOTTEN WARN "delegations from disk forgotten";
    /// The `file` of delegations is not as it was written: `error`. It was renamed to `aside`, or
    /// could not be (`not_moved`); nothing of it is used. Servers tell everything again. Look at
    /// the disk.
    RELAY_KEPT_SPOILT ERROR "delegations on disk spoilt";
    /// Delegations could not be written to the `file`: `error`. It is tried again.
    RELAY_NOT_KEPT ERROR "delegations not written";
    /// The operator asked something that changes the relay: `command`.
    RELAY_COMMAND INFO "command taken";
}

/// The documentation of all events: `docs/messages.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Messages\n\n\
         Every line of the log is one of these events, named by its `id`. An id keeps its meaning; the words of the message do\n\
         not change with the data, which is in fields. `log.level` chooses what is shown, `log.format` how.\n",
    );
    for event in ALL {
        let text: Vec<&str> = event
            .documentation
            .iter()
            .map(|line| line.trim_start())
            .collect();
        let (id, message, text) = (event.id, event.message, text.join("\n"));
        let level = event.level.as_str().to_lowercase();
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {id}\n\n*{message}*, {level}\n\n{text}\n");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_documented_once() {
        for (index, event) in ALL.iter().enumerate() {
            assert!(!event.documentation.is_empty(), "{}", event.id);
            assert!(ALL.iter().skip(index + 1).all(|other| other.id != event.id));
        }
    }
}
