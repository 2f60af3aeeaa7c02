//! Text: parser, verifiers, diagnostics and lowering.

use std::{cell::RefCell, collections::BTreeMap, str};

use gauss_dialect::{
    ir::{Op, Type},
    parameters::{ParameterSource, ParameterTensor},
    shape::TensorType,
};
use libfuzzer_sys::Corpus;
use pfp_compiler::{
    compile::{Network, Options, Texts},
    diagnostics::Source,
    error::Error,
    module::{Module, Session},
    target,
};

use crate::{blames_the_input, with_session};

/// Longer texts only repeat what shorter ones do.
const MAX_BYTES: usize = 1 << 13;

/// The most elements of a tensor in a module that is lowered.
const MAX_ELEMENTS: i64 = 1 << 12;

/// Shapes of a size that is legal but slow to fill. What is larger is refused
/// before any memory is taken.
const SLOW_ELEMENTS: std::ops::RangeInclusive<u64> = 1 << 16..=1 << 28;

/// Dialects that are loaded only to lower into. Their parsers and folders are
/// upstream's, and so are their faults.
const UPSTREAM: [&str; 14] = [
    "affine",
    "bufferization.",
    "builtin.",
    "cf.",
    "index.",
    "linalg",
    "llvm",
    "math.",
    "memref",
    "scf.",
    "sparse",
    "tensor.",
    "ub.",
    "vector",
];

/// Ops of modules that are lowered. Others are parsed and verified only.
const NETWORK_OPS: [&str; 6] =
    ["builtin.module", "func.func", "func.call", "func.return", "arith.constant", "gauss."];

/// Parses, prints and lowers a text.
pub fn module(bytes: &[u8]) -> Corpus {
    let Ok(text) = str::from_utf8(bytes) else { return Corpus::Reject };
    let is_upstreams = names_upstream(text) || has_unaligned_resource(text);
    if bytes.len() > MAX_BYTES || has_slow_shape(text) || is_upstreams {
        return Corpus::Reject;
    }
    let source = Source::as_written("fuzz.mlir", bytes);
    with_session(|session| {
        let module = match session.parse(&source) {
            Ok(module) => module,
            Err(error) => return blames_the_input(error),
        };
        let printed = module.op().to_string();
        let again = session.parse(&Source::as_written("printed.mlir", printed.as_bytes()));
        let again = crate::expect(again, "the printed module does not parse");
        if is_small_network(module.op())
            && let Err(error) =
                lower_without_parameters(again).and_then(|()| lower(session, &source, &module))
        {
            blames_the_input(error);
        }
    });
    Corpus::Keep
}

fn names_upstream(text: &str) -> bool {
    // `#tensor.` or `"tensor.` name the dialect; `gauss.tensor` does not end in a dot.
    UPSTREAM.iter().any(|dialect| text.contains(dialect))
}

/// Does a resource claim another alignment than 4? MLIR's parser ends the
/// process where it is 0 or huge.
fn has_unaligned_resource(text: &str) -> bool {
    let resources = text.find("dialect_resources").map_or("", |start| &text[start..]);
    resources.split("\"0x").skip(1).any(|blob| !blob.starts_with("04000000"))
}

/// Is there a shape such as `99999x9x` in the text?
fn has_slow_shape(text: &str) -> bool {
    let shapes = text.split(|c: char| !c.is_ascii_digit() && c != 'x' && c != '?');
    shapes.into_iter().any(|shape| {
        let sizes = shape.split('x').map(|size| match size {
            "" | "?" => 1,
            size => size.parse::<u64>().unwrap_or(u64::MAX),
        });
        SLOW_ELEMENTS.contains(&sizes.fold(1, u64::saturating_mul))
    })
}

/// Is this a module of networks, small enough to be lowered within milliseconds?
fn is_small_network(module: Op) -> bool {
    let is_small = |ty: Type| {
        TensorType::of(ty).is_none_or(|tensor| {
            let mut elements = tensor.shape.iter().filter(|&&size| size > 0);
            elements
                .try_fold(1i64, |n, &size| n.checked_mul(size))
                .is_some_and(|n| n <= MAX_ELEMENTS)
        })
    };
    let signature = |op: Op| {
        let ty = op.attribute("function_type").and_then(|ty| ty.as_type()?.function_signature());
        ty.map(|(inputs, results)| [inputs, results].concat()).unwrap_or_default()
    };
    module.descendants().into_iter().all(|op| {
        let name = op.name();
        NETWORK_OPS.iter().any(|prefix| name.starts_with(prefix))
            && op.results().into_iter().map(|value| value.ty()).chain(signature(op)).all(is_small)
    })
}

/// Lowers a module whose parameters stay external and whose batch stays dynamic.
fn lower_without_parameters(mut module: Module) -> Result<(), Error> {
    module.run("gauss-to-linalg")
}

/// Lowers every function for a core that the text chooses.
fn lower(session: &Session, source: &std::sync::Arc<Source>, module: &Module) -> Result<(), Error> {
    const CORES: [(&str, &str); 4] = [
        ("aarch64-linux-gnu", "cortex-a72"),
        ("x86_64-linux-gnu", "x86-64"),
        ("aarch64-none-elf", "cortex-a53"),
        ("x86_64-linux-gnu", "x86-64-v4"),
    ];
    let (triple, cpu) = CORES[source.bytes().len() % CORES.len()];
    let target = target::find(triple, Some(cpu))?;
    let ones = Ones::of(module.op());
    let texts = Texts { mlir: true, ..Texts::default() };
    let options = Options { texts, ..Options::default() };
    let network = Network::of_module(session.parse(source)?, Some(&ones), None)?;
    for function in network.functions() {
        network.lower(function, &target, &options)?;
    }
    Ok(())
}

/// A parameter file that has whatever a module asks for.
struct Ones {
    shapes: BTreeMap<String, Vec<i64>>,
    read: RefCell<Vec<String>>,
}

impl Ones {
    fn of(module: Op) -> Self {
        let parameters = module.descendants().into_iter().filter(|op| op.is("gauss.parameter"));
        let shapes = parameters.filter_map(|op| {
            let name = op.attribute("name")?.as_string()?;
            Some((name, op.result(0).ty().shape()?))
        });
        Self { shapes: shapes.collect(), read: RefCell::default() }
    }
}

impl ParameterSource for Ones {
    fn name(&self) -> &str {
        "the fuzzer's parameters"
    }

    fn tensors(&self) -> Vec<String> {
        self.read.borrow().clone()
    }

    fn tensor(&self, name: &str) -> Result<Option<ParameterTensor>, String> {
        let parameter = name.strip_suffix(".mean").or_else(|| name.strip_suffix(".var"));
        let shape = self.shapes.get(name).or_else(|| self.shapes.get(parameter?));
        self.read.borrow_mut().push(name.to_owned());
        Ok(shape.map(|shape| {
            let elements = shape.iter().product::<i64>();
            let values = vec![1.0; usize::try_from(elements).unwrap_or(0)];
            ParameterTensor { shape: shape.clone(), values }
        }))
    }
}
