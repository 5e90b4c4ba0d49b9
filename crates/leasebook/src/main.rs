//! The leasebook command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    leasebook::cli::main(std::env::args_os()).into()
}
