//! The arguments of `leasebook query`.
#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "brackets in these texts are for people: they are help and examples"
)]

use std::net::Ipv6Addr;
use std::time::Duration;

use anyhow::bail;
use clap::{Subcommand, ValueEnum};
use leasebook_wire::code::DHCP_SERVER_PORT;
use leasebook_wire::{Duid, RemoteId};

use super::super::values::{Server, Source, timeout};
use crate::config::Timers;
use crate::duid::sendable;
use crate::show::Format;
use crate::show::routes::InterfaceKey;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook query 2001:db8::547 relay-id 00:03:00:01:02:00:5e:10:00:01
  leasebook query a.example b.example:1547 link-address 3fff::1 --format json
  leasebook query [fe80::1%eth0]:547 remote-id 2495:port-7
  leasebook query ::1 address 3fff:100::1 --link 3fff::1
  leasebook query ::1 client-id 00:03:00:01:02:00:5e:10:00:01 --udp
  leasebook query 2001:db8::547 relay-id 00030001... --format routes | ip -6 -batch -

SERVER is HOST, HOST:PORT, [ADDR]:PORT or a bare IPv6 address; the port is 547 unless given.
DUIDs are hex, with or without colons; a Remote-ID is hex or ENTERPRISE:TEXT.

Exit codes: 0 complete, 1 usage or local error, 2 no server answered, 3 partial, 4 refused.";

/// Ask servers for their bindings, by Bulk Leasequery over TCP or, with --udp, by Leasequery.
///
/// Several servers are asked at the same time and their answers put together: of the same
/// lease from two servers, the one with the newer client transaction is shown. Several values
/// are several queries on one connection.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, subcommand_value_name = "KIND", subcommand_help_heading = "Kinds")]
#[command(subcommand_precedence_over_arg = true, disable_help_subcommand = true)]
pub(in super::super) struct Args {
    /// The servers to ask: HOST, HOST:PORT, [ADDR]:PORT or an IPv6 address.
    #[arg(value_name = "SERVER", required = true)]
    pub(in super::super) servers: Vec<Server>,
    /// What to ask by.
    #[command(subcommand)]
    pub(in super::super) question: Question,
    /// Only bindings on the link that has this address; all links if left out.
    #[arg(long, global = true, value_name = "ADDR")]
    pub(in super::super) link: Option<Ipv6Addr>,
    /// Ask over UDP, by address or client-id: one datagram, sent up to 5 times (RFC 5007).
    #[arg(long, global = true)]
    pub(in super::super) udp: bool,
    /// The form of the output.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(in super::super) format: Format,
    /// How the servers are asked.
    #[command(flatten)]
    pub(in super::super) asking: Asking,
    /// What to ask for besides leases.
    #[command(flatten)]
    pub(in super::super) wanted: Wanted,
    /// For --format routes.
    #[command(flatten)]
    pub(in super::super) routes: Routes,
    /// Print nothing but the result and errors.
    #[arg(long, short, global = true)]
    pub(in super::super) quiet: bool,
    /// Show no progress; it is shown only where standard error is a terminal.
    #[arg(long, global = true)]
    pub(in super::super) no_progress: bool,
}

/// What to ask by. Source: RFC 5007 §4.1.2.1; RFC 5460 §5.3; BLQ-R-010.
#[derive(Debug, Subcommand)]
pub(in super::super) enum Question {
    /// All bindings that came through the relay with this Relay-ID.
    RelayId {
        /// The Relay-ID: a DUID in hex; several are several queries.
        #[arg(required = true, value_name = "DUID", value_parser = sendable)]
        values: Vec<Duid>,
    },
    /// All bindings on the link that has this address.
    LinkAddress {
        /// An address on the link, or one its relays use; several are several queries.
        #[arg(required = true, value_name = "ADDR")]
        values: Vec<Ipv6Addr>,
    },
    /// All bindings that came with this Remote-ID.
    RemoteId {
        /// ENTERPRISE:TEXT, or the option's octets in hex; several are several queries.
        #[arg(required = true, value_name = "REMOTE-ID")]
        values: Vec<RemoteId>,
    },
    /// The binding that has this address, or the delegated prefix around it.
    Address {
        /// The address; several are several queries.
        #[arg(required = true, value_name = "ADDR")]
        values: Vec<Ipv6Addr>,
    },
    /// The bindings of the client with this DUID.
    ClientId {
        /// The client's DUID in hex; several are several queries.
        #[arg(required = true, value_name = "DUID", value_parser = sendable)]
        values: Vec<Duid>,
    },
}

/// Whose timers are the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum Preset {
    /// The draft's: data timeout 30 s.
    #[default]
    Draft,
    /// RFC 5460's: data timeout 300 s.
    Rfc5460,
}

impl From<Preset> for Timers {
    fn from(preset: Preset) -> Self {
        match preset {
            Preset::Draft => Self::Draft,
            Preset::Rfc5460 => Self::Rfc5460,
        }
    }
}

/// How the servers are asked.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Asking")]
pub(in super::super) struct Asking {
    /// Whose timers: the draft's data timeout is 30 s, RFC 5460's 300 s.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(in super::super) timers: Preset,
    /// Give up a connection that is not made within this time [default: 30s].
    #[arg(long, global = true, value_name = "TIME", value_parser = timeout)]
    pub(in super::super) connect_timeout: Option<Duration>,
    /// End a connection that brings no octet for this time [default: by --timers]; with --udp,
    /// give up a query after this time [default: when it was sent 5 times, after 25 s].
    #[arg(long, global = true, value_name = "TIME", value_parser = timeout)]
    pub(in super::super) data_timeout: Option<Duration>,
    /// How often to try again after a failed or cut connection: after 1 s, 2 s, 4 s and so on.
    #[arg(long, global = true, value_name = "COUNT", default_value_t = 0)]
    pub(in super::super) retries: u32,
    /// The longest wait between tries.
    #[arg(long, global = true, value_name = "TIME", value_parser = timeout, default_value = "60s")]
    pub(in super::super) max_retry: Duration,
    /// How many queries go out on one connection before the first is answered; 1 asks one by one.
    #[arg(long, global = true, value_name = "COUNT", default_value_t = 4,
        value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(in super::super) pipeline: u16,
    /// Our own DUID, told to the servers [default: a random DUID-UUID for each run].
    #[arg(long, global = true, value_name = "DUID", value_parser = sendable)]
    pub(in super::super) client_id: Option<Duid>,
    /// Only the server with this DUID shall answer.
    #[arg(long, global = true, value_name = "DUID", value_parser = sendable)]
    pub(in super::super) server_id: Option<Duid>,
    /// Connect from this address: ADDR, or [ADDR]:PORT.
    #[arg(long, global = true, value_name = "ADDR")]
    pub(in super::super) source: Option<Source>,
}

/// What to ask for besides leases.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Asked for")]
pub(in super::super) struct Wanted {
    /// Ask for the relays each client came through; always asked for with --format routes.
    #[arg(long, global = true)]
    pub(in super::super) relay_data: bool,
    /// Ask for an option by its code, where the server holds it; repeatable.
    #[arg(long, global = true, value_name = "CODE",
        value_parser = clap::value_parser!(u16).range(1..))]
    pub(in super::super) option: Vec<u16>,
}

/// Where routes lead, for `--format routes`.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Routes (--format routes)")]
pub(in super::super) struct Routes {
    /// Our own Relay-ID: the next hop is the peer of the relay that has it
    /// [default: the DUID asked for by relay-id].
    #[arg(long, global = true, value_name = "DUID", value_parser = sendable)]
    pub(in super::super) own_relay_id: Option<Duid>,
    /// The interface for an Interface-ID (text, or hex after 0x) or link-address; repeatable.
    #[arg(long, global = true, value_name = "KEY=IFNAME", value_parser = mapping)]
    pub(in super::super) interface_map: Vec<(InterfaceKey, String)>,
    /// The interface for all that is not in the map, whatever the Interface-ID says.
    #[arg(long, global = true, value_name = "IFNAME", value_parser = interface)]
    pub(in super::super) dev: Option<String>,
    /// The next hop where the server told no relay data.
    #[arg(long, global = true, value_name = "ADDR")]
    pub(in super::super) via: Option<Ipv6Addr>,
    /// An address of this router: prefixes that cover it are refused; repeatable.
    #[arg(long, global = true, value_name = "ADDR")]
    pub(in super::super) own_address: Vec<Ipv6Addr>,
    /// The routing protocol the routes are marked with: a number, or a name that ip knows.
    #[arg(long, global = true, value_name = "PROTOCOL", default_value = "147", value_parser = protocol)]
    pub(in super::super) protocol: String,
    /// The metric of the routes.
    #[arg(long, global = true, value_name = "NUMBER")]
    pub(in super::super) metric: Option<u32>,
    /// Routes stay when the lease has ended; otherwise the kernel drops them then.
    #[arg(long, global = true)]
    pub(in super::super) no_expires: bool,
}

impl Args {
    /// Refuses what parses but makes no sense.
    pub(super) fn judge(&self) -> anyhow::Result<()> {
        if let Question::LinkAddress { values } = &self.question {
            if self.link.is_some() {
                bail!("link-address asks by the link already; leave --link out");
            }
            if values.contains(&Ipv6Addr::UNSPECIFIED) {
                bail!("link-address :: names no link; give an address on the link");
            }
        }
        if let Question::Address { values } = &self.question
            && values.contains(&Ipv6Addr::UNSPECIFIED)
        {
            bail!("no client has the address ::; give the address to ask for");
        }
        if self.udp { self.judge_udp() } else { Ok(()) }
    }

    /// What is for TCP alone, and a port on which no reply can be heard.
    fn judge_udp(&self) -> anyhow::Result<()> {
        // Never sent over UDP (BLQ-R-014, LQ-UDP-005).
        let asks = self.question.asks(None);
        if asks
            .iter()
            .any(|ask| ask.question.query_type().is_bulk_only())
        {
            bail!("queries by relay-id, link-address and remote-id go over TCP; leave --udp out");
        }
        let asking = &self.asking;
        let is_for_tcp = [
            ("--timers", asking.timers != Preset::default()),
            ("--connect-timeout", asking.connect_timeout.is_some()),
            ("--retries", asking.retries > 0),
        ];
        if let Some((option, _)) = is_for_tcp.iter().find(|(_, is_given)| *is_given) {
            bail!(
                "{option} is for TCP; over UDP a query is sent up to 5 times, and --data-timeout ends it sooner"
            );
        }
        let port = asking.source.as_ref().map(|source| source.endpoint().port);
        if port == Some(DHCP_SERVER_PORT) {
            bail!("replies to port 547 are never heard; give --source another port, or none");
        }
        Ok(())
    }
}

/// Reads `KEY=IFNAME`.
fn mapping(text: &str) -> Result<(InterfaceKey, String), String> {
    let (key, name) = text
        .rsplit_once('=')
        .ok_or_else(|| format!("`{text}` maps nothing; write KEY=IFNAME, such as 0x0007=eth1"))?;
    Ok((key.parse()?, interface(name)?))
}

/// Reads the name of an interface.
fn interface(name: &str) -> Result<String, String> {
    if crate::show::routes::is_interface_name(name.as_bytes()) {
        Ok(name.to_owned())
    } else {
        Err(format!(
            "`{name}` cannot be an interface; names have 1 to 15 letters, digits, or .-_@+"
        ))
    }
}

/// Reads a routing protocol; the name goes into a file of commands, so it is plain.
fn protocol(text: &str) -> Result<String, String> {
    let number = text.bytes().all(|octet| octet.is_ascii_digit());
    let plain = text
        .bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b'-'));
    let in_range = !number || text.parse::<u8>().is_ok();
    if !text.is_empty() && !text.starts_with('-') && plain && in_range {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is no routing protocol; write a number from 0 to 255, or a name of rt_protos"
        ))
    }
}
