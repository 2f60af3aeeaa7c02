//! The test set of handwritten digits, in the IDX format of MNIST: a big-endian header, then bytes.

/// Pixels of an image, 8x8.
pub const PIXELS: usize = 8 * 8;

/// The images of an IDX file; `None` if it does not hold images of 8x8 bytes.
pub fn images(file: &[u8]) -> Option<&[[u8; PIXELS]]> {
    let items = items(file.strip_prefix(&[0, 0, 8, 3])?, &[8, 8])?;
    Some(items.as_chunks().0)
}

/// The labels of an IDX file; `None` if it is not a list of bytes.
pub fn labels(file: &[u8]) -> Option<&[u8]> {
    items(file.strip_prefix(&[0, 0, 8, 1])?, &[])
}

/// What the models were trained on: 0..16 scaled to 0..1, then centred.
pub fn normalise(image: &[u8; PIXELS]) -> [f32; PIXELS] {
    image.map(|pixel| (f32::from(pixel) / 16.0 - 0.5) / 0.5)
}

/// The bytes after a header that says "a number of items of this shape", if they are all there.
fn items<'a>(header: &'a [u8], shape: &[u32]) -> Option<&'a [u8]> {
    let (count, mut rest) = header.split_first_chunk()?;
    let mut bytes = u32::from_be_bytes(*count);
    for dimension in shape {
        rest = rest.strip_prefix(&dimension.to_be_bytes())?;
        bytes = bytes.checked_mul(*dimension)?;
    }
    (rest.len() == bytes as usize).then_some(rest)
}
