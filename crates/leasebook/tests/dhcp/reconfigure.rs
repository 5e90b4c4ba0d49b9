//! Clients told to ask anew.

use leasebook_wire::ClientMessage;
use leasebook_wire::Composer;
use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::option::{IaAddr, IaNa};

use super::support::{LINK, Relay, SERVER_ID, Server, leasebook};

fn accepting(message: &mut Composer<'_>) {
    message
        .option(OptionCode::SERVERID, &SERVER_ID)
        .expect("fits");
    message.ia_na(1, [0, 0], |_| Ok(())).expect("fits");
    message
        .option(OptionCode::RECONF_ACCEPT, &[])
        .expect("fits");
}

fn address(reply: &[u8]) -> String {
    let message = ClientMessage::parse(reply).expect("readable");
    let ia: IaNa<'_> = message.options().view_or_absent().expect("an IA");
    let lease: IaAddr<'_> = ia.options.view_or_absent().expect("an address");
    lease.address.to_string()
}

/// DHCP-S-092, DHCP-S-096, DHCP-S-097: the operator's word reaches the client through its relay.
#[test]
fn an_operator_has_a_client_told() {
    let server = Server::start(LINK);
    let relay = Relay::of(&server);
    let reply = relay.ask(MessageType::REQUEST, 7, accepting);
    let address = address(&reply);
    let data = server.data();
    let (done, out, err) = leasebook(&data, &["leases", "reconfigure", &address]);
    assert_eq!((done, out.trim()), (true, "told 1 of 1 bindings"), "{err}");
    let told = relay.hear();
    assert_eq!(told[0], MessageType::RECONFIGURE.0);
    server.logged("DHCP_RECONFIGURE_ASKED");
    // It comes again while the client is silent, and with another signature.
    assert_ne!(relay.hear(), told);
    let renewed = relay.ask(MessageType::RENEW, 7, accepting);
    assert_eq!(renewed[0], MessageType::REPLY.0);

    let other = "00:03:00:01:02:00:00:00:00:08";
    let (done, _, err) = leasebook(&data, &["leases", "reconfigure", other]);
    assert!(!done && err.contains("no lease"), "{err}");
    let (done, out, err) = leasebook(&data, &["leases", "reconfigure", "--link", "1"]);
    assert!(done && out.contains("link 1"), "{err}");
    assert_eq!(relay.hear()[0], MessageType::RECONFIGURE.0);
}

/// DHCP-S-092: clients whose leases do not fit a new configuration are told to renew.
#[test]
fn a_reload_tells_clients_whose_leases_no_longer_fit() {
    let server = Server::start(LINK);
    let relay = Relay::of(&server);
    let first = address(&relay.ask(MessageType::REQUEST, 7, accepting));
    server.reload(&LINK.replace(
        "[[link.pool]]",
        &format!("exclusions = [\"{first}\"]\n[[link.pool]]"),
    ));
    assert_eq!(relay.hear()[0], MessageType::RECONFIGURE.0);
    let second = address(&relay.ask(MessageType::RENEW, 7, accepting));
    assert_ne!(first, second);
}

#[test]
fn without_a_server_the_operator_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let (done, _, err) = leasebook(dir.path(), &["leases", "reconfigure", "2001:db8::1"]);
    assert!(!done && err.contains("no server runs"), "{err}");
}
