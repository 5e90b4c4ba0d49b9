//! Which messages are heard at all (RFC 8415 §16).

use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::{ClientMessage, DuidRef, RelayChain};

use super::batch::Arrival;
use super::outcome::Dropped;

/// A message that is heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard<'a> {
    pub(super) arrival: &'a Arrival,
    /// The datagram.
    pub(super) chain: &'a RelayChain<'a>,
    pub(super) message: ClientMessage<'a>,
    /// The client's DUID; only an INFORMATION-REQUEST may lack it.
    pub(super) client: Option<DuidRef<'a>>,
}

impl Heard<'_> {
    /// Whether the client itself sent the datagram to an address of ours (DHCP-S-010).
    pub(super) fn is_direct_unicast(&self) -> bool {
        self.chain.depth() == 0 && !self.arrival.to.is_multicast()
    }
}

/// Judges a datagram by what its message must and must not have.
pub(super) fn admit<'a>(
    arrival: &'a Arrival,
    chain: &'a RelayChain<'a>,
    server_id: &[u8],
    hears_unicast: bool,
) -> Result<Heard<'a>, Dropped> {
    let message = chain.message();
    let options = message.options();
    let client = options.first(OptionCode::CLIENTID);
    let client = client.and_then(|option| DuidRef::parse(option).ok());
    let named = options.first(OptionCode::SERVERID);
    let heard = Heard {
        arrival,
        chain,
        message,
        client,
    };
    let is_other = named.is_some_and(|named| named.data != server_id);
    match message.msg_type() {
        MessageType::SOLICIT | MessageType::CONFIRM | MessageType::REBIND => {
            client.ok_or(Dropped::NoClientId)?;
            refuse_if(named.is_some(), Dropped::UnwantedServerId)?;
            refuse_if(heard.is_direct_unicast(), Dropped::Unicast)?;
        }
        MessageType::REQUEST | MessageType::RENEW | MessageType::DECLINE | MessageType::RELEASE => {
            client.ok_or(Dropped::NoClientId)?;
            named.ok_or(Dropped::NoServerId)?;
            refuse_if(is_other, Dropped::OtherServer)?;
            refuse_if(
                heard.is_direct_unicast() && !hears_unicast,
                Dropped::Unicast,
            )?;
        }
        MessageType::INFORMATION_REQUEST => {
            refuse_if(is_other, Dropped::OtherServer)?;
            let ias = [OptionCode::IA_NA, OptionCode::IA_TA, OptionCode::IA_PD];
            refuse_if(
                ias.iter().any(|ia| options.contains(*ia)),
                Dropped::UnwantedIa,
            )?;
            refuse_if(
                heard.is_direct_unicast() && !hears_unicast,
                Dropped::Unicast,
            )?;
        }
        super::ADDR_REG_INFORM => {
            client.ok_or(Dropped::NoClientId)?;
            refuse_if(named.is_some(), Dropped::UnwantedServerId)?;
            refuse_if(options.contains(OptionCode::ORO), Dropped::Malformed)?;
        }
        _ => return Err(Dropped::Foreign),
    }
    Ok(heard)
}

fn refuse_if(is_so: bool, why: Dropped) -> Result<(), Dropped> {
    if is_so { Err(why) } else { Ok(()) }
}
