//! IDX, the format of MNIST.

use super::{Array, elements_within};

/// Reads an IDX file. All its types become `f32`.
pub fn parse(bytes: &[u8]) -> Result<Array, String> {
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
    let read: fn(&[u8]) -> f32 = match code {
        0x08 => |b| f32::from(b[0]),
        0x09 => |b| f32::from(b[0] as i8),
        0x0b => |b| f32::from(i16::from_be_bytes([b[0], b[1]])),
        0x0c => |b| i32::from_be_bytes([b[0], b[1], b[2], b[3]]) as f32,
        0x0d => |b| f32::from_be_bytes([b[0], b[1], b[2], b[3]]),
        0x0e => |b| f64::from_be_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32,
        code => return Err(format!("it has the unknown element type {code:#04x}")),
    };
    let size = match code {
        0x08 | 0x09 => 1,
        0x0b => 2,
        0x0c | 0x0d => 4,
        _ => 8,
    };
    match elements_within(&shape, size, rest.len()) {
        Some(elements) if elements * size == rest.len() => {
            Ok(Array { shape, values: rest.chunks_exact(size).map(read).collect() })
        }
        _ => Err(format!(
            "its sizes {shape:?} at {size} byte(s) each do not make the {} bytes that follow",
            rest.len()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_floats() {
        let bytes = [&[0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3][..], &[0, 128, 255]].concat();
        let expected = Array { shape: vec![1, 3], values: vec![0.0, 128.0, 255.0] };
        assert_eq!(parse(&bytes), Ok(expected));
        let bytes = [&[0, 0, 13, 1, 0, 0, 0, 1][..], &1.5f32.to_be_bytes()].concat();
        assert_eq!(parse(&bytes), Ok(Array { shape: vec![1], values: vec![1.5] }));
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
