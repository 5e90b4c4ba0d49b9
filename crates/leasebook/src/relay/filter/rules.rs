//! The text that nft(8) reads.
//!
//! A set for each length of prefix that occurs, keyed by interface and first address: it is looked
//! up by hash, and a change costs the same with a million in it. One set of ranges would be
//! read by nft in whole for every change.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::net::Ipv6Addr;
use std::sync::Arc;

use ipnet::Ipv6Net;

use super::FilteredPort;
use crate::config::relay::{Filter as Settings, Ingress, Loops};

/// Elements in one command: lines that nft reads well.
const ELEMENTS_AT_ONCE: usize = 1000;

/// The chain at which packets come in: before connections are tracked (-200), behind fragments
/// are put together (-400). Source: linux/netfilter_ipv6.h.
const PRIORITY: i32 = -290;

/// What is put into and taken out of the sets, in order.
#[derive(Debug, Default)]
pub(super) struct Elements {
    ops: Vec<(bool, Ipv6Net, Arc<str>)>,
}

impl Elements {
    /// A prefix is delegated on this interface.
    pub(super) fn put_in(&mut self, prefix: Ipv6Net, interface: Arc<str>) {
        self.ops.push((true, prefix, interface));
    }

    /// A prefix is no longer delegated on this interface.
    pub(super) fn take_out(&mut self, prefix: Ipv6Net, interface: Arc<str>) {
        self.ops.push((false, prefix, interface));
    }
}

/// Writes the text; remembers which sets there are.
pub(super) struct Rules {
    table: String,
    ingress: Ingress,
    loops: Loops,
    loops_pass: Vec<Ipv6Net>,
    follows_delegations: bool,
    /// Lengths of delegated prefixes that have a set.
    lengths: BTreeSet<u8>,
}

impl Rules {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            table: format!("ip6 {}", settings.table),
            ingress: settings.ingress,
            loops: settings.loops,
            loops_pass: settings.loops_pass.clone(),
            follows_delegations: settings.follows_delegations(),
            lengths: BTreeSet::new(),
        }
    }

    /// Whether the rules need to know the delegations.
    pub(super) fn follows_delegations(&self) -> bool {
        self.follows_delegations
    }

    /// Everything. If it `is_exact`, in place of all there was; else what there was of delegations
    /// stays besides.
    pub(super) fn all(
        &mut self,
        ports: &[FilteredPort],
        delegated: &HashMap<Ipv6Net, Arc<str>>,
        is_exact: bool,
    ) -> String {
        let table = &self.table;
        let mut text = format!("add table {table}\n");
        if is_exact {
            let _ = writeln!(text, "delete table {table}\nadd table {table}");
        }
        self.lengths.clear();
        self.frame(&mut text);
        self.ports(ports, &mut text);
        if self.follows_delegations {
            let mut elements = Elements::default();
            for (prefix, interface) in delegated {
                elements.put_in(*prefix, Arc::clone(interface));
            }
            self.elements(&elements, &mut text);
        }
        text
    }

    /// Chains, and the rules that are always the same.
    fn frame(&self, text: &mut String) {
        let table = &self.table;
        let mut line = |words: &str| {
            let _ = writeln!(text, "{words}");
        };
        line(&format!("add set {table} ports {{ type ifname; }}"));
        line(&format!("add counter {table} spoofed"));
        line(&format!("add counter {table} looped"));
        for chain in [
            "loops",
            "own_sources",
            "own_destinations",
            "delegated_sources",
            "delegated_destinations",
        ] {
            line(&format!("add chain {table} {chain}"));
        }
        line(&format!(
            "add chain {table} ingress {{ type filter hook prerouting priority {PRIORITY}; \
             policy accept; }}"
        ));
        line(&format!("flush chain {table} ingress"));
        line(&format!("flush chain {table} loops"));
        let mut rule = |chain: &str, words: &str| {
            line(&format!("add rule {table} {chain} {words}"));
        };
        rule("ingress", "iifname != @ports accept");
        match self.ingress {
            Ingress::Off => {}
            Ingress::Delegations => {
                rule("ingress", "ip6 saddr { ::, fe80::/10 } goto loops");
                rule("ingress", "jump own_sources");
                rule("ingress", "jump delegated_sources");
                rule("ingress", "counter name spoofed drop");
            }
            Ingress::Routes => {
                rule("ingress", "ip6 saddr { ::, fe80::/10 } goto loops");
                let spoofed = "fib saddr . iif oif missing counter name spoofed drop";
                rule("ingress", spoofed);
            }
        }
        rule("ingress", "goto loops");
        if self.loops != Loops::Pass {
            if !self.loops_pass.is_empty() {
                let passes: Vec<String> = self.loops_pass.iter().map(Ipv6Net::to_string).collect();
                let passes = passes.join(", ");
                rule("loops", &format!("ip6 daddr {{ {passes} }} accept"));
            }
            rule("loops", "jump own_destinations");
            rule("loops", "jump delegated_destinations");
        }
        // Who came by `goto` would else return to where it was dropped.
        rule("loops", "accept");
    }

    /// The client-facing interfaces, and the prefixes that are their own.
    pub(super) fn ports(&self, ports: &[FilteredPort], text: &mut String) {
        let table = &self.table;
        let _ = writeln!(text, "flush set {table} ports");
        let names: Vec<String> = ports.iter().map(|port| word(&port.interface)).collect();
        put(table, "ports", &names, text);
        for chain in ["own_sources", "own_destinations"] {
            let _ = writeln!(text, "flush chain {table} {chain}");
        }
        let mut by_length: BTreeMap<u8, Vec<String>> = BTreeMap::new();
        for port in ports {
            for net in &port.on_link {
                let element = key(*net, &port.interface);
                by_length.entry(net.prefix_len()).or_default().push(element);
            }
        }
        for (length, elements) in by_length {
            let set = format!("own{length}");
            let _ = writeln!(
                text,
                "add set {table} {set} {{ type ifname . ipv6_addr; }}\nflush set {table} {set}"
            );
            put(table, &set, &elements, text);
            let mask = mask(length);
            let _ = writeln!(
                text,
                "add rule {table} own_sources iifname . ip6 saddr & {mask} @{set} goto loops\n\
                 add rule {table} own_destinations iifname . ip6 daddr & {mask} @{set} accept"
            );
        }
    }

    /// Changes of the sets, in their order as far as it matters: of each element the last holds.
    pub(super) fn elements(&mut self, elements: &Elements, text: &mut String) {
        let mut last: HashMap<(Ipv6Net, &str), bool> = HashMap::new();
        for (is_in, prefix, interface) in &elements.ops {
            last.insert((*prefix, interface), *is_in);
        }
        let mut by_set: BTreeMap<(bool, u8), Vec<String>> = BTreeMap::new();
        for ((prefix, interface), is_in) in last {
            let of = (is_in, prefix.prefix_len());
            by_set.entry(of).or_default().push(key(prefix, interface));
        }
        for ((is_in, length), keys) in by_set {
            self.length(length, text);
            let set = format!("delegated{length}");
            // One that is not there cannot be taken out; put in before, it always is.
            put(&self.table, &set, &keys, text);
            if !is_in {
                command("delete", &self.table, &set, &keys, text);
            }
        }
    }

    /// The set of a length, and the rules that look at it, if they are not there.
    fn length(&mut self, length: u8, text: &mut String) {
        if !self.lengths.insert(length) {
            return;
        }
        let (table, mask) = (&self.table, mask(length));
        let set = format!("delegated{length}");
        let _ = writeln!(text, "add set {table} {set} {{ type ifname . ipv6_addr; }}");
        if self.ingress == Ingress::Delegations {
            let _ = writeln!(
                text,
                "add rule {table} delegated_sources iifname . ip6 saddr & {mask} @{set} goto loops"
            );
        }
        let verdict = match self.loops {
            Loops::Pass => return,
            Loops::Drop => "drop",
            Loops::Reject => "reject with icmpv6 reject-route",
        };
        let _ = writeln!(
            text,
            "add rule {table} delegated_destinations iifname . ip6 daddr & {mask} @{set} \
             counter name looped {verdict}"
        );
    }
}

/// An interface and the first address of a prefix on it.
fn key(net: Ipv6Net, interface: &str) -> String {
    format!("{} . {}", word(interface), net.network())
}

/// The name of an interface as nft reads it. The system takes nearly any; what would mean
/// something to nft is left out, so that such an interface is not filtered, and harms no other.
fn word(interface: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "._-@".contains(*c);
    let plain: String = interface.chars().filter(is_plain).collect();
    format!("\"{plain}\"")
}

fn put(table: &str, set: &str, keys: &[String], text: &mut String) {
    command("add", table, set, keys, text);
}

fn command(verb: &str, table: &str, set: &str, keys: &[String], text: &mut String) {
    for keys in keys.chunks(ELEMENTS_AT_ONCE) {
        let keys = keys.join(", ");
        let _ = writeln!(text, "{verb} element {table} {set} {{ {keys} }}");
    }
}

fn mask(length: u8) -> Ipv6Addr {
    Ipv6Net::new(Ipv6Addr::UNSPECIFIED, length).map_or(Ipv6Addr::UNSPECIFIED, |net| net.netmask())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(ingress: Ingress, loops: Loops) -> Rules {
        Rules::new(&Settings {
            ingress,
            loops,
            loops_pass: vec!["2001:db8:f00::/40".parse().unwrap()],
            table: "t".to_owned(),
            nft: "nft".to_owned(),
        })
    }

    fn port(interface: &str) -> FilteredPort {
        FilteredPort {
            interface: interface.to_owned(),
            on_link: vec!["2001:db8:7::/64".parse().unwrap()],
        }
    }

    fn delegated() -> HashMap<Ipv6Net, Arc<str>> {
        HashMap::from([("2001:db8:100::/56".parse().unwrap(), "eth7".into())])
    }

    /// Where a line stands that has these words.
    fn line(text: &str, words: &str) -> usize {
        let found = text.lines().position(|line| line.contains(words));
        found.unwrap_or_else(|| panic!("no `{words}` in\n{text}"))
    }

    /// RELAY-059: the sets have the lengths of the prefixes, and are there before what looks at
    /// them; all that is no source of the interface is counted and dropped.
    #[test]
    fn sources_pass_by_their_lengths() {
        let mut rules = rules(Ingress::Delegations, Loops::Pass);
        let text = rules.all(&[port("eth7")], &delegated(), true);
        let set = line(&text, "add set ip6 t delegated56");
        let rule = "iifname . ip6 saddr & ffff:ffff:ffff:ff00:: @delegated56 goto loops";
        assert!(line(&text, "delete table ip6 t") < set && set < line(&text, rule));
        line(
            &text,
            "add element ip6 t delegated56 { \"eth7\" . 2001:db8:100:: }",
        );
        line(&text, "add element ip6 t own64 { \"eth7\" . 2001:db8:7:: }");
        line(&text, "add element ip6 t ports { \"eth7\" }");
        let passes = line(&text, "add rule ip6 t ingress jump delegated_sources");
        let drops = line(&text, "add rule ip6 t ingress counter name spoofed drop");
        assert!(passes < drops);
        // Without what an earlier run left, nothing is taken away before all is known.
        let kept = rules.all(&[port("eth7")], &delegated(), false);
        assert!(!kept.contains("delete") && !kept.contains("flush set ip6 t delegated"));
    }

    /// RELAY-061, RELAY-062: loops are dropped, or rejected with type 1 code 6, but for destinations
    /// that pass and prefixes of the link itself.
    #[test]
    fn loops_end_by_policy() {
        for (loops, verdict) in [
            (Loops::Drop, "counter name looped drop"),
            (
                Loops::Reject,
                "counter name looped reject with icmpv6 reject-route",
            ),
        ] {
            let text = rules(Ingress::Off, loops).all(&[port("eth7")], &delegated(), true);
            line(&text, verdict);
            let exempt = line(&text, "ip6 daddr { 2001:db8:f00::/40 } accept");
            let own = line(&text, "add rule ip6 t loops jump own_destinations");
            let all = line(&text, "add rule ip6 t loops jump delegated_destinations");
            assert!(exempt < own && own < all);
            assert!(!text.contains("spoofed drop"));
        }
    }

    /// Of each element the last change counts, and one that is taken out need not be there.
    #[test]
    fn changes_are_right_whatever_was_there() {
        let mut rules = rules(Ingress::Delegations, Loops::Pass);
        let prefix: Ipv6Net = "2001:db8:100::/56".parse().unwrap();
        let mut elements = Elements::default();
        elements.put_in(prefix, "eth7".into());
        elements.take_out(prefix, "eth7".into());
        elements.put_in(prefix, "eth8".into());
        let mut text = String::new();
        rules.elements(&elements, &mut text);
        let gone = "element ip6 t delegated56 { \"eth7\" . 2001:db8:100:: }";
        assert!(line(&text, &format!("add {gone}")) < line(&text, &format!("delete {gone}")));
        let there = "add element ip6 t delegated56 { \"eth8\" . 2001:db8:100:: }";
        assert_eq!(text.matches(there).count(), 1);
        // The set is made once.
        let mut again = String::new();
        rules.elements(&elements, &mut again);
        assert!(text.contains("add set") && !again.contains("add set"));
    }

    /// No name of an interface can say anything to nft but a name.
    #[test]
    fn names_are_names() {
        assert_eq!(word("eth1.100"), "\"eth1.100\"");
        assert_eq!(word("a\"; flush ruleset; #*"), "\"aflushruleset\"");
    }
}
