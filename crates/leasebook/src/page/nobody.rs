//! What is told of what nobody has.

use std::fmt::Write as _;

use leasebook_protocol::server::Config;
use leasebook_protocol::server::config::ServedLink;
use leasebook_store::{IaKind, LeaseName};

use super::client::{pool_of, reservations};
use crate::control::Whom;

/// That there is nothing, and for a lease where it lies.
pub(super) fn page(config: &Config, whom: &Whom) -> String {
    let mut page = String::from("nothing in the book\n");
    match whom {
        Whom::Lease(name) if !config.links.is_empty() => {
            for line in lies(config, *name) {
                // A string takes whatever is written.
                let _ = writeln!(page, "{name} {line}");
            }
        }
        Whom::Client(_) => page.push_str(
            "no message of this client was given a lease; at level debug the log tells what becomes of each\n",
        ),
        _ => {}
    }
    page
}

fn lies(config: &Config, name: LeaseName) -> Vec<String> {
    let kind = match name {
        LeaseName::Address(_) => IaKind::Na,
        LeaseName::Prefix { .. } => IaKind::Pd,
    };
    let links = config.links.iter();
    let links: Vec<&ServedLink> = links
        .filter(|link| link.fits(name, kind) || pool_of(link, name).is_some())
        .collect();
    let mut lines: Vec<String> = links
        .iter()
        .map(|link| {
            let (number, title) = (link.id.0, &link.name);
            match pool_of(link, name) {
                _ if link.excludes(name) => {
                    format!("is excluded on link {number} ({title}): nobody gets it")
                }
                Some(pool) => format!("is free, in the pool {pool} of link {number} ({title})"),
                None => format!("fits link {number} ({title}) and is in none of its pools"),
            }
        })
        .collect();
    if reservations(config).any(|one| one.leases.contains(&name)) {
        lines.push("is reserved, for a client that does not have it".to_owned());
    }
    if lines.is_empty() {
        lines.push("lies on no link of the configuration".to_owned());
    }
    lines
}
