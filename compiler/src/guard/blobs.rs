//! Alignments of resources.

use super::Refusal;

/// The largest alignment that a resource may ask for.
const MAX_ALIGNMENT: u32 = 4096;

/// Checks the alignments that the `"0x.."` blobs of resources claim in their first four bytes:
/// MLIR's parser aborts on one that no allocator can give.
///
/// # Errors
///
/// The first that is no power of two, or too large.
pub fn check(text: &[u8]) -> Result<(), Refusal> {
    const START: &[u8] = b": \"0x";
    let starts = text.windows(START.len()).enumerate().filter(|(_, window)| *window == START);
    for (offset, _) in starts {
        let digits = text[offset + START.len()..].get(..8);
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        // What is no number the parser refuses itself.
        let Some(alignment) = number.map(u32::swap_bytes) else { continue };
        if !alignment.is_power_of_two() || alignment > MAX_ALIGNMENT {
            return Err(Refusal {
                offset: offset + 2,
                message: format!("the resource claims the alignment {alignment}"),
                help: "the first four bytes of a resource are its alignment, a power of two up to \
                       4096",
            });
        }
    }
    Ok(())
}
