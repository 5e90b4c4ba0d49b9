//! `leasebook query`: ask servers for their bindings.

mod args;

pub(super) use args::Args;

use std::io::BufWriter;
use std::net::Ipv6Addr;

use anyhow::Context as _;
use leasebook_protocol::requestor::{self, Ask, Config, UdpTimers};
use leasebook_wire::Duid;
use leasebook_wire::code::OptionCode;

use crate::duid::generate;
use crate::exit::Exit;
use crate::query::Plan;
use crate::query::connect::try_source;
use crate::show::Format;
use crate::show::routes::RoutePolicy;
use args::{Asking, Preset, Question};

/// Octets of output gathered before they are written.
const OUTPUT_OCTETS: usize = 64 * 1024;

/// Puts the question to every server.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    args.judge()?;
    let out = BufWriter::with_capacity(OUTPUT_OCTETS, std::io::stdout());
    Ok(plan(args)?.run(out)?)
}

/// What the arguments ask for.
fn plan(args: &Args) -> anyhow::Result<Plan> {
    let source = match &args.asking.source {
        Some(source) => source.endpoint().address()?,
        None => None,
    };
    if let Some(source) = source {
        try_source(source, args.udp)?;
    }
    Ok(Plan {
        servers: args
            .servers
            .iter()
            .map(|server| server.endpoint().clone())
            .collect(),
        asks: args.question.asks(args.link),
        config: config(args)?,
        udp: args.udp.then(|| udp_timers(&args.asking)),
        source,
        format: args.format,
        policy: policy(args),
        is_quiet: args.quiet,
        hides_progress: args.no_progress,
    })
}

/// How each server is asked.
fn config(args: &Args) -> anyhow::Result<Config> {
    let asking = &args.asking;
    let client_id = match &asking.client_id {
        Some(duid) => duid.clone(),
        None => generate::uuid().context("cannot make a DUID to ask with; give --client-id")?,
    };
    let mut wanted: Vec<OptionCode> = args.wanted.option.iter().copied().map(OptionCode).collect();
    if args.wanted.relay_data || args.format == Format::Routes {
        wanted.push(OptionCode::LQ_RELAY_DATA);
    }
    wanted.sort_unstable();
    wanted.dedup();
    Ok(Config {
        server_id: asking.server_id.clone(),
        wanted,
        timers: timers(asking),
        retries: asking.retries,
        pipelined: asking.pipeline.into(),
        ..Config::new(client_id)
    })
}

/// The preset, and what was given instead.
fn timers(asking: &Asking) -> requestor::Timers {
    let preset = match asking.timers {
        Preset::Draft => requestor::Timers::DRAFT,
        Preset::Rfc5460 => requestor::Timers::RFC5460,
    };
    requestor::Timers {
        connect: asking.connect_timeout.unwrap_or(preset.connect),
        data: asking.data_timeout.unwrap_or(preset.data),
        max_retry: asking.max_retry,
        ..preset
    }
}

/// RFC 5007's; how long to wait at most may be given.
fn udp_timers(asking: &Asking) -> UdpTimers {
    UdpTimers {
        give_up: asking.data_timeout,
        ..UdpTimers::RFC5007
    }
}

/// How routes are made.
fn policy(args: &Args) -> RoutePolicy {
    let routes = &args.routes;
    let asked = match &args.question {
        Question::RelayId { values } => match &values[..] {
            [only] => Some(only),
            _ => None,
        },
        _ => None,
    };
    RoutePolicy {
        own_relay_id: routes
            .own_relay_id
            .as_ref()
            .or(asked)
            .map(|duid: &Duid| duid.octets().to_vec()),
        interfaces: routes.interface_map.clone(),
        dev: routes.dev.clone(),
        via: routes.via,
        own_addresses: routes.own_address.clone(),
        protocol: routes.protocol.clone(),
        metric: routes.metric,
        expires: !routes.no_expires,
    }
}

impl Question {
    /// The queries: one for each value.
    fn asks(&self, link: Option<Ipv6Addr>) -> Vec<Ask> {
        use requestor::Question as Asked;
        let questions: Vec<Asked> = match self {
            Self::RelayId { values } => values.iter().cloned().map(Asked::RelayId).collect(),
            Self::LinkAddress { values } => {
                values.iter().copied().map(Asked::LinkAddress).collect()
            }
            Self::RemoteId { values } => values.iter().cloned().map(Asked::RemoteId).collect(),
            Self::Address { values } => values.iter().copied().map(Asked::Address).collect(),
            Self::ClientId { values } => values.iter().cloned().map(Asked::ClientId).collect(),
        };
        questions
            .into_iter()
            .map(|question| Ask {
                question,
                link: link.unwrap_or(Ipv6Addr::UNSPECIFIED),
            })
            .collect()
    }
}
