//! Where Kea and leasebook take a setting from different levels.

use std::collections::BTreeSet;

use crate::kea_config::model::NotCarried;
use crate::kea_config::read::Reader;
use crate::kea_config::settings::{follows_oddly, has_lifetimes, lifetimes_within};

/// Notes where a class says in leasebook what a link says in Kea.
pub(in crate::kea_config) fn note_precedence(reader: &mut Reader) {
    let config = &mut reader.config;
    let mut on_links = BTreeSet::new();
    let server = &config.settings.lifetimes;
    let mut has_parts = follows_oddly(server);
    let mut have_lifetimes = false;
    for link in &config.links {
        let of_link = lifetimes_within(&link.settings.lifetimes, server);
        for subnet in &link.subnets {
            has_parts |= follows_oddly(&lifetimes_within(&subnet.settings.lifetimes, &of_link));
        }
        let subnets = link.subnets.iter().flat_map(|subnet| {
            let pools = subnet.pools.iter().map(|pool| &pool.settings);
            let pd_pools = subnet.pd_pools.iter().map(|pool| &pool.settings);
            pools.chain(pd_pools).chain([&subnet.settings])
        });
        for settings in subnets.chain([&link.settings]) {
            have_lifetimes |= has_lifetimes(settings);
            let options = settings.options.iter();
            on_links.extend(options.map(|option| (option.enterprise, option.code)));
        }
    }
    for class in &config.classes {
        for option in &class.settings.options {
            if on_links.contains(&(option.enterprise, option.code)) {
                config.not_carried.push(NotCarried {
                    place: option.place.clone(),
                    key: format!("client-classes: {}: option {}", class.name, option.code),
                    reason: "a link or pool has this option too: leasebook sends the class's, Kea \
                             the link's; leave it where it is to count"
                        .to_owned(),
                });
            }
        }
        let lifetimes = &class.settings.lifetimes;
        let has_own = has_lifetimes(&class.settings);
        let has_one = lifetimes.preferred.is_some() != lifetimes.valid.is_some();
        let tested = reader
            .classes
            .tested
            .iter()
            .find(|tested| tested.name == class.name);
        for (is_odd, reason) in [
            (
                has_one && have_lifetimes,
                "it has one lifetime, and Kea takes the other from the client's subnet: the \
                 server's is written; give the class both",
            ),
            (
                has_own && has_parts,
                "it has lifetimes, of which Kea makes T1 and T2: write t1 and t2 into it",
            ),
        ] {
            if let Some(tested) = tested.filter(|_| is_odd) {
                config.not_carried.push(NotCarried {
                    place: tested.place.clone(),
                    key: format!("client-classes: {}", class.name),
                    reason: reason.to_owned(),
                });
            }
        }
    }
}
