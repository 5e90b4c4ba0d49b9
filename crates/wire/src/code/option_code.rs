//! Option codes.

super::code_points! {
    /// What an option is: its first two octets (WIRE-004).
    ///
    /// Source: RFC 8415 §21 and §24, and where stated at the constant. 10 is unassigned.
    OptionCode(u16), unknown "option";

    /// The client's DUID. Source: RFC 8415 §21.2.
    CLIENTID = 1 => "CLIENTID";
    /// The server's DUID. Source: RFC 8415 §21.3.
    SERVERID = 2 => "SERVERID";
    /// Identity association for non-temporary addresses. Source: RFC 8415 §21.4.
    IA_NA = 3 => "IA_NA";
    /// Identity association for temporary addresses. Source: RFC 8415 §21.5.
    IA_TA = 4 => "IA_TA";
    /// An address and its lifetimes. Source: RFC 8415 §21.6.
    IAADDR = 5 => "IAADDR";
    /// Codes of the options asked for. Source: RFC 8415 §21.7.
    ORO = 6 => "ORO";
    /// How much a client should prefer this server. Source: RFC 8415 §21.8.
    PREFERENCE = 7 => "PREFERENCE";
    /// How long the client has been trying. Source: RFC 8415 §21.9.
    ELAPSED_TIME = 8 => "ELAPSED_TIME";
    /// The message being relayed. Source: RFC 8415 §21.10.
    RELAY_MSG = 9 => "RELAY_MSG";
    /// Authentication. Source: RFC 8415 §21.11.
    AUTH = 11 => "AUTH";
    /// The address for direct unicast. Source: RFC 8415 §21.12.
    UNICAST = 12 => "UNICAST";
    /// How it went. Source: RFC 8415 §21.13.
    STATUS_CODE = 13 => "STATUS_CODE";
    /// Two messages instead of four. Source: RFC 8415 §21.14.
    RAPID_COMMIT = 14 => "RAPID_COMMIT";
    /// What kind of user the client serves. Source: RFC 8415 §21.15.
    USER_CLASS = 15 => "USER_CLASS";
    /// What kind of device the client is. Source: RFC 8415 §21.16.
    VENDOR_CLASS = 16 => "VENDOR_CLASS";
    /// Options of a vendor's own. Source: RFC 8415 §21.17.
    VENDOR_OPTS = 17 => "VENDOR_OPTS";
    /// The relay's port the client is on. Source: RFC 8415 §21.18.
    INTERFACE_ID = 18 => "INTERFACE_ID";
    /// Which message a RECONFIGURE asks for. Source: RFC 8415 §21.19.
    RECONF_MSG = 19 => "RECONF_MSG";
    /// The client accepts RECONFIGURE. Source: RFC 8415 §21.20.
    RECONF_ACCEPT = 20 => "RECONF_ACCEPT";
    /// Addresses of DNS resolvers. Source: RFC 3646 §3.
    DNS_SERVERS = 23 => "DNS_SERVERS";
    /// Domains to search. Source: RFC 3646 §4.
    DOMAIN_LIST = 24 => "DOMAIN_LIST";
    /// Identity association for delegated prefixes. Source: RFC 8415 §21.21.
    IA_PD = 25 => "IA_PD";
    /// A prefix and its lifetimes. Source: RFC 8415 §21.22.
    IAPREFIX = 26 => "IAPREFIX";
    /// When settings are to be asked for again. Source: RFC 8415 §21.23.
    INFORMATION_REFRESH_TIME = 32 => "INFORMATION_REFRESH_TIME";
    /// The relay's name for the far end of a circuit. Source: RFC 4649 §3.
    REMOTE_ID = 37 => "REMOTE_ID";
    /// The relay's name for the subscriber. Source: RFC 4580 §2.
    SUBSCRIBER_ID = 38 => "SUBSCRIBER_ID";
    /// The client's domain name. Source: RFC 4704 §4.
    CLIENT_FQDN = 39 => "CLIENT_FQDN";
    /// Options a relay asks to have echoed. Source: RFC 4994 §2.
    ERO = 43 => "ERO";
    /// The question of a LEASEQUERY. Source: RFC 5007 §4.1.2.1.
    LQ_QUERY = 44 => "LQ_QUERY";
    /// One client's leases on one link. Source: RFC 5007 §4.1.2.2.
    CLIENT_DATA = 45 => "CLIENT_DATA";
    /// How long ago the client was last heard. Source: RFC 5007 §4.1.2.3.
    CLT_TIME = 46 => "CLT_TIME";
    /// The relays of the client's last message. Source: RFC 5007 §4.1.2.4.
    LQ_RELAY_DATA = 47 => "LQ_RELAY_DATA";
    /// Links on which the client has leases. Source: RFC 5007 §4.1.2.5.
    LQ_CLIENT_LINK = 48 => "LQ_CLIENT_LINK";
    /// The relay's DUID. Source: RFC 5460 §5.4.1.
    RELAY_ID = 53 => "RELAY_ID";
    /// Options a relay supplies for the client. Source: RFC 6422 §3.
    RSOO = 66 => "RSOO";
    /// The prefix left out of a delegation. Source: RFC 6603 §4.2.
    PD_EXCLUDE = 67 => "PD_EXCLUDE";
    /// The client's link-layer address as the relay saw it. Source: RFC 6939 §4.
    CLIENT_LINKLAYER_ADDR = 79 => "CLIENT_LINKLAYER_ADDR";
    /// Overrides SOL_MAX_RT. Source: RFC 8415 §21.24.
    SOL_MAX_RT = 82 => "SOL_MAX_RT";
    /// Overrides INF_MAX_RT. Source: RFC 8415 §21.25.
    INF_MAX_RT = 83 => "INF_MAX_RT";
    /// The server's time when the message was made. Source: RFC 7653 §6.3.1.
    LQ_BASE_TIME = 100 => "LQ_BASE_TIME";
    /// Only what changed after this. Source: RFC 7653 §6.3.2.
    LQ_START_TIME = 101 => "LQ_START_TIME";
    /// Only what changed before this. Source: RFC 7653 §6.3.3.
    LQ_END_TIME = 102 => "LQ_END_TIME";
    /// The relay's source port. Source: RFC 8357 §4.
    RELAY_PORT = 135 => "RELAY_PORT";
    /// The server records addresses that clients make themselves. Source: RFC 9686 §4.4.
    ADDR_REG_ENABLE = 148 => "ADDR_REG_ENABLE";
}

impl OptionCode {
    /// Whether several of these may stand side by side (WIRE-024); of all others the first counts.
    ///
    /// IAs are told apart by IAID, leases by address or prefix, vendors' options by enterprise;
    /// of two that are not even so different the first counts, too. Unknown options may repeat.
    pub const fn may_repeat(self) -> bool {
        matches!(
            self,
            Self::IA_NA
                | Self::IA_TA
                | Self::IA_PD
                | Self::IAADDR
                | Self::IAPREFIX
                | Self::VENDOR_CLASS
                | Self::VENDOR_OPTS
        ) || !self.is_known()
    }

    /// Whether a server makes the option itself, from what it knows of the client and of its own
    /// state, or leaves it to relays: there is nothing to configure, and a client that names it
    /// in its ORO asks in vain, or is answered in another way (DHCP-S-045).
    ///
    /// Source: the column "Client ORO" of the registry (RFC 8415 §24), and each option's document.
    pub fn is_made_by_servers(self) -> bool {
        MADE_BY_SERVERS.contains(&self)
    }

    /// Whether the option is of no reply of a server to its clients, so that none is configured.
    ///
    /// Asked for by ORO it is no exception: nobody has it to tell.
    pub fn is_of_other_messages(self) -> bool {
        OF_OTHER_MESSAGES.contains(&self)
    }
}

/// See [`OptionCode::is_made_by_servers`].
const MADE_BY_SERVERS: [OptionCode; 27] = [
    OptionCode::CLIENTID,
    OptionCode::SERVERID,
    OptionCode::IA_NA,
    OptionCode::IA_TA,
    OptionCode::IAADDR,
    OptionCode::ORO,
    OptionCode::PREFERENCE,
    OptionCode::ELAPSED_TIME,
    OptionCode::RELAY_MSG,
    OptionCode::AUTH,
    OptionCode::STATUS_CODE,
    OptionCode::RAPID_COMMIT,
    OptionCode::INTERFACE_ID,
    OptionCode::RECONF_MSG,
    OptionCode::RECONF_ACCEPT,
    OptionCode::IA_PD,
    OptionCode::IAPREFIX,
    OptionCode::REMOTE_ID,
    OptionCode::SUBSCRIBER_ID,
    OptionCode::CLIENT_FQDN,
    OptionCode::ERO,
    OptionCode::RELAY_ID,
    OptionCode::RSOO,
    OptionCode::PD_EXCLUDE,
    OptionCode::CLIENT_LINKLAYER_ADDR,
    OptionCode::RELAY_PORT,
    OptionCode::ADDR_REG_ENABLE,
];

/// See [`OptionCode::is_of_other_messages`]: USER_CLASS is told by clients alone, the rest by
/// Leasequery.
const OF_OTHER_MESSAGES: [OptionCode; 9] = [
    OptionCode::USER_CLASS,
    OptionCode::LQ_QUERY,
    OptionCode::CLIENT_DATA,
    OptionCode::CLT_TIME,
    OptionCode::LQ_RELAY_DATA,
    OptionCode::LQ_CLIENT_LINK,
    OptionCode::LQ_BASE_TIME,
    OptionCode::LQ_START_TIME,
    OptionCode::LQ_END_TIME,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_to_clients_on_request_is_in_neither_list() {
        for code in [
            OptionCode::UNICAST,
            OptionCode::VENDOR_OPTS,
            OptionCode::DNS_SERVERS,
            OptionCode::INFORMATION_REFRESH_TIME,
            OptionCode::SOL_MAX_RT,
            OptionCode(94),
        ] {
            assert!(!code.is_made_by_servers() && !code.is_of_other_messages());
        }
        let both = |code: &&OptionCode| code.is_made_by_servers() && code.is_of_other_messages();
        assert_eq!(OptionCode::ALL.iter().find(both), None);
    }
}
