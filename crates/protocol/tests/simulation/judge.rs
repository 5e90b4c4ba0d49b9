//! What is remembered of what the server said, to judge what it says next.

use std::collections::HashMap;

use leasebook_protocol::Now;
use leasebook_protocol::server::Config;
use leasebook_protocol::server::config::{Match, ServedLink};
use leasebook_store::{Book, Flow, IaKind, LeaseName, LeaseStore as _, LinkId, Progress};
use leasebook_wire::Options;
use leasebook_wire::code::{MessageType, StatusCode};

use crate::message::{self, Heard, Ia, Key, Recall, Said};
use crate::site::SERVER;

/// A client on a link.
type Client = (LinkId, Vec<u8>);

/// What it was told, and may be told.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    /// Leases outside of what the configuration gives, and whose they have been since it came.
    outside: HashMap<LeaseName, Client>,
    /// The last replay detection value of each client.
    replays: HashMap<Client, u64>,
}

impl Judge {
    /// Another configuration is in force: what it would not give may stay with whom it was.
    pub(crate) fn reloaded(&mut self, config: &Config, book: &Book, now: Now) {
        self.outside.clear();
        let mut from = Vec::new();
        let mut look = || {
            book.scan_all(&mut from, &mut |run| {
                for record in run.iter() {
                    let client = (record.link(), record.client().to_vec());
                    let link = link_of(config, record.link());
                    for lease in record.leases().filter(|lease| lease.is_live(now.wall)) {
                        if !link.is_some_and(|link| gives(link, lease.name, &client.1)) {
                            self.outside.insert(lease.name, client.clone());
                        }
                    }
                }
                Flow::Continue
            })
        };
        while look().unwrap() == Progress::More {}
    }

    /// An answer fits its request, and gives what the configuration of the link does.
    pub(crate) fn reply(&mut self, config: &Config, link: LinkId, said: &Said, heard: &Heard) {
        let who = format!("{} of {:02x?}", said.kind, said.client);
        assert_eq!(heard.xid, said.xid, "{who}");
        assert_eq!(heard.client, said.client, "{who}");
        assert_eq!(heard.server, SERVER, "{who}");
        assert!(!heard.is_rapid || said.is_rapid, "{who}");
        assert!(
            heard.key.is_none() || said.accepts_reconfigure,
            "{who}: a key"
        );
        let client = (link, said.client.clone());
        if let Some((replay, _)) = heard.key {
            self.grows(&client, replay);
        }
        let served = link_of(config, link).unwrap();
        for ia in &heard.ias {
            let is_asked = |asked: &Ia| (asked.kind, asked.iaid) == (ia.kind, ia.iaid);
            assert!(said.ias.iter().any(is_asked), "{who}: an IA not asked for");
            for lease in &ia.leases {
                let name = lease.name;
                let stays = self.outside.get(&name) == Some(&client);
                if lease.valid == 0 {
                    if stays {
                        self.outside.remove(&name);
                    }
                    continue;
                }
                let fits = served.fits(name, ia.kind);
                assert!(fits, "{who}: {name} is not of the link");
                let is_given = gives(served, name, &said.client) || stays;
                assert!(is_given, "{who}: {name} is in no pool");
            }
        }
        if matches!(said.kind, MessageType::RELEASE | MessageType::DECLINE)
            && heard.status == StatusCode::SUCCESS
        {
            for name in said.ias.iter().flat_map(|ia| &ia.names) {
                if self.outside.get(name) == Some(&client) {
                    self.outside.remove(name);
                }
            }
        }
    }

    /// A RECONFIGURE is signed by the key that is kept with the client's binding, and is told
    /// from all before it by its replay detection value.
    pub(crate) fn recall(&mut self, book: &Book, link: LinkId, recall: &Recall) {
        let key = kept_key(book, link, &recall.client);
        assert!(recall.is_signed(&key), "not signed: {recall:?}");
        self.grows(&(link, recall.client.clone()), recall.replay);
    }

    fn grows(&mut self, client: &Client, replay: u64) {
        let before = self.replays.insert(client.clone(), replay);
        assert!(before < Some(replay), "{replay} comes after {before:?}");
    }
}

fn link_of(config: &Config, link: LinkId) -> Option<&ServedLink> {
    config.links.iter().find(|served| served.id == link)
}

/// Whether the client may be given the lease anew: out of a pool, or because it is reserved for it.
fn gives(link: &ServedLink, name: LeaseName, client: &[u8]) -> bool {
    let mut reservations = link.reservations.iter();
    if let Some(reserved) = reservations.find(|reserved| reserved.leases.contains(&name)) {
        return reserved.whom == Match::Client(client.to_vec());
    }
    if link.excludes(name) {
        return false;
    }
    match name {
        LeaseName::Address(address) => {
            let mut pools = link.pools.iter();
            pools.any(|pool| (pool.first..=pool.last).contains(&address))
        }
        LeaseName::Prefix { len, .. } => {
            let mut pools = link.prefix_pools.iter();
            link.fits(name, IaKind::Pd) && pools.any(|pool| pool.delegated_len == len)
        }
    }
}

fn kept_key(book: &Book, link: LinkId, client: &[u8]) -> Key {
    let record = book.binding(link, client).unwrap().unwrap();
    let options = record.view().options().to_vec();
    let (_, key) = message::key(Options::parse(&options, 0).unwrap()).unwrap();
    key
}
