//! Writes a made-up lease file of Kea and the configuration that belongs to it.
//!
//! `cargo run --release -p leasebook-leasefile --example generate_kea CLIENTS RELAYS FOLDER [plain]`
//! writes `kea-leases6.csv` and `kea-dhcp6.conf` into FOLDER: two leases for each client,
//! with `plain` all of them alive and told once.
#![expect(
    clippy::disallowed_methods,
    reason = "made-up leases are of the moment they are made"
)]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use leasebook_leasefile::generate::{Shape, generate_kea_csv, write_kea_config};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (clients, relays, folder, plain) = match &arguments[..] {
        [clients, relays, folder] => (clients, relays, folder, false),
        [clients, relays, folder, plain] if plain == "plain" => (clients, relays, folder, true),
        _ => return Err("usage: generate_kea CLIENTS RELAYS FOLDER [plain]".into()),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let make = if plain { Shape::plain } else { Shape::provider };
    let shape = make(clients.parse()?, relays.parse()?, now);
    let folder = Path::new(folder);
    let mut out = BufWriter::new(File::create(folder.join("kea-leases6.csv"))?);
    let rows = generate_kea_csv(&mut out, &shape)?;
    out.flush()?;
    let mut out = BufWriter::new(File::create(folder.join("kea-dhcp6.conf"))?);
    write_kea_config(&mut out, &shape)?;
    out.flush()?;
    println!("{rows} rows in {}", folder.display());
    Ok(())
}
