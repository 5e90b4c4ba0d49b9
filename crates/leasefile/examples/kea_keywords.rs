//! What becomes of each of Kea's keywords: the table of docs/migrate.md, which a test compares.

fn main() {
    print!("{}", leasebook_leasefile::kea_config::keyword_table());
}
