//! Valid networks: lowering, code generation and results.

mod generate;

use std::sync::Arc;

use gauss_dialect::interpreter::{Program, Tensor};
use gauss_dialect::predictive::{Method, Sampling};
use gauss_dialect::shape::TensorType;
use gauss_lowering::{
    passes::{gauss_append_head::Head, gauss_pool_first::Order, gauss_track_covariance::Returned},
    target::Target,
};
use libfuzzer_sys::{Corpus, arbitrary, arbitrary::Unstructured};
use pfp_compiler::{
    compile::{Compiled, Network, Options},
    diagnostics::{Covariance, Source},
    error::Error,
    jit::CompiledModel,
    target,
};

use crate::{blames_the_input, expect, with_session};
use generate::Generated;

/// What generated code may call.
const ALLOWED_SYMBOLS: [&str; 3] = ["memcpy", "memmove", "memset"];

/// The share of the largest number on the way by which a result may be off. An
/// element may be small because larger ones cancelled in it, and later layers
/// amplify what that loses; a wrong index or a lost term is off by far more.
const TOLERANCE: f64 = 4e-4;

/// Beyond this size the rounding of products changes their exponentials by a tenth of [`TOLERANCE`].
const LARGEST_ATTENDED: f64 = 20.0;

/// Beyond this size the squares of numbers may overflow an `f32`.
const LARGEST: f64 = 1e15;

/// Compiles a network that is valid by construction, for the host or for
/// AArch64; what runs here must give what the interpreter gives.
pub fn network(bytes: &[u8]) -> Corpus {
    let mut bytes = Unstructured::new(bytes);
    let Ok((target, Ok(generated), Ok(beside))) = choose_target(&mut bytes)
        .map(|target| (target, generate::network(&mut bytes), Beside::choose(&mut bytes)))
    else {
        return Corpus::Reject;
    };
    if std::env::var_os("PFP_FUZZ_PRINT").is_some() {
        eprintln!(
            "// for {} {}, batch {:?}, {beside:?}\n{}",
            target.triple, target.cpu, generated.batch, generated.text
        );
    }
    with_session(|session| {
        let open = |covariance| {
            let text = generated.text.as_bytes();
            let source: Arc<Source> =
                Source::with("generated.mlir", text, Order::AsWritten, covariance);
            let posterior = Some(&generated.posterior as _);
            let network = Network::with_source(session, &source, posterior, generated.batch);
            expect(network, "a valid network was rejected")
        };
        let mut network = open(beside.covariance);
        // What it returns need not fit a head, nor have known covariances.
        if let Err(error) = beside.append_to(&mut network) {
            blames_the_input(error);
            network = open(Covariance::Diagonal);
        }
        let function = expect(network.function(None), "the function is public");
        let compiled = network.compile(function, &target, &Options::default(), &|_| ());
        let compiled = expect(compiled, "a valid network was not compiled");
        let undefined = &compiled.report.undefined_symbols;
        assert!(
            undefined.iter().all(|symbol| ALLOWED_SYMBOLS.contains(&symbol.as_str())),
            "the object needs {undefined:?}"
        );
        if target.triple == Target::host().triple {
            let loaded = |name: &str, _: &TensorType| Err(format!("has no value for '{name}'"));
            let program = Program::of(network.op(), &function.name, &loaded)
                .unwrap_or_else(|error| panic!("the interpreter does not take it: {error}"));
            check(&compiled, &program, &generated);
        }
    });
    Corpus::Keep
}

/// Draws of more logits with covariances take a minute to compile with coverage.
const MOST_DRAWN: usize = 24;

/// What a function gives beside the results of its network.
#[derive(Debug)]
struct Beside {
    covariance: Covariance,
    head: Option<Method>,
    returned: Returned,
}

impl Beside {
    /// Nothing where the bytes are at their end.
    fn choose(bytes: &mut Unstructured) -> arbitrary::Result<Self> {
        let sampling = Sampling { draws: bytes.int_in_range(1..=40)?, seed: 3 };
        Ok(Self {
            head: *bytes.choose(&[
                None,
                Some(Method::MeanField),
                Some(Method::Laplace),
                Some(Method::Sample(sampling)),
            ])?,
            returned: *bytes.choose(&[Returned::Nothing, Returned::Matrix, Returned::OfNodes])?,
            covariance: *bytes.choose(&[
                Covariance::Diagonal,
                Covariance::Within(1.2),
                Covariance::Within(2.5),
                Covariance::Within(8.0),
                Covariance::Full,
                Covariance::Full,
            ])?,
        })
    }

    fn append_to(&self, network: &mut Network) -> Result<(), Error> {
        let outputs = network.functions().iter().flat_map(|function| &function.signature.outputs);
        let classes = outputs.filter_map(|output| output.shape.last()).max();
        let head = match self.head {
            Some(Method::Sample(_)) if classes > Some(&MOST_DRAWN) => Some(Method::MeanField),
            head => head,
        };
        if let Some(method) = head {
            network.append_head(&Head::Classify(method, Default::default()), None)?;
        }
        match self.returned {
            Returned::Nothing => Ok(()),
            returned => network.return_covariance(None, returned),
        }
    }
}

/// The cores whose schedules differ; of the host's architecture only those that
/// this machine can run.
fn choose_target(bytes: &mut Unstructured) -> libfuzzer_sys::arbitrary::Result<Target> {
    const CPUS: [(&str, &str); 6] = [
        ("x86_64-linux-gnu", "x86-64"),
        ("x86_64-linux-gnu", "x86-64-v3"),
        ("x86_64-linux-gnu", "x86-64-v4"),
        ("aarch64-linux-gnu", "cortex-a53"),
        ("aarch64-linux-gnu", "cortex-a72"),
        ("aarch64-none-elf", "cortex-a76"),
    ];
    let (triple, cpu) = *bytes.choose(&CPUS)?;
    let target = expect(target::find(triple, Some(cpu)), "a known target");
    let host = Target::host();
    let runs_here = target.core.lanes <= host.core.lanes;
    Ok(if triple.starts_with(std::env::consts::ARCH) {
        if runs_here { Target { triple: host.triple, ..target } } else { host }
    } else {
        target
    })
}

/// Runs the compiled code and compares every element.
fn check(compiled: &Compiled, program: &Program, generated: &Generated) {
    let model = expect(CompiledModel::new(compiled), "linking");
    let inputs: Vec<_> = generated.inputs.iter().map(Vec::as_slice).collect();
    let outputs = expect(model.run(&inputs), "running");

    let mut buffers = generated.inputs.iter().map(|x| x.iter().copied().map(f64::from).collect());
    let mut next = || -> Vec<f64> { buffers.next().unwrap_or_default() };
    let inputs: Vec<_> = compiled
        .function
        .signature
        .inputs
        .iter()
        .map(|input| {
            let mean = next();
            let variance = input.gaussian.then(&mut next);
            Tensor::new(input.shape.clone(), mean, variance)
        })
        .collect();
    let expected = program.run(&inputs).unwrap_or_else(|error| panic!("interpreter: {error}"));
    let trace = program.trace(&inputs).unwrap_or_else(|error| panic!("interpreter: {error}"));

    let tensors = trace.iter().map(|layer| &layer.output).chain(&inputs).chain(&expected);
    let largest = |values: &[f64]| values.iter().fold(0.0, |max: f64, value| max.max(value.abs()));
    let (mut mean_scale, mut variance_scale) = (generate::LARGEST_MEAN, 0.0f64);
    for tensor in tensors {
        let variance = tensor.variance.as_deref().map_or(0.0, largest);
        mean_scale = mean_scale.max(largest(&tensor.mean)).max(variance.sqrt());
        variance_scale = variance_scale.max(variance);
    }
    if mean_scale > LARGEST {
        return;
    }
    // Logits of attention are products of two values; a softmax makes of their rounding a factor.
    if generated.text.contains("gauss.attention") && mean_scale > LARGEST_ATTENDED {
        return;
    }
    let mean_tolerance = TOLERANCE * mean_scale;
    // A mean that is off moves the variance of a maximum by its share of σ.
    let variance_tolerance =
        TOLERANCE * variance_scale + 1e-2 * TOLERANCE * mean_scale * variance_scale.sqrt();

    let mut outputs = outputs.iter();
    for (number, tensor) in expected.iter().enumerate() {
        let mut compare = |what: &str, expected: &[f64], tolerance: f64| {
            let actual = outputs.next().map(Vec::as_slice).unwrap_or_default();
            assert_eq!(actual.len(), expected.len(), "length of {what} {number}");
            for (index, (&actual, &expected)) in actual.iter().zip(expected).enumerate() {
                let off = (f64::from(actual) - expected).abs();
                assert!(
                    off <= tolerance,
                    "{what} {number} is {actual} at element {index}, not {expected} \
                     (tolerance {tolerance:e})\n{}",
                    generated.text
                );
                assert!(what != "variance" || actual >= 0.0, "variance {actual} at {index}");
            }
        };
        compare("mean", &tensor.mean, mean_tolerance);
        if let Some(variance) = &tensor.variance {
            compare("variance", variance, variance_tolerance);
        }
    }
}
