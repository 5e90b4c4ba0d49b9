//! What clients say and hear, as octets.

use std::net::Ipv6Addr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use leasebook_store::{IaKind, LeaseName};
use leasebook_wire::code::{MessageType, OptionCode, StatusCode};
use leasebook_wire::option::{
    Auth, IaAddr, IaNa, IaPd, IaPrefix, OptionView as _, ReconfMsg, ReconfigureKey,
};
use leasebook_wire::{ClientMessage, Composer, Options, Xid};
use md5::Md5;

use crate::site::SERVER;

/// An identity association of a client, and the leases it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ia {
    pub(crate) kind: IaKind,
    pub(crate) iaid: u32,
    pub(crate) names: Vec<LeaseName>,
}

/// What a client says.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) kind: MessageType,
    pub(crate) xid: u32,
    pub(crate) client: Vec<u8>,
    pub(crate) server: Option<Vec<u8>>,
    pub(crate) ias: Vec<Ia>,
    pub(crate) is_rapid: bool,
    pub(crate) accepts_reconfigure: bool,
    /// Since the exchange began, in hundredths of a second.
    pub(crate) elapsed: u16,
}

impl Said {
    pub(crate) fn octets(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut message = Composer::client(&mut out, self.kind, Xid::from_number(self.xid));
        message.option(OptionCode::CLIENTID, &self.client).unwrap();
        if let Some(server) = &self.server {
            message.option(OptionCode::SERVERID, server).unwrap();
        }
        message
            .option(OptionCode::ELAPSED_TIME, &self.elapsed.to_be_bytes())
            .unwrap();
        message.option(OptionCode::ORO, &[0, 23]).unwrap();
        if self.is_rapid {
            message.option(OptionCode::RAPID_COMMIT, &[]).unwrap();
        }
        if self.accepts_reconfigure {
            message.option(OptionCode::RECONF_ACCEPT, &[]).unwrap();
        }
        for ia in &self.ias {
            let inside = |message: &mut Composer<'_>| {
                ia.names.iter().try_for_each(|name| match *name {
                    LeaseName::Address(address) => message.nested(OptionCode::IAADDR, |lease| {
                        lease.put_ipv6(address);
                        lease.put_u64(0);
                        Ok(())
                    }),
                    LeaseName::Prefix { prefix, len } => {
                        message.nested(OptionCode::IAPREFIX, |lease| {
                            lease.put_u64(0);
                            lease.put_u8(len);
                            lease.put_ipv6(prefix);
                            Ok(())
                        })
                    }
                })
            };
            match ia.kind {
                IaKind::Pd => message.ia_pd(ia.iaid, [0, 0], inside).unwrap(),
                _ => message.ia_na(ia.iaid, [0, 0], inside).unwrap(),
            }
        }
        message.finish().unwrap();
        out
    }
}

/// A lease that a client hears of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ToldLease {
    pub(crate) name: LeaseName,
    pub(crate) preferred: u32,
    pub(crate) valid: u32,
}

/// An IA that a client hears of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ToldIa {
    pub(crate) kind: IaKind,
    pub(crate) iaid: u32,
    pub(crate) times: (u32, u32),
    pub(crate) leases: Vec<ToldLease>,
    pub(crate) status: StatusCode,
}

/// What a client hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) kind: MessageType,
    pub(crate) xid: u32,
    pub(crate) client: Vec<u8>,
    pub(crate) server: Vec<u8>,
    pub(crate) is_rapid: bool,
    pub(crate) status: StatusCode,
    pub(crate) ias: Vec<ToldIa>,
    /// The key for RECONFIGURE and its replay detection value.
    pub(crate) key: Option<(u64, Key)>,
}

/// What RECONFIGURE is signed with.
pub(crate) type Key = [u8; 16];

impl Heard {
    /// Reads a message; everything that no server may send is a failure.
    pub(crate) fn parse(octets: &[u8]) -> Self {
        let message = ClientMessage::parse(octets).unwrap();
        let options = message.options();
        let only = |code| {
            assert_eq!(options.count(code), 1, "{code}");
            options.first(code).unwrap().data.to_vec()
        };
        let mut ias = Vec::new();
        for option in options {
            match option.code {
                OptionCode::IA_NA => {
                    let ia = IaNa::parse(option).unwrap();
                    let times = (ia.t1, ia.t2);
                    ias.push(told(IaKind::Na, ia.iaid, times, ia.options));
                }
                OptionCode::IA_PD => {
                    let ia = IaPd::parse(option).unwrap();
                    let times = (ia.t1, ia.t2);
                    ias.push(told(IaKind::Pd, ia.iaid, times, ia.options));
                }
                _ => {}
            }
        }
        Self {
            kind: message.msg_type(),
            xid: message.xid().number(),
            client: only(OptionCode::CLIENTID),
            server: only(OptionCode::SERVERID),
            is_rapid: options.contains(OptionCode::RAPID_COMMIT),
            status: status(options),
            ias,
            key: key(options),
        }
    }
}

/// The key that a REPLY tells.
pub(crate) fn key(options: Options<'_>) -> Option<(u64, Key)> {
    let auth: Auth<'_> = options.view_or_absent()?;
    match auth.reconfigure_key() {
        Some(ReconfigureKey::Key(key)) => Some((auth.replay_detection, key)),
        other => panic!("a REPLY with {other:?}"),
    }
}

/// A RECONFIGURE as a client hears it.
#[derive(Clone, Debug)]
pub(crate) struct Recall {
    pub(crate) client: Vec<u8>,
    pub(crate) ask: MessageType,
    pub(crate) replay: u64,
    octets: Vec<u8>,
}

impl Recall {
    /// Reads a message; everything that RFC 8415 §18.3.11 and §20.4 do not have in it is a failure.
    pub(crate) fn parse(octets: &[u8]) -> Self {
        let message = ClientMessage::parse(octets).unwrap();
        assert_eq!(message.msg_type(), MessageType::RECONFIGURE);
        assert_eq!(message.xid().number(), 0);
        let options = message.options();
        let codes: Vec<OptionCode> = options.iter().map(|option| option.code).collect();
        let expected = [
            OptionCode::SERVERID,
            OptionCode::CLIENTID,
            OptionCode::RECONF_MSG,
            OptionCode::AUTH,
        ];
        assert_eq!(codes, expected);
        assert_eq!(options.first(OptionCode::SERVERID).unwrap().data, SERVER);
        let auth: Auth<'_> = options.view_or_absent().unwrap();
        let ask: ReconfMsg = options.view_or_absent().unwrap();
        Self {
            client: options.first(OptionCode::CLIENTID).unwrap().data.to_vec(),
            ask: ask.msg_type(),
            replay: auth.replay_detection,
            octets: octets.to_vec(),
        }
    }

    /// Whether it was signed with this key.
    pub(crate) fn is_signed(&self, key: &Key) -> bool {
        let mut zeroed = self.octets.clone();
        let at = zeroed.len() - key.len();
        let signature = zeroed.split_off(at);
        zeroed.resize(at + key.len(), 0);
        let mut mac = Hmac::<Md5>::new_from_slice(key).unwrap();
        mac.update(&zeroed);
        mac.verify_slice(&signature).is_ok()
    }
}

fn status(options: Options<'_>) -> StatusCode {
    if options.contains(OptionCode::STATUS_CODE) {
        return options.status().unwrap().code;
    }
    StatusCode::SUCCESS
}

fn told(kind: IaKind, iaid: u32, times: (u32, u32), options: Options<'_>) -> ToldIa {
    assert!(times.0 <= times.1 || times.1 == 0, "T1 above T2");
    let addresses = options.views::<IaAddr<'_>>().map(|lease| {
        let lease = lease.unwrap();
        let name = LeaseName::Address(lease.address);
        (name, lease.preferred_lifetime, lease.valid_lifetime)
    });
    let prefixes = options.views::<IaPrefix<'_>>().map(|lease| {
        let lease = lease.unwrap();
        let name = prefix(lease.prefix, lease.prefix_len);
        (name, lease.preferred_lifetime, lease.valid_lifetime)
    });
    let leases = addresses.chain(prefixes).map(|(name, preferred, valid)| {
        assert!(
            preferred <= valid,
            "{name} is preferred for longer than valid"
        );
        assert_eq!(matches!(name, LeaseName::Prefix { .. }), kind == IaKind::Pd);
        ToldLease {
            name,
            preferred,
            valid,
        }
    });
    ToldIa {
        kind,
        iaid,
        times,
        leases: leases.collect(),
        status: status(options),
    }
}

fn prefix(prefix: Ipv6Addr, len: u8) -> LeaseName {
    LeaseName::prefix(prefix, len).expect("the server sets no bits behind the length")
}
