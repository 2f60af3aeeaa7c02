//! What MLIR must not be given: text at which its parser ends the process instead of saying what is
//! wrong. Every program of this crate checks a text here before MLIR sees it.

mod blobs;
mod encoding;
mod nesting;

pub use encoding::without_mark;
pub use nesting::LIMIT;

/// What a file of MLIR bytecode starts with.
pub const BYTECODE: &[u8] = b"ML\xefR";

/// Why a text is not parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The place, as an offset in bytes.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// What to know, or to do.
    pub help: &'static str,
}

impl Refusal {
    /// Line and column of the place, from 1 on, the column in bytes.
    pub fn line_and_column(&self, text: &[u8]) -> (usize, usize) {
        let before = &text[..self.offset.min(text.len())];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        (line, before.len() - start + 1)
    }
}

/// Checks a text.
///
/// # Errors
///
/// The first place that MLIR's parser could not take.
pub fn check(text: &[u8]) -> Result<(), Refusal> {
    encoding::check(text)?;
    nesting::check(text)?;
    blobs::check(text)
}

/// Checks each part of a text that is split at `marker`, which is not empty.
///
/// # Errors
///
/// As [`check`].
pub fn check_parts(text: &[u8], marker: &[u8]) -> Result<(), Refusal> {
    let mut start = 0;
    loop {
        let rest = &text[start..];
        let found = rest.windows(marker.len()).position(|window| window == marker);
        let part = &rest[..found.unwrap_or(rest.len())];
        check(part).map_err(|refusal| Refusal { offset: start + refusal.offset, ..refusal })?;
        match found {
            Some(end) => start += end + marker.len(),
            None => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_that_of_the_level_too_deep() {
        let text = format!("// \u{e9}\n  {}", "(".repeat(LIMIT + 1));
        let refusal = check(text.as_bytes()).unwrap_err();
        assert_eq!(refusal.line_and_column(text.as_bytes()), (2, 3 + LIMIT));
        assert_eq!(refusal.offset, text.len() - 1);
    }

    #[test]
    fn parts_are_checked_each_on_its_own() {
        let deep = "(".repeat(LIMIT);
        let parts = format!("{deep}\n// -----\n{deep}");
        assert_eq!(check_parts(parts.as_bytes(), b"// -----"), Ok(()));
        assert!(check(parts.as_bytes()).is_err());
        let parts = format!("\n// -----\n{deep}(");
        let refusal = check_parts(parts.as_bytes(), b"// -----").unwrap_err();
        assert_eq!(refusal.line_and_column(parts.as_bytes()), (3, LIMIT + 1));
    }
}
