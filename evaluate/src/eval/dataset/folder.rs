//! Folders of images, read as torchvision's `ImageFolder` reads them.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::FileType,
    path::{Path, PathBuf},
};

use pfp_compiler::{array::Numbers, error::Error};
use walkdir::WalkDir;

use super::image;

/// So many names are shown of files that are left out.
const SHOWN: usize = 3;

/// The images of a folder.
#[derive(Debug)]
pub struct Folder {
    files: Vec<PathBuf>,
    shape: [usize; 3],
}

/// The classes of the images of a folder.
#[derive(Debug, PartialEq)]
pub struct Classes {
    /// The class of each image.
    pub labels: Vec<usize>,
    /// The folders that are classes, by their names, and the class of each.
    pub folders: Vec<(String, usize)>,
}

impl Classes {
    /// Are the classes what the names of the folders say?
    pub fn are_numbers(&self) -> bool {
        self.folders.iter().all(|(name, class)| number(name) == Some(*class))
    }
}

/// Why an entry of a folder is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    Hidden,
    OtherImage,
    NoImage,
    BesideClasses,
    Loop,
    NoFile,
}

impl Reason {
    fn text(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::OtherImage => "an image that is neither PNG nor JPEG",
            Self::NoImage => "no image",
            Self::BesideClasses => "an image beside the folders that are classes",
            Self::Loop => "a link that leads back to a folder above it",
            Self::NoFile => "neither a file nor a folder",
        }
    }
}

/// What a walk through a folder finds.
#[derive(Debug, Default)]
struct Found {
    /// The images directly in it.
    direct: Vec<PathBuf>,
    /// The folders in it, and the images at any depth in each.
    classes: BTreeMap<PathBuf, Vec<PathBuf>>,
    left_out: BTreeMap<Reason, Vec<PathBuf>>,
}

impl Folder {
    /// Lists the images of a folder: those in it, or those at any depth of the folders in it, which
    /// then are classes. Returns their classes too, and what was left out. `elements` is how many
    /// numbers an item of the network has, from which it follows whether the images are grey or in
    /// colour.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be read, or has no images.
    pub fn open(
        path: &Path,
        elements: usize,
    ) -> Result<(Self, Option<Classes>, Vec<String>), Error> {
        let mut found = Found::walk(path)?;
        let (files, classes) = match found.classes.is_empty() {
            true => (found.direct.clone(), None),
            false => {
                let direct = found.direct.clone();
                found.left_out.entry(Reason::BesideClasses).or_default().extend(direct);
                let (files, classes) = found.labelled(path)?;
                (files, Some(classes))
            }
        };
        let Some(first) = files.first() else {
            let left_out = found.notes(path);
            let left_out = left_out.first().map_or(String::new(), |note| format!("; {note}"));
            return Err(Error::request(format!("{} has no images", path.display())).with_help(
                format!(
                    "images are PNG and JPEG files; where folders are classes, they lie in folders \
                     of their own{left_out}"
                ),
            ));
        };
        let (width, height) = image::size(first)?;
        let channels = if width * height * 3 == elements { 3 } else { 1 };
        let notes = found.notes(path);
        Ok((Self { files, shape: [channels, height, width] }, classes, notes))
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
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or differs from the others in size.
    pub fn read(&self, index: usize) -> Result<Numbers, Error> {
        image::read(self.path(index), self.shape)
    }

    /// The file of an image.
    pub fn path(&self, index: usize) -> &Path {
        self.files.get(index).map_or(Path::new(""), PathBuf::as_path)
    }
}

/// The images of a folder and of the folders in it, as far as they can be listed.
pub fn files(path: &Path) -> Vec<PathBuf> {
    let Found { direct, classes, .. } = Found::walk(path).unwrap_or_default();
    direct.into_iter().chain(classes.into_values().flatten()).collect()
}

impl Found {
    fn walk(root: &Path) -> Result<Self, Error> {
        let mut found = Self::default();
        let mut entries = WalkDir::new(root).min_depth(1).follow_links(true).into_iter();
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    found.fault(root, error)?;
                    continue;
                }
            };
            let (path, kind) = (entry.path(), entry.file_type());
            if is_hidden(entry.file_name()) {
                found.leave_out(Reason::Hidden, path);
                if kind.is_dir() {
                    entries.skip_current_dir();
                }
            } else if kind.is_dir() && entry.depth() == 1 {
                found.classes.entry(path.to_owned()).or_default();
            } else if !kind.is_dir() {
                found.file(root, path, kind);
            }
        }
        found.direct.sort();
        // By folder, then by name, as text: the order of torchvision.
        let key = |path: &PathBuf| {
            (
                path.parent().map(|parent| parent.as_os_str().to_owned()),
                path.file_name().map(OsStr::to_owned),
            )
        };
        found.classes.values_mut().for_each(|files| files.sort_by_cached_key(key));
        found.left_out.values_mut().for_each(|paths| paths.sort());
        Ok(found)
    }

    fn file(&mut self, root: &Path, path: &Path, kind: FileType) {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let has = |endings: &[&str]| endings.contains(&ending.as_str());
        if !kind.is_file() {
            return self.leave_out(Reason::NoFile, path);
        }
        if !has(&image::READ) {
            let reason = if has(&image::OTHERS) { Reason::OtherImage } else { Reason::NoImage };
            return self.leave_out(reason, path);
        }
        let below = path.strip_prefix(root).unwrap_or(path);
        match below.components().next() {
            Some(class) if below.components().count() > 1 => {
                self.classes.entry(root.join(class)).or_default().push(path.to_owned());
            }
            _ => self.direct.push(path.to_owned()),
        }
    }

    fn leave_out(&mut self, reason: Reason, path: &Path) {
        self.left_out.entry(reason).or_default().push(path.to_owned());
    }

    /// What cannot be walked: links that loop are left out, the rest is an error.
    fn fault(&mut self, root: &Path, error: walkdir::Error) -> Result<(), Error> {
        let path = error.path().unwrap_or(root).to_owned();
        let is_loop = error.loop_ancestor().is_some();
        match (error.into_io_error(), is_loop) {
            (_, true) => self.leave_out(Reason::Loop, &path),
            (_, false) if path.file_name().is_some_and(is_hidden) => {
                self.leave_out(Reason::Hidden, &path);
            }
            (Some(error), false) => return Err(Error::read(&path, error)),
            (None, false) => self.leave_out(Reason::NoFile, &path),
        }
        Ok(())
    }

    /// The images of all classes, and their classes.
    fn labelled(&self, root: &Path) -> Result<(Vec<PathBuf>, Classes), Error> {
        let name =
            |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let empty: Vec<_> = self.classes.iter().filter(|(_, files)| files.is_empty()).collect();
        if let Some((folder, _)) = empty.first() {
            let others = match empty.len() - 1 {
                0 => String::new(),
                others => format!(", nor do {others} other folders there"),
            };
            let all_empty = empty.len() == self.classes.len();
            let help = match all_empty {
                true => "images are PNG and JPEG files",
                false => {
                    "remove it, or hide it by a name that begins with '.'; images are PNG and JPEG \
                     files"
                }
            };
            return Err(Error::request(format!(
                "{} has no images, but every folder in {} is a class{others}",
                folder.display(),
                root.display()
            ))
            .with_help(help));
        }
        let names: Vec<_> = self.classes.keys().map(|folder| name(folder)).collect();
        let numbers = numbers(&names).map_err(|message| {
            Error::request(format!("{}: {message}", root.display())).with_help(
                "give all folders numbers, or none: numbers are classes, other names are numbered \
                 in their order",
            )
        })?;
        let labels = self.classes.values().zip(&numbers);
        let labels = labels.flat_map(|(files, &class)| vec![class; files.len()]).collect();
        let files = self.classes.values().flatten().cloned().collect();
        Ok((files, Classes { labels, folders: names.into_iter().zip(numbers).collect() }))
    }

    /// What was left out, a sentence for each reason.
    fn notes(&self, root: &Path) -> Vec<String> {
        let note = |(reason, paths): (&Reason, &Vec<PathBuf>)| {
            let below =
                |path: &PathBuf| path.strip_prefix(root).unwrap_or(path).display().to_string();
            let names: Vec<_> = paths.iter().take(SHOWN).map(below).collect();
            let more = match paths.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!(
                "{}: left out {} ({}): {}{more}",
                root.display(),
                paths.len(),
                reason.text(),
                names.join(", ")
            )
        };
        let reasons = self.left_out.iter().filter(|(_, paths)| !paths.is_empty());
        reasons.map(note).collect()
    }
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// The number that a name is.
fn number(name: &str) -> Option<usize> {
    let digits = name.bytes().all(|byte| byte.is_ascii_digit());
    name.parse().ok().filter(|_| digits)
}

/// The classes that folders stand for: the numbers that are their names, else their places. Where
/// some names are numbers and some are not, both must say the same.
fn numbers(names: &[String]) -> Result<Vec<usize>, String> {
    let named: Vec<_> = names.iter().map(|name| number(name)).collect();
    if let Some(numbers) = named.iter().copied().collect::<Option<Vec<_>>>() {
        let twice = (0..numbers.len()).find(|&index| numbers[..index].contains(&numbers[index]));
        return match twice {
            Some(index) => Err(format!("two folders are class {}", numbers[index])),
            None => Ok(numbers),
        };
    }
    let moved = named.iter().enumerate().find(|(place, named)| named.is_some_and(|n| n != *place));
    let word = names.iter().zip(&named).find(|(_, named)| named.is_none());
    match (moved, word) {
        (Some((place, _)), Some((word, _))) => Err(format!(
            "the folder '{word}' is no number as '{}' is, which would become class {place}",
            names[place]
        )),
        _ => Ok((0..names.len()).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(names: &[&str]) -> Result<Vec<usize>, String> {
        numbers(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn folders_are_numbered_by_name_or_place() {
        assert_eq!(classes(&["0", "10", "2"]), Ok(vec![0, 10, 2]));
        assert_eq!(classes(&["00", "01"]), Ok(vec![0, 1]));
        assert_eq!(classes(&["cat", "dog"]), Ok(vec![0, 1]));
        assert_eq!(classes(&["0", "1", "other"]), Ok(vec![0, 1, 2]));
    }

    #[test]
    fn names_that_would_shift_numbers_are_refused() {
        let error = classes(&["0", "1", "10", "2", "other"]).unwrap_err();
        assert!(error.contains("'other'") && error.contains("'10'"), "{error}");
        assert!(error.contains("become class 2"), "{error}");
        assert_eq!(classes(&["01", "1"]), Err("two folders are class 1".into()));
        assert!(classes(&["+1", "1", "7"]).is_err());
    }
}
