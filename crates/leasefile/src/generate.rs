//! Made-up lease files of any size, for tests, benchmarks and the demo.
//!
//! What is written is what Kea 3.x with `store-extended-info` writes, for clients behind
//! relays in the documentation prefix 3fff::/20. The same [`Shape`] always gives the same
//! octets. [`write_kea_config`] gives the configuration that belongs to it.
//!
//! Relay `r` (from 0) has subnet id `r + 1`, link 3fff:0:r::/64 with the relay at ::1,
//! delegates /56 prefixes out of 3fff:(0x100 + r)::/32, and has the Relay-ID
//! 00:03:00:01:02:00:00:00:rr:rr. Client `c` of it has the remote-id 3561,`r/c/0`.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::Ipv6Addr;

use crate::kea::KNOWN_COLUMNS;
use crate::text::{push_colon_hex, push_hex};

/// The most relays a [`Shape`] can have: their prefixes stay inside 3fff::/20.
pub const MAX_RELAYS: u32 = 0xe00;

/// The most clients one relay can have: so many /56 prefixes has a /32.
pub const MAX_CLIENTS_PER_RELAY: u64 = 1 << 24;

/// The enterprise number in the remote-ids: that of the Broadband Forum.
const ENTERPRISE: u32 = 3561;

/// What is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Clients, spread evenly over the relays.
    pub clients: u64,
    /// Relays, 1 to [`MAX_RELAYS`].
    pub relays: u32,
    /// Seed of what is random: the ages of the leases.
    pub seed: u64,
    /// Each client has an address.
    pub addresses: bool,
    /// Each client has a delegated prefix.
    pub prefixes: bool,
    /// Every how many-th client is behind a second relay with a Relay-ID of its own; 0: none.
    pub two_hops_every: u64,
    /// Every how many-th client has an unusual lease: expired, reclaimed, released,
    /// declined, infinite with a comma in its host name, in turn; 0: none.
    pub odd_every: u64,
    /// Every how many-th client has renewed, so that the log has its leases twice; 0: none.
    pub renewed_every: u64,
    /// The moment the file is written: Unix seconds. No lease is younger.
    pub now: u64,
    /// Valid lifetime in seconds; the preferred one is half of it.
    pub valid: u32,
}

impl Shape {
    /// `clients` behind `relays`, each with address and prefix, as a provider has them:
    /// one in five behind two relays, one in fifty odd, one in ten renewed.
    pub fn provider(clients: u64, relays: u32, now: u64) -> Self {
        Self {
            clients,
            relays,
            seed: 1,
            addresses: true,
            prefixes: true,
            two_hops_every: 5,
            odd_every: 50,
            renewed_every: 10,
            now,
            valid: 864_000,
        }
    }

    /// Every client bound and alive, nothing odd: for measuring.
    pub fn plain(clients: u64, relays: u32, now: u64) -> Self {
        Self {
            odd_every: 0,
            renewed_every: 0,
            two_hops_every: 0,
            ..Self::provider(clients, relays, now)
        }
    }
}

/// What is odd about a client's leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Oddity {
    None,
    Expired,
    Reclaimed,
    Released,
    Declined,
    Infinite,
}

/// Writes the lease file of `shape`; gives the number of rows written.
///
/// # Errors
/// What `out` says. A shape with no relays, too many, or too many clients for them is
/// [`io::ErrorKind::InvalidInput`].
pub fn generate_kea_csv(out: &mut impl Write, shape: &Shape) -> io::Result<u64> {
    check(shape)?;
    writeln!(out, "{}", KNOWN_COLUMNS.join(","))?;
    let mut random = Random(shape.seed);
    let mut line = String::new();
    let mut rows = 0;
    for number in 0..shape.clients {
        let client = Client::new(number, shape);
        let age = random.below(u64::from(shape.valid) / 2);
        let renewed = shape.renewed_every != 0 && number % shape.renewed_every == 0;
        let ages = [age + u64::from(shape.valid) / 4, age];
        for &age in &ages[usize::from(!renewed)..] {
            line.clear();
            rows += client.push_rows(shape, age, &mut line);
            out.write_all(line.as_bytes())?;
        }
    }
    Ok(rows)
}

/// Writes the Kea configuration whose leases [`generate_kea_csv`] writes.
///
/// # Errors
/// As [`generate_kea_csv`].
pub fn write_kea_config(out: &mut impl Write, shape: &Shape) -> io::Result<()> {
    check(shape)?;
    let valid = shape.valid;
    write!(
        out,
        r#"{{
  "Dhcp6": {{
    "store-extended-info": true,
    "server-id": {{ "type": "EN", "enterprise-id": 2495, "identifier": "0123456789" }},
    "lease-database": {{ "type": "memfile", "name": "kea-leases6.csv" }},
    "valid-lifetime": {valid},
    "preferred-lifetime": {},
    "hooks-libraries": [
      {{
        "library": "libdhcp_lease_query.so",
        "parameters": {{
          "requesters": [ "::1" ],
          "advanced": {{ "bulk-query-enabled": true, "lease-query-ip": "::1", "lease-query-tcp-port": 5547 }}
        }}
      }}
    ],
    "subnet6": ["#,
        valid / 2
    )?;
    for relay in 0..shape.relays {
        let comma = if relay == 0 { "" } else { "," };
        let (id, pool) = (relay + 1, 0x100 + relay);
        write!(
            out,
            r#"{comma}
      {{
        "id": {id},
        "subnet": "3fff:0:{relay:x}::/64",
        "relay": {{ "ip-addresses": [ "3fff:0:{relay:x}::1" ] }},
        "pools": [ {{ "pool": "3fff:0:{relay:x}::/64" }} ],
        "pd-pools": [ {{ "prefix": "3fff:{pool:x}::", "prefix-len": 32, "delegated-len": 56 }} ]
      }}"#
        )?;
    }
    writeln!(out, "\n    ]\n  }}\n}}")
}

fn check(shape: &Shape) -> io::Result<()> {
    let clients = shape.clients.div_ceil(u64::from(shape.relays).max(1));
    if shape.relays == 0 || shape.relays > MAX_RELAYS || clients > MAX_CLIENTS_PER_RELAY {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "1 to {MAX_RELAYS} relays with at most {MAX_CLIENTS_PER_RELAY} clients each can be generated"
            ),
        ));
    }
    Ok(())
}

/// One client of the file.
struct Client {
    /// From 0 over all relays.
    number: u64,
    /// Its relay, from 0.
    relay: u32,
    /// From 0 among the clients of its relay.
    place: u64,
    oddity: Oddity,
    two_hops: bool,
}

impl Client {
    fn new(number: u64, shape: &Shape) -> Self {
        let relays = u64::from(shape.relays);
        let is_nth = |every: u64| every != 0 && number % every == every - 1;
        let oddity = if is_nth(shape.odd_every) {
            match number / shape.odd_every % 5 {
                0 => Oddity::Expired,
                1 => Oddity::Reclaimed,
                2 => Oddity::Released,
                3 => Oddity::Declined,
                _ => Oddity::Infinite,
            }
        } else {
            Oddity::None
        };
        Self {
            number,
            relay: u32::try_from(number % relays).unwrap_or(0),
            place: number / relays,
            oddity,
            two_hops: is_nth(shape.two_hops_every),
        }
    }

    fn push_rows(&self, shape: &Shape, age: u64, line: &mut String) -> u64 {
        let relay = u128::from(self.relay);
        let mut rows = 0;
        if shape.prefixes && self.oddity != Oddity::Declined {
            let pool = (0x3fff_0100 + relay) << 96;
            let prefix = Ipv6Addr::from_bits(pool | u128::from(self.place) << 72);
            self.push_row(prefix, "2", 56, (shape, age), line);
            rows += 1;
        }
        if shape.addresses {
            let subnet = 0x3fff << 112 | relay << 80;
            let address = Ipv6Addr::from_bits(subnet | 1 << 32 | u128::from(self.place));
            self.push_row(address, "0", 128, (shape, age), line);
            rows += 1;
        }
        rows
    }

    fn push_row(
        &self,
        address: Ipv6Addr,
        kind: &str,
        len: u8,
        (shape, age): (&Shape, u64),
        line: &mut String,
    ) {
        let _ = write!(line, "{address},");
        if self.oddity == Oddity::Declined {
            line.push_str("00:00:00");
        } else {
            let mut duid = vec![0, 3, 0, 1];
            duid.extend_from_slice(&(self.number | 0x02 << 40).to_be_bytes()[2..]);
            push_colon_hex(&duid, line);
        }
        let (valid, preferred) = match self.oddity {
            Oddity::Infinite => (u32::MAX, u32::MAX),
            _ => (shape.valid, shape.valid / 2),
        };
        let age = match self.oddity {
            Oddity::Expired | Oddity::Reclaimed => age + u64::from(valid) + 1,
            _ => age,
        };
        let expire = shape.now.saturating_sub(age) + u64::from(valid);
        let (subnet, iaid) = (self.relay + 1, self.number % 7 + 1);
        let _ = write!(
            line,
            ",{valid},{expire},{subnet},{preferred},{kind},{iaid},{len}"
        );
        let infinite = self.oddity == Oddity::Infinite;
        line.push_str(if infinite { ",1,1,host&#x2c" } else { ",0,0," });
        if infinite {
            let _ = write!(line, "{}.example.org.", self.number);
        }
        let state = match self.oddity {
            Oddity::None | Oddity::Expired | Oddity::Infinite => 0,
            Oddity::Declined => 1,
            Oddity::Reclaimed => 2,
            Oddity::Released => 3,
        };
        let _ = write!(line, ",,{state},");
        if self.oddity != Oddity::Declined {
            self.push_context(line);
        }
        line.push_str(",,,0\n");
    }

    fn push_context(&self, line: &mut String) {
        line.push_str(r#"{"ISC": {"relay-info": ["#);
        let relay = self.relay;
        let [.., high, low] = relay.to_be_bytes();
        if self.two_hops {
            let outer = [0, 3, 0, 1, 2, 0, 0, 0, 0xaa, 1];
            let _ = write!(
                line,
                r#"{{"hop": 1&#x2c "link": "::"&#x2c "options": "0x0035000A"#
            );
            push_hex_upper(&outer, line);
            let _ = write!(
                line,
                r#""&#x2c "peer": "3fff:0:{relay:x}::53"&#x2c "relay-id": ""#
            );
            push_hex_upper(&outer, line);
            line.push_str(r#""}&#x2c "#);
        }
        let mut remote_id = ENTERPRISE.to_be_bytes().to_vec();
        let mut text = String::new();
        let _ = write!(text, "{relay}/{}/0", self.place);
        remote_id.extend_from_slice(text.as_bytes());
        let relay_id = [0, 3, 0, 1, 2, 0, 0, 0, high, low];
        let _ = write!(
            line,
            r#"{{"hop": 0&#x2c "link": "3fff:0:{relay:x}::1"&#x2c "options": "0x0025{:04X}"#,
            remote_id.len()
        );
        push_hex_upper(&remote_id, line);
        line.push_str("0035000A");
        push_hex_upper(&relay_id, line);
        // Interface-ID "pon0" to "pon9".
        let _ = write!(line, "00120004706F6E{:02X}", 0x30 + self.place % 10);
        let host = Ipv6Addr::from_bits(0xfe80 << 112 | u128::from(self.number + 1));
        let _ = write!(line, r#""&#x2c "peer": "{host}"&#x2c "relay-id": ""#);
        push_hex_upper(&relay_id, line);
        line.push_str(r#""&#x2c "remote-id": ""#);
        push_hex_upper(&remote_id, line);
        line.push_str(r#""}]}}"#);
    }
}

/// Hex as Kea writes it in user contexts.
fn push_hex_upper(octets: &[u8], line: &mut String) {
    let start = line.len();
    push_hex(octets, line);
    line[start..].make_ascii_uppercase();
}

/// The generator SplitMix64: small, fast, the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;
    use std::sync::Arc;

    use leasebook_store::LeaseState;

    use super::*;
    use crate::{KeaReader, LeaseRow};

    fn rows_of(shape: &Shape) -> Vec<LeaseRow> {
        let mut text = Vec::new();
        let written = generate_kea_csv(&mut text, shape).unwrap();
        let mut reader = KeaReader::new(Arc::from(Path::new("x")), &text[..]).unwrap();
        let mut rows = Vec::new();
        let mut row = LeaseRow::new();
        while reader
            .next(&mut row, &mut |problem| panic!("{problem}"))
            .unwrap()
        {
            rows.push(row.clone());
        }
        assert_eq!(rows.len() as u64, written);
        rows
    }

    #[test]
    fn what_is_generated_reads_without_a_problem() {
        let shape = Shape::provider(2000, 7, 1_800_000_000);
        let rows = rows_of(&shape);
        let leases: HashSet<_> = rows.iter().map(|row| row.lease).collect();
        // One in 250 clients is declined and has no prefix.
        assert_eq!(leases.len(), 4000 - 8);
        assert_eq!(rows.len(), leases.len() + 400);
        for state in [
            LeaseState::Bound,
            LeaseState::Declined,
            LeaseState::Released,
            LeaseState::Reclaimed,
        ] {
            assert!(rows.iter().any(|row| row.state == state));
        }
        assert!(
            rows.iter()
                .any(|row| row.hostname == "host,249.example.org.")
        );
        let hops = |long| {
            rows.iter()
                .filter(|row| {
                    row.relay
                        .as_ref()
                        .is_some_and(|relay| (relay.chain.len() > 120) == long)
                })
                .count()
        };
        assert!(hops(true) > 700 && hops(false) > 2800);
    }

    #[test]
    fn the_same_shape_gives_the_same_octets() {
        let write = |seed| {
            let mut text = Vec::new();
            let shape = Shape {
                seed,
                ..Shape::provider(300, 3, 1_800_000_000)
            };
            generate_kea_csv(&mut text, &shape).unwrap();
            text
        };
        assert_eq!(write(1), write(1));
        assert_ne!(write(1), write(2));
    }

    #[test]
    fn plain_leases_are_all_alive_and_distinct() {
        let rows = rows_of(&Shape::plain(500, 1, 1_800_000_000));
        assert_eq!(rows.len(), 1000);
        let clients: HashSet<_> = rows.iter().map(|row| row.client.clone()).collect();
        assert_eq!(clients.len(), 500);
        assert!(
            rows.iter()
                .all(|row| row.clt + u64::from(row.valid) > 1_800_000_000)
        );
    }

    #[test]
    fn refuses_what_does_not_fit_the_documentation_prefix() {
        for (clients, relays) in [(1, 0), (1, MAX_RELAYS + 1), (MAX_CLIENTS_PER_RELAY + 1, 1)] {
            let shape = Shape::plain(clients, relays, 0);
            let error = generate_kea_csv(&mut Vec::new(), &shape).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
