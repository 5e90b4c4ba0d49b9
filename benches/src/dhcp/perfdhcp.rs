//! Kea's own load generator.

use std::net::Ipv6Addr;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use super::site::Site;
use super::{Driver, Leases, Run, Shape};

/// What makes the load on one server.
pub(super) struct Perfdhcp {
    interface: String,
    server: Ipv6Addr,
    shape: Shape,
    seed: u64,
}

impl Perfdhcp {
    pub(super) fn new(site: &mut Site, shape: Shape) -> Self {
        let (interface, _) = site.near();
        Self {
            interface: interface.to_owned(),
            server: site.far(),
            shape,
            seed: site.clients(),
        }
    }
}

impl Driver for Perfdhcp {
    fn run(&mut self, rate: u32, time: Duration) -> anyhow::Result<Run> {
        let seconds = time.as_secs_f64().ceil();
        let leases = match self.shape.leases {
            Leases::Address => "address-only",
            Leases::Prefix => "prefix-only",
            Leases::Both => "address-and-prefix",
        };
        let mut command = Command::new("perfdhcp");
        command
            .args(["-6", "-u", "-l", &self.interface, "-e", leases])
            .args(["-r", &rate.to_string(), "-R", "10000000"])
            .args(["-p", &seconds.to_string(), "-W", "1000000"]);
        // Each run has clients of its own.
        let octets = self.seed.to_be_bytes();
        let octets = octets.iter().skip(3).map(|octet| format!("{octet:02x}"));
        let base = format!("mac=02:{}", octets.collect::<Vec<_>>().join(":"));
        command.args(["-b", &base]);
        if self.shape.hops > 0 {
            command.args(["-A", "1"]).arg(self.server.to_string());
        } else {
            command.arg("all");
        }
        // It ends with 3 when something was dropped.
        let ran = command.output().context("cannot run perfdhcp")?;
        let text = String::from_utf8_lossy(&ran.stdout);
        parse(&text, seconds).with_context(|| {
            let errors = String::from_utf8_lossy(&ran.stderr);
            format!("perfdhcp said something else:\n{text}\n{errors}")
        })
    }
}

/// Reads the report: one part for SOLICIT and ADVERTISE, one for REQUEST and REPLY.
fn parse(text: &str, seconds: f64) -> Option<Run> {
    let (_, rest) = text.split_once("SOLICIT-ADVERTISE")?;
    let (solicits, requests) = rest.split_once("REQUEST-REPLY")?;
    let number = |part: &str, name: &str| -> Option<f64> {
        let (_, rest) = part.split_once(name)?;
        rest.split_whitespace().next()?.parse().ok()
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are small"
    )]
    let count = |part: &str, name: &str| number(part, name).map(|number| number as usize);
    let delay = |part: &str| {
        let milliseconds = number(part, "avg delay:").unwrap_or(0.0);
        vec![Duration::from_secs_f64(milliseconds / 1e3)]
    };
    let twice = count(requests, "non unique addresses:")?;
    Some(Run {
        begun: count(solicits, "sent packets:")?,
        done: count(requests, "received packets:")?,
        refused: count(requests, "rejected leases:")?,
        late: 0,
        took: Duration::from_secs_f64(seconds),
        advertised: delay(solicits),
        replied: delay(requests),
        // It tells how many, not which.
        leases: vec![0; if twice > 0 { twice + 1 } else { 0 }],
    })
}
