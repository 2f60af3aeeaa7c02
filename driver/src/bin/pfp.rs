//! The compiler's command line; see `pfp --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pfp::cli::main()
}
