//! Pages of ops, and the numbers of their examples.

use std::collections::BTreeSet;

use gauss_dialect::{
    interpreter::{Program, Tensor},
    ir::Op,
    layer::Layer,
    shape::TensorType,
};
use melior::{
    Context,
    dialect::{DialectHandle, DialectRegistry},
    ir::Module,
};

use super::{
    code::ops,
    page::{Page, assert_none, first_column, pages_in, root},
};

#[test]
fn every_op_has_a_page() {
    let ops: BTreeSet<_> = ops().into_iter().map(|op| format!("docs/ops/{}.md", op.name)).collect();
    let pages: BTreeSet<_> = pages_in("docs/ops").iter().map(Page::name).collect();
    assert_eq!(ops, pages);
}

/// What tests and generators go through is what the definition has.
#[test]
fn the_registry_has_every_op() {
    let mut known = Layer::names();
    known.extend(Layer::SOURCES);
    known.extend(Layer::PREDICTIONS);
    known.extend(Layer::COVARIANCES);
    known.sort_unstable();
    let mut defined: Vec<_> = ops().into_iter().map(|op| op.name).collect();
    defined.sort_unstable();
    assert_eq!(known, defined);
}

#[test]
fn op_pages_agree_with_the_definition() {
    const SECTIONS: [&str; 7] =
        ["Semantics", "Inputs", "Outputs", "Attributes", "Constraints", "Numerics", "Example"];
    let mut wrong = vec![];
    for op in ops() {
        let page = Page::read(root().join(format!("docs/ops/{}.md", op.name)));
        let (title, summary) = page.title_and_summary();
        let names = |section| first_column(page.section(section)).join(", ");
        wrong.extend(page.differences([
            ("title", title.into(), format!("gauss.{}", op.name)),
            ("summary", summary.into(), format!("{}.", op.summary)),
            ("sections", page.sections().join(", "), SECTIONS.join(", ")),
            ("inputs", names("Inputs"), op.operands.join(", ")),
            ("outputs", names("Outputs"), op.results.join(", ")),
            ("attributes", names("Attributes"), op.attributes.join(", ")),
        ]));
    }
    assert_none(wrong);
}

#[test]
fn op_examples_give_the_numbers_that_they_show() {
    let mut wrong = vec![];
    for page in pages_in("docs/ops") {
        let example = page.example();
        let blocks = example.blocks();
        let text = |language: &str| blocks.iter().find(|block| block.language == language);
        let (Some(module), Some(numbers)) = (text("mlir"), text("text")) else {
            wrong.push(format!("{}: the example needs a module and its numbers", page.name()));
            continue;
        };
        let actual = evaluate(&module.text);
        let shown = parse_numbers(&numbers.text);
        if !agree(&shown, &actual) {
            let actual: Vec<_> =
                actual.iter().map(|(name, values)| format!("{name} {values:?}")).collect();
            wrong.push(format!("{}: the numbers are\n{}", page.name(), actual.join("\n")));
        }
    }
    assert_none(wrong);
}

/// Named rows of numbers.
type Rows = Vec<(String, Vec<f64>)>;

/// The results of the function `example` by the reference interpreter: rows
/// `mean` and `variance`, or `value` for a deterministic result.
fn evaluate(module: &str) -> Rows {
    let registry = DialectRegistry::new();
    gauss_dialect::register(&registry);
    for handle in [DialectHandle::arith(), DialectHandle::func()] {
        handle.insert_dialect(&registry);
    }
    let context = Context::new();
    context.append_dialect_registry(&registry);
    context.load_all_available_dialects();
    let module = Module::parse(&context, module).expect("a valid module");
    let op = Op::from_raw(module.as_operation().to_raw());
    let program = Program::of(op, "example", &counting).expect("an example");
    let results = program.run(&[]).expect("an example without inputs");
    let row = |name: &str, values| (name.to_owned(), values);
    let rows = |tensor: Tensor| match tensor.variance {
        Some(variance) => vec![row("mean", tensor.mean), row("variance", variance)],
        None => vec![row("value", tensor.mean)],
    };
    results.into_iter().flat_map(rows).collect()
}

/// The parameters of examples: means 1, 2, …, each variance one quarter.
fn counting(_: &str, ty: &TensorType) -> Result<Tensor, String> {
    let shape: Vec<_> = ty.shape.iter().map(|&size| size.unsigned_abs() as usize).collect();
    let count: usize = shape.iter().product();
    let mean = (1..=count).map(|number| number as f64).collect();
    Ok(Tensor::new(shape, mean, ty.gaussian.then(|| vec![0.25; count])))
}

fn parse_numbers(text: &str) -> Rows {
    let row = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?.to_owned();
        Some((name, words.map(|word| word.parse().expect("a number")).collect()))
    };
    text.lines().filter_map(row).collect()
}

/// Are the shown numbers the actual ones to six digits?
fn agree(shown: &Rows, actual: &Rows) -> bool {
    let close = |(&a, &b): (&f64, &f64)| (a - b).abs() <= 6e-6 * b.abs();
    shown.len() == actual.len()
        && shown.iter().zip(actual).all(|((name, a), (other, b))| {
            name == other && a.len() == b.len() && a.iter().zip(b).all(close)
        })
}
