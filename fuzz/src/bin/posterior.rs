//! Posteriors of frameworks: the readers of pickles, archives and tensors, and what each framework
//! makes of them.

use std::process::ExitCode;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pfp_fuzz::posterior(bytes));

fn main() -> ExitCode {
    pfp_fuzz::main()
}
