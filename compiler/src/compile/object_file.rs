//! What an object file says of itself.

use std::collections::BTreeSet;

use object::{
    Architecture, File, Object, ObjectSection, ObjectSymbol, SectionKind, SymbolKind, SymbolSection,
};

use crate::error::Error;

/// Measures of an object file.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Bytes of machine code.
    pub text_bytes: u64,
    /// Bytes of read-only data.
    pub rodata_bytes: u64,
    /// Bytes of data that can be written; a compiled network has none.
    pub data_bytes: u64,
    /// The most stack that a call uses, the return address included.
    pub stack_bound_bytes: u64,
    /// The symbols that the linker must find elsewhere.
    pub undefined_symbols: Vec<String>,
}

impl Report {
    /// Reads an ELF object that was compiled with stack sizes.
    ///
    /// # Errors
    ///
    /// Where it is none, which is a fault of the compiler.
    pub fn of(object: &[u8]) -> Result<Self, Error> {
        let unreadable = |error| Error::Internal(format!("cannot read the object: {error}"));
        let file = File::parse(object).map_err(unreadable)?;
        let bytes = |wanted: &[SectionKind]| {
            let sections = file.sections().filter(|section| wanted.contains(&section.kind()));
            sections.map(|section| section.size()).sum()
        };
        let undefined: BTreeSet<_> = file
            .symbols()
            .filter(|symbol| symbol.is_undefined())
            .filter_map(|symbol| symbol.name().ok())
            .filter(|name| !name.is_empty())
            .map(ToOwned::to_owned)
            .collect();
        Ok(Self {
            text_bytes: bytes(&[SectionKind::Text]),
            rodata_bytes: bytes(&[
                SectionKind::ReadOnlyData,
                SectionKind::ReadOnlyString,
                SectionKind::ReadOnlyDataWithRel,
            ]),
            data_bytes: bytes(&[
                SectionKind::Data,
                SectionKind::UninitializedData,
                SectionKind::Tls,
                SectionKind::UninitializedTls,
            ]),
            stack_bound_bytes: stack_bound(&file)?,
            undefined_symbols: undefined.into_iter().collect(),
        })
    }
}

/// The sum of all frames: there is no recursion, so a function is on the stack
/// at most once.
fn stack_bound(file: &File) -> Result<u64, Error> {
    // The caller pushes the return address on x86; AArch64 keeps it in a register,
    // and where that is saved, the frame has it.
    let return_address = match file.architecture() {
        Architecture::X86_64 => 8,
        _ => 0,
    };
    let functions = file
        .symbols()
        .filter(|symbol| {
            symbol.kind() == SymbolKind::Text
                && matches!(symbol.section(), SymbolSection::Section(_))
        })
        .count();
    let mut frames = Vec::new();
    for section in file.sections().filter(|section| section.name() == Ok(".stack_sizes")) {
        let data = section.data().map_err(|error| Error::Internal(error.to_string()))?;
        frames.extend(stack_sizes(data).ok_or_else(|| broken("is cut off"))?);
    }
    if frames.len() != functions {
        // A frame of variable size has no entry, and then there is no bound.
        return Err(broken("does not list every function"));
    }
    Ok(frames.into_iter().map(|frame| frame + return_address).sum())
}

fn broken(what: &str) -> Error {
    Error::Internal(format!("the section .stack_sizes of the object {what}"))
}

/// The frames in a section `.stack_sizes`: for each function its address, here
/// left to a relocation, and the size of its frame as ULEB128.
fn stack_sizes(mut data: &[u8]) -> Option<Vec<u64>> {
    let mut frames = Vec::new();
    while !data.is_empty() {
        data = data.get(8..)?;
        let (mut frame, mut shift) = (0u64, 0);
        loop {
            let (&byte, rest) = data.split_first()?;
            data = rest;
            frame |= u64::from(byte & 0x7f).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        frames.push(frame);
    }
    Some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_sizes_are_addresses_and_leb128_numbers() {
        let section = [&[0; 8][..], &[0x30], &[0; 8], &[0x80, 0x02]].concat();
        assert_eq!(stack_sizes(&section), Some(vec![48, 256]));
        assert_eq!(stack_sizes(&section[..17]), None);
        assert_eq!(stack_sizes(&section[..18]), None);
    }
}
