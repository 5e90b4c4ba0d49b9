//! The relay between clients, servers and a kernel that all have their own ideas, from a seed.
//!
//! ```text
//!  clients ──► host: relay, recovery ──► servers (down, slow, cut short, ghosts, others' bindings)
//!                │        ▲
//!                ▼        │ notifications, some lost
//!              kernel (routes flushed, refused; interfaces down and made anew)
//! ```
//!
//! | module | its room |
//! |---|---|
//! | `world` | the clock, chance, and what is judged |
//! | `host` | the process around the relay as the daemon has it, and its deaths |
//! | `kernel` | interfaces, routes, and what is told of them |
//! | `server` | bindings, and how they are told in bulk |
//! | `client` | who binds, renews, moves, releases, or falls silent |
//! | `message` | what is said, as octets |
//!
//! A run is repeated from the seed it prints: `LEASEBOOK_SIMULATION_SEED=7 cargo test -p
//! leasebook-protocol --test relay_simulation`. `LEASEBOOK_SIMULATION_RUNS=100` runs that many, from a
//! seed that follows the last of the usual ones.

mod client;
mod host;
mod kernel;
mod message;
mod server;
mod world;

use world::World;

/// Seeds that every test run covers.
const USUAL: u64 = 40;

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
    )
}

/// RELAY-057, RELAY-063, RELAY-064, RELAY-066, RELAY-068, RELAY-076, RELAY-078: whatever happens,
/// once it is quiet the kernel's routes are those of the live bindings, and no route that is right is
/// ever touched.
#[test]
fn after_quiet_the_routes_are_those_of_the_live_bindings() {
    let one = variable("LEASEBOOK_SIMULATION_SEED");
    let more = variable("LEASEBOOK_SIMULATION_RUNS").unwrap_or(0);
    let seeds = one.map_or(0..USUAL + more, |seed| seed..seed + 1);
    let mut told = world::Tally::default();
    for seed in seeds {
        println!("LEASEBOOK_SIMULATION_SEED={seed}");
        told += World::new(seed).run();
    }
    println!("{told:?}");
    if one.is_none() {
        told.assert_eventful();
    }
}
