//! `leasebook serve`: the server.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::UdpAddress;
use crate::exit::Exit;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook serve --config /etc/leasebook/leasebook.toml
  leasebook serve --config leasebook.toml --data ./data --tcp [::1]:1547

Signals: SIGTERM and SIGINT stop in order, SIGHUP reads the configuration again.
Port 547 needs the right to bind it: run under systemd, or with CAP_NET_BIND_SERVICE.";

/// Run the server: Bulk Leasequery over TCP, DHCPv6 and Leasequery over UDP.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The configuration file; `leasebook check --example` prints one.
    #[arg(long, value_name = "FILE", env = "LEASEBOOK_CONFIG")]
    config: PathBuf,
    /// The directory of the store, instead of the configured one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Listen here for Bulk Leasequery, instead of where the configuration says; repeatable.
    #[arg(long, value_name = "ADDR:PORT")]
    tcp: Vec<SocketAddr>,
    /// Listen here for DHCPv6 and Leasequery over UDP, instead of where the configuration says;
    /// repeatable. With %DEVICE behind it, on that VRF or interface alone.
    #[arg(long, value_name = "ADDR:PORT[%DEVICE]")]
    udp: Vec<UdpAddress>,
}

/// Runs the server until it is told to stop.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let start = crate::serve::Start {
        config: args.config.clone(),
        data: args.data.clone(),
        tcp: args.tcp.clone(),
        udp: args.udp.clone(),
    };
    crate::serve::run(&start)?;
    Ok(Exit::Complete)
}
