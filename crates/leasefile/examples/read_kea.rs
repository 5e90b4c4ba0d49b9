//! How fast Kea's lease files are read on this machine.
//!
//! `cargo run --release -p leasebook-leasefile --example read_kea [CLIENTS | FILE]...`
//! generates a file of CLIENTS clients (1 000 000 if nothing is given), two rows each, or
//! takes FILE, and prints rows a second of both readings.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::Instant;

use leasebook_leasefile::generate::{Shape, generate_kea_csv};
use leasebook_leasefile::{LeaseFiles, LeaseRow};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir();
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        arguments.push("1000000".to_owned());
    }
    for argument in arguments {
        let (path, made) = match argument.parse() {
            Ok(clients) => (
                generate(folder.join("leasebook-read-kea.csv"), clients)?,
                true,
            ),
            Err(_) => (PathBuf::from(argument), false),
        };
        let outcome = measure(&path);
        if made {
            std::fs::remove_file(&path)?;
        }
        outcome?;
    }
    Ok(())
}

fn generate(path: PathBuf, clients: u64) -> std::io::Result<PathBuf> {
    let mut out = BufWriter::new(File::create(&path)?);
    generate_kea_csv(&mut out, &Shape::provider(clients, 100, 1_800_000_000))?;
    out.flush()?;
    Ok(path)
}

fn measure(path: &PathBuf) -> Result<(), Box<dyn std::error::Error>> {
    let files = LeaseFiles::open(&[path])?;
    let mut problems = 0u64;
    let begin = Instant::now();
    let scan = files.scan(&mut |_| problems += 1, &mut |_| ())?;
    let scanned = begin.elapsed();
    let mut rows = files.rows(&scan);
    let mut row = LeaseRow::new();
    let (mut given, mut relayed) = (0u64, 0u64);
    let begin = Instant::now();
    while rows.next(&mut row, &mut |_| problems += 1)? {
        given += 1;
        relayed += u64::from(row.relay.is_some());
    }
    let read = begin.elapsed();
    // Counts here stay far below 2^52.
    #[allow(clippy::cast_precision_loss)]
    let rate = |rows: u64, secs: f64| rows as f64 / secs / 1e6;
    println!(
        "{}: {} octets, {} rows, {given} given, {relayed} with relays, {problems} problems",
        path.display(),
        files.octets(),
        scan.rows
    );
    println!(
        "  scan {scanned:.2?}: {:.2} M rows/s",
        rate(scan.rows, scanned.as_secs_f64())
    );
    println!(
        "  rows {read:.2?}: {:.2} M rows/s",
        rate(given, read.as_secs_f64())
    );
    Ok(())
}
