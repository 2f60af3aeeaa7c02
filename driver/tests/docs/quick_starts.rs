//! The commands of the quick starts, on the files that their Python saved (`test/import/make_quick_starts.py`).

use std::fs;

use super::{
    code::{scratch, shell},
    page::{Page, root},
};

#[test]
fn the_commands_of_the_quick_starts_run() {
    let folder = scratch("quick-starts");
    for from in ["test/import/quick-starts", "examples/digits"] {
        for entry in fs::read_dir(root().join(from)).expect("a folder") {
            let path = entry.expect("a file").path();
            let name = path.file_name().expect("a name").to_owned();
            if path.is_file() {
                fs::copy(&path, folder.join(name)).expect("a file that can be copied");
            }
        }
    }
    let page = Page::read(root().join("docs/quick-starts.md"));
    let blocks: Vec<_> = page.blocks();
    let commands = blocks.iter().filter(|block| block.language == "sh");
    let commands: Vec<_> = commands.flat_map(|block| block.text.lines()).collect();
    assert!(commands.len() >= 10, "{commands:?}");
    for command in commands {
        let answer = shell(command, &folder);
        // The share of the digits that a network of the quick starts gets right, in the first column.
        if command.starts_with("pfp eval") {
            let row = answer.lines().find(|line| line.trim().starts_with("accuracy, %"));
            let share: Option<f64> =
                row.and_then(|row| row.split_whitespace().nth(2)?.parse().ok());
            assert!(share.is_some_and(|share| share > 95.0), "$ {command}\n{answer}");
        }
    }
    for object in ["build/main_graph.o", "build/main_graph.h", "net.svg", "answers.json"] {
        assert!(folder.join(object).exists(), "{object}");
    }
}
