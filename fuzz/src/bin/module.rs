//! Text: parser, verifiers, diagnostics and lowering.

use std::process::ExitCode;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> libfuzzer_sys::Corpus { pfp_fuzz::module(bytes) });

fn main() -> ExitCode {
    pfp_fuzz::main()
}
