//! The loops in which the time goes: multiply-adds between loads, nothing on the stack.

use gauss_dialect::interpreter::Tensor;
use gauss_lowering::target::Target;
use pfp_compiler::{
    compile::{Network, Options, Texts},
    diagnostics::Source,
    module::Session,
};

use crate::{
    case::{Case, Operand},
    common,
};

/// A layer: the op, its attributes, and the shapes of input, weight and result.
type Layer = (&'static str, &'static str, [&'static [usize]; 3]);

const LAYERS: [Layer; 14] = [
    ("dense", "", [&[1, 256], &[100, 256], &[1, 100]]),
    ("dense", "", [&[10, 256], &[100, 256], &[10, 100]]),
    ("dense", "", [&[100, 784], &[100, 784], &[100, 100]]),
    ("conv2d", "", [&[1, 6, 14, 14], &[16, 6, 5, 5], &[1, 16, 10, 10]]),
    ("conv2d", "padding [2, 2, 2, 2]", [&[1, 1, 28, 28], &[6, 1, 5, 5], &[1, 6, 28, 28]]),
    ("conv2d", "padding [1, 1, 1, 1]", [&[2, 32, 16, 16], &[64, 32, 3, 3], &[2, 64, 16, 16]]),
    ("conv2d", "dilation [2, 2]", [&[1, 8, 16, 16], &[16, 8, 3, 3], &[1, 16, 12, 12]]),
    ("conv2d", "groups 2", [&[1, 16, 10, 10], &[32, 8, 3, 3], &[1, 32, 8, 8]]),
    ("conv2d", "", [&[1, 64, 8, 8], &[128, 64, 1, 1], &[1, 128, 8, 8]]),
    ("conv2d", "strides [2, 2]", [&[1, 16, 17, 17], &[32, 16, 3, 3], &[1, 32, 8, 8]]),
    (
        "conv2d",
        "strides [2, 2] padding [3, 3, 3, 3]",
        [&[1, 3, 33, 33], &[16, 3, 7, 7], &[1, 16, 17, 17]],
    ),
    (
        "conv2d",
        "padding [1, 1, 1, 1] groups 16",
        [&[1, 16, 16, 16], &[16, 1, 3, 3], &[1, 16, 16, 16]],
    ),
    ("conv2d", "", [&[1, 3, 9, 9], &[5, 3, 2, 4], &[1, 5, 8, 6]]),
    ("dense", "", [&[4, 33], &[9, 33], &[4, 9]]),
];

const CORES: [(&str, &str); 7] = [
    ("x86_64-linux-gnu", "x86-64-v3"),
    ("x86_64-linux-gnu", "x86-64-v4"),
    ("x86_64-linux-gnu", "znver4"),
    ("x86_64-linux-gnu", "znver5"),
    ("aarch64-linux-gnu", "cortex-a53"),
    ("aarch64-linux-gnu", "cortex-a72"),
    ("aarch64-linux-gnu", "cortex-a76"),
];

/// Fewer multiply-adds than this are no hot loop.
const HOT: usize = 8;

fn assembly(case: &Case, target: &Target) -> String {
    let session = Session::new();
    let source = Source::as_written("test.mlir", case.module.as_bytes());
    let network = Network::with_source(&session, &source, Some(&case.posterior), None).unwrap();
    let function = network.function(None).unwrap();
    let texts = Texts { assembly: true, ..Texts::default() };
    let options = Options { texts, ..Options::default() };
    let compiled = network.compile(function, target, &options, &|_| {}).unwrap();
    String::from_utf8(compiled.assembly.unwrap()).unwrap()
}

/// The innermost loops: from a label to the branch back to it.
fn innermost_loops(assembly: &str) -> Vec<Vec<&str>> {
    let lines: Vec<_> = assembly.lines().map(str::trim).collect();
    let label =
        |line: &str| line.strip_suffix(':').filter(|l| l.starts_with(".L")).map(str::to_owned);
    let mut loops: Vec<(usize, usize)> = Vec::new();
    for (end, line) in lines.iter().enumerate() {
        let is_branch = line.starts_with('j')
            || line.starts_with("b")
            || line.starts_with("cb")
            || line.starts_with("tb");
        let Some(target) = line.split_whitespace().last().filter(|_| is_branch) else { continue };
        let start = lines[..end].iter().rposition(|line| label(line).as_deref() == Some(target));
        loops.extend(start.map(|start| (start, end)));
    }
    let is_innermost = |&(start, end): &(usize, usize)| {
        !loops.iter().any(|other| *other != (start, end) && start <= other.0 && other.1 <= end)
    };
    loops.iter().copied().filter(is_innermost).map(|(s, e)| lines[s..=e].to_vec()).collect()
}

/// A loop of a reduction that keeps something on the stack.
fn spilling(assembly: &str) -> Option<String> {
    let counts = |body: &[&str], what: &[&str]| {
        body.iter().filter(|line| what.iter().any(|what| line.contains(what))).count()
    };
    let is_hot = |body: &[&str]| {
        // Activations divide; their loops are not those of a reduction.
        counts(body, &["vfmadd", "fmla"]) >= HOT && counts(body, &["div", "sqrt"]) == 0
    };
    let loops = innermost_loops(assembly).into_iter().filter(|body| is_hot(body));
    let spills = |body: &Vec<&str>| counts(body, &["%rsp", "[sp"]) > 0;
    loops.into_iter().find(spills).map(|body| body.join("\n"))
}

#[test]
fn no_hot_loop_uses_the_stack() {
    let mut failures = Vec::new();
    for (triple, cpu) in CORES {
        let target = Target::find(triple, cpu).unwrap();
        for (op, attributes, [input, weight, result]) in LAYERS {
            for gaussian in [false, true] {
                let operands = [(input, gaussian, false), (weight, true, true)].map(
                    |(shape, gaussian, parameter)| Operand {
                        tensor: common::random(shape, gaussian, 7),
                        parameter,
                    },
                );
                let elements = result.iter().product();
                let expected = Tensor::deterministic(result, vec![0.0; elements]);
                let case = Case::of_op("layer", op, attributes, &operands, expected);
                if let Some(body) = spilling(&assembly(&case, &target)) {
                    let input = if gaussian { "Gaussian" } else { "exact" };
                    let layer = format!("{op} {attributes} {input:?} {weight:?} on {cpu}, {input}");
                    failures.push(format!("{layer}:\n{body}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} loops:\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn lenet_is_small_on_every_aarch64_core() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../test/models/lenet.mlir");
    let module = std::fs::read_to_string(folder).unwrap();
    for cpu in ["cortex-a53", "cortex-a72", "cortex-a76"] {
        let target = Target::find("aarch64-linux-gnu", cpu).unwrap();
        let start = std::time::Instant::now();
        let session = Session::new();
        let source = Source::as_written("lenet.mlir", module.as_bytes());
        let network = Network::with_source(&session, &source, Some(&common_posterior()), None);
        let network = network.unwrap();
        let function = network.function(None).unwrap();
        let compiled = network.compile(function, &target, &Options::default(), &|_| {}).unwrap();
        let text = compiled.report.text_bytes;
        println!("{cpu}: {text} bytes of code in {:.2} s", start.elapsed().as_secs_f64());
        assert!(text <= 64 << 10, "{cpu}: {text} bytes");
        // The two largest buffers that are live together: the input of the second convolution,
        // with the squares of its means, and its result. Strips keep the first result from
        // being one of them. Each of the five parts may end within a cache line.
        let live = 4 * (3 * 6 * 14 * 14 + 2 * 16 * 10 * 10) + 5 * 64;
        assert!(compiled.arena.bytes <= live, "{cpu}: an arena of {}", compiled.arena.bytes);
    }
}

/// Parameters of LeNet: of the right shapes, that is all that matters here.
fn common_posterior() -> crate::case::Posterior {
    let shapes: [(&str, &[usize]); 10] = [
        ("conv1.weight", &[6, 1, 5, 5]),
        ("conv1.bias", &[6]),
        ("conv2.weight", &[16, 6, 5, 5]),
        ("conv2.bias", &[16]),
        ("fc1.weight", &[120, 400]),
        ("fc1.bias", &[120]),
        ("fc2.weight", &[84, 120]),
        ("fc2.bias", &[84]),
        ("fc3.weight", &[10, 84]),
        ("fc3.bias", &[10]),
    ];
    let mut posterior = crate::case::Posterior::default();
    for (seed, (name, shape)) in (1..).zip(shapes) {
        posterior.insert(name, &common::random(shape, true, seed));
    }
    posterior
}
