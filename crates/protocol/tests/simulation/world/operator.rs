//! What operators do: another configuration in the middle of it all, and clients told to ask anew.

use leasebook_protocol::server::Reply;
use leasebook_store::LinkId;
use leasebook_wire::RelayChain;
use leasebook_wire::code::MessageType;
use leasebook_wire::option::ReconfMsg;
use rand::RngExt as _;

use super::{Event, World};
use crate::client::Client;
use crate::message::Recall;
use crate::path::Path;
use crate::site::{Plan, config};

impl World {
    pub(super) fn reload(&mut self, plan: Plan) {
        self.tally.reloads += 1;
        if self.watched.is_some() {
            println!("{} ms: reload to {plan:?}", self.ms);
        }
        let config = config(self.shape.clients, self.seed, plan);
        self.host.reload(Some(config));
        if self.host.is_up() {
            self.look_outside();
        }
    }

    /// What the configuration would not give may stay with whom it is.
    pub(super) fn look_outside(&mut self) {
        let (now, host) = (self.now(), &self.host);
        self.judge.reloaded(host.config(), host.book(), now);
    }

    /// An operator may have a client told to ask anew; those whose leases do not fit are.
    pub(super) fn recall(&mut self) {
        let wanted = self.random.random_bool(0.2).then(|| {
            let client = self.random.random_range(0..self.clients.len());
            let Client { path, duid, .. } = &self.clients[client];
            let asks = [
                MessageType::RENEW,
                MessageType::REBIND,
                MessageType::INFORMATION_REQUEST,
            ];
            let ask = asks[self.random.random_range(0..asks.len())];
            let link = LinkId(path.link.into());
            (link, duid.clone(), ReconfMsg::new(ask).unwrap())
        });
        let fate = self.fate(0.01);
        let Some(sent) = self.host.recall(self.now(), wanted, fate) else {
            return self.crashed();
        };
        for (reply, octets) in sent {
            self.recall_sent(&reply, &octets);
        }
    }

    /// The client that a message is for, and its way when it was last heard.
    fn whom(&self, reply: &Reply, octets: &[u8]) -> (usize, Path) {
        let chain = RelayChain::parse(octets, 32).unwrap();
        let client = Recall::parse(chain.message().octets()).client;
        let client = self.clients.iter().position(|one| one.duid == client);
        let client = client.unwrap();
        let link = match chain.link_address() {
            Some(address) => address.segments()[2],
            None => u16::try_from(reply.interface - 10).unwrap(),
        };
        let path = self.clients[client].path.clone();
        (client, Path { link, ..path })
    }

    fn recall_sent(&mut self, reply: &Reply, octets: &[u8]) {
        self.tally.recalled += 1;
        let (client, path) = self.whom(reply, octets);
        let leases = self.host.leases(path.link, &self.clients[client].duid);
        let recall = Recall::parse(&path.unasked(reply, octets, &leases));
        assert!(self.clients[client].accepts_reconfigure);
        let link = LinkId(path.link.into());
        self.judge.recall(self.host.book(), link, &recall);
        for _ in 0..self.copies() {
            let way = self.way();
            let (link, recall) = (path.link, Box::new(recall.clone()));
            self.plan(
                way,
                Event::Recalled {
                    client,
                    link,
                    recall,
                },
            );
        }
    }

    pub(super) fn recalled(&mut self, client: usize, link: u16, recall: &Recall) {
        if self.clients[client].path.link != link {
            return;
        }
        let now = self.at();
        let said = self.clients[client].recalled(now, recall);
        self.trace(client, &|| format!("told to {}, says {said:?}", recall.ask));
        self.tally.obeyed += u64::from(said.is_some());
        self.after(client, said);
    }
}
