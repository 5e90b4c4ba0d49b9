//! Composing what a client is told (RFC 8415 §18.3.9, §18.3.10).

use leasebook_store::{IaKind, LeaseName};
use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::option::{ClientFqdn, IaAddr, OptionView as _, Oro, StatusCodeOption};
use leasebook_wire::{ComposeError, Composer};

use super::config::{ConfiguredOption, Renewal};
use super::exchange::{Answer, Exchange};
use super::grant::{AnsweredIa, Granted};

impl Exchange<'_> {
    /// Puts the answer into `message`, whose header is there.
    pub(super) fn compose(
        &self,
        answer: &Answer,
        message: &mut Composer<'_>,
    ) -> Result<(), ComposeError> {
        message.client_header(answer.kind, self.heard.message.xid());
        message.option(OptionCode::SERVERID, self.config.server_id.octets())?;
        if let Some(client) = self.heard.client {
            message.option(OptionCode::CLIENTID, client.octets())?;
        }
        if answer.registered.is_some() {
            // The very option that came and was read (RFC 9686 §4.3).
            let mut options = self.heard.message.options().into_iter();
            let told = options
                .find(|option| option.code == OptionCode::IAADDR && IaAddr::parse(*option).is_ok());
            return told.map_or(Ok(()), |told| message.option(told.code, told.data));
        }
        if answer.kind == MessageType::ADVERTISE && self.config.preference > 0 {
            message.option(OptionCode::PREFERENCE, &[self.config.preference])?;
        }
        if answer.is_rapid {
            message.option(OptionCode::RAPID_COMMIT, &[])?;
        }
        let is_advertised = answer.kind == MessageType::ADVERTISE && self.accepts_reconfigure();
        if is_advertised || self.told_key.is_some() {
            message.option(OptionCode::RECONF_ACCEPT, &[])?;
        }
        if let Some(key) = &self.told_key {
            key.put(message)?;
        }
        let renewal = self.renewal(answer);
        for ia in &answer.ias {
            self.compose_ia(ia, renewal, message)?;
        }
        if let Some((code, text)) = answer.status {
            message.add(&StatusCodeOption::new(code, text))?;
        }
        if answer.has_options {
            self.compose_options(answer, message)?;
        }
        Ok(())
    }

    /// T1 and T2 of all IAs (DHCP-S-041, DHCP-S-042): as configured, or 0.5 and 0.8 of the
    /// shortest preferred lifetime.
    fn renewal(&self, answer: &Answer) -> Renewal {
        let ias = answer.ias.iter().filter(|ia| ia.kind != IaKind::Ta);
        let extended = ias
            .flat_map(|ia| &ia.leases)
            .filter(|lease| lease.lifetimes.valid > 0);
        let mut shortest: Option<&Granted> = None;
        for lease in extended {
            if shortest.is_none_or(|found| lease.lifetimes.preferred < found.lifetimes.preferred) {
                shortest = Some(lease);
            }
        }
        let Some(shortest) = shortest else {
            return Renewal { t1: 0, t2: 0 };
        };
        if let Some(renewal) = self.setting(shortest.pool, |settings| settings.renewal) {
            return renewal;
        }
        let preferred = shortest.lifetimes.preferred;
        if preferred == u32::MAX {
            let (t1, t2) = (preferred, preferred);
            return Renewal { t1, t2 };
        }
        Renewal {
            t1: preferred / 2,
            t2: preferred - preferred / 5,
        }
    }

    fn compose_ia(
        &self,
        ia: &AnsweredIa,
        renewal: Renewal,
        message: &mut Composer<'_>,
    ) -> Result<(), ComposeError> {
        let has_lease = ia.leases.iter().any(|lease| lease.lifetimes.valid > 0);
        let times = if has_lease {
            [renewal.t1, renewal.t2]
        } else {
            [0, 0]
        };
        let inside = |message: &mut Composer<'_>| {
            for lease in &ia.leases {
                self.compose_lease(lease, message)?;
            }
            match ia.status {
                Some((code, text)) => message.add(&StatusCodeOption::new(code, text)),
                None => Ok(()),
            }
        };
        match ia.kind {
            IaKind::Na => message.ia_na(ia.iaid, times, inside),
            IaKind::Ta => message.ia_ta(ia.iaid, inside),
            IaKind::Pd => message.ia_pd(ia.iaid, times, inside),
        }
    }

    fn compose_lease(
        &self,
        lease: &Granted,
        message: &mut Composer<'_>,
    ) -> Result<(), ComposeError> {
        let times = lease.lifetimes;
        match lease.name {
            LeaseName::Address(address) => message.nested(OptionCode::IAADDR, |option| {
                option.put_ipv6(address);
                option.put_u32(times.preferred);
                option.put_u32(times.valid);
                Ok(())
            }),
            LeaseName::Prefix { prefix, len } => message.nested(OptionCode::IAPREFIX, |option| {
                option.put_u32(times.preferred);
                option.put_u32(times.valid);
                option.put_u8(len);
                option.put_ipv6(prefix);
                let excluded = lease.pool.and_then(|pool| self.excluded(lease.name, pool));
                match excluded.filter(|_| self.asks_for(OptionCode::PD_EXCLUDE)) {
                    Some(excluded) => option.pd_exclude((prefix, len), excluded),
                    None => Ok(()),
                }
            }),
        }
    }

    /// Options the client asked for, then those it gets unasked (DHCP-S-044, DHCP-S-046).
    fn compose_options(
        &self,
        answer: &Answer,
        message: &mut Composer<'_>,
    ) -> Result<(), ComposeError> {
        let is_information = self.heard.message.msg_type() == MessageType::INFORMATION_REQUEST;
        let mut granted = answer.ias.iter().flat_map(|ia| &ia.leases);
        let pool = granted.find_map(|lease| lease.pool);
        let mut told: Vec<OptionCode> = Vec::new();
        let mut codes = self.requested();
        let unasked = self.levels(pool).flat_map(|level| &level.options);
        codes.extend(
            unasked
                .filter(|option| option.always)
                .map(|option| option.code),
        );
        for code in codes {
            let misplaced = match code {
                OptionCode::INFORMATION_REFRESH_TIME => !is_information,
                _ => code.is_made_by_servers(),
            };
            if misplaced || told.contains(&code) {
                continue;
            }
            told.push(code);
            for option in self.narrowest(pool, code) {
                message.option(option.code, &option.data)?;
            }
            self.compose_relayed(pool, code, message)?;
        }
        if self.config.register_addresses && self.asks_for(OptionCode::ADDR_REG_ENABLE) {
            message.option(OptionCode::ADDR_REG_ENABLE, &[])?;
        }
        if self.asks_for(OptionCode::CLIENT_FQDN)
            && let Some(fqdn) = self.fqdn()
        {
            message.add(&fqdn)?;
        }
        Ok(())
    }

    /// An option that a relay would like the client to have, if it may and the server has none
    /// of its own (RFC 6422, DHCP-S-055, DHCP-S-056).
    fn compose_relayed(
        &self,
        pool: Option<super::pool::PoolRef>,
        code: OptionCode,
        message: &mut Composer<'_>,
    ) -> Result<(), ComposeError> {
        if !self.config.rsoo.contains(&code) || self.narrowest(pool, code).next().is_some() {
            return Ok(());
        }
        let levels = self.heard.chain.levels();
        let supplied = levels.filter_map(|level| {
            let rsoo = level.options().first(OptionCode::RSOO)?;
            rsoo.options().ok()?.first(code)
        });
        match supplied.last() {
            Some(option) => message.option(option.code, option.data),
            None => Ok(()),
        }
    }

    /// All options of this code at the narrowest level that has one.
    fn narrowest(
        &self,
        pool: Option<super::pool::PoolRef>,
        code: OptionCode,
    ) -> impl Iterator<Item = &ConfiguredOption> {
        let level = self
            .levels(pool)
            .find(|level| level.options.iter().any(|option| option.code == code));
        let options = level.map(|level| level.options.iter());
        options
            .into_iter()
            .flatten()
            .filter(move |option| option.code == code)
    }

    /// The options of this code that hold for the client on its link.
    pub(super) fn options_of(&self, code: OptionCode) -> impl Iterator<Item = &ConfiguredOption> {
        self.narrowest(None, code)
    }

    fn requested(&self) -> Vec<OptionCode> {
        let oro = self.heard.message.options().view_or_absent::<Oro<'_>>();
        oro.map_or_else(Vec::new, |oro| oro.codes().collect())
    }

    fn asks_for(&self, code: OptionCode) -> bool {
        self.requested().contains(&code)
    }

    /// The client's name as this server has it: it updates no DNS (DHCP-S-053, DHCP-S-054).
    /// Only a client that asks for it is told (DHCP-S-052).
    pub(super) fn fqdn(&self) -> Option<ClientFqdn<'_>> {
        let told: ClientFqdn<'_> = self.heard.message.options().view_or_absent()?;
        Some(ClientFqdn {
            server_updates: false,
            is_overridden: told.server_updates,
            no_update: true,
            name: told.name,
        })
    }
}
