//! What is right, and probably not meant.

use super::dhcp::{link, reserved};
use super::warnings;

/// Holds that each text gets its warning, perhaps among others.
fn all_told(table: &[(String, &str)]) {
    for (text, expected) in table {
        let told = warnings(text);
        assert!(told.lines().any(|line| line == *expected), "{told}\n{text}");
    }
}

#[test]
fn what_is_doubtful_about_the_server_gets_a_warning() {
    let class = "[[class]]\nname = \"c\"\nmembers = [{ duid = \"000200\" }]\n";
    let twice = "on-link = [\"3fff::/64\"]\n[[link.pool]]\naddresses = \"3fff::/65\"\n";
    let shared = |id: u32| format!("[[link]]\nid = {id}\nname = \"l{id}\"\n{twice}");
    all_told(&[
        (
            shared(1) + &shared(2),
            "f:12:13: pool 3fff::/65 of link `l2` overlaps 3fff::/65 of link `l1`: an address can be leased on one link only",
        ),
        (
            link(
                1,
                "[[link.prefix-pool]]\nprefix = \"3fff:1::/56\"\ndelegated-length = 64",
            ),
            "f:6:10: prefix pool 3fff:1::/56 of link `l1` overlaps on-link prefix 3fff:1::/64 of link `l1`",
        ),
        (
            link(
                1,
                "delegated-length = 40\n[[link.prefix-pool]]\nprefix = \"3fff:9::/48\"\ndelegated-length = 64",
            ),
            "f:5:20: a /40 cannot be cut out of any prefix pool of this link",
        ),
        (
            format!("{class}{}", link(1, "")),
            "f:1:1: class `c` is never used: no link or pool names it, and it sets nothing",
        ),
        (
            format!(
                "[dhcp]\nt1 = \"1h\"\nt2 = \"2h\"\npreferred-lifetime = \"1h\"\nvalid-lifetime = \"2h\"\n{}",
                link(1, "")
            ),
            "f:3:6: t2 is 2h, but leases end after 2h: clients lose them before they turn to another server",
        ),
        (
            format!(
                "[dhcp.options]\ncustom = [{{ code = 12, type = \"ipv6\", value = \"3fff::1\" }}]\n{}",
                link(1, "")
            ),
            "f:1:1: option 12 tells clients to use unicast, which is dropped: add \"unicast\" to dhcp.obsolete, or take the option away",
        ),
        (
            format!(
                "[dhcp]\nobsolete = [\"unicast\"]\noptions = {{ custom = [{{ code = 12, type = \"ipv6\", value = \"3fff::1\" }}] }}\n{}",
                link(1, "")
            ),
            "f:2:13: clients that use unicast pass their relays by: bindings keep no newer relay-id and remote-id, and queries by them tell old ones",
        ),
    ]);
}

#[test]
fn doubtful_reservations_get_a_warning() {
    let address = |address: &str| reserved("000200", &format!("addresses = [\"{address}\"]"));
    let global = |lease: &str| {
        let link = link(1, "");
        format!("[[reservation]]\nduid = \"000200\"\n{lease}\n{link}")
    };
    all_told(&[
        (
            link(1, &address("3fff:2::1")),
            "f:7:14: 3fff:2::1 is reserved on link `l1`, but in none of its on-link prefixes: clients would be told NotOnLink",
        ),
        (
            global("addresses = [\"3fff:2::1\"]"),
            "f:3:14: 3fff:2::1 is reserved, but in no link's on-link prefixes: no one gets it",
        ),
        (
            global("prefixes = [\"3fff:2::/56\"]"),
            "f:3:13: 3fff:2::/56 is reserved on every link, but in no prefix pool: no one gets it; reserve it on its link",
        ),
        (
            link(1, &reserved("000200", "prefixes = [\"3fff:1::/80\"]")),
            "f:7:13: 3fff:1::/80 is reserved for delegation, but lies in an on-link prefix",
        ),
        (
            link(
                1,
                &(address("3fff:1::7") + &reserved("000201", "addresses = [\"3fff:1::7\"]")),
            ),
            "f:10:14: 3fff:1::7 is reserved in line 7 too: who comes first gets it",
        ),
    ]);
}

#[test]
fn what_can_never_do_anything_gets_a_warning() {
    let pool = |more: &str| {
        let pool = "[[link.pool]]\naddresses = \"3fff:1::/96\"\n";
        link(1, &format!("{pool}{more}"))
    };
    let class = |members: &str| {
        format!("[[class]]\nname = \"c\"\nmembers = [{members}]\nrapid-commit = true\n")
    };
    let two = link(2, "").replace("3fff:2::/64", "3fff:22::/64");
    all_told(&[
        (
            pool("rapid-commit = true"),
            "f:7:16: whether leases are given by two messages is decided before the pool is: write rapid-commit at the link, a class or a reservation",
        ),
        (
            pool("options = { information-refresh-time = \"1h\" }"),
            "f:7:40: only clients without leases are told when to ask again, and they have no pool: write it at the link or in dhcp.options",
        ),
        (
            link(
                1,
                "exclusions = [\"3fff:1::/80\"]\n[[link.pool]]\naddresses = \"3fff:1::/96\"\n",
            ),
            "f:6:1: all of this pool is among the exclusions: nothing is leased from it",
        ),
        (
            class("{ duid = \"000200\", link = \"l2\" }") + &link(1, "allow = [\"c\"]") + &two,
            "f:9:10: class `c` is for clients on other links: nobody on `l1` is in it",
        ),
        (
            class("{ duid = \"000200\" }") + &link(1, "allow = [\"c\"]\ndeny = [\"c\"]"),
            "f:5:1: every class that link `l1` allows is denied there: nobody gets an answer",
        ),
        (
            format!("[dhcp]\nrsoo = [37, 65]\n{}", link(1, "")),
            "f:2:9: REMOTE_ID is made by servers and relays for each other: it is never passed on",
        ),
        (
            format!(
                "[dhcp]\nleases-per-client = 1\n{}",
                link(
                    1,
                    &reserved("000200", "addresses = [\"3fff:1::7\", \"3fff:1::8\"]")
                )
            ),
            "f:7:1: 2 leases are reserved for a client, which may hold 1: raise dhcp.leases-per-client",
        ),
        (
            format!(
                "[dhcp.options]\ncustom = [{{ code = 94, type = \"hex\", value = \"005a001020010db8cafe00000000000000000001\" }}]\n{}",
                link(1, "")
            ),
            "f:2:11: option 94 needs an option 89 within: clients do nothing without it",
        ),
    ]);
}

#[test]
fn what_is_meant_gets_no_warning() {
    let used = "[[class]]\nname = \"c\"\nmembers = [{ duid = \"000200\" }]\n".to_owned();
    let deny = used + &link(1, "deny = [\"c\"]");
    let sets = "[[class]]\nname = \"c\"\nmembers = [{ duid = \"000200\" }]\nrapid-commit = true\n";
    let reserved = "[[link.prefix-pool]]\nprefix = \"3fff:9::/48\"\ndelegated-length = 56\n\
        [[link.reservation]]\nduid = \"000200\"\naddresses = [\"3fff:1::7\"]\nprefixes = [\"3fff:9::/56\"]";
    for text in [deny, format!("{sets}{}", link(1, "")), link(1, reserved)] {
        assert_eq!(warnings(&text), "", "{text}");
    }
}
