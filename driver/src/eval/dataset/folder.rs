//! Folders of PNG images.

use std::{
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
};

use png::{ColorType, Decoder, Transformations};

use crate::{data::Array, error::Error};

/// The images of a folder, in the order of their names.
#[derive(Debug)]
pub struct Folder {
    files: Vec<PathBuf>,
    shape: [usize; 3],
}

impl Folder {
    /// Lists the images of a folder: those in it, or those of the folders in it, which then are
    /// classes. Returns their classes too. `elements` is how many numbers an item of the network
    /// has, from which it follows whether the images are grey or in colour.
    pub fn open(path: &Path, elements: usize) -> Result<(Self, Option<Vec<usize>>), Error> {
        let entries = list(path)?;
        let classes: Vec<_> = entries.iter().filter(|entry| entry.is_dir()).cloned().collect();
        let (files, labels) = match classes.is_empty() {
            true => (images(entries), None),
            false => {
                let mut files = Vec::new();
                let mut labels = Vec::new();
                for (folder, class) in classes.iter().zip(numbers(&classes)) {
                    let images = images(list(folder)?);
                    labels.resize(labels.len() + images.len(), class);
                    files.extend(images);
                }
                (files, Some(labels))
            }
        };
        let Some(first) = files.first() else {
            return Err(Error::request(format!("{} has no images", path.display())).with_help(
                "images are PNG files; where folders are classes, they lie in folders of their own",
            ));
        };
        let (width, height) = size(first)?;
        let channels = if width * height * 3 == elements { 3 } else { 1 };
        Ok((Self { files, shape: [channels, height, width] }, labels))
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Channels, height and width of every image.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Reads an image, its channels one after the other.
    pub fn read(&self, index: usize) -> Result<Vec<f32>, Error> {
        let path = self.files.get(index).map(PathBuf::as_path).unwrap_or(Path::new(""));
        let image = decode(path, self.shape[0])?;
        match image.shape == self.shape {
            true => Ok(image.values),
            false => Err(Error::request(format!(
                "{} is {}x{} pixels, but the first image of its folder is {}x{}",
                path.display(),
                image.shape[2],
                image.shape[1],
                self.shape[2],
                self.shape[1]
            ))
            .with_help("bring all images to one size first")),
        }
    }
}

/// The entries of a folder, in the order of their names.
fn list(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let read = |error| Error::read(path, error);
    let entries = fs::read_dir(path).map_err(read)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()).map_err(read))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

fn images(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let is_png = |path: &PathBuf| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
    paths.retain(is_png);
    paths
}

/// The classes that folders stand for: their names where all are numbers, else their places.
fn numbers(folders: &[PathBuf]) -> Vec<usize> {
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse().ok();
    let named: Option<Vec<_>> = folders.iter().map(number).collect();
    named.unwrap_or_else(|| (0..folders.len()).collect())
}

fn open(path: &Path) -> Result<Decoder<BufReader<File>>, Error> {
    let file = File::open(path).map_err(|error| Error::read(path, error))?;
    let mut decoder = Decoder::new(BufReader::new(file));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    Ok(decoder)
}

/// Width and height.
fn size(path: &Path) -> Result<(usize, usize), Error> {
    let mut decoder = open(path)?;
    let info = decoder.read_header_info().map_err(|error| malformed(path, error))?;
    Ok((info.width as usize, info.height as usize))
}

fn malformed(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::malformed(&path.display().to_string(), "PNG file", error)
}

/// Decodes an image to bytes 0 to 255 in one channel (grey) or three (red, green, blue).
fn decode(path: &Path, channels: usize) -> Result<Array, Error> {
    let mut reader = open(path)?.read_info().map_err(|error| malformed(path, error))?;
    let bytes = reader.output_buffer_size();
    let bytes = bytes.ok_or_else(|| malformed(path, "it is larger than the memory"))?;
    let mut bytes = vec![0; bytes];
    let info = reader.next_frame(&mut bytes).map_err(|error| malformed(path, error))?;
    let depth = match info.color_type {
        ColorType::Grayscale => 1,
        ColorType::GrayscaleAlpha => 2,
        ColorType::Rgb | ColorType::Indexed => 3,
        ColorType::Rgba => 4,
    };
    let (colours, has_alpha) = (if depth < 3 { 1 } else { 3 }, depth % 2 == 0);
    let pixels = bytes.get(..info.buffer_size()).unwrap_or_default().chunks_exact(depth);
    if has_alpha && pixels.clone().any(|pixel| pixel[depth - 1] != u8::MAX) {
        return Err(Error::request(format!("{} has transparent pixels", path.display()))
            .with_help("lay the images on a background first"));
    }
    if channels < colours && pixels.clone().any(|p| p[0] != p[1] || p[1] != p[2]) {
        return Err(Error::request(format!(
            "{} is in colour, but the network reads grey images",
            path.display()
        ))
        .with_help("convert the images to grey first"));
    }
    let channel = |channel: usize| {
        let pixels = pixels.clone();
        pixels.map(move |pixel| f32::from(pixel[channel % colours]))
    };
    let shape = vec![channels, info.height as usize, info.width as usize];
    Ok(Array { shape, values: (0..channels).flat_map(channel).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, color: ColorType, bytes: &[u8]) {
        let mut encoder = png::Encoder::new(File::create(path).unwrap(), 2, 1);
        encoder.set_color(color);
        encoder.write_header().unwrap().write_image_data(bytes).unwrap();
    }

    #[test]
    fn grey_colour_and_alpha() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image.png");
        let values = |channels| decode(&path, channels).map(|image| image.values);
        write(&path, ColorType::Grayscale, &[1, 2]);
        assert_eq!(values(1).unwrap(), [1.0, 2.0]);
        assert_eq!(values(3).unwrap(), [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
        write(&path, ColorType::Rgb, &[1, 2, 3, 4, 5, 6]);
        assert_eq!(values(3).unwrap(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert!(values(1).unwrap_err().to_string().contains("in colour"));
        write(&path, ColorType::Rgba, &[7, 7, 7, 255, 8, 8, 8, 255]);
        assert_eq!(values(1).unwrap(), [7.0, 8.0]);
        write(&path, ColorType::GrayscaleAlpha, &[7, 255, 8, 0]);
        assert!(values(1).unwrap_err().to_string().contains("transparent"));
    }

    #[test]
    fn folders_are_numbered_by_name_or_place() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(numbers(&paths(&["x/0", "x/10", "x/2"])), [0, 10, 2]);
        assert_eq!(numbers(&paths(&["x/cat", "x/dog"])), [0, 1]);
    }
}
