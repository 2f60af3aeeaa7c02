//! Pages of passes, and what the commands of their examples print.

use std::{collections::BTreeSet, fs};

use super::{
    code::{scratch, shell, steps},
    page::{Page, assert_none, first_column, pages_in, root},
};

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
        let (title, summary) = page.title_and_summary();
        let sections = match options {
            [] => "What it does, Refuses, Example",
            _ => "What it does, Options, Refuses, Example",
        };
        wrong.extend(page.differences([
            ("title", title.into(), format!("--{name}")),
            ("summary", summary.into(), format!("{description}.")),
            ("sections", page.sections().join(", "), sections.into()),
            ("options", first_column(page.section("Options")).join(", "), options.join(", ")),
        ]));
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
        let example = page.example();
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
