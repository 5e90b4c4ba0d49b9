//! What Leasequery tells, beside what the book holds.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use leasebook_protocol::leasequery::{Config, Connection, FillState};
use leasebook_protocol::requestor::{self, Ask, Claim, Question};
use leasebook_store::{LeaseName, LinkId, Record};
use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::{ClientMessage, Deframer, Duid, RemoteId, Xid};

use super::{CLIENTS, Talk, Who};
use crate::book;
use crate::plan::Plan;
use crate::site::{SERVER, duid, ip, links};

/// One client as told: DUID, age, and leases with preferred and valid lifetime.
type Told = (Vec<u8>, u32, Vec<(LeaseName, u32, u32)>);

impl Talk {
    /// Asks one of the five questions, and compares.
    pub fn ask(&self, plan: &mut Plan<'_>) {
        let number = plan.octet();
        let link = match number >> 6 {
            number @ (1 | 2) => Some(LinkId(number.into())),
            _ => None,
        };
        let is_on = |who: &Who| link.is_none_or(|link| link == who.0);
        let (question, expected) = match plan.below(5) {
            0 => self.by_address(plan),
            1 => {
                let client = duid(number % CLIENTS);
                let expected = self.live(|who, _| who.1 == client && is_on(who));
                (Question::ClientId(named(&client)), expected)
            }
            2 => {
                let id = vec![0, 3, 0, 1, 4, number % 8];
                let expected = self.live(|who, ids| is_on(who) && ids.0.contains(&id));
                (Question::RelayId(named(&id)), expected)
            }
            3 => {
                let id = vec![0, 0, 0, 9, number % 8];
                let expected = self.live(|who, ids| is_on(who) && ids.1.contains(&id));
                let id = RemoteId::from_octets(&id).expect("an id");
                (Question::RemoteId(id), expected)
            }
            _ => {
                let link = link.unwrap_or(LinkId(1));
                let expected = self.live(|who, _| who.0 == link);
                (Question::LinkAddress(address_of(link)), expected)
            }
        };
        let is_by_address = matches!(question, Question::Address(_));
        let ask = Ask {
            question,
            link: match link {
                Some(link) if !is_by_address => address_of(link),
                _ => Ipv6Addr::UNSPECIFIED,
            },
        };
        let mut told = self.answer(&ask);
        let mut expected: Vec<Told> = expected.iter().map(|record| self.expect(record)).collect();
        told.sort();
        expected.sort();
        assert_eq!(told, expected, "{ask:?}");
    }

    /// The one with the longest match.
    fn by_address(&self, plan: &mut Plan<'_>) -> (Question, Vec<Record>) {
        let (LeaseName::Address(address)
        | LeaseName::Prefix {
            prefix: address, ..
        }) = super::message::any_name(plan);
        let now = self.site.now.wall;
        let len = |name: &LeaseName| match name {
            LeaseName::Address(_) => 129,
            LeaseName::Prefix { len, .. } => *len,
        };
        let covering = |record: &Record| {
            let live = book::live_leases(record, now);
            let around = live.iter().filter(|name| name.contains(address));
            around.map(len).max()
        };
        let live = book::live(&self.site.store, now);
        let found = live
            .into_values()
            .filter(|record| covering(record).is_some());
        let found = found.max_by_key(|record| covering(record));
        (Question::Address(address), found.into_iter().collect())
    }

    /// Live records of those who are meant, by their relays as heard.
    fn live(&self, is_meant: impl Fn(&Who, &super::Ids) -> bool) -> Vec<Record> {
        let live = book::live(&self.site.store, self.site.now.wall);
        let meant = live
            .into_iter()
            .filter(|(who, _)| is_meant(who, &self.heard_by[who]));
        meant.map(|(_, record)| record).collect()
    }

    /// What must be told of a record.
    fn expect(&self, record: &Record) -> Told {
        let now = self.site.now.wall;
        let view = record.view();
        let leases: Vec<_> = view.leases().collect();
        let newest = leases.iter().map(|lease| lease.clt).max().unwrap_or(0);
        let age = u32::try_from(now - newest).expect("hours");
        let left = |lifetime: u32, clt: u64| {
            let left = u64::from(lifetime).saturating_sub(now - clt);
            u32::try_from(left).expect("less than granted")
        };
        let live = leases.iter().filter(|lease| lease.is_live(now));
        let live = live.map(|lease| {
            let valid = left(lease.valid, lease.clt);
            (
                lease.name,
                left(lease.preferred, lease.clt).min(valid),
                valid,
            )
        });
        let mut live: Vec<_> = live.collect();
        live.sort();
        (view.client().to_vec(), age, live)
    }

    fn answer(&self, ask: &Ask) -> Vec<Told> {
        let mut config = requestor::Config::new(named(&[0, 3, 0, 1, 9, 9]));
        config.wanted = vec![OptionCode::LQ_RELAY_DATA];
        let mut query = Vec::new();
        ask.compose(Xid([3, 2, 1]), &config, &mut query)
            .expect("short");
        let settings = Arc::new(Config::new(named(SERVER)));
        let source = IpAddr::V6(Ipv6Addr::LOCALHOST);
        let now = self.site.now;
        let mut connection = Connection::new(settings, Arc::new(links()), source, now);
        connection.octets(now, &query);
        let mut out = Vec::new();
        while connection.fill(now, &self.site.store, &mut out) == FillState::More {}
        let mut deframer = Deframer::new();
        let mut input = &out[..];
        let mut told = Vec::new();
        while let Some(frame) = deframer.next(&mut input) {
            let message = ClientMessage::parse(frame).expect("what is sent can be read");
            assert_eq!(message.xid(), Xid([3, 2, 1]));
            let status = message.options().status().map(|status| status.code.0);
            // Where no pool of ours is, there is nothing to be configured (9).
            assert!(matches!(status, Ok(0 | 9)), "{status:?}");
            if message.msg_type() != MessageType::LEASEQUERY_DONE
                && let Some(data) = message.options().first(OptionCode::CLIENT_DATA)
            {
                let mut deviations = requestor::Deviations::default();
                let claim = Claim::read(data.data, &mut deviations).expect("what we tell is right");
                told.push(read(&claim));
            }
        }
        told
    }
}

fn read(claim: &Claim<'_>) -> Told {
    let leases = claim.leases();
    let mut leases: Vec<_> = leases
        .map(|lease| (lease.name, lease.preferred, lease.valid))
        .collect();
    leases.sort();
    (claim.client().to_vec(), claim.clt_age(), leases)
}

fn address_of(link: LinkId) -> Ipv6Addr {
    ip(&format!("2001:db8:{}::5", link.0))
}

fn named(octets: &[u8]) -> Duid {
    Duid::new(octets).expect("a DUID")
}
