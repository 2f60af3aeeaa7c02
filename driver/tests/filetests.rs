//! Tests in MLIR text: every `.mlir` file in test/mlir runs the commands of its
//! `// RUN:` lines. test/mlir/README.md says how to write one.

use std::{
    env, fs,
    num::NonZero,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Mutex,
    thread,
    time::Duration,
};

use llvm_config::Llvm;

/// Only files whose path contains the value of this variable run.
const FILTER: &str = "PFP_FILETEST";

/// What a file may take at most.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// Files in folders of this name are read by tests, and are none themselves.
const INPUTS: &str = "Inputs";

#[test]
fn file_tests() {
    let filter = env::var(FILTER).unwrap_or_default();
    let root = test_folder();
    let mut files = files_in(&root);
    files.retain(|file| file.to_string_lossy().contains(&filter));
    assert!(!files.is_empty(), "no file in {} has '{filter}' in its path", root.display());
    let tools = Tools::find();
    let failures = run_all(&files, &tools);
    assert!(
        failures.is_empty(),
        "{}\n{} of {} file tests failed. One alone, by a part of its path:\n\n    \
         {FILTER}=NAME cargo test --release -p pfp --test filetests file_tests\n",
        failures.join("\n"),
        failures.len(),
        files.len()
    );
    println!("{} file tests passed", files.len());
}

/// The steps of the compiler, as `--help` lists them, have a folder each.
#[test]
fn every_pass_has_an_example() {
    let tools = Tools::find();
    let help = tools.shell("pfp-opt --help");
    let help = String::from_utf8_lossy(&help.stdout);
    let flag = |line: &str| {
        let name = line.trim_start().strip_prefix("--")?.split([' ', '=']).next()?;
        (name.starts_with("gauss-") || name == "lower-gauss").then(|| name.to_owned())
    };
    let names: Vec<_> = help.lines().filter_map(flag).collect();
    assert!(names.len() > 3, "pfp-opt --help lists no passes:\n{help}");
    for name in names {
        let pass = test_folder().join("passes").join(&name).join("example.mlir");
        let pipeline = test_folder().join("pipelines").join(&name).with_extension("mlir");
        assert!(
            pass.exists() || pipeline.exists(),
            "--{name} has no {} and no {}",
            pass.display(),
            pipeline.display()
        );
    }
}

/// Whole outputs, where a pattern would say less than the text.
mod snapshots {
    use super::{Tools, test_folder};

    /// Compares what pfp-opt prints for a file with the snapshot of this name.
    fn check(name: &str, file: &str, options: &str) {
        let file = test_folder().join(file);
        let command = format!("pfp-opt '{}' {options}", file.display());
        let output = Tools::find().shell(&command);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "$ {command}\n{errors}");
        let mut settings = insta::Settings::clone_current();
        settings.set_omit_expression(true);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_description(format!(
            "pfp-opt {options}\nIf the new text is right, accept it with\n\n    \
             INSTA_UPDATE=always cargo test --release -p pfp --test filetests snapshots\n"
        ));
        settings.bind(|| {
            insta::assert_snapshot!(name, String::from_utf8_lossy(&output.stdout));
        });
    }

    #[test]
    fn assembly() {
        check("assembly", "dialect/roundtrip.mlir", "");
    }

    #[test]
    fn lower_gauss_dense() {
        check("lower-gauss-dense", "passes/lower-gauss/Inputs/dense.mlir", "--lower-gauss");
    }

    #[test]
    fn lower_gauss_relu() {
        check("lower-gauss-relu", "passes/lower-gauss/Inputs/relu.mlir", "--lower-gauss");
    }

    #[test]
    fn plan_arena() {
        check(
            "gauss-plan-arena",
            "passes/gauss-plan-arena/example.mlir",
            "--gauss-plan-arena --allow-unregistered-dialect",
        );
    }
}

fn test_folder() -> PathBuf {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR"));
    driver.parent().unwrap_or(driver).join("test/mlir")
}

/// The test files below a folder, sorted.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    let below = |path: PathBuf| match path.is_dir() {
        true if path.ends_with(INPUTS) => vec![],
        true => files_in(&path),
        false if path.extension().is_some_and(|extension| extension == "mlir") => vec![path],
        false => vec![],
    };
    paths.into_iter().flat_map(below).collect()
}

/// Where the commands of RUN lines are found.
struct Tools {
    /// The value of PATH: pfp-opt, then LLVM's tools, then the system's.
    path: String,
    /// Where the shared libraries of mlir-runner are.
    libraries: PathBuf,
    /// For the files that tests write.
    scratch: PathBuf,
}

impl Tools {
    fn find() -> Self {
        let llvm = Llvm::find().unwrap_or_else(|missing| panic!("{missing}"));
        let pfp_opt = Path::new(env!("CARGO_BIN_EXE_pfp-opt"));
        let ours = pfp_opt.parent().unwrap_or(pfp_opt).display();
        let system = env::var("PATH").unwrap_or_default();
        Self {
            path: format!("{ours}:{}:{system}", llvm.prefix().join("bin").display()),
            libraries: llvm.prefix().join("lib"),
            scratch: Path::new(env!("CARGO_TARGET_TMPDIR")).join("filetests"),
        }
    }

    /// Runs a command line; every part of a pipe must succeed.
    fn shell(&self, command: &str) -> Output {
        let limit = TIME_LIMIT.as_secs().to_string();
        Command::new("timeout")
            .args([&limit, "bash", "-o", "pipefail", "-c", command])
            .env("PATH", &self.path)
            .output()
            .expect("timeout and bash")
    }
}

/// Runs files side by side; the failures in the order of the files.
fn run_all(files: &[PathBuf], tools: &Tools) -> Vec<String> {
    let waiting = Mutex::new(files.iter().enumerate());
    let failures = Mutex::new(vec![]);
    let take = || waiting.lock().expect("no thread panics").next();
    let work = || {
        while let Some((number, file)) = take() {
            if let Err(failure) = run_file(file, tools) {
                failures.lock().expect("no thread panics").push((number, failure));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
    let mut failures = failures.into_inner().expect("no thread panics");
    failures.sort();
    failures.into_iter().map(|(_, failure)| failure).collect()
}

/// Runs one file; an error shows the command that failed and what it printed.
fn run_file(file: &Path, tools: &Tools) -> Result<(), String> {
    let name = file.strip_prefix(test_folder()).unwrap_or(file).display().to_string();
    let text = fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
    let commands = run_lines(&text);
    if commands.is_empty() {
        return Err(format!("{name}: has no RUN line"));
    }
    let scratch = tools.scratch.join(name.replace('/', "-"));
    // What an earlier run has left must not help this one.
    if scratch.exists() {
        fs::remove_dir_all(&scratch).map_err(|error| format!("{name}: {error}"))?;
    }
    fs::create_dir_all(&scratch).map_err(|error| format!("{name}: {error}"))?;
    for command in commands {
        let command = substitute(&command, file, &scratch, &tools.libraries);
        let output = tools.shell(&command);
        if !output.status.success() {
            return Err(report(&name, &command, &output, tools));
        }
    }
    Ok(())
}

/// The commands of a file. A line that ends in `\` goes on in the next.
fn run_lines(text: &str) -> Vec<String> {
    let mut commands: Vec<String> = vec![];
    let mut unfinished = false;
    for line in text.lines() {
        let Some(part) = line.trim_start().strip_prefix("// RUN:") else { continue };
        let (part, goes_on) = match part.trim().strip_suffix('\\') {
            Some(part) => (part.trim_end(), true),
            None => (part.trim(), false),
        };
        match commands.last_mut() {
            Some(last) if unfinished => *last = format!("{last} {part}"),
            _ => commands.push(part.to_owned()),
        }
        unfinished = goes_on;
    }
    commands
}

/// Puts paths in the place of `%s`, `%S`, `%t` and `%{lib}`.
fn substitute(command: &str, file: &Path, scratch: &Path, libraries: &Path) -> String {
    let folder = file.parent().unwrap_or(file);
    command
        .replace("%{lib}", &libraries.display().to_string())
        .replace("%s", &file.display().to_string())
        .replace("%S", &folder.display().to_string())
        .replace("%t", &scratch.join("t").display().to_string())
}

fn report(name: &str, command: &str, output: &Output, tools: &Tools) -> String {
    let status = match output.status.code() {
        Some(124) => format!("took longer than {} s", TIME_LIMIT.as_secs()),
        _ => output.status.to_string(),
    };
    let path = tools.path.split(':').take(2).collect::<Vec<_>>().join(":");
    format!(
        "---- {name}: {status}\nPATH={path}:$PATH; set -o pipefail\n{command}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn a_run_line_goes_on_after_a_backslash() {
    let text = "// RUN: one \\\n// RUN:   two\nfunc.func @f()\n  // RUN: three\n";
    assert_eq!(run_lines(text), ["one two", "three"]);
}

#[test]
fn substitutions_are_paths() {
    let command =
        substitute("x %s %S/y %t.o %{lib}/z", "/a/b.mlir".as_ref(), "/s".as_ref(), "/l".as_ref());
    assert_eq!(command, "x /a/b.mlir /a/y /s/t.o /l/z");
}

#[test]
fn a_failure_shows_command_and_output() {
    let tools = Tools::find();
    let output = tools.shell("echo seen; false | true");
    let message = report("a.mlir", "echo seen; false | true", &output, &tools);
    assert!(!output.status.success(), "{message}");
    assert!(message.contains("echo seen; false | true\nseen\n"), "{message}");
}
