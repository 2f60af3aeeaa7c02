//! What pages name: ops, options, files, links, modules, tests.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use super::{
    code::{ops, scratch, shell},
    page::{Page, all_pages, assert_none, first_column, pages_in, root},
};

#[test]
fn what_pages_name_exists() {
    let ops: BTreeSet<_> = ops().into_iter().map(|op| format!("gauss.{}", op.name)).collect();
    let also = [
        "gauss.tensor",
        "gauss.arena_bytes",
        "gauss.arena_plan",
        "gauss.buffer_arguments",
        "gauss.buffer_places",
        "gauss.buffers",
        "gauss.carried",
        "gauss.dispatch",
        "gauss.in_place",
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
    const FOLDERS: [&str; 12] = [
        "agent/",
        "compiler/",
        "dialect/",
        "docs/",
        "driver/",
        "evaluate/",
        "examples/",
        "import/",
        "llvm-config/",
        "lowering/",
        "python/",
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
        "--extras",
    ]
    .map(str::to_owned)
    .into();
    let pfp = env!("CARGO_BIN_EXE_pfp");
    let mut commands = vec!["pfp-opt --help-hidden".to_owned(), format!("{pfp} --help")];
    commands.extend(
        [
            "import",
            "train",
            "adapt",
            "tune",
            "schedules",
            "compile",
            "run",
            "check",
            "calibrate",
            "inspect",
            "eval",
            "bench",
            "demo",
            "board add",
            "board list",
            "board test",
        ]
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
