//! `leasebook duid`: make, show and take apart DUIDs.

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Subcommand, ValueEnum};

use leasebook_wire::Duid;
use leasebook_wire::code::HardwareType;
use leasebook_wire::duid::DuidContents;

use crate::duid::{generate, sendable};
use crate::exit::Exit;
use crate::identity::{self, Role};
use crate::show::routes::is_interface_name;
use crate::text::hex;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook duid generate
  leasebook duid generate llt --interface eth0
  leasebook duid generate uuid --save /var/lib/leasebook
  leasebook duid show --data /var/lib/leasebook
  leasebook duid parse 00:03:00:01:02:00:5e:10:00:01";

/// Make, show and take apart DUIDs.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// What can be done with DUIDs.
#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new DUID and print it.
    Generate(Generate),
    /// Print the DUID of the server whose data these are.
    Show {
        /// The configuration file.
        #[arg(
            long,
            value_name = "FILE",
            env = "LEASEBOOK_CONFIG",
            required_unless_present = "data"
        )]
        config: Option<PathBuf>,
        /// The directory of the store, or with --relay the relay's state directory.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Print the relay's DUID; --config is then the relay's.
        #[arg(long)]
        relay: bool,
    },
    /// Print what a DUID is made of.
    Parse {
        /// The DUID in hex, with or without colons.
        #[arg(value_parser = sendable)]
        duid: Duid,
    },
}

/// What a new DUID is made of.
#[derive(Debug, clap::Args)]
struct Generate {
    /// The type.
    #[arg(value_enum, default_value_t)]
    kind: Kind,
    /// For ll and llt: take the link-layer address of this interface.
    #[arg(long, value_name = "IFNAME", conflicts_with = "link_layer")]
    interface: Option<String>,
    /// For ll and llt: this link-layer address, in hex.
    #[arg(long, value_name = "HEX")]
    link_layer: Option<String>,
    /// The hardware type of --link-layer; 1 is Ethernet.
    #[arg(long, value_name = "NUMBER", requires = "link_layer")]
    hardware_type: Option<u16>,
    /// For en: the enterprise number.
    #[arg(long, value_name = "NUMBER")]
    enterprise: Option<u32>,
    /// For en: the identifier, in hex [default: 8 random octets].
    #[arg(long, value_name = "HEX", requires = "enterprise")]
    identifier: Option<String>,
    /// Keep it as the server's DUID in this directory of a store, or with --relay as the
    /// relay's in its state directory.
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// With --save: it is a relay's.
    #[arg(long, requires = "save")]
    relay: bool,
    /// With --save: replace the one that is there. Clients and relays will see a new server.
    #[arg(long, requires = "save")]
    replace: bool,
}

/// The types of DUIDs. Source: RFC 8415 §11.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// DUID-UUID: random, needs nothing.
    #[default]
    Uuid,
    /// DUID-LL: from a permanent link-layer address.
    Ll,
    /// DUID-LLT: from a link-layer address and the time.
    Llt,
    /// DUID-EN: from an enterprise number.
    En,
}

/// Runs one of them.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Generate(args) => make(args)?,
        Command::Show {
            config,
            data,
            relay,
        } => show(role(*relay), config.as_ref(), data.as_ref())?,
        Command::Parse { duid } => {
            io::stdout().lock().write_all(describe(duid).as_bytes())?;
        }
    }
    Ok(Exit::Complete)
}

/// Makes a DUID, prints it, keeps it.
fn make(args: &Generate) -> anyhow::Result<()> {
    let foreign = match args.kind {
        Kind::Uuid => {
            args.interface.is_some() || args.link_layer.is_some() || args.enterprise.is_some()
        }
        Kind::Ll | Kind::Llt => args.enterprise.is_some(),
        Kind::En => args.interface.is_some() || args.link_layer.is_some(),
    };
    if foreign {
        bail!("--interface and --link-layer are for ll and llt, --enterprise for en");
    }
    let duid = match args.kind {
        Kind::Uuid => generate::uuid()?,
        Kind::Ll => {
            let (hardware, address) = link_layer(args)?;
            Duid::link_layer(hardware, &address)?
        }
        Kind::Llt => {
            let (hardware, address) = link_layer(args)?;
            let secs = generate::secs_since_2000(std::time::SystemTime::now());
            Duid::link_layer_time(hardware, secs, &address)?
        }
        Kind::En => {
            let enterprise = args
                .enterprise
                .context("a DUID-EN needs --enterprise NUMBER")?;
            let identifier = match &args.identifier {
                Some(written) => hex::parse(written)?,
                None => generate::random::<8>()?.to_vec(),
            };
            Duid::enterprise(enterprise, &identifier)?
        }
    };
    if let Some(directory) = &args.save {
        identity::keep(role(args.relay), directory, &duid, args.replace)?;
    }
    writeln!(io::stdout(), "{duid}")?;
    Ok(())
}

/// The hardware type and address asked for.
fn link_layer(args: &Generate) -> anyhow::Result<(HardwareType, Vec<u8>)> {
    if let Some(written) = &args.link_layer {
        let hardware = args
            .hardware_type
            .map_or(HardwareType::ETHERNET, HardwareType);
        return Ok((hardware, hex::parse(written)?));
    }
    let name = args
        .interface
        .as_deref()
        .context("a DUID of this type needs --interface IFNAME or --link-layer HEX")?;
    if !is_interface_name(name.as_bytes()) {
        bail!("`{name}` cannot be an interface");
    }
    let read = |what: &str| {
        let path = format!("/sys/class/net/{name}/{what}");
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    };
    let hardware_type = read("type")?;
    let hardware = hardware_type
        .trim()
        .parse()
        .map(HardwareType)
        .with_context(|| format!("{name} has no hardware type that fits a DUID"))?;
    let address = hex::parse(read("address")?.trim())
        .with_context(|| format!("{name} has no link-layer address"))?;
    if address.iter().all(|octet| *octet == 0) {
        bail!("the link-layer address of {name} is all zero; choose another interface");
    }
    Ok((hardware, address))
}

/// Prints the DUID a server or relay with this configuration or data has.
fn show(role: Role, config: Option<&PathBuf>, data: Option<&PathBuf>) -> anyhow::Result<()> {
    let configured = match (role, config) {
        (_, None) => None,
        (Role::Server, Some(path)) => {
            let config = crate::config::load(path)?.config;
            Some((config.server_id, config.data))
        }
        (Role::Relay, Some(path)) => {
            let config = crate::config::relay::load(path)?.config;
            Some((config.relay_id, config.state))
        }
    };
    let (duid, directory) = configured.map_or((None, None), |(duid, dir)| (duid, Some(dir)));
    let Some(directory) = data.cloned().or(directory) else {
        bail!("give --config FILE or --data DIR");
    };
    let duid = match duid {
        Some(duid) => duid,
        None => identity::kept(role, &directory)?.with_context(|| {
            let flag = if role == Role::Relay { "--relay " } else { "" };
            format!(
                "{} has no {} yet; one is made at the first start, \
                 or by `leasebook duid generate {flag}--save {0}`",
                directory.display(),
                role.file_name()
            )
        })?,
    };
    writeln!(io::stdout(), "{duid}")?;
    Ok(())
}

fn role(is_relay: bool) -> Role {
    if is_relay { Role::Relay } else { Role::Server }
}

/// What a DUID is made of, a line each.
fn describe(duid: &Duid) -> String {
    let mut lines = vec![
        ("duid", duid.to_string()),
        ("octets", duid.octets().len().to_string()),
    ];
    let mut add = |name, value: String| lines.push((name, value));
    match duid.contents() {
        DuidContents::LinkLayerTime {
            hardware,
            secs_since_2000,
            address,
        } => {
            add(
                "type",
                "1 (DUID-LLT, link-layer address plus time)".to_owned(),
            );
            add("hardware-type", format!("{} ({hardware})", hardware.0));
            let date = date(secs_since_2000);
            add("time", format!("{secs_since_2000} ({date})"));
            add("link-layer", hex::show(address));
        }
        DuidContents::Enterprise {
            enterprise,
            identifier,
        } => {
            add("type", "2 (DUID-EN, assigned by a vendor)".to_owned());
            add("enterprise", enterprise.to_string());
            add("identifier", hex::show(identifier));
        }
        DuidContents::LinkLayer { hardware, address } => {
            add("type", "3 (DUID-LL, link-layer address)".to_owned());
            add("hardware-type", format!("{} ({hardware})", hardware.0));
            add("link-layer", hex::show(address));
        }
        DuidContents::Uuid(_) => {
            add("type", "4 (DUID-UUID)".to_owned());
            // Shown as `DUID-UUID` and the UUID with its hyphens.
            let shown = duid.contents().to_string();
            add(
                "uuid",
                shown.rsplit(' ').next().unwrap_or_default().to_owned(),
            );
        }
        DuidContents::Other { duid_type, body } => {
            let odd = match duid_type.0 {
                1..=4 => "malformed for its type",
                _ => "unknown",
            };
            add("type", format!("{} ({odd})", duid_type.0));
            add("identifier", hex::show(body));
        }
        other => add("type", other.to_string()),
    }
    let lines: Vec<String> = lines
        .into_iter()
        .map(|(name, value)| format!("{name:<14}{value}"))
        .collect();
    lines.join("\n") + "\n"
}

/// The date of a DUID-LLT.
fn date(time: u32) -> String {
    jiff::Timestamp::from_second(generate::EPOCH_UNIX_SECS + i64::from(time)).map_or_else(
        |_| "beyond any calendar".to_owned(),
        |time| time.to_string(),
    )
}
