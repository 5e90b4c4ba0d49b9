//! What an operator sees of the running server.

use std::os::unix::fs::PermissionsExt as _;

use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::option::{Auth, IaAddr, IaNa, ReconfigureKey};
use leasebook_wire::{ClientMessage, Composer};

use super::support::{LINK, Relay, SERVER_ID, Server, leasebook};

fn to_server(message: &mut Composer<'_>) {
    message
        .option(OptionCode::SERVERID, &SERVER_ID)
        .expect("fits");
    message.ia_na(1, [0, 0], |_| Ok(())).expect("fits");
}

fn accepting(message: &mut Composer<'_>) {
    to_server(message);
    message
        .option(OptionCode::RECONF_ACCEPT, &[])
        .expect("fits");
}

/// RELEASE of an address by the client with that number.
fn release(relay: &Relay, client: u8, address: &str) {
    let address = address.parse().expect("an address");
    relay.ask(MessageType::RELEASE, client, |message| {
        message
            .option(OptionCode::SERVERID, &SERVER_ID)
            .expect("fits");
        let inside = |ia: &mut Composer<'_>| {
            ia.nested(OptionCode::IAADDR, |lease| {
                lease.put_ipv6(address);
                lease.put_u64(0);
                Ok(())
            })
        };
        message.ia_na(1, [0, 0], inside).expect("fits");
    });
}

fn address(reply: &[u8]) -> String {
    let message = ClientMessage::parse(reply).expect("readable");
    let ia: IaNa<'_> = message.options().view_or_absent().expect("an IA");
    let lease: IaAddr<'_> = ia.options.view_or_absent().expect("an address");
    lease.address.to_string()
}

fn key(reply: &[u8]) -> [u8; 16] {
    let message = ClientMessage::parse(reply).expect("readable");
    let auth: Auth<'_> = message.options().view_or_absent().expect("a key");
    let Some(ReconfigureKey::Key(key)) = auth.reconfigure_key() else {
        panic!("no key")
    };
    key
}

/// SEC-026, DHCP-S-093: a client's key is in its REPLY and in no log, page or export, and others cannot read the store.
#[test]
fn keys_are_told_to_their_clients_alone() {
    let server = Server::start(&format!("{LINK}\n[log]\nlevel = \"debug\"\n"));
    let relay = Relay::of(&server);
    let reply = relay.ask(MessageType::REQUEST, 7, accepting);
    let key = key(&reply);
    let heard = server.logged("DHCP_HEARD");
    assert!(
        heard.contains("REQUEST") && heard.contains("IA_NA") && heard.contains("answered"),
        "{heard}"
    );
    let told = server.logged("DHCP_TOLD");
    assert!(
        told.contains("REPLY") && told.contains("key not shown"),
        "{told}"
    );
    let data = server.data();
    let client = "00:03:00:01:02:00:00:00:00:07";
    // The store is the running server's, which is asked.
    let (done, page, err) = leasebook(&data, &["leases", "show", client]);
    assert!(done, "{err}");
    for part in [
        client,
        "1 (one)",
        "IA_NA",
        "bound",
        "relay     link 2001:db8:1::1",
        "eth0",
        "not shown",
    ] {
        assert!(page.contains(part), "{page}");
    }
    let lease = address(&reply);
    let (_, same, _) = leasebook(&data, &["leases", "show", &lease]);
    assert!(same.contains(client) && same.contains(&lease), "{same}");
    let (done, nobody, _) = leasebook(&data, &["leases", "show", "2001:db8:9::1"]);
    assert!(done && nobody.contains("nothing in the book"), "{nobody}");
    let mut texts = vec![heard, told, page];
    for entry in ["journal", "ledger"] {
        assert!(data.join(entry).exists());
    }
    let mode = std::fs::metadata(&data)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
    drop(relay);
    let data = server.stop();
    for arguments in [
        &["leases", "show", client][..],
        &["leases", "export"],
        &["leases", "list"],
    ] {
        let (done, out, err) = leasebook(&data.path(), arguments);
        assert!(done, "{err}");
        assert!(
            out.contains("02:00:00:00:00:07") || out.contains("020000000007"),
            "{out}"
        );
        texts.push(out);
    }
    let plain: Vec<String> = key.iter().map(|octet| format!("{octet:02x}")).collect();
    for text in texts {
        let text = text.to_lowercase();
        assert!(!text.contains(&plain.concat()), "{text}");
        assert!(!text.contains(&plain.join(":")), "{text}");
    }
}

/// What a help desk asks of a client: what it has, since when and until when, out of which pool, what
/// it had before, in which class it is, by which port it came, and why it has no prefix.
#[test]
fn a_help_desk_is_told_what_a_client_has_and_why_not_more() {
    let config = format!(
        "{}\n[[link.prefix-pool]]\nprefix = \"2001:db8:f00::/55\"\ndelegated-length = 56\nclasses = [\"gold\"]\n\
         [[link.reservation]]\nduid = \"00:03:00:01:02:00:00:00:00:07\"\nprefixes = [\"2001:db8:f00::/56\"]\n\
         [[class]]\nname = \"gold\"\nmembers = [{{ duid = \"00:03:00:01:02:00:00:00:00:07\" }}]\n\
         [[class]]\nname = \"port\"\nmembers = [{{ interface-id = \"eth0\" }}]\n\
         [[class]]\nname = \"modem\"\nmembers = [{{ user-class = \"modem\" }}]\n",
        LINK.replace("2001:db8:1::/64\"\n", "2001:db8:1::10-2001:db8:1::19\"\n")
            .replace(
                "on-link = [\"2001:db8:1::10-2001:db8:1::19\"",
                "on-link = [\"2001:db8:1::/64\""
            )
    );
    let server = Server::start(&config);
    let relay = Relay::of(&server);
    let had = address(&relay.ask(MessageType::REQUEST, 8, to_server));
    let has = |page: &str, parts: &[&str]| {
        for part in parts {
            assert!(page.contains(part), "no `{part}` in:\n{page}");
        }
    };
    let show = |what: &str| {
        let (done, page, err) = leasebook(&server.data(), &["leases", "show", what]);
        assert!(done, "{err}");
        page
    };
    let page = show(&had);
    let pool = "2001:db8:1::10-2001:db8:1::19";
    has(
        &page,
        &[
            "link      1 (one)\n",
            "class     port\n",
            "class     perhaps modem: what it sends decides\n",
            &format!("lease     {had}  IA_NA 1, bound until 20"),
            "given or extended 20",
            &format!("          from the pool {pool}\n"),
            "          interface eth0\n",
            &format!("may get   addresses from {pool}, 1 of 10 taken\n"),
            "may get   no prefixes from 2001:db8:f00::/55 by /56: that is for gold\n",
        ],
    );
    release(&relay, 8, &had);
    has(
        &show(&had),
        &[&format!("had       {had}  IA_NA 1, released 20")],
    );
    relay.ask(MessageType::REQUEST, 7, |message| {
        to_server(message);
        message.ia_pd(2, [0, 0], |_| Ok(())).expect("fits");
    });
    has(
        &show("00:03:00:01:02:00:00:00:00:07"),
        &[
            "class     gold, port\n",
            "reserved  2001:db8:f00::/56\n",
            "          reserved for it\n",
            "may get   2001:db8:f00::/56, reserved for it\n",
            "may get   prefixes from 2001:db8:f00::/55 by /56, 1 of 2 taken\n",
        ],
    );
    let free =
        "2001:db8:f00:100::/56 is free, in the pool 2001:db8:f00::/55 by /56 of link 1 (one)";
    has(
        &show("2001:db8:f00:100::/56"),
        &["nothing in the book", free],
    );
    has(
        &show("2001:db8:9::1"),
        &["2001:db8:9::1 lies on no link of the configuration"],
    );
    has(
        &show("00:03:00:01:02:00:00:00:00:09"),
        &["no message of this client was given a lease"],
    );
}

/// What a client released is nobody's, though its time would not be over.
#[test]
fn a_reservation_is_not_said_to_be_held_by_who_released_it() {
    let server = Server::start(LINK);
    let relay = Relay::of(&server);
    let had = address(&relay.ask(MessageType::REQUEST, 8, to_server));
    relay.ask(MessageType::REQUEST, 5, to_server);
    let client = "00:03:00:01:02:00:00:00:00:05";
    server.reload(&format!(
        "{LINK}[[link.reservation]]\nduid = \"{client}\"\naddresses = [\"{had}\"]\n"
    ));
    let reserved = || {
        let (done, page, err) = leasebook(&server.data(), &["leases", "show", client]);
        assert!(done, "{err}");
        let line = format!("may get   {had}, reserved for it");
        let line = page.lines().find(|one| one.starts_with(&line));
        line.unwrap_or_else(|| panic!("{page}")).to_owned()
    };
    assert!(reserved().contains(", which 00:03:00:01:02:00:00:00:00:08 has until 20"));
    release(&relay, 8, &had);
    assert!(reserved().ends_with("reserved for it"));
}

#[test]
fn a_pool_that_fills_is_told_of_before_it_is_empty() {
    let config = LINK.replace("2001:db8:1::/64\"\n", "2001:db8:1::10-2001:db8:1::19\"\n");
    let config = config.replace(
        "on-link = [\"2001:db8:1::10-2001:db8:1::19\"",
        "on-link = [\"2001:db8:1::/64\"",
    );
    let config = config.replace("reconfigure = true", "pool-warning = 50");
    let server = Server::start(&config);
    let relay = Relay::of(&server);
    for client in 1..=5 {
        relay.ask(MessageType::REQUEST, client, to_server);
    }
    let told = server.logged("DHCP_POOL_FILLING");
    for part in [
        "one",
        "2001:db8:1::10-2001:db8:1::19",
        "taken=5",
        "percent=50",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let bound = address(&relay.ask(MessageType::REQUEST, 5, to_server));
    release(&relay, 5, &bound);
    assert!(server.logged("DHCP_POOL_RELIEVED").contains("taken=4"));
    let (done, stats, err) = leasebook(&server.data(), &["leases", "stats"]);
    let line = "one, 2001:db8:1::10-2001:db8:1::19, 4 of 10 (40.0 %)";
    assert!(done && stats.contains(line), "{stats}{err}");
    let file = server.config();
    let data = server.stop();
    let file = std::fs::write(data.path().join("at-rest.toml"), file)
        .map(|()| data.path().join("at-rest.toml"))
        .expect("written");
    let file = file.to_str().expect("text");
    let (done, stats, err) = leasebook(&data.path(), &["leases", "stats", "--config", file]);
    assert!(done && stats.contains(line), "{stats}{err}");
}

#[test]
fn a_reload_says_what_no_longer_fits() {
    let server = Server::start(LINK);
    let relay = Relay::of(&server);
    let first = address(&relay.ask(MessageType::REQUEST, 7, accepting));
    relay.ask(MessageType::REQUEST, 8, to_server);
    server.reload(&LINK.replace("2001:db8:1::", "2001:db8:2::"));
    let told = server.logged("DHCP_LEASES_MISPLACED");
    assert!(
        told.contains("clients=2") && told.contains("recalled=1"),
        "{told}"
    );
    assert!(told.contains("example=2001:db8:1:"), "{told}");
    // A reload that has room for them takes them as they were.
    server.reload(LINK);
    assert_eq!(relay.hear()[0], MessageType::RECONFIGURE.0);
    relay.send(MessageType::RENEW, 7, accepting);
    let is_reply = |octets: &Vec<u8>| octets[0] == MessageType::REPLY.0;
    let reply = std::iter::repeat_with(|| relay.hear()).find(is_reply);
    assert_eq!(address(&reply.expect("a reply")), first);
}
