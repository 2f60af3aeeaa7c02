//! Images: PNG and JPEG, told apart by their contents.

use std::{io::Cursor, path::Path};

use gauss_lowering::files::{self, Kind};
use pfp_compiler::{
    array::{Element, Numbers},
    error::Error,
};
use png::{BitDepth, ColorType, Decoder, Transformations};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// What the names of files end with that are read.
pub const READ: [&str; 3] = ["png", "jpg", "jpeg"];

/// What the names of other images end with.
pub const OTHERS: [&str; 17] = [
    "apng", "avif", "bmp", "gif", "heic", "heif", "jfif", "jp2", "jpe", "jxl", "pbm", "pgm", "ppm",
    "tga", "tif", "tiff", "webp",
];

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";

/// A file of an image.
struct File<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
    is_jpeg: bool,
}

/// Samples of pixels, one pixel after the other.
struct Pixels {
    samples: Samples,
    /// Samples of a pixel: 1 is grey, 3 a colour, 2 and 4 have alpha last.
    depth: usize,
}

enum Samples {
    Bytes(Vec<u8>),
    /// Of 16 bits.
    Words(Vec<u16>),
}

/// Width and height.
///
/// # Errors
///
/// Where the file cannot be read, or is no image.
pub fn size(path: &Path) -> Result<(usize, usize), Error> {
    File::open(path)?.size()
}

/// The numbers of an image, its channels one after the other, from 0 to 255: bytes, or of 16 bits
/// with fractions. The shape is channels, height and width; there are one (grey) or three (red,
/// green, blue) channels.
///
/// # Errors
///
/// Where the file cannot be read, is no image, or is one of another shape.
pub fn read(path: &Path, shape: [usize; 3]) -> Result<Numbers, Error> {
    let file = File::open(path)?;
    let (width, height) = file.size()?;
    let [channels, expected_height, expected_width] = shape;
    if (height, width) != (expected_height, expected_width) {
        return Err(Error::request(format!(
            "{} is {width}x{height} pixels, but the first image of its folder is \
             {expected_width}x{expected_height}",
            path.display(),
        ))
        .with_help("bring all images to one size first"));
    }
    let pixels = match file.is_jpeg {
        true => file.jpeg()?,
        false => file.png()?,
    };
    let (element, bytes) = match pixels.samples {
        Samples::Bytes(samples) => {
            (Element::U8, planes(path, &samples, u8::MAX, pixels.depth, channels)?)
        }
        Samples::Words(samples) => {
            let planes = planes(path, &samples, u16::MAX, pixels.depth, channels)?;
            let in_bytes = |sample: u16| (f64::from(sample) / 257.0).to_le_bytes();
            (Element::F64, planes.into_iter().flat_map(in_bytes).collect())
        }
    };
    Numbers::new(shape.to_vec(), element, bytes).map_err(|error| file.malformed(error))
}

/// Channel after channel of pixels.
fn planes<T: Copy + PartialEq>(
    path: &Path,
    samples: &[T],
    opaque: T,
    depth: usize,
    channels: usize,
) -> Result<Vec<T>, Error> {
    let (colours, has_alpha) = (if depth < 3 { 1 } else { 3 }, depth.is_multiple_of(2));
    let pixels = || samples.chunks_exact(depth);
    if has_alpha && pixels().any(|pixel| pixel[depth - 1] != opaque) {
        return Err(Error::request(format!("{} has transparent pixels", path.display()))
            .with_help("lay the images on a background first"));
    }
    if channels < colours && pixels().any(|p| p[0] != p[1] || p[1] != p[2]) {
        return Err(Error::request(format!(
            "{} is in colour, but the network reads grey images",
            path.display()
        ))
        .with_help("convert the images to grey first"));
    }
    let channel = |channel: usize| pixels().map(move |pixel| pixel[channel % colours]);
    Ok((0..channels).flat_map(channel).collect())
}

impl<'a> File<'a> {
    fn open(path: &'a Path) -> Result<Self, Error> {
        let bytes = files::read(path, Kind::IMAGE).map_err(|error| Error::read(path, error))?;
        let is_jpeg = bytes.starts_with(JPEG);
        match is_jpeg || bytes.starts_with(PNG) {
            true => Ok(Self { path, bytes, is_jpeg }),
            false => Err(Error::malformed(
                &path.display().to_string(),
                "image",
                "it begins neither as a PNG nor as a JPEG file",
            )),
        }
    }

    fn malformed(&self, error: impl std::fmt::Display) -> Error {
        let format = if self.is_jpeg { "JPEG file" } else { "PNG file" };
        Error::malformed(&self.path.display().to_string(), format, error)
    }

    fn size(&self) -> Result<(usize, usize), Error> {
        if !self.is_jpeg {
            let mut decoder = self.png_decoder();
            let info = decoder.read_header_info().map_err(|error| self.malformed(error))?;
            return Ok((info.width as usize, info.height as usize));
        }
        let mut decoder = self.jpeg_decoder(DecoderOptions::default());
        decoder.decode_headers().map_err(|error| self.malformed(error))?;
        let info = decoder.info().ok_or_else(|| self.malformed("it states no size"))?;
        Ok((info.width.into(), info.height.into()))
    }

    fn png_decoder(&self) -> Decoder<Cursor<&[u8]>> {
        let mut decoder = Decoder::new(Cursor::new(self.bytes.as_slice()));
        decoder.set_transformations(Transformations::EXPAND);
        decoder
    }

    fn png(&self) -> Result<Pixels, Error> {
        let mut reader = self.png_decoder().read_info().map_err(|error| self.malformed(error))?;
        let length = reader.output_buffer_size();
        let length = length.ok_or_else(|| self.malformed("it is larger than the memory"))?;
        let mut bytes = vec![0; length];
        let info = reader.next_frame(&mut bytes).map_err(|error| self.malformed(error))?;
        bytes.truncate(info.buffer_size());
        let depth = match info.color_type {
            ColorType::Grayscale => 1,
            ColorType::GrayscaleAlpha => 2,
            ColorType::Rgb | ColorType::Indexed => 3,
            ColorType::Rgba => 4,
        };
        let samples = match info.bit_depth {
            BitDepth::Sixteen => {
                let (words, _) = bytes.as_chunks::<2>();
                Samples::Words(words.iter().map(|word| u16::from_be_bytes(*word)).collect())
            }
            _ => Samples::Bytes(bytes),
        };
        Ok(Pixels { samples, depth })
    }

    fn jpeg_decoder(&self, options: DecoderOptions) -> JpegDecoder<ZCursor<&[u8]>> {
        let size = usize::from(u16::MAX);
        let options = options.set_strict_mode(true).set_max_width(size).set_max_height(size);
        JpegDecoder::new_with_options(ZCursor::new(self.bytes.as_slice()), options)
    }

    fn jpeg(&self) -> Result<Pixels, Error> {
        if !is_whole(&self.bytes) {
            return Err(self.malformed("its end is missing: truncated?"));
        }
        let mut decoder = self.jpeg_decoder(DecoderOptions::default());
        decoder.decode_headers().map_err(|error| self.malformed(error))?;
        let (colours, depth) = match decoder.input_colorspace() {
            Some(ColorSpace::Luma) => (ColorSpace::Luma, 1),
            Some(ColorSpace::YCbCr | ColorSpace::RGB) => (ColorSpace::RGB, 3),
            _ => {
                return Err(Error::request(format!(
                    "{} is neither grey nor of red, green and blue (CMYK?)",
                    self.path.display()
                ))
                .with_help("convert the images to RGB first"));
            }
        };
        let options = DecoderOptions::default().jpeg_set_out_colorspace(colours);
        let bytes = self.jpeg_decoder(options).decode().map_err(|error| self.malformed(error))?;
        Ok(Pixels { samples: Samples::Bytes(bytes), depth })
    }
}

/// Does a JPEG file reach its end? Its decoder makes up the last lines where it does not.
fn is_whole(jpeg: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[first, marker]) = jpeg.get(at..at + 2) {
        at += match (first, marker) {
            (0xff, 0xd9) => return true,
            // Within the coded bytes of a scan: 0xff itself, and restarts.
            (0xff, 0x00 | 0x01 | 0xd0..=0xd7) => 2,
            (0xff, 0xff) => 1,
            // A segment, whose length counts itself.
            (0xff, _) => match jpeg.get(at + 2..at + 4) {
                Some(&[high, low]) => 2 + usize::from(u16::from_be_bytes([high, low])),
                _ => return false,
            },
            _ => 1,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, (color, depth): (ColorType, BitDepth), bytes: &[u8]) {
        let file = std::fs::File::create(path).unwrap();
        let mut encoder = png::Encoder::new(file, 2, 1);
        encoder.set_color(color);
        encoder.set_depth(depth);
        encoder.write_header().unwrap().write_image_data(bytes).unwrap();
    }

    #[test]
    fn grey_colour_and_alpha() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image.png");
        let values =
            |channels| read(&path, [channels, 1, 2]).map(|image| image.all().collect::<Vec<_>>());
        write(&path, (ColorType::Grayscale, BitDepth::Eight), &[1, 2]);
        assert_eq!(values(1).unwrap(), [1.0, 2.0]);
        assert_eq!(values(3).unwrap(), [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
        write(&path, (ColorType::Rgb, BitDepth::Eight), &[1, 2, 3, 4, 5, 6]);
        assert_eq!(values(3).unwrap(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert!(values(1).unwrap_err().to_string().contains("in colour"));
        write(&path, (ColorType::Rgba, BitDepth::Eight), &[7, 7, 7, 255, 8, 8, 8, 255]);
        assert_eq!(values(1).unwrap(), [7.0, 8.0]);
        write(&path, (ColorType::GrayscaleAlpha, BitDepth::Eight), &[7, 255, 8, 0]);
        assert!(values(1).unwrap_err().to_string().contains("transparent"));
    }

    #[test]
    fn sixteen_bits_keep_their_precision() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image.png");
        write(&path, (ColorType::Grayscale, BitDepth::Sixteen), &[0xff, 0xff, 0x01, 0x00]);
        let values: Vec<_> = read(&path, [1, 1, 2]).unwrap().all().collect();
        assert_eq!(values, [255.0, 256.0 / 257.0]);
    }

    /// `tests/data/images.py` has what PIL makes of the same files. Decoders of JPEG differ in how
    /// they round and in how they enlarge colours of half the size.
    #[test]
    fn jpeg_is_what_pil_makes_of_it() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let archive = directory.join("images.npz").display().to_string();
        for (name, channels, most, average) in [
            ("colour", 3, 8.0, 1.0),
            ("progressive", 3, 3.0, 1.0),
            ("grey", 1, 2.0, 0.5),
            ("turned", 3, 8.0, 1.0),
        ] {
            let path = directory.join(format!("{name}.jpg"));
            let image = read(&path, [channels, 16, 24]).unwrap();
            let expected = crate::data::read(&format!("{archive}:{name}")).unwrap();
            assert_eq!(image.shape(), expected.shape());
            let errors = image.all().zip(expected.all()).map(|(a, b)| (a - b).abs());
            let (worst, sum) = errors.fold((0f64, 0.0), |(worst, sum), e| (worst.max(e), sum + e));
            assert!(worst <= most, "{name}: {worst}");
            assert!(sum / image.len() as f64 <= average, "{name}: {}", sum / image.len() as f64);
        }
        let error = read(&directory.join("cmyk.jpg"), [3, 16, 24]).unwrap_err().to_string();
        assert!(error.contains("CMYK"), "{error}");
    }

    #[test]
    fn a_jpeg_that_is_cut_off_is_an_error() {
        let bytes = include_bytes!("../../../tests/data/colour.jpg");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image.jpg");
        for kept in (4..bytes.len() - 2).step_by(7) {
            std::fs::write(&path, &bytes[..kept]).unwrap();
            assert!(read(&path, [3, 16, 24]).is_err(), "{kept} of {} bytes", bytes.len());
        }
    }
}
