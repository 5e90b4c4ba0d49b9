//! The DHCPv6 server over the real book on a disk that loses what was not synced, and clients that
//! behave as RFC 8415 has them, from a seed.
//!
//! ```text
//!  clients ──► relays ──► network (loss, doubles, other order) ──► host: server, book, disk
//!     ▲                                                               │ crashes inside commits
//!     └────────────────── every reply is judged ◄─────────────────────┘
//! ```
//!
//! | module | its room |
//! |---|---|
//! | `world` | the clock, the network, and what is judged after every step |
//! | `host` | the server, its book, and the ways they die |
//! | `client` | a client: RFC 8415 §15 and §18.2 |
//! | `judge` | whether what the server says fits what it was asked and is set to |
//! | `message` | what clients say and hear, as octets |
//! | `world::operator` | another configuration, and clients told to ask anew |
//! | `path` | relays between clients and the server |
//! | `patience` | when clients ask again |
//! | `requestor` | a bulk query compared with the book |
//! | `site` | links and pools |
//!
//! A run is repeated from the seed it prints: `LEASEBOOK_SIMULATION_SEED=7 cargo test -p
//! leasebook-protocol --test simulation`. `LEASEBOOK_SIMULATION_RUNS=100` runs that many, from a
//! seed that follows the last of the usual ones. `LEASEBOOK_SIMULATION_CLIENT=1084` prints what is
//! said to and by that client.

mod client;
mod host;
mod judge;
mod message;
mod path;
mod patience;
mod requestor;
mod site;
mod world;

use world::{Shape, World};

/// Seeds that every test run covers.
const USUAL: u64 = 2;

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
    )
}

fn run(seed: u64, shape: &Shape) {
    println!(
        "LEASEBOOK_SIMULATION_SEED={seed}, {} clients",
        shape.clients
    );
    let mut world = World::new(seed, shape);
    world.run();
    println!("{}", world.told());
    world.assert_eventful();
}

/// DHCP-S-027, DHCP-S-037, DHCP-S-039, DHCP-S-040, DHCP-S-066, DHCP-S-069, DHCP-S-099, DHCP-S-100: whatever is lost, doubled, overtaken or crashes, no lease has two clients, none acknowledged is lost, and every reply fits its request.
#[test]
fn whatever_happens_no_lease_is_lost_or_given_twice() {
    let shape = Shape {
        clients: 2000,
        seconds: 1140,
    };
    if let Some(seed) = variable("LEASEBOOK_SIMULATION_SEED") {
        return run(seed, &shape);
    }
    let more = variable("LEASEBOOK_SIMULATION_RUNS").unwrap_or(0);
    (0..USUAL + more).for_each(|seed| run(seed, &shape));
}
