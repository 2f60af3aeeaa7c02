//! Pages: their headings, blocks, links and tables, and what is wrong with them.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A page, and where it is.
pub struct Page {
    pub path: PathBuf,
    pub text: String,
}

/// A fenced block of a page.
pub struct Block<'a> {
    pub language: &'a str,
    pub text: String,
}

impl Page {
    pub fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self { path, text }
    }

    /// The path from the root of the repository.
    pub fn name(&self) -> String {
        self.path.strip_prefix(root()).unwrap_or(&self.path).display().to_string()
    }

    /// The heading, and the first paragraph after it.
    pub fn title_and_summary(&self) -> (&str, &str) {
        let mut lines = self.text.lines();
        let title = lines.next().and_then(|line| line.strip_prefix("# ")).unwrap_or_default();
        (title, lines.find(|line| !line.is_empty()).unwrap_or_default())
    }

    /// A line for each of these that the page does not say as the code does: what it is, the words of the
    /// page, those of the code.
    pub fn differences<const N: usize>(&self, of: [(&str, String, String); N]) -> Vec<String> {
        let differing = of.into_iter().filter(|(_, page, code)| page != code);
        let line =
            |(what, page, code)| format!("{}: {what}\n  page: {page}\n  code: {code}", self.name());
        differing.map(line).collect()
    }

    /// The example as a page of its own.
    pub fn example(&self) -> Self {
        Self { path: self.path.clone(), text: self.section("Example").to_owned() }
    }

    /// The headings of the sections.
    pub fn sections(&self) -> Vec<&str> {
        self.text.lines().filter_map(|line| line.strip_prefix("## ")).collect()
    }

    /// The text of a section; empty where there is none.
    pub fn section(&self, heading: &str) -> &str {
        let start = format!("\n## {heading}\n");
        let Some((_, rest)) = self.text.split_once(&start) else { return "" };
        rest.split("\n## ").next().unwrap_or_default()
    }

    pub fn blocks(&self) -> Vec<Block<'_>> {
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
    pub fn has_anchor(&self, anchor: &str) -> bool {
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
    pub fn code_spans(&self) -> Vec<String> {
        let prose = self.prose();
        prose.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// The targets of links.
    pub fn links(&self) -> Vec<String> {
        let prose = self.prose();
        let target = |rest: &str| rest.split(')').next().map(str::to_owned);
        prose.split("](").skip(1).filter_map(target).collect()
    }
}

/// The first cells of the rows of the first table in a text, without backticks
/// and without the head of the table.
pub fn first_column(text: &str) -> Vec<String> {
    let rows = text.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    rows.filter_map(|row| row.split('|').nth(1))
        .map(|cell| cell.replace('`', "").trim().to_owned())
        .collect()
}

pub fn root() -> PathBuf {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR"));
    driver.parent().unwrap_or(driver).to_owned()
}

/// The pages of a folder, not those below it.
pub fn pages_in(folder: &str) -> Vec<Page> {
    let folder = root().join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    paths.sort();
    paths.into_iter().map(Page::read).collect()
}

pub fn all_pages() -> Vec<Page> {
    ["docs", "docs/ops", "docs/passes", "test/mlir"].into_iter().flat_map(pages_in).collect()
}

/// Panics with everything that is wrong.
#[track_caller]
pub fn assert_none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
