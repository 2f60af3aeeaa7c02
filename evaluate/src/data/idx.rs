//! IDX, the format of MNIST.

use pfp_compiler::array::{Element, Endian, Numbers};

/// Reads an IDX file.
///
/// # Errors
///
/// Where it is not valid.
pub fn parse(bytes: &[u8]) -> Result<Numbers, String> {
    let Some(([_, _, code, rank], mut rest)) = bytes.split_first_chunk::<4>() else {
        return Err("it ends within the header".into());
    };
    let mut shape = Vec::new();
    for _ in 0..*rank {
        let (size, after) =
            rest.split_first_chunk::<4>().ok_or("it ends within the header: truncated?")?;
        shape.push(u32::from_be_bytes(*size) as usize);
        rest = after;
    }
    let element = match code {
        0x08 => Element::U8,
        0x09 => Element::I8,
        0x0b => Element::I16,
        0x0c => Element::I32,
        0x0d => Element::F32,
        0x0e => Element::F64,
        code => return Err(format!("it has the unknown element type {code:#04x}")),
    };
    Numbers::with_endian(shape, element, rest.to_vec(), Endian::Big)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_floats() {
        let bytes = [&[0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3][..], &[0, 128, 255]].concat();
        let expected = Numbers::new(vec![1, 3], Element::U8, vec![0, 128, 255]);
        assert_eq!(parse(&bytes), expected);
        let bytes = [&[0, 0, 13, 1, 0, 0, 0, 1][..], &1.5f32.to_be_bytes()].concat();
        let expected = Numbers::new(vec![1], Element::F32, 1.5f32.to_le_bytes().to_vec());
        assert_eq!(parse(&bytes), expected);
    }

    #[test]
    fn what_the_header_claims_must_be_there() {
        for bytes in [
            &[0, 0, 8][..],
            &[0, 0, 8, 2, 0, 0, 0, 1],
            &[0, 0, 8, 1, 0, 0, 0, 2, 7],
            &[0, 0, 8, 1, 0, 0, 0, 1, 7, 7],
            &[0, 0, 7, 1, 0, 0, 0, 1, 7],
            &[0, 0, 14, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255],
        ] {
            assert!(parse(bytes).is_err(), "{bytes:?}");
        }
    }
}
