//! What an editor is told of the ops of the dialect: their pages in docs/ops.

use std::ops::Range;

use include_dir::{Dir, include_dir};
use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionTextEdit, Documentation, MarkupContent,
    MarkupKind, TextEdit,
};

use super::text::{Encoding, Text};

static PAGES: Dir = include_dir!("$CARGO_MANIFEST_DIR/../docs/ops");

/// The page of an op.
#[derive(Debug, Clone, Copy)]
pub struct Page(&'static str);

impl Page {
    /// All pages, by the names of the ops.
    fn all() -> impl Iterator<Item = Self> {
        PAGES.files().filter_map(|file| file.contents_utf8()).map(Self)
    }

    /// The page of an op with this name, such as `gauss.dense`.
    pub fn of(op: &str) -> Option<Self> {
        Self::all().find(|page| page.op() == op)
    }

    fn op(self) -> &'static str {
        self.0.lines().next().unwrap_or_default().trim_start_matches("# ")
    }

    /// The first sentence.
    fn summary(self) -> &'static str {
        self.0.lines().skip(1).find(|line| !line.is_empty()).unwrap_or_default()
    }

    /// The page for an editor, where links to other pages lead nowhere.
    pub fn markdown(self) -> MarkupContent {
        let mut value = String::new();
        let mut rest = self.0;
        while let Some((before, after)) = rest.split_once("](") {
            let Some((_, behind)) = after.split_once(')') else { break };
            match before.rfind('[') {
                Some(start) => {
                    value += &before[..start];
                    value += &before[start + 1..];
                }
                None => value += before,
            }
            rest = behind;
        }
        value += rest;
        MarkupContent { kind: MarkupKind::Markdown, value }
    }

    /// Name, default and meaning of the attributes.
    fn attributes(self) -> Vec<[&'static str; 3]> {
        let section = self.0.split_once("\n## Attributes\n").map_or("", |(_, rest)| rest);
        let section = section.split("\n## ").next().unwrap_or_default();
        let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
        let cells = rows.filter_map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            Some([*cells.get(1)?, *cells.get(2)?, *cells.get(3)?])
        });
        cells.map(|[name, default, meaning]| [name.trim_matches('`'), default, meaning]).collect()
    }
}

/// What can be written at an offset: ops at the start of a statement, attributes behind operands.
pub fn completions(text: &Text, offset: usize, encoding: Encoding) -> Vec<CompletionItem> {
    let word = text.word(offset).start..offset;
    let before = &text.as_str()[..word.start];
    let typed = &text.as_str()[word.clone()];
    let mut items = Vec::new();
    if let Some((page, written)) = statement(before) {
        let is_new = |name: &str| !written.split_whitespace().any(|word| word == name);
        let fits = |[name, ..]: &[&str; 3]| name.starts_with(typed) && is_new(name);
        items.extend(page.attributes().into_iter().filter(fits).map(|[name, default, meaning]| {
            let detail = format!("{meaning} (default: {default})");
            item(text, &word, encoding, name, CompletionItemKind::PROPERTY, &detail)
        }));
    }
    if starts_statement(before) {
        let fits = |page: &Page| page.op().starts_with(typed);
        items.extend(Page::all().filter(fits).map(|page| CompletionItem {
            documentation: Some(Documentation::MarkupContent(page.markdown())),
            ..item(text, &word, encoding, page.op(), CompletionItemKind::FUNCTION, page.summary())
        }));
    }
    items
}

/// Is this the name of an op of the dialect, with or without it?
pub fn is_op(label: &str) -> bool {
    Page::of(label).or_else(|| Page::of(&format!("gauss.{label}"))).is_some()
}

fn item(
    text: &Text,
    word: &Range<usize>,
    encoding: Encoding,
    name: &str,
    kind: CompletionItemKind,
    detail: &str,
) -> CompletionItem {
    let range = lsp_types::Range::new(
        text.position(word.start, encoding),
        text.position(word.end, encoding),
    );
    CompletionItem {
        label: name.to_owned(),
        kind: Some(kind),
        detail: Some(detail.to_owned()),
        filter_text: Some(name.to_owned()),
        // Before the dialects that the server offers.
        sort_text: Some(format!("0{name}")),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text: name.to_owned() })),
        ..CompletionItem::default()
    }
}

/// Is the name of an op next? It stands first, or behind `%x =`; the generic form has it in quotes.
fn starts_statement(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    let line = line.strip_suffix('"').unwrap_or(line).trim();
    match line.strip_suffix('=') {
        Some(results) => results.trim_start().starts_with('%'),
        None => line.is_empty() || line.ends_with('{'),
    }
}

/// The op of an unfinished statement, and what is written behind its name; only where an attribute
/// can be next.
fn statement(before: &str) -> Option<(Page, &str)> {
    let start = before.rfind("gauss.")?;
    let name = before[start..].split_whitespace().next()?;
    let written = &before[start + name.len()..];
    let nests =
        |open: char, close: char| written.matches(open).count() > written.matches(close).count();
    let is_open = nests('[', ']') || nests('(', ')');
    let is_operand = !written.contains('%') || written.trim_end().ends_with(',');
    // A type or the next statement follows.
    let is_over = written.contains([':', '=', '{', '}']);
    (!is_open && !is_operand && !is_over).then(|| Some((Page::of(name)?, written)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The labels that are offered at the end of a text.
    fn labels(text: &str) -> Vec<String> {
        let text = Text::new(text);
        let items = completions(&text, text.as_str().len(), Encoding::Utf16);
        items.into_iter().map(|item| item.label).collect()
    }

    #[test]
    fn ops_are_offered_where_a_statement_starts() {
        for text in ["  %0 = ", "  %0, %1:2 = gauss.", "", "func.func @f() {", "  %0 = \"gauss.d"] {
            assert!(labels(text).contains(&"gauss.dense".to_owned()), "{text}");
        }
        assert_eq!(labels("  %0 = gauss.den"), ["gauss.dense"]);
        for text in ["  return ", "  %0 = gauss.relu ", "  %0 = arith.", "// x = ", "a = "] {
            assert_eq!(labels(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn attributes_are_offered_behind_operands() {
        let pool = "  %0 = gauss.max_pool2d %x ";
        assert_eq!(labels(pool), ["kernel", "strides", "padding", "dilation", "ceil"]);
        assert_eq!(labels(&format!("{pool}kernel [2, 2] st")), ["strides"]);
        // On a new line the statement may go on, or the next one start.
        let next = labels(&format!("{pool}kernel [2, 2]\n    "));
        assert_eq!(next[..2], ["strides", "padding"]);
        assert!(next.contains(&"gauss.relu".to_owned()));
        for rest in ["kernel [", "kernel [2, 2] : (", "kernel [2, 2] : (t) -> u\n  return "] {
            assert_eq!(labels(&format!("{pool}{rest}")), [""; 0], "{rest}");
        }
        assert_eq!(labels("  %0 = gauss.max_pool2d "), [""; 0]);
    }

    #[test]
    fn a_page_has_no_links() {
        let page = Page::of("gauss.max_pool2d").unwrap();
        assert_eq!(page.summary(), "Maximum over a window.");
        let text = page.markdown().value;
        assert!(!text.contains("]("), "{text}");
        assert!(text.contains("U and L") && text.contains("moments.md has"), "{text}");
        assert!(Page::of("gauss.").is_none());
    }
}
