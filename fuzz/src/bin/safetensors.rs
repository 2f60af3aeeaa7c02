//! Parameter files: the reader, and the checks of what it reads.

use std::process::ExitCode;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pfp_fuzz::safetensors(bytes));

fn main() -> ExitCode {
    pfp_fuzz::main()
}
