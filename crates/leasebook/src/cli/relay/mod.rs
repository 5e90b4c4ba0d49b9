//! `leasebook relay`: the delegating relay, and what can be asked of it.

mod show;

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use ipnet::Ipv6Net;
use leasebook_wire::Duid;
use serde::de::DeserializeOwned;

use self::show::{
    BINDING_COLUMNS, Table, binding_row, route_row, show_recovered, show_status, show_why,
};
use crate::config::relay::{self as config, Ingress};
use crate::exit::Exit;
use crate::relay::status::{Cleared, Recovered, Refusal, Request, Route, Shown, Status, Why};

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook relay --config relay.toml
  leasebook relay check --config relay.toml
  leasebook relay example > relay.toml
  leasebook relay status
  leasebook relay bindings --json
  leasebook relay recover --dry-run
  leasebook relay why 2001:db8:100::/56
  leasebook relay bindings clear --interface eth1";

/// Run the delegating relay, or ask the one that runs.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    /// The relay's configuration file.
    #[arg(long, value_name = "FILE", env = "LEASEBOOK_RELAY_CONFIG")]
    config: Option<PathBuf>,
    /// What to ask.
    #[command(subcommand)]
    command: Option<Command>,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
enum Command {
    /// How the relay is: recovery, interfaces, servers.
    Status(Asked),
    /// Every delegation that is known, routed or not.
    #[command(args_conflicts_with_subcommands = true)]
    Bindings {
        #[command(flatten)]
        asked: Asked,
        #[command(subcommand)]
        command: Option<BindingsCommand>,
    },
    /// Every route of the relay that the kernel has.
    Routes(Asked),
    /// Ask all servers again.
    Recover {
        /// Change nothing; tell what a reboot would bring back, and what it would not.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        asked: Asked,
    },
    /// Why a prefix is routed, or not: what relay, kernel and servers hold of it.
    Why {
        /// The prefix, or an address in it.
        #[arg(value_parser = lease)]
        prefix: Ipv6Net,
        #[command(flatten)]
        asked: Asked,
    },
    /// The same as `bindings clear`.
    Clear(Clear),
    /// Judge the relay's configuration file, with line and column of what is wrong.
    Check {
        /// The relay's configuration file.
        #[arg(long, value_name = "FILE", env = "LEASEBOOK_RELAY_CONFIG")]
        config: PathBuf,
    },
    /// Print the commented example with every setting.
    Example,
}

/// What can be done to delegations.
#[derive(Debug, Subcommand)]
enum BindingsCommand {
    /// Forget delegations and their routes; they come back when their clients renew.
    Clear(Clear),
}

/// Which delegations are forgotten.
#[derive(Debug, clap::Args)]
struct Clear {
    /// A prefix, an address, or a client's DUID; what reads as an address is one.
    #[arg(value_name = "LEASE|DUID", required_unless_present_any = ["client", "interface"])]
    which: Option<String>,
    /// Everything of the client with this DUID.
    #[arg(long, value_name = "DUID", conflicts_with = "which")]
    client: Option<String>,
    /// Everything on this interface.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["which", "client"])]
    interface: Option<String>,
    #[command(flatten)]
    asked: Asked,
}

impl Clear {
    fn request(&self) -> anyhow::Result<Request> {
        let (mut named, mut client) = (None, self.client.clone());
        if let Some(which) = &self.which {
            match (lease(which), which.parse::<Duid>()) {
                (Ok(net), _) => named = Some(net),
                (Err(_), Ok(duid)) => client = Some(duid.to_string()),
                (Err(_), Err(_)) => bail!("`{which}` is no IPv6 prefix, address or DUID"),
            }
        }
        Ok(Request::Clear {
            lease: named,
            client,
            interface: self.interface.clone(),
        })
    }
}

/// How a relay that runs is asked.
#[derive(Debug, clap::Args)]
struct Asked {
    /// The relay's configuration file, for the place of its control socket.
    #[arg(long, value_name = "FILE", env = "LEASEBOOK_RELAY_CONFIG")]
    config: Option<PathBuf>,
    /// The control socket itself.
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    control: Option<PathBuf>,
    /// JSON for machines: an object a line.
    #[arg(long)]
    json: bool,
}

/// Where the control socket is if nothing says otherwise.
const DEFAULT_CONTROL: &str = "/run/leasebook-relay/control";

/// What is said where nothing keeps customers from sending with others' addresses (RFC 8987 R-3).
const NO_FILTER: &str = "\
note: customers may send with any source address; if nothing else on this router keeps them from it,
      set ingress = \"delegations\" or \"routes\" in [filter] (RFC 8987 4.2 R-3, BCP 38)";

/// Runs the relay, or asks.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let Some(command) = &args.command else {
        let path = args.config.as_deref();
        let path = path.context("give --config FILE, or what to ask; see --help")?;
        crate::relay::run(path)?;
        return Ok(Exit::Complete);
    };
    let mut out = io::stdout().lock();
    match command {
        Command::Check { config } => return check(config),
        Command::Example => out.write_all(config::example().as_bytes())?,
        Command::Status(asked) => {
            asked.each(&Request::Status, |status: Status| {
                show_status(&status, &mut out)
            })?;
        }
        Command::Clear(which)
        | Command::Bindings {
            command: Some(BindingsCommand::Clear(which)),
            ..
        } => {
            which.asked.each(&which.request()?, |cleared: Cleared| {
                writeln!(out, "{} cleared", cleared.cleared)
            })?;
        }
        Command::Bindings {
            asked,
            command: None,
        } => {
            let mut table = Table::new(&BINDING_COLUMNS);
            asked.each(&Request::Bindings, |shown: Shown| {
                table.add(binding_row(&shown));
                Ok(())
            })?;
            table.write(&mut out)?;
        }
        Command::Routes(asked) => {
            let mut table = Table::new(&["PREFIX", "INTERFACE", "NEXT HOP", "NOTE"]);
            asked.each(&Request::Routes, |route: Route| {
                table.add(route_row(&route).to_vec());
                Ok(())
            })?;
            table.write(&mut out)?;
        }
        Command::Recover { dry_run, asked } => {
            let request = Request::Recover { dry_run: *dry_run };
            let mut exit = Exit::Complete;
            let judge = |recovered: &Recovered| {
                let mut servers = recovered.servers.iter();
                if servers.any(|server| server.phase != "done") {
                    exit = Exit::Partial;
                }
            };
            asked.each_judged(&request, judge, |recovered: Recovered| {
                show_recovered(&recovered, &mut out)
            })?;
            return Ok(exit);
        }
        Command::Why { prefix, asked } => {
            let request = Request::Why { prefix: *prefix };
            asked.each(&request, |why: Why| show_why(&why, &mut out))?;
        }
    }
    Ok(Exit::Complete)
}

/// A prefix, or an address as a /128.
fn lease(text: &str) -> Result<Ipv6Net, String> {
    let address = text.parse::<std::net::Ipv6Addr>().map(Ipv6Net::from);
    let lease = address.or_else(|_| text.parse::<Ipv6Net>());
    lease
        .map(|net| net.trunc())
        .map_err(|_| format!("`{text}` is no IPv6 prefix or address"))
}

fn check(path: &Path) -> anyhow::Result<Exit> {
    let loaded = match config::load(path) {
        Ok(loaded) => loaded,
        Err(crate::config::ConfigError::Wrong(problems)) => {
            for problem in &problems {
                writeln!(io::stderr(), "error: {}", problem.with_source())?;
            }
            bail!("{}: {} wrong", path.display(), problems.len());
        }
        Err(error) => return Err(error.into()),
    };
    for warning in &loaded.warnings {
        writeln!(io::stderr(), "warning: {}", warning.with_source())?;
    }
    let config = loaded.config;
    writeln!(
        io::stdout(),
        "{}: right; servers {}, interfaces {}, ingress filter {}, loops {}",
        path.display(),
        config.servers.len(),
        config.interfaces.len(),
        config.filter.ingress.word(),
        config.filter.loops.word()
    )?;
    if config.filter.ingress == Ingress::Off {
        // Linux has no reverse-path setting for IPv6 as it has for IPv4.
        writeln!(io::stdout(), "{NO_FILTER}")?;
    }
    Ok(Exit::Complete)
}

impl Asked {
    fn path(&self) -> anyhow::Result<PathBuf> {
        match (&self.control, &self.config) {
            (Some(path), _) => Ok(path.clone()),
            (None, Some(config)) => Ok(config::load(config)?.config.control),
            (None, None) => Ok(DEFAULT_CONTROL.into()),
        }
    }

    /// Asks, and gives each object of the answer to `show`; as JSON it goes out as it came.
    fn each<T: DeserializeOwned>(
        &self,
        request: &Request,
        show: impl FnMut(T) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        self.each_judged(request, |_: &T| {}, show)
    }

    /// The same, and each object to `judge` as well, shown or not.
    fn each_judged<T: DeserializeOwned>(
        &self,
        request: &Request,
        mut judge: impl FnMut(&T),
        mut show: impl FnMut(T) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let path = self.path()?;
        let stream = UnixStream::connect(&path).with_context(|| {
            format!(
                "no relay answers at {}; does `leasebook relay` run?",
                path.display()
            )
        })?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        (&stream).write_all(&line)?;
        for line in BufReader::new(stream).lines() {
            let line = line?;
            if let Ok(refusal) = serde_json::from_str::<Refusal>(&line) {
                bail!("{}", refusal.error);
            }
            let told = serde_json::from_str(&line)
                .with_context(|| format!("the relay's answer is not understood: {line}"))?;
            judge(&told);
            if self.json {
                // Nothing else is written then.
                writeln!(io::stdout(), "{line}")?;
            } else {
                show(told)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clear(which: &str) -> anyhow::Result<Request> {
        let asked = Asked {
            config: None,
            control: None,
            json: false,
        };
        let which = Some(which.to_owned());
        let (client, interface) = (None, None);
        let clear = Clear {
            which,
            client,
            interface,
            asked,
        };
        clear.request()
    }

    /// RELAY-081: what is cleared is named by a prefix, an address or a client's DUID.
    #[test]
    fn a_lease_or_a_client_is_cleared() {
        let of = |which| match clear(which).unwrap() {
            Request::Clear { lease, client, .. } => (lease.map(|net| net.to_string()), client),
            other => panic!("{other:?}"),
        };
        let lease = |text: &str| (Some(text.to_owned()), None);
        assert_eq!(of("2001:db8:100::/56"), lease("2001:db8:100::/56"));
        assert_eq!(of("2001:db8::7"), lease("2001:db8::7/128"));
        let duid = "00:03:00:01:02:00:5e:10:00:01";
        assert_eq!(of(duid), (None, Some(duid.to_owned())));
        assert_eq!(of("0003000102005e100001").1, Some(duid.to_owned()));
        assert!(clear("cpe-7").is_err());
    }
}
