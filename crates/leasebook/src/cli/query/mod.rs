//! `leasebook query`: ask servers for their bindings.

mod args;

pub(super) use args::Args;

use crate::exit::Exit;

/// Puts the question to every server.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    if args.udp {
        anyhow::bail!(
            "Leasequery over UDP is not in this version; without --udp the query goes over TCP"
        );
    }
    args.judge()?;
    Err(super::not_in_this_version("the query"))
}
