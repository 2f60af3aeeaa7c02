//! What an object promises: no foreign symbols, the same bytes every time, and
//! calls that do not disturb each other.

use std::{fs, thread};

use gauss_lowering::target::Target;
use pfp_compiler::{compile::Compiled, jit::CompiledModel, parameters::Safetensors};

use crate::case;

const TARGETS: [(&str, &str); 8] = [
    ("host", "native"),
    ("host", "x86-64"),
    ("host", "x86-64-v3"),
    ("host", "x86-64-v4"),
    ("aarch64-linux-gnu", "cortex-a53"),
    ("aarch64-linux-gnu", "cortex-a72"),
    ("aarch64-linux-gnu", "cortex-a76"),
    ("aarch64-none-elf", "cortex-a53"),
];

/// A built-in network.
fn digits(network: &str, batch: i64, target: &Target) -> Compiled {
    let folder = format!("{}/../examples/digits", env!("CARGO_MANIFEST_DIR"));
    let module = fs::read_to_string(format!("{folder}/{network}.mlir")).unwrap();
    let file = format!("{folder}/{network}.safetensors");
    let parameters = Safetensors::open(file.as_ref()).unwrap();
    let session = pfp_compiler::module::Session::new();
    let source = pfp_compiler::diagnostics::Source::as_written(network, module);
    let network =
        pfp_compiler::compile::Network::open(&session, &source, Some(&parameters), Some(batch))
            .unwrap();
    let function = network.function(None).unwrap();
    network.compile(function, target, &Default::default(), &|_| {}).unwrap()
}

#[test]
fn an_object_needs_nothing_but_the_memory_functions() {
    for network in ["mlp", "cnn"] {
        for (triple, cpu) in TARGETS {
            let compiled = digits(network, 3, &Target::find(triple, cpu).unwrap());
            for symbol in &compiled.report.undefined_symbols {
                let allowed = ["memcpy", "memset", "memmove"].contains(&symbol.as_str());
                assert!(allowed, "{network} for {cpu} needs {symbol}");
            }
            assert_eq!(compiled.report.data_bytes, 0, "{network} for {cpu} has mutable data");
        }
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for (triple, cpu) in [("host", "native"), ("aarch64-linux-gnu", "cortex-a72")] {
        let target = Target::find(triple, cpu).unwrap();
        assert!(digits("cnn", 1, &target).object == digits("cnn", 1, &target).object, "{cpu}");
    }
}

#[test]
fn two_threads_with_two_arenas_get_what_one_gets() {
    let compiled = digits("cnn", 1, &Target::host());
    let model = CompiledModel::new(&compiled).unwrap();
    let input = |seed: usize| -> Vec<f32> {
        (0..64).map(|i| ((i * 37 + seed * 101) % 97) as f32 / 48.0 - 1.0).collect()
    };
    let alone: Vec<_> = (0..64).map(|seed| model.run(&[&input(seed)]).unwrap()).collect();
    for _ in 0..20 {
        thread::scope(|scope| {
            for half in 0..2 {
                let (model, alone) = (&model, &alone);
                scope.spawn(move || {
                    for seed in (half..64).step_by(2) {
                        assert_eq!(model.run(&[&input(seed)]).unwrap(), alone[seed]);
                    }
                });
            }
        });
    }
}

#[test]
fn buffers_that_are_never_live_together_share_the_arena() {
    let image = "!gauss.tensor<1x1x64x64xf32>";
    let mut module = format!("func.func @chain(%v0: {image}) -> {image} {{\n");
    for i in 0..8 {
        module += &format!(
            "  %v{} = gauss.max_pool2d %v{i} kernel [3, 3] padding [1, 1, 1, 1] : \
             ({image}) -> {image}\n",
            i + 1
        );
    }
    module += &format!("  return %v8 : {image}\n}}\n");
    let compiled = case::compile(&module, None, None, &Target::host());
    // Mean and variance of: the padded input (66x66), a row step and a result.
    let live = 2 * 4 * (66 * 66 + 66 * 64 + 64 * 64 + 3 * 64);
    assert!(compiled.arena.bytes <= live, "{} bytes for {live}", compiled.arena.bytes);
}

/// The control and status word of this thread.
#[cfg(target_arch = "x86_64")]
fn mxcsr() -> u32 {
    let mut word = 0;
    // SAFETY: writes the word.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut word, options(nostack)) };
    word
}

#[cfg(target_arch = "x86_64")]
fn set_mxcsr(word: u32) {
    // SAFETY: reads the word; what it changes is put back before numbers are computed.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const word, options(nostack)) };
}

#[test]
#[cfg(target_arch = "x86_64")]
fn exceptions_that_this_process_unmasked_do_not_trap() {
    let model = CompiledModel::new(&digits("cnn", 1, &Target::host())).unwrap();
    let mut arena = model.arena();
    let (image, mut mean, mut variance) = ([0.0; 64], [1.0; 10], [1.0; 10]);
    let expected = model.run(&[&image]).unwrap();
    let usual = mxcsr();
    // No exception is masked; the flag of a denormal operand is raised.
    set_mxcsr(2);
    let result = model.run_into(&[&image], &mut [&mut mean, &mut variance], &mut arena);
    let after = mxcsr();
    set_mxcsr(usual);
    result.unwrap();
    assert_eq!(after, 2);
    assert_eq!([&mean[..], &variance[..]], [&expected[0][..], &expected[1][..]]);
}
