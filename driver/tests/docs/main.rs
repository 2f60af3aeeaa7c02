//! The pages in docs/ against the code: every op and pass has a page that agrees
//! with its definition, what a page names exists, and what an example shows is
//! what the compiler gives. And the imports between files, which go one way.

mod circles;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use gauss_dialect::{
    interpreter::{Program, Tensor},
    ir::Op,
    layer::Layer,
    ops::activation::Activation,
    shape::TensorType,
};
use gauss_lowering::{passes, pipelines};
use llvm_config::Llvm;
use melior::{
    Context,
    dialect::{DialectHandle, DialectRegistry},
    ir::Module,
};
use safetensors::{Dtype, tensor::TensorView};

//===----------------------------------------------------------------------===//
// Pages
//===----------------------------------------------------------------------===//

/// A page, and where it is.
struct Page {
    path: PathBuf,
    text: String,
}

/// A fenced block of a page.
struct Block<'a> {
    language: &'a str,
    text: String,
}

impl Page {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self { path, text }
    }

    /// The path from the root of the repository.
    fn name(&self) -> String {
        self.path.strip_prefix(root()).unwrap_or(&self.path).display().to_string()
    }

    /// The heading, and the first paragraph after it.
    fn title_and_summary(&self) -> (&str, &str) {
        let mut lines = self.text.lines();
        let title = lines.next().and_then(|line| line.strip_prefix("# ")).unwrap_or_default();
        (title, lines.find(|line| !line.is_empty()).unwrap_or_default())
    }

    /// The headings of the sections.
    fn sections(&self) -> Vec<&str> {
        self.text.lines().filter_map(|line| line.strip_prefix("## ")).collect()
    }

    /// The text of a section; empty where there is none.
    fn section(&self, heading: &str) -> &str {
        let start = format!("\n## {heading}\n");
        let Some((_, rest)) = self.text.split_once(&start) else { return "" };
        rest.split("\n## ").next().unwrap_or_default()
    }

    fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks = vec![];
        let mut open: Option<Block> = None;
        for line in self.text.lines() {
            match (line.strip_prefix("```"), &mut open) {
                (Some(language), None) => open = Some(Block { language, text: String::new() }),
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (None, Some(block)) => block.text += &format!("{line}\n"),
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", self.name());
        blocks
    }

    /// Has the page a heading that this fragment of a link leads to?
    fn has_anchor(&self, anchor: &str) -> bool {
        let slug = |heading: &str| -> String {
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
        };
        let headings = self.text.lines().filter(|line| line.starts_with('#'));
        headings.map(|line| line.trim_start_matches('#').trim()).any(|title| slug(title) == anchor)
    }

    /// The text outside of fenced blocks.
    fn prose(&self) -> String {
        let mut fenced = false;
        let is_prose = |line: &&str| {
            let fence = line.starts_with("```");
            fenced ^= fence;
            !fenced && !fence
        };
        self.text.lines().filter(is_prose).collect::<Vec<_>>().join("\n")
    }

    /// What stands between backticks outside of fenced blocks.
    fn code_spans(&self) -> Vec<String> {
        let prose = self.prose();
        prose.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// The targets of links.
    fn links(&self) -> Vec<String> {
        let prose = self.prose();
        let target = |rest: &str| rest.split(')').next().map(str::to_owned);
        prose.split("](").skip(1).filter_map(target).collect()
    }
}

/// The first cells of the rows of the first table in a text, without backticks
/// and without the head of the table.
fn first_column(text: &str) -> Vec<String> {
    let rows = text.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    rows.filter_map(|row| row.split('|').nth(1))
        .map(|cell| cell.replace('`', "").trim().to_owned())
        .collect()
}

fn root() -> PathBuf {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR"));
    driver.parent().unwrap_or(driver).to_owned()
}

/// The pages of a folder, not those below it.
fn pages_in(folder: &str) -> Vec<Page> {
    let folder = root().join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    paths.sort();
    paths.into_iter().map(Page::read).collect()
}

fn all_pages() -> Vec<Page> {
    ["docs", "docs/ops", "docs/passes", "test/mlir"].into_iter().flat_map(pages_in).collect()
}

/// Panics with everything that is wrong.
#[track_caller]
fn assert_none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

//===----------------------------------------------------------------------===//
// The code
//===----------------------------------------------------------------------===//

/// What the definition says of an op.
struct OpDefinition {
    /// Without the dialect.
    name: String,
    summary: String,
    operands: Vec<String>,
    attributes: Vec<String>,
    results: Vec<String>,
}

/// The ops as TableGen documents them.
fn ops() -> Vec<OpDefinition> {
    let llvm = Llvm::find().unwrap_or_else(|missing| panic!("{missing}"));
    let output = Command::new(llvm.tool("mlir-tblgen"))
        .arg("-gen-op-doc")
        .arg("-I")
        .arg(llvm.include_dir())
        .arg(root().join("dialect/td/Gauss.td"))
        .output()
        .expect("mlir-tblgen");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let ops: Vec<_> = text.split("\n### `gauss.").skip(1).map(parse_op).collect();
    assert!(ops.len() > 10, "mlir-tblgen documents {} ops", ops.len());
    ops
}

fn parse_op(text: &str) -> OpDefinition {
    let name = text.split('`').next().unwrap_or_default().to_owned();
    let emphasised = |line: &str| Some(line.strip_prefix('_')?.strip_suffix('_')?.to_owned());
    let summary = text.lines().find_map(emphasised).unwrap_or_default();
    let table = |heading: &str| {
        text.split_once(heading).map(|(_, rest)| first_column(rest)).unwrap_or_default()
    };
    let attribute = |row: &str| Some(row.split_once("<code>")?.1.split_once('<')?.0.to_owned());
    OpDefinition {
        name,
        summary,
        operands: table("#### Operands:\n"),
        results: table("#### Results:\n"),
        attributes: text
            .lines()
            .filter(|line| line.starts_with("<tr><td>"))
            .filter_map(attribute)
            .collect(),
    }
}

/// Name, description and options of every pass and pipeline.
fn steps() -> Vec<(&'static str, &'static str, &'static [&'static str])> {
    let passes = passes::ALL.iter().map(|pass| (pass.name, pass.description, pass.options));
    let pipelines = pipelines::ALL.iter().map(|line| (line.name, line.description, line.options));
    passes.chain(pipelines).collect()
}

fn path_of_tools() -> String {
    let pfp_opt = Path::new(env!("CARGO_BIN_EXE_pfp-opt"));
    let ours = pfp_opt.parent().unwrap_or(pfp_opt).display();
    format!("{ours}:{}", env::var("PATH").unwrap_or_default())
}

/// What a command prints; panics where it fails.
fn shell(command: &str, folder: &Path) -> String {
    let output = Command::new("bash")
        .args(["-o", "pipefail", "-c", command])
        .env("PATH", path_of_tools())
        .current_dir(folder)
        .output()
        .expect("bash");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "$ {command}\n{errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A new folder for the files of a test.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs").join(name);
    fs::create_dir_all(&folder).expect("a folder for scratch files");
    folder
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

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
        let mut compare = |what: &str, page_says: String, code_says: String| {
            if page_says != code_says {
                wrong.push(format!(
                    "{}: {what}\n  page: {page_says}\n  code: {code_says}",
                    page.name()
                ));
            }
        };
        let (title, summary) = page.title_and_summary();
        compare("title", title.into(), format!("gauss.{}", op.name));
        compare("summary", summary.into(), format!("{}.", op.summary));
        compare("sections", page.sections().join(", "), SECTIONS.join(", "));
        let names = |section| first_column(page.section(section)).join(", ");
        compare("inputs", names("Inputs"), op.operands.join(", "));
        compare("outputs", names("Outputs"), op.results.join(", "));
        compare("attributes", names("Attributes"), op.attributes.join(", "));
    }
    assert_none(wrong);
}

#[test]
fn op_examples_give_the_numbers_that_they_show() {
    let mut wrong = vec![];
    for page in pages_in("docs/ops") {
        let example = Page { path: page.path.clone(), text: page.section("Example").to_owned() };
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
    Ok(Tensor { shape, mean, variance: ty.gaussian.then(|| vec![0.25; count]) })
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

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

#[test]
fn every_pass_has_a_page() {
    let steps: BTreeSet<_> =
        steps().into_iter().map(|(name, ..)| format!("docs/passes/{name}.md")).collect();
    let pages: BTreeSet<_> = pages_in("docs/passes").iter().map(Page::name).collect();
    assert_eq!(steps, pages);
}

#[test]
fn pass_pages_agree_with_the_code() {
    let mut wrong = vec![];
    for (name, description, options) in steps() {
        let page = Page::read(root().join(format!("docs/passes/{name}.md")));
        let mut compare = |what: &str, page_says: String, code_says: String| {
            if page_says != code_says {
                wrong.push(format!(
                    "{}: {what}\n  page: {page_says}\n  code: {code_says}",
                    page.name()
                ));
            }
        };
        let (title, summary) = page.title_and_summary();
        compare("title", title.into(), format!("--{name}"));
        compare("summary", summary.into(), format!("{description}."));
        let sections = match options {
            [] => "What it does, Refuses, Example",
            _ => "What it does, Options, Refuses, Example",
        };
        compare("sections", page.sections().join(", "), sections.into());
        compare("options", first_column(page.section("Options")).join(", "), options.join(", "));
    }
    assert_none(wrong);
}

/// An example is a module, a command that reads it as net.mlir, and lines of what
/// the command prints, in order; `...` stands for any lines.
#[test]
fn pass_examples_print_what_they_show() {
    let parameters = root().join("test/mlir/passes/gauss-load-parameters/Inputs/ok.safetensors");
    let mut wrong = vec![];
    for page in pages_in("docs/passes") {
        let example = Page { path: page.path.clone(), text: page.section("Example").to_owned() };
        let blocks = example.blocks();
        let languages: Vec<_> = blocks.iter().map(|block| block.language).collect();
        if languages != ["mlir", "sh", "mlir"] {
            wrong.push(format!("{}: the example has blocks {languages:?}", page.name()));
            continue;
        }
        let folder = scratch(&page.name().replace('/', "-"));
        fs::write(folder.join("net.mlir"), &blocks[0].text).expect("a scratch file");
        fs::copy(&parameters, folder.join("net.safetensors")).expect("a scratch file");
        let printed = shell(&blocks[1].text, &folder);
        let mut lines = printed.lines();
        let shown = blocks[2].text.lines().map(str::trim);
        let missing = shown
            .filter(|line| !line.is_empty() && *line != "...")
            .find(|shown| !lines.any(|line| line.contains(shown)));
        if let Some(missing) = missing {
            wrong.push(format!("{}: not printed: {missing}\n{printed}", page.name()));
        }
    }
    assert_none(wrong);
}

//===----------------------------------------------------------------------===//
// The tutorial
//===----------------------------------------------------------------------===//

/// A part of the tutorial under a heading of any level, up to the next one.
fn tutorial(heading: &str) -> Page {
    let tutorial = Page::read(root().join("docs/tutorial.md"));
    let (_, text) = tutorial
        .text
        .split_once(&format!("# {heading}\n"))
        .unwrap_or_else(|| panic!("the tutorial has no part '{heading}'"));
    let heading = |line: &&str| !["## ", "### "].iter().any(|mark| line.starts_with(mark));
    let text = text.lines().take_while(heading).map(|line| format!("{line}\n")).collect();
    Page { path: tutorial.path, text }
}

/// Parameters of the network of the tutorial.
fn classifier_parameters() -> Vec<u8> {
    let tensor = |name: &str, shape: &[usize], value: f32| {
        let count = shape.iter().product();
        let bytes: Vec<u8> = vec![value.to_le_bytes(); count].concat();
        (name.to_owned(), shape.to_vec(), bytes)
    };
    let tensors = [
        tensor("fc1.weight.mean", &[16, 4], 0.25),
        tensor("fc1.weight.var", &[16, 4], 0.01),
        tensor("fc1.bias.mean", &[16], 0.0),
        tensor("fc1.bias.var", &[16], 0.01),
        tensor("fc2.weight.mean", &[3, 16], 0.25),
        tensor("fc2.weight.var", &[3, 16], 0.01),
        tensor("fc2.bias", &[3], 0.0),
    ];
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name, TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a tensor"))
    });
    safetensors::serialize(views, None).expect("a parameter file")
}

/// The application is outside of the repository, beside a copy of the runtime alone.
#[test]
fn the_rust_application_of_the_tutorial_runs_anywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let runtime = root().join("runtime");
    shell(&format!("cp -r {} pfp-runtime", runtime.display()), folder.path());
    fs::create_dir_all(path("app/src")).expect("a folder");
    let (network, part) = (tutorial("The network"), tutorial("A Rust application"));
    let network = network.blocks().remove(0).text;
    let blocks = part.blocks();
    let of = |language: &str| -> Vec<&str> {
        let blocks = blocks.iter().filter(|block| block.language == language);
        blocks.map(|block| block.text.as_str()).collect()
    };
    let [manifest] = of("toml")[..] else { panic!("one Cargo.toml") };
    let [build, main] = of("rust")[..] else { panic!("build.rs and main.rs") };
    let manifest = manifest.replace("/path/to/pfp/runtime", "../pfp-runtime");
    for (name, text) in [
        ("app/Cargo.toml", manifest.as_str()),
        ("app/build.rs", build),
        ("app/src/main.rs", main),
        ("app/classifier.mlir", &network),
    ] {
        fs::write(path(name), text).expect("a file");
    }
    fs::write(path("app/classifier.safetensors"), classifier_parameters()).expect("a file");
    let cargo =
        "unset RUSTC_WORKSPACE_WRAPPER RUSTFLAGS; cargo run -q --offline --target-dir ../out";
    let printed = shell(cargo, &path("app"));
    assert!(printed.contains("Uncertainty { total: 1.0"), "{printed}");
}

#[test]
fn the_runtime_has_the_release_of_the_workspace() {
    let manifest = |name: &str| fs::read_to_string(root().join(name)).expect("a manifest");
    let (workspace, runtime) = (manifest("Cargo.toml"), manifest("runtime/Cargo.toml"));
    let of = |text: &str, section: &str| -> BTreeSet<String> {
        let (_, rest) = text.split_once(section).unwrap_or_else(|| panic!("no {section}"));
        let keys = ["version", "edition", "rust-version", "license"];
        let lines = rest.lines().skip(1).take_while(|line| !line.starts_with('['));
        let of_key = |line: &&str| keys.contains(&line.split(' ').next().unwrap_or_default());
        lines.filter(of_key).map(str::to_owned).collect()
    };
    assert_eq!(of(&workspace, "[workspace.package]"), of(&runtime, "[package]"));
    for lint in ["unsafe_op_in_unsafe_fn = \"deny\"", "undocumented_unsafe_blocks = \"deny\""] {
        assert!(workspace.contains(lint) && runtime.contains(lint), "{lint}");
    }
}

/// What the scripts import, as far as they come before they give up or save.
const STUBS: [(&str, &str); 8] = [
    ("torch/__init__.py", "import json\ndef load(path, **_): return json.load(open(path))\n"),
    ("torch/nn/__init__.py", ""),
    ("torch/nn/functional.py", "softplus = None\n"),
    ("safetensors/__init__.py", ""),
    ("safetensors/torch.py", "def save_file(tensors, path): open(path, 'w').write('saved')\n"),
    ("safetensors/numpy.py", "from .torch import save_file\n"),
    ("numpy.py", ""),
    (
        "pyro.py",
        "import json\nclass Store(dict):\n    def load(self, path, **_): \
         self.update(json.load(open(path)))\ndef get_param_store(): return Store()\n",
    ),
];

/// Where no parameter has the names that a script looks for, it says so and writes nothing.
#[test]
fn exports_that_find_nothing_fail() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("SKIPPED: python3 is not installed (apt-get install python3)");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in STUBS {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder.path())).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    fs::write(folder.path().join("net.pt"), r#"{"layer.weight": 1}"#).expect("a file");
    for part in ["PyTorch", "Pyro", "NumPyro"] {
        let part = tutorial(part);
        let blocks = part.blocks();
        let script = blocks.iter().find(|block| block.language == "python").expect("a script");
        let given = "class svi_result: params = {'layer.weight': 1}\n";
        fs::write(folder.path().join("export.py"), format!("{given}{}", script.text))
            .expect("a file");
        let output = Command::new("python3").arg("export.py").current_dir(folder.path()).output();
        let output = output.expect("python3");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{}", script.text);
        let last = errors.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("no parameter is called ") && last.contains("layer.weight"),
            "{errors}"
        );
        assert!(!folder.path().join("net.safetensors").exists(), "{}", script.text);
    }
}

//===----------------------------------------------------------------------===//
// What pages name
//===----------------------------------------------------------------------===//

#[test]
fn what_pages_name_exists() {
    let ops: BTreeSet<_> = ops().into_iter().map(|op| format!("gauss.{}", op.name)).collect();
    let also = [
        "gauss.tensor",
        "gauss.arena_bytes",
        "gauss.arena_plan",
        "gauss.carried",
        "gauss.dispatch",
        "gauss.kernels",
        "gauss.cube",
        "gauss.tasks",
        "gauss.within_item",
        "gauss.x",
    ];
    let flags = known_flags();
    let mut wrong = vec![];
    for page in all_pages() {
        for span in page.code_spans() {
            let words = span.split([' ', '\'', '(', ')', '"', ',', '%', '!', '<']);
            for word in words.flat_map(|word| word.split('=').next()) {
                let is_op = word.starts_with("gauss.") && word.len() > "gauss.".len();
                if is_op && !ops.contains(word) && !also.contains(&word) {
                    wrong.push(format!("{}: no op '{word}'", page.name()));
                }
                if word.len() > 2 && word.starts_with("--") && !flags.contains(word) {
                    wrong.push(format!("{}: no option '{word}'", page.name()));
                }
            }
            // What a reader of the page makes.
            let is_made = span.contains("cube");
            if is_path(&span) && !is_made && !root().join(&span).exists() {
                wrong.push(format!("{}: no file '{span}'", page.name()));
            }
        }
        for link in page.links().into_iter().filter(|link| !link.starts_with("http")) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let folder = page.path.parent().unwrap_or(&page.path);
            let target = if file.is_empty() { page.path.clone() } else { folder.join(file) };
            let has_anchor = || anchor.is_empty() || Page::read(target.clone()).has_anchor(anchor);
            if !target.exists() || !has_anchor() {
                wrong.push(format!("{}: a link to nothing: {link}", page.name()));
            }
        }
    }
    assert_none(wrong);
}

/// Is this the path of a file or folder of the repository?
fn is_path(text: &str) -> bool {
    const FOLDERS: [&str; 10] = [
        "compiler/",
        "dialect/",
        "docs/",
        "driver/",
        "evaluate/",
        "examples/",
        "import/",
        "llvm-config/",
        "lowering/",
        "runtime/",
    ];
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let below =
        FOLDERS.iter().any(|folder| text.starts_with(folder)) || text.starts_with("test/mlir");
    below && text.chars().all(is_name) && !text.contains("NAME")
}

/// Every option of pfp-opt and pfp, and those of other tools that pages use.
fn known_flags() -> BTreeSet<String> {
    let mut flags: BTreeSet<String> = [
        "--add-architecture",
        "--release",
        "--bin",
        "--test",
        "--dump-input",
        "--no-show-raw-insn",
        "--nocapture",
        "--implicit-check-not",
        "--mlir-to-llvmir",
    ]
    .map(str::to_owned)
    .into();
    let pfp = env!("CARGO_BIN_EXE_pfp");
    let mut commands = vec!["pfp-opt --help-hidden".to_owned(), format!("{pfp} --help")];
    commands.extend(
        ["compile", "run", "check", "calibrate", "inspect", "eval", "bench", "demo"]
            .map(|c| format!("{pfp} {c} --help")),
    );
    for command in commands {
        let help = shell(&command, &root());
        let words = help.split(|c: char| c.is_whitespace() || c == '=' || c == ',' || c == '`');
        flags.extend(words.filter(|word| word.starts_with("--")).map(str::to_owned));
    }
    flags
}

#[test]
fn modules_in_pages_are_valid() {
    let mut wrong = vec![];
    let folder = scratch("modules");
    for page in pages_in("docs") {
        for (number, block) in page.blocks().iter().enumerate() {
            if block.language == "mlir" {
                let file = folder.join(format!("{}-{number}.mlir", page.name().replace('/', "-")));
                fs::write(&file, &block.text).expect("a scratch file");
                let output = Command::new(env!("CARGO_BIN_EXE_pfp-opt")).arg(&file).output();
                let output = output.expect("pfp-opt");
                if !output.status.success() {
                    let errors = String::from_utf8_lossy(&output.stderr);
                    wrong.push(format!("{}: {errors}", page.name()));
                }
            }
        }
    }
    assert_none(wrong);
}

#[test]
fn the_entry_page_links_every_page() {
    let entry = Page::read(root().join("docs/README.md"));
    let links: BTreeSet<_> = entry.links().into_iter().map(|link| format!("docs/{link}")).collect();
    let pages = ["docs", "docs/ops", "docs/passes"].into_iter().flat_map(pages_in);
    let missing = pages.map(|page| page.name()).filter(|name| name != "docs/README.md");
    let missing = missing.filter(|name| !links.contains(name));
    assert_none(missing.map(|name| format!("docs/README.md does not link {name}")).collect());
}

#[test]
fn the_status_table_has_a_row_for_every_op() {
    let page = Page::read(root().join("docs/dialect.md"));
    let row = |cell: String| cell.trim_start_matches('[').split(']').next().map(str::to_owned);
    let rows: BTreeSet<_> =
        first_column(page.section("Status")).into_iter().filter_map(row).collect();
    let ops: BTreeSet<_> = ops().into_iter().map(|op| format!("gauss.{}", op.name)).collect();
    assert_eq!(rows, ops);
}

/// Each invariant names tests, functions or files that exist, or says that it is
/// left to review.
#[test]
fn invariants_name_what_keeps_them() {
    let page = Page::read(root().join("docs/architecture.md"));
    let functions = functions_below(&root());
    let mut rows = 0;
    let mut wrong = vec![];
    for row in page.section("Invariants").lines().filter(|line| line.starts_with('|')).skip(2) {
        let mut cells = row.split('|').skip(1);
        let (invariant, kept_by) = (cells.next().unwrap_or(""), cells.next().unwrap_or(""));
        let names: Vec<_> = kept_by.split('`').skip(1).step_by(2).collect();
        let is_known = |name: &str| functions.contains(name) || root().join(name).exists();
        for name in names.iter().filter(|name| !name.contains(' ') && !is_known(name)) {
            wrong.push(format!("no '{name}', which keeps:{invariant}"));
        }
        if names.is_empty() && !kept_by.contains("review") {
            wrong.push(format!("nothing keeps:{invariant}"));
        }
        rows += 1;
    }
    assert!(rows > 5, "the table of invariants has {rows} rows");
    assert_none(wrong);
}

/// The names of all Rust functions in the sources below a folder.
fn functions_below(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        let skipped = ["target", ".git", "snapshots"].iter().any(|name| path.ends_with(name));
        if path.is_dir() && !skipped {
            names.extend(functions_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let rests =
                text.lines().filter_map(|line| line.split_once("fn ").map(|(_, rest)| rest));
            names.extend(rests.filter_map(|rest| rest.split(['(', '<']).next()).map(str::to_owned));
        }
    }
    names
}

//===----------------------------------------------------------------------===//
// The table of operators
//===----------------------------------------------------------------------===//

/// What is known of an op beyond its definition: ranks, how its moments come about, into what its
/// loop is fused, and the ONNX ops that it stands for.
struct Operator(&'static str, &'static str, &'static str, &'static str, &'static str);

const ANY: &str = "any";
const EXACT: &str = "exact for an element";
const QUADRATURE: &str = "quadrature";
const EXPANDED: &str = "Taylor polynomial of degree 2";
const COMPOSED: &str = "those of its parts";
const MOVED: &str = "exact";
const EPILOGUE: &str = "the loop before";
const OWN: &str = "its own loop";
const VIEW: &str = "no loop";

#[rustfmt::skip]
const OPERATORS: &[Operator] = &[
    Operator("dense", "2", "exact for independent operands", "tiled, with what follows", "Gemm, MatMul"),
    Operator("conv1d", "3", "exact for independent operands", "tiled, with what follows", "Conv"),
    Operator("conv2d", "4", "exact for independent operands", "tiled, with what follows", "Conv"),
    Operator("conv3d", "5", "exact for independent operands", "tiled, with what follows", "Conv"),
    Operator("conv_transpose1d", "3", "exact for independent operands", "tiled, with what follows", "ConvTranspose"),
    Operator("conv_transpose2d", "4", "exact for independent operands", "tiled, with what follows", "ConvTranspose"),
    Operator("conv_transpose3d", "5", "exact for independent operands", "tiled, with what follows", "ConvTranspose"),
    Operator("matmul", "2 and more", "exact for independent elements", "tiled, with what follows", "MatMul, Gemm"),
    Operator("batch_norm", "2 and more", EXACT, "the weights, or the loop before", "BatchNormalization"),
    Operator("layer_norm", "1 and more", EXPANDED, OWN, "LayerNormalization"),
    Operator("rms_norm", "1 and more", EXPANDED, OWN, "RMSNormalization"),
    Operator("group_norm", "2 and more", EXPANDED, OWN, "GroupNormalization"),
    Operator("instance_norm", "2 and more", EXPANDED, OWN, "InstanceNormalization"),
    Operator("add", ANY, "exact for independent operands", EPILOGUE, "Add, Sum"),
    Operator("sub", ANY, "exact for independent operands", EPILOGUE, "Sub"),
    Operator("mul", ANY, "exact for independent operands", EPILOGUE, "Mul"),
    Operator("div", ANY, EXACT, EPILOGUE, "Div"),
    Operator("prelu", ANY, EXACT, EPILOGUE, "PRelu"),
    Operator("relu", ANY, EXACT, EPILOGUE, "Relu"),
    Operator("leaky_relu", ANY, EXACT, EPILOGUE, "LeakyRelu"),
    Operator("clip", ANY, EXACT, EPILOGUE, "Clip"),
    Operator("hard_sigmoid", ANY, EXACT, EPILOGUE, "HardSigmoid"),
    Operator("hard_swish", ANY, EXACT, EPILOGUE, "HardSwish, Mul by HardSigmoid"),
    Operator("elu", ANY, EXACT, EPILOGUE, "Elu"),
    Operator("celu", ANY, EXACT, EPILOGUE, "Celu"),
    Operator("selu", ANY, EXACT, EPILOGUE, "Selu with its default constants"),
    Operator("abs", ANY, EXACT, EPILOGUE, "Abs"),
    Operator("square", ANY, EXACT, EPILOGUE, "Mul of a value by itself, Pow 2"),
    Operator("exp", ANY, EXACT, EPILOGUE, "Exp"),
    Operator("sin", ANY, EXACT, EPILOGUE, "Sin"),
    Operator("sign", ANY, EXACT, EPILOGUE, "Sign"),
    Operator("heaviside", ANY, EXACT, EPILOGUE, "-"),
    Operator("sigmoid", ANY, QUADRATURE, EPILOGUE, "Sigmoid"),
    Operator("tanh", ANY, QUADRATURE, EPILOGUE, "Tanh"),
    Operator("silu", ANY, QUADRATURE, EPILOGUE, "Mul of Sigmoid, Swish"),
    Operator("gelu", ANY, QUADRATURE, EPILOGUE, "Gelu"),
    Operator("mish", ANY, QUADRATURE, EPILOGUE, "Mish"),
    Operator("softplus", ANY, QUADRATURE, EPILOGUE, "Softplus"),
    Operator("dropout", ANY, EXACT, EPILOGUE, "Dropout in training mode"),
    Operator("noise", ANY, EXACT, EPILOGUE, "Add of RandomNormalLike"),
    Operator("max_pool1d", "3", "a chain of maxima of two, each refitted", OWN, "MaxPool"),
    Operator("max_pool2d", "4", "a chain of maxima of two, each refitted", OWN, "MaxPool"),
    Operator("max_pool3d", "5", "a chain of maxima of two, each refitted", OWN, "MaxPool"),
    Operator("global_max_pool", "3 and more", "a chain of maxima of two, each refitted", OWN, "GlobalMaxPool"),
    Operator("avg_pool1d", "3", "exact for independent elements", OWN, "AveragePool"),
    Operator("avg_pool2d", "4", "exact for independent elements", OWN, "AveragePool"),
    Operator("avg_pool3d", "5", "exact for independent elements", OWN, "AveragePool"),
    Operator("reduce_sum", ANY, "exact for independent elements", OWN, "ReduceSum"),
    Operator("reduce_mean", ANY, "exact for independent elements", OWN, "ReduceMean, GlobalAveragePool"),
    Operator("transpose", ANY, MOVED, OWN, "Transpose"),
    Operator("slice", ANY, MOVED, OWN, "Slice, Split"),
    Operator("concat", ANY, MOVED, OWN, "Concat"),
    Operator("pad", ANY, MOVED, OWN, "Pad"),
    Operator("expand", ANY, MOVED, OWN, "Expand"),
    Operator("upsample", ANY, MOVED, OWN, "Resize, Upsample"),
    Operator("gather", ANY, MOVED, OWN, "Gather of constant indices"),
    Operator("embedding", ANY, MOVED, OWN, "Gather of rows by a computed tensor"),
    Operator("resize", ANY, "exact for independent elements", OWN, "Resize, linear"),
    Operator("reshape", ANY, MOVED, VIEW, "Reshape, Squeeze, Unsqueeze"),
    Operator("flatten", "1 and more", MOVED, VIEW, "Flatten"),
    Operator("blend", ANY, "exact for independent operands", EPILOGUE, "-"),
    Operator("attention_weights", "2 and more", "log-odds, quadrature", OWN, "Softmax within a network"),
    Operator("attention", "2 and more", COMPOSED, OWN, "Attention"),
    Operator("lstm", "3", COMPOSED, OWN, "LSTM"),
    Operator("gru", "3", COMPOSED, OWN, "GRU"),
    Operator("softmax", "2", "by the method", OWN, "Softmax at the end"),
    Operator("uncertainty", "2", "by the method", OWN, "-"),
    Operator("decide", "2", "exact", OWN, "-"),
    Operator("binary_probability", "2", "a mixture of 19 Gaussians", OWN, "Sigmoid at the end"),
    Operator("binary_uncertainty", "2", "a mixture of 19 Gaussians", OWN, "-"),
    Operator("binary_decide", "2", "exact", OWN, "-"),
    Operator("interval", ANY, "exact", OWN, "-"),
    Operator("parameter", ANY, "-", VIEW, "an initialiser"),
    Operator("constant", ANY, "-", VIEW, "an initialiser"),
    Operator("make", ANY, "-", VIEW, "-"),
    Operator("mean", ANY, "-", VIEW, "-"),
    Operator("variance", ANY, "-", VIEW, "-"),
];

/// The ops that read moments, which a forward pass does not have.
const OF_MOMENTS: [&str; 8] = [
    "binary_decide",
    "binary_probability",
    "binary_uncertainty",
    "decide",
    "interval",
    "mean",
    "softmax",
    "uncertainty",
];

fn table_of_operators() -> String {
    let known = ops();
    let names: BTreeSet<_> = known.iter().map(|op| op.name.as_str()).collect();
    let listed: BTreeSet<_> = OPERATORS.iter().map(|operator| operator.0).collect();
    assert_eq!(names, listed, "OPERATORS has not the ops of the definition");
    let quadrature: BTreeSet<_> =
        OPERATORS.iter().filter(|operator| operator.2 == QUADRATURE).map(|o| o.0).collect();
    assert!(quadrature.iter().all(|name| Activation::NAMES.contains(name)), "{quadrature:?}");
    let mut table = "| op | ranks | modes | moments | fused into | ONNX ops that it stands for |\n\
                     |---|---|---|---|---|---|\n"
        .to_owned();
    for Operator(name, ranks, moments, fused, onnx) in OPERATORS {
        let modes = match OF_MOMENTS.contains(name) || *name == "variance" {
            true => "moments",
            false => "moments, mean, sample, presampled",
        };
        table += &format!(
            "| [`gauss.{name}`](ops/{name}.md) | {ranks} | {modes} | [{moments}](ops/{name}.md#numerics) \
             | {fused} | {onnx} |\n"
        );
    }
    table
}

#[test]
fn the_table_of_operators_is_generated() {
    let page = Page::read(root().join("docs/operators.md"));
    let (before, rest) = page.text.split_once("| op |").expect("a table");
    let after = rest.rsplit_once("|\n").map_or("", |(_, after)| after);
    let generated = format!("{before}{}{after}", table_of_operators());
    if env::var_os("PFP_UPDATE_DOCS").is_some() {
        fs::write(&page.path, generated).expect("a page that can be written");
        return;
    }
    assert!(
        page.text == generated,
        "docs/operators.md is not what the code says; write it again with\n\n    PFP_UPDATE_DOCS=1 \
         cargo test --release -p pfp --test docs -- the_table_of_operators\n"
    );
}
