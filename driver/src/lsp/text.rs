//! Positions in a text. MLIR counts the bytes of a line, an editor UTF-16 code units, unless it
//! agrees to bytes.

use std::ops::Range;

use lsp_types::Position;

/// What columns of the editor count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes, as MLIR does.
    Utf8,
    /// UTF-16 code units, which every editor knows.
    #[default]
    Utf16,
}

impl Encoding {
    /// What the protocol calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
        }
    }

    /// How much of a line a character is.
    fn width(self, character: char) -> usize {
        match self {
            Self::Utf8 => character.len_utf8(),
            Self::Utf16 => character.len_utf16(),
        }
    }
}

/// The byte order mark of UTF-8, which MLIR does not know.
const MARK: char = '\u{feff}';

/// The text of a document, without a byte order mark. Each line ends with one `\n`, `\r\n` or `\r`;
/// a lone `\r` is read as `\n`, since MLIR knows no other end of a line.
#[derive(Debug, Default)]
pub struct Text {
    text: String,
    /// Has the editor a byte order mark before the first line?
    has_mark: bool,
    /// The offset of each line.
    lines: Vec<usize>,
}

impl Text {
    pub fn new(text: &str) -> Self {
        let unmarked = text.strip_prefix(MARK);
        let has_mark = unmarked.is_some();
        let text = unmarked.unwrap_or(text);
        let after = text.chars().skip(1).map(Some).chain([None]);
        let ended = text.chars().zip(after).map(|pair| match pair {
            ('\r', after) if after != Some('\n') => '\n',
            (character, _) => character,
        });
        let text: String = ended.collect();
        let ends = text.match_indices('\n').map(|(end, _)| end + 1);
        let lines = [0].into_iter().chain(ends).collect();
        Self { text, has_mark, lines }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The bytes of a line, without its end.
    fn line(&self, line: u32) -> Option<Range<usize>> {
        let start = *self.lines.get(line as usize)?;
        let rest = &self.text[start..];
        let end = rest.find('\n').unwrap_or(rest.len());
        Some(start..start + rest[..end].trim_end_matches('\r').len())
    }

    /// How many columns the editor has before the text of a line.
    fn margin(&self, line: usize, encoding: Encoding) -> usize {
        if line == 0 && self.has_mark { encoding.width(MARK) } else { 0 }
    }

    /// The offset of a position of the editor. What is behind the end of a line is its end.
    pub fn offset(&self, position: Position, encoding: Encoding) -> Option<usize> {
        let line = self.line(position.line)?;
        let mut column = self.margin(position.line as usize, encoding);
        for (offset, character) in self.text[line.clone()].char_indices() {
            column += encoding.width(character);
            if column > position.character as usize {
                return Some(line.start + offset);
            }
        }
        Some(line.end)
    }

    /// The position of an offset for the editor.
    pub fn position(&self, offset: usize, encoding: Encoding) -> Position {
        let line = self.lines.partition_point(|&start| start <= offset).saturating_sub(1);
        let start = self.lines.get(line).copied().unwrap_or(0);
        let before = self.text[start..].char_indices();
        let before = before.take_while(|(place, _)| start + place < offset);
        let column: usize = before.map(|(_, character)| encoding.width(character)).sum();
        Position::new(line as u32, (self.margin(line, encoding) + column) as u32)
    }

    /// A position of the editor as MLIR has it.
    pub fn to_server(&self, position: Position, encoding: Encoding) -> Position {
        let Some(offset) = self.offset(position, encoding) else { return position };
        let start = self.lines.get(position.line as usize).copied().unwrap_or(offset);
        Position::new(position.line, (offset - start) as u32)
    }

    /// A position of MLIR as the editor has it.
    pub fn to_editor(&self, position: Position, encoding: Encoding) -> Position {
        let Some(line) = self.line(position.line) else { return position };
        let mut offset = (line.start + position.character as usize).min(line.end);
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        self.position(offset, encoding)
    }

    /// The name around an offset: `gauss.dense`, `kernel`.
    pub fn word(&self, offset: usize) -> Range<usize> {
        let is_outside = |c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.' && c != '$';
        let start = self.text[..offset].rfind(is_outside);
        let start = start
            .map_or(0, |last| last + self.text[last..].chars().next().map_or(1, char::len_utf8));
        let end = self.text[offset..].find(is_outside).map_or(self.text.len(), |n| offset + n);
        start..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_translated_both_ways() {
        let text = Text::new("a\né𝔸b\r\nc\rd");
        for (line, utf8, utf16) in [
            (0, 0, 0),
            (0, 1, 1),
            (1, 0, 0),
            (1, 2, 1),
            (1, 6, 3),
            (1, 7, 4),
            (2, 1, 1),
            (3, 1, 1),
            (9, 5, 5),
        ] {
            let (bytes, units) = (Position::new(line, utf8), Position::new(line, utf16));
            assert_eq!(text.to_server(units, Encoding::Utf16), bytes);
            assert_eq!(text.to_editor(bytes, Encoding::Utf16), units);
            assert_eq!(text.to_server(bytes, Encoding::Utf8), bytes);
            assert_eq!(text.to_editor(bytes, Encoding::Utf8), bytes);
        }
        // Behind the end of a line is its end; within a character is its start.
        assert_eq!(text.to_server(Position::new(1, 99), Encoding::Utf16), Position::new(1, 7));
        assert_eq!(text.to_editor(Position::new(1, 99), Encoding::Utf16), Position::new(1, 4));
        assert_eq!(text.to_server(Position::new(1, 2), Encoding::Utf16), Position::new(1, 2));
        assert_eq!(text.to_editor(Position::new(1, 4), Encoding::Utf16), Position::new(1, 1));
    }

    #[test]
    fn a_byte_order_mark_is_a_column_of_the_editor_only() {
        let text = Text::new("\u{feff}ab\ncd");
        assert_eq!(text.as_str(), "ab\ncd");
        for (line, server, utf8, utf16) in [(0, 0, 3, 1), (0, 2, 5, 3), (1, 1, 1, 1)] {
            for (encoding, editor) in [(Encoding::Utf8, utf8), (Encoding::Utf16, utf16)] {
                let (server, editor) = (Position::new(line, server), Position::new(line, editor));
                assert_eq!(text.to_server(editor, encoding), server);
                assert_eq!(text.to_editor(server, encoding), editor);
            }
        }
    }

    #[test]
    fn ends_of_lines_keep_their_length() {
        assert_eq!(Text::new("a\r\nb\rc\n").as_str(), "a\r\nb\nc\n");
    }

    #[test]
    fn a_word_is_a_name_with_its_dialect() {
        let text = Text::new("é gauss.dense %x");
        let at = |needle: &str| text.as_str().find(needle).unwrap();
        for offset in [at("gauss"), at("dense"), at(" %x")] {
            assert_eq!(&text.as_str()[text.word(offset)], "gauss.dense");
        }
        assert_eq!(text.word(0), 0..0);
    }
}
