//! Valid networks: lowering, code generation and results.

use std::process::ExitCode;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> libfuzzer_sys::Corpus { pfp_fuzz::network(bytes) });

fn main() -> ExitCode {
    pfp_fuzz::main()
}
