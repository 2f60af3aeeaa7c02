//! Networks in ONNX: the parser, what depends on no input, and the conversion.

use std::process::ExitCode;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pfp_fuzz::onnx(bytes));

fn main() -> ExitCode {
    pfp_fuzz::main()
}
