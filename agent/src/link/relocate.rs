//! The relocations that LLVM leaves in the objects of networks.

use object::elf::{
    R_AARCH64_ABS64, R_AARCH64_ADD_ABS_LO12_NC, R_AARCH64_ADR_GOT_PAGE, R_AARCH64_ADR_PREL_LO21,
    R_AARCH64_ADR_PREL_PG_HI21, R_AARCH64_CALL26, R_AARCH64_JUMP26, R_AARCH64_LD64_GOT_LO12_NC,
    R_AARCH64_LDST8_ABS_LO12_NC, R_AARCH64_LDST16_ABS_LO12_NC, R_AARCH64_LDST32_ABS_LO12_NC,
    R_AARCH64_LDST64_ABS_LO12_NC, R_AARCH64_LDST128_ABS_LO12_NC, R_AARCH64_PREL32,
    R_AARCH64_PREL64, R_X86_64_64, R_X86_64_GOTPCREL, R_X86_64_GOTPCRELX, R_X86_64_PC32,
    R_X86_64_PC64, R_X86_64_PLT32, R_X86_64_REX_GOTPCRELX,
};

/// How a relocation reaches its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// By its address.
    Address,
    /// By a call or a jump, which a stub can carry on.
    Call,
    /// By an address that is read from a table.
    Table,
}

/// Where a relocation applies.
pub struct Place<'a> {
    /// The memory of the image.
    pub memory: &'a mut [u8],
    /// Where in it.
    pub offset: usize,
    /// The address of that.
    pub address: u64,
}

/// How a kind of relocation of a machine reaches its target.
///
/// # Errors
///
/// Where the kind is none that networks have; names it.
pub fn through(machine: &str, kind: u32) -> Result<Through, String> {
    through_on(machine, kind).ok_or_else(|| {
        format!("the object has a relocation of the kind {kind}, which is not supported")
    })
}

fn through_on(machine: &str, kind: u32) -> Option<Through> {
    match (machine, kind) {
        ("x86_64", R_X86_64_64 | R_X86_64_PC32 | R_X86_64_PC64) => Some(Through::Address),
        ("x86_64", R_X86_64_PLT32) => Some(Through::Call),
        ("x86_64", R_X86_64_GOTPCREL | R_X86_64_GOTPCRELX | R_X86_64_REX_GOTPCRELX) => {
            Some(Through::Table)
        }
        ("aarch64", R_AARCH64_CALL26 | R_AARCH64_JUMP26) => Some(Through::Call),
        ("aarch64", R_AARCH64_ADR_GOT_PAGE | R_AARCH64_LD64_GOT_LO12_NC) => Some(Through::Table),
        (
            "aarch64",
            R_AARCH64_ABS64
            | R_AARCH64_PREL64
            | R_AARCH64_PREL32
            | R_AARCH64_ADR_PREL_LO21
            | R_AARCH64_ADR_PREL_PG_HI21
            | R_AARCH64_ADD_ABS_LO12_NC
            | R_AARCH64_LDST8_ABS_LO12_NC
            | R_AARCH64_LDST16_ABS_LO12_NC
            | R_AARCH64_LDST32_ABS_LO12_NC
            | R_AARCH64_LDST64_ABS_LO12_NC
            | R_AARCH64_LDST128_ABS_LO12_NC,
        ) => Some(Through::Address),
        _ => None,
    }
}

/// Writes what a relocation of a machine says.
///
/// # Errors
///
/// Where the target is out of reach, or the place is not in the memory.
pub fn apply(
    machine: &str,
    place: Place,
    kind: u32,
    target: u64,
    addend: i64,
) -> Result<(), String> {
    let Place { memory, offset, address } = place;
    let wanted = target.wrapping_add_signed(addend);
    let distance = wanted.wrapping_sub(address) as i64;
    let outside = || "a relocation lies outside of its section".to_owned();
    let mut write = |bytes: &[u8]| {
        let place = memory.get_mut(offset..offset + bytes.len()).ok_or_else(outside)?;
        place.copy_from_slice(bytes);
        Ok(())
    };
    match (machine, kind) {
        ("x86_64", R_X86_64_64) | ("aarch64", R_AARCH64_ABS64) => write(&wanted.to_le_bytes()),
        ("x86_64", R_X86_64_PC64) | ("aarch64", R_AARCH64_PREL64) => write(&distance.to_le_bytes()),
        ("x86_64", _) | ("aarch64", R_AARCH64_PREL32) => {
            write(&i32::try_from(distance).map_err(|_| too_far(kind))?.to_le_bytes())
        }
        _ => {
            let word: [u8; 4] = memory
                .get(offset..offset + 4)
                .and_then(|w| w.try_into().ok())
                .ok_or_else(outside)?;
            let word = instruction(u32::from_le_bytes(word), kind, wanted, address)?;
            memory[offset..offset + 4].copy_from_slice(&word.to_le_bytes());
            Ok(())
        }
    }
}

/// An instruction of AArch64 with its target.
fn instruction(word: u32, kind: u32, target: u64, address: u64) -> Result<u32, String> {
    let distance = target.wrapping_sub(address) as i64;
    let pages = (target >> 12).wrapping_sub(address >> 12) as i64;
    let low = (target & 0xfff) as u32;
    // The immediate of a load counts in units of its size.
    let scaled = |shift: u32| match low & ((1 << shift) - 1) {
        0 => Ok(word & !(0xfff << 10) | (low >> shift) << 10),
        _ => Err("a constant is not aligned as its load wants".to_owned()),
    };
    let signed = |value: i64, bits: u32| match value >> (bits - 1) {
        0 | -1 => Ok((value as u32) & (u32::MAX >> (32 - bits))),
        _ => Err(too_far(kind)),
    };
    let page =
        |value: u32| word & !(3 << 29 | 0x7_ffff << 5) | (value & 3) << 29 | (value >> 2) << 5;
    match kind {
        R_AARCH64_CALL26 | R_AARCH64_JUMP26 => Ok(word & !0x3ff_ffff | signed(distance >> 2, 26)?),
        R_AARCH64_ADR_PREL_PG_HI21 | R_AARCH64_ADR_GOT_PAGE => Ok(page(signed(pages, 21)?)),
        R_AARCH64_ADR_PREL_LO21 => Ok(page(signed(distance, 21)?)),
        R_AARCH64_ADD_ABS_LO12_NC | R_AARCH64_LDST8_ABS_LO12_NC => scaled(0),
        R_AARCH64_LDST16_ABS_LO12_NC => scaled(1),
        R_AARCH64_LDST32_ABS_LO12_NC => scaled(2),
        R_AARCH64_LDST64_ABS_LO12_NC | R_AARCH64_LD64_GOT_LO12_NC => scaled(3),
        _ => scaled(4),
    }
}

fn too_far(kind: u32) -> String {
    format!("the target of a relocation of the kind {kind} is out of reach")
}

/// Code that jumps to an address, and changes no register that an argument is in.
pub fn stub(machine: &str, address: u64) -> [u8; 16] {
    let code: [u8; 8] = match machine {
        // jmp *2(%rip), and the address after two bytes.
        "x86_64" => [0xff, 0x25, 2, 0, 0, 0, 0xcc, 0xcc],
        // ldr x16, .+8; br x16
        _ => [0x50, 0, 0, 0x58, 0, 0x02, 0x1f, 0xd6],
    };
    let mut stub = [0; 16];
    stub[..8].copy_from_slice(&code);
    stub[8..].copy_from_slice(&address.to_le_bytes());
    stub
}

/// Lets the processor see code that was written.
#[cfg(target_arch = "aarch64")]
pub fn flush(start: *mut u8, bytes: usize) {
    unsafe extern "C" {
        fn __clear_cache(start: *mut u8, end: *mut u8);
    }
    // SAFETY: a range of memory of this process.
    unsafe { __clear_cache(start, start.wrapping_add(bytes)) };
}

/// Nothing to do: x86 sees code that was written. Other machines have no code to run.
#[cfg(not(target_arch = "aarch64"))]
pub fn flush(_: *mut u8, _: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn aarch64(word: u32, kind: u32, target: u64, address: u64) -> Result<u32, String> {
        let mut memory = word.to_le_bytes();
        let place = Place { memory: &mut memory, offset: 0, address };
        apply("aarch64", place, kind, target, 0)?;
        Ok(u32::from_le_bytes(memory))
    }

    #[test]
    fn instructions_of_aarch64_get_their_targets() {
        // bl .+0x1000; bl .-4
        assert_eq!(aarch64(0x9400_0000, R_AARCH64_CALL26, 0x3000, 0x2000), Ok(0x9400_0400));
        assert_eq!(aarch64(0x9400_0000, R_AARCH64_CALL26, 0x1ffc, 0x2000), Ok(0x97ff_ffff));
        assert!(aarch64(0x9400_0000, R_AARCH64_CALL26, 1 << 30, 0).is_err());
        // adrp x0, .+5 pages; .-1 page
        let adrp = |target| aarch64(0x9000_0000, R_AARCH64_ADR_PREL_PG_HI21, target, 0x2ffc);
        assert_eq!((adrp(0x7010), adrp(0x1fff)), (Ok(0xb000_0020), Ok(0xf0ff_ffe0)));
        // add x0, x0, #0x10; ldr q0, [x0, #0x20]
        assert_eq!(aarch64(0x9100_0000, R_AARCH64_ADD_ABS_LO12_NC, 0x7010, 0), Ok(0x9100_4000));
        let load = |target| aarch64(0x3dc0_0000, R_AARCH64_LDST128_ABS_LO12_NC, target, 0);
        assert_eq!(load(0x7020), Ok(0x3dc0_0800));
        assert!(load(0x7021).is_err());
    }

    #[test]
    fn distances_of_x86_must_fit() {
        let apply = |target: u64, addend| {
            let mut memory = [0; 6];
            let place = Place { memory: &mut memory, offset: 2, address: 0x10_0000 };
            apply("x86_64", place, R_X86_64_PC32, target, addend).map(|()| memory)
        };
        assert_eq!(apply(0x10_0010, -4), Ok([0, 0, 12, 0, 0, 0]));
        assert!(apply(1 << 40, 0).unwrap_err().contains("out of reach"));
    }

    #[test]
    fn other_kinds_are_refused_by_their_number() {
        use object::elf::{R_AARCH64_TLSDESC_CALL, R_X86_64_TPOFF32};
        assert_eq!(through_on("x86_64", R_X86_64_TPOFF32), None);
        assert_eq!(through_on("aarch64", R_AARCH64_TLSDESC_CALL), None);
        assert!(through("aarch64", 9999).unwrap_err().contains("the kind 9999"));
    }
}
