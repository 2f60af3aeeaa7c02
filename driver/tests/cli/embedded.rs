//! Commands and networks in the process of another program.

use std::{
    ffi::OsString,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use pfp::cli::{Answer, Cancelled, Listener, Recipe, Refused, answer};
use pfp_compiler::jit::CompiledModel;

use super::fixture::{Dir, TINY};

/// What a program is told, and whether it wants the work to end.
#[derive(Default)]
struct Program {
    lines: Mutex<Vec<String>>,
    is_cancelled: AtomicBool,
}

impl Listener for Program {
    fn say(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}

fn line(dir: &Dir, command: &str) -> Vec<OsString> {
    let path = |word: &str| match word.strip_prefix("./") {
        Some(file) => dir.path(file).into_os_string(),
        None => word.into(),
    };
    command.split_whitespace().map(path).collect()
}

#[test]
fn a_command_answers_and_tells_its_listener_the_rest() {
    let dir = Dir::tiny();
    let program = Arc::new(Program::default());
    let command = "inspect ./tiny.mlir --params ./tiny.safetensors --json --verbose";
    let Answer { text, is_accepted } = answer(line(&dir, command), program.clone()).unwrap();
    assert!(is_accepted);
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    let lines = program.lines.lock().unwrap();
    assert!(lines.iter().any(|line| line.starts_with("reading the network: ")), "{lines:?}");
}

#[test]
fn what_is_refused_says_what_to_do() {
    let dir = Dir::tiny();
    let report = |command: &str| match answer(line(&dir, command), Arc::new(Program::default())) {
        Ok(answer) => panic!("{answer:?}"),
        Err(refused) => refused.report(),
    };
    let (message, help) = report("inspect ./tiny.mlir --parms ./tiny.safetensors");
    assert_eq!(message, "unexpected argument '--parms' found");
    assert_eq!(help.as_deref(), Some("a similar argument exists: '--params'"));
    let (message, help) = report("compile ./tiny.mlir");
    assert!(message.contains("without values"), "{message}");
    assert!(help.is_some_and(|help| help.contains("--params")));
    dir.write("wrong.mlir", "func.func @f() -> tensor<1xf32> {\n  gauss.dance\n}\n");
    let (message, _) = report("compile ./wrong.mlir");
    assert!(message.contains("wrong.mlir:2:3") && !message.contains('\u{1b}'), "{message}");
}

#[test]
fn work_that_is_cancelled_unwinds() {
    let dir = Dir::tiny();
    let program = Arc::new(Program::default());
    program.is_cancelled.store(true, Ordering::Relaxed);
    let command = line(&dir, "compile ./tiny.mlir --params ./tiny.safetensors -o ./out");
    let unwound = catch_unwind(AssertUnwindSafe(|| answer(command, program)));
    assert!(unwound.is_err_and(|payload| payload.is::<Cancelled>()));
    assert!(!dir.path("out").exists());
}

#[test]
fn a_recipe_compiles_for_any_batch_what_its_files_held() {
    let dir = Dir::tiny();
    let listener = || Arc::new(Program::default());
    let command = line(&dir, "compile ./tiny.mlir --params ./tiny.safetensors");
    let recipe = Recipe::open(command, listener()).unwrap();
    assert_eq!(recipe.module(), dir.read("tiny.mlir"));
    assert_eq!(recipe.parameters(), Some(&dir.read("tiny.safetensors")[..]));
    std::fs::remove_file(dir.path("tiny.mlir")).unwrap();
    assert_eq!(recipe.items(), None);
    let model = |items| CompiledModel::new(&recipe.compile(items, listener()).unwrap()).unwrap();
    let (one, three) = (model(1), model(3));
    let input: Vec<f32> = (0..12).map(|number| number as f32 / 4.0 - 1.0).collect();
    let together = three.run(&[&input]).unwrap();
    for (item, input) in input.chunks(4).enumerate() {
        for (alone, together) in one.run(&[input]).unwrap().iter().zip(&together) {
            for (alone, together) in alone.iter().zip(&together[3 * item..]) {
                assert!((alone - together).abs() < 1e-5, "{alone} {together}");
            }
        }
    }
    let fixed = line(&dir, "compile ./fixed.mlir --params ./tiny.safetensors");
    dir.write("fixed.mlir", TINY.replace("?x", "2x"));
    let fixed = Recipe::open(fixed, listener()).unwrap();
    assert_eq!(fixed.items(), Some(2));
    let compiled = fixed.compile(7, listener()).unwrap();
    assert_eq!(compiled.function.signature.batch(), 2);
    let other = Recipe::open(line(&dir, "inspect ./tiny.mlir"), listener());
    assert!(matches!(other, Err(Refused::Usage(_))));
}
