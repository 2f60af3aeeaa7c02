//! Marks that say how a text is encoded.

use super::Refusal;

/// The byte order mark that some editors write before UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// The byte order marks of UTF-16; that of UTF-32 begins with one.
const OTHERS: [&[u8]; 2] = [&[0xff, 0xfe], &[0xfe, 0xff]];

/// A text without a byte order mark of UTF-8.
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// Checks that a text is not of another encoding.
///
/// # Errors
///
/// Where it is.
pub fn check(text: &[u8]) -> Result<(), Refusal> {
    match OTHERS.iter().any(|mark| text.starts_with(mark)) {
        true => Err(Refusal {
            offset: 0,
            message: "this text is UTF-16, by its byte order mark".into(),
            help: "save it as UTF-8",
        }),
        false => Ok(()),
    }
}
