//! What a relay says, for people.

use std::io;
use std::time::Duration;

use crate::relay::status::{
    LightweightStatus, Recovered, Route, ServerSays, ServerStatus, Shown, Status, Why,
};
use crate::text::duration;

pub(super) fn show_status(status: &Status, out: &mut impl io::Write) -> io::Result<()> {
    let settled = if status.settled {
        "settled"
    } else {
        "recovering"
    };
    let up = duration::show(Duration::from_secs(status.up_secs));
    writeln!(out, "relay {}, {settled}, up {up}", status.relay_id)?;
    let standing = status.standing.iter();
    let standing: Vec<String> = standing
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    match standing.as_slice() {
        [] => writeln!(out, "no delegations")?,
        standing => writeln!(out, "{} delegations: {}", status.known, standing.join(", "))?,
    }
    if status.routes_waiting + status.routes_refused > 0 {
        let (waiting, refused) = (status.routes_waiting, status.routes_refused);
        writeln!(out, "kernel: {waiting} changes waiting, {refused} refused")?;
    }
    writeln!(out)?;
    let mut interfaces = Table::new(&["INTERFACE", "LINK-ADDRESS", "ROUTED"]);
    for one in &status.interfaces {
        let routed = one.routed.to_string();
        interfaces.add(vec![
            one.interface.clone(),
            one.link_address.clone(),
            routed,
        ]);
    }
    interfaces.write(out)?;
    writeln!(out)?;
    show_lightweight(&status.lightweight, out)?;
    show_servers(&status.servers, out)
}

fn show_lightweight(all: &[LightweightStatus], out: &mut impl io::Write) -> io::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    if !all.iter().all(|one| one.in_force) {
        writeln!(out, "lightweight relay: waits for nft, relays nothing")?;
    }
    let mut table = Table::new(&["LIGHTWEIGHT", "ROLE", "RELAYED", "RETURNED", "DROPPED"]);
    for one in all {
        let dropped = one.dropped.iter();
        let dropped: Vec<String> = dropped
            .map(|(why, times)| format!("{times} {why}"))
            .collect();
        table.add(vec![
            one.interface.clone(),
            one.role.clone(),
            one.relayed.to_string(),
            one.returned.to_string(),
            dropped.join(", "),
        ]);
    }
    table.write(out)?;
    writeln!(out)
}

fn show_servers(servers: &[ServerStatus], out: &mut impl io::Write) -> io::Result<()> {
    let mut table = Table::new(&[
        "SERVER",
        "PHASE",
        "LEASES",
        "TAKEN",
        "REFUSED",
        "CONFIRMED",
        "DENIED",
        "SECONDS",
        "NOTE",
    ]);
    for one in servers {
        table.add(vec![
            one.server.clone(),
            one.phase.clone(),
            one.leases.to_string(),
            one.taken.to_string(),
            one.refused.to_string(),
            one.confirmed.to_string(),
            one.denied.to_string(),
            format!("{:.3}", one.secs),
            one.detail.clone().unwrap_or_default(),
        ]);
    }
    table.write(out)
}

pub(super) fn show_recovered(recovered: &Recovered, out: &mut impl io::Write) -> io::Result<()> {
    show_servers(&recovered.servers, out)?;
    let Some(same) = recovered.same else {
        return Ok(());
    };
    writeln!(out)?;
    writeln!(out, "after a reboot, {same} routes would be the same")?;
    for (prefixes, what) in [
        (
            &recovered.missing,
            "would be missing until the client renews",
        ),
        (&recovered.extra, "would be new"),
        (&recovered.elsewhere, "would have another next hop"),
    ] {
        for prefix in prefixes {
            writeln!(out, "{prefix} {what}")?;
        }
    }
    Ok(())
}

/// The columns of delegations.
pub(super) const BINDING_COLUMNS: [&str; 9] = [
    "PREFIX",
    "CLIENT",
    "INTERFACE",
    "NEXT HOP",
    "VALID",
    "HEARD",
    "SOURCE",
    "STANDING",
    "NOTE",
];

pub(super) fn binding_row(shown: &Shown) -> Vec<String> {
    let time = |secs: u64| duration::show(Duration::from_secs(secs));
    vec![
        shown.prefix.to_string(),
        shown.client.clone(),
        shown.interface.clone().unwrap_or_default(),
        shown.next_hop.clone().unwrap_or_default(),
        shown.valid_secs.map_or_else(|| "infinity".to_owned(), time),
        time(u64::try_from(shown.heard_secs_ago).unwrap_or(0)),
        shown.source.clone(),
        shown.standing.clone(),
        shown.reason.clone().unwrap_or_default(),
    ]
}

pub(super) fn route_row(route: &Route) -> [String; 4] {
    let unreachable = || "unreachable".to_owned();
    [
        route.prefix.to_string(),
        route.interface.clone().unwrap_or_else(unreachable),
        route.next_hop.clone().unwrap_or_default(),
        if route.is_wanted { "" } else { "not wanted" }.to_owned(),
    ]
}

pub(super) fn show_why(why: &Why, out: &mut impl io::Write) -> io::Result<()> {
    writeln!(out, "{}\n", why.verdict)?;
    match &why.relay {
        Some(one) => {
            let time = |secs: u64| duration::show(Duration::from_secs(secs));
            let heard = time(u64::try_from(one.heard_secs_ago).unwrap_or(0));
            let valid = one.valid_secs.map_or_else(|| "for ever".to_owned(), time);
            writeln!(
                out,
                "relay    {} of {}, {}",
                one.prefix, one.client, one.standing
            )?;
            let hop = one.next_hop.as_deref().unwrap_or("the interface");
            if let Some(interface) = &one.interface {
                writeln!(out, "         to {hop} on {interface}, valid {valid}")?;
            } else {
                writeln!(out, "         valid {valid}")?;
            }
            writeln!(
                out,
                "         known for {}, told the last time {} ago by {}",
                time(one.known_secs),
                time(one.told_secs_ago),
                one.message
            )?;
            writeln!(out, "         the server heard the client {heard} ago")?;
            if let Some(reason) = &one.reason {
                writeln!(out, "         {reason}")?;
            }
        }
        None => writeln!(out, "relay    knows nothing of it")?,
    }
    match &why.kernel {
        Some(route) => writeln!(out, "kernel   {}", kernel_line(route))?,
        None => writeln!(out, "kernel   has no route of ours for it")?,
    }
    for one in &why.servers {
        writeln!(out, "server   {}", server_line(one))?;
    }
    Ok(())
}

/// A route in the words of iproute2.
fn kernel_line(route: &Route) -> String {
    let prefix = route.prefix;
    let way = match (&route.interface, &route.next_hop) {
        (Some(interface), Some(next_hop)) => format!(" via {next_hop} dev {interface}"),
        (Some(interface), None) => format!(" dev {interface}"),
        (None, _) => ", unreachable".to_owned(),
    };
    let note = if route.is_wanted { "" } else { ", not wanted" };
    format!("{prefix}{way}{note}")
}

fn server_line(one: &ServerSays) -> String {
    match (&one.lease, &one.error) {
        (Some(lease), _) => {
            let objection = one.objection.as_ref();
            let objection = objection.map(|why| format!("; not routed here: {why}"));
            format!(
                "{}: {lease} of {}, valid {} s, client heard {} s ago{}",
                one.server,
                one.client.as_deref().unwrap_or("?"),
                one.valid_secs.unwrap_or(0),
                one.heard_secs_ago.unwrap_or(0),
                objection.unwrap_or_default()
            )
        }
        (None, Some(error)) => format!("{}: no answer: {error}", one.server),
        (None, None) => format!("{}: has no lease there", one.server),
    }
}

/// A table; with nothing in it, nothing is written.
pub(super) struct Table {
    table: comfy_table::Table,
}

impl Table {
    pub(super) fn new(columns: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table
            .load_style(comfy_table::TableStyle::new())
            .set_content_arrangement(comfy_table::ContentArrangement::Disabled)
            .set_header(columns.to_vec());
        Self { table }
    }

    pub(super) fn add(&mut self, row: Vec<String>) {
        self.table.add_row(row);
    }

    pub(super) fn write(&self, out: &mut impl io::Write) -> io::Result<()> {
        if self.table.row_count() == 0 {
            return Ok(());
        }
        for line in self.table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
