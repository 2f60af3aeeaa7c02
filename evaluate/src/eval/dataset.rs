//! Items and their labels: IDX, `.npy`, `.npz`, safetensors, folders of images.

mod folder;
mod image;
mod labels;
mod name;
mod spec;

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use pfp_compiler::{array::Numbers, error::Error, signature::Signature};

use super::set::{Role, Set};
use crate::{
    batches::{self, Layout},
    data::{self, Part, Preparation},
};
use folder::Folder;
use labels::{Labels, Purpose};
pub use name::names;
pub use spec::Spec;

/// What the names of files with images end with, after the part that a user gives.
const IMAGES: [&str; 6] = [
    "-images-idx3-ubyte",
    "-images.idx3-ubyte",
    "-images-idx4-ubyte",
    "-images.idx4-ubyte",
    "-images.npy",
    "-images.npz",
];

/// Items that a network is evaluated on. Folders are read while they are used.
#[derive(Debug)]
pub struct DataSet {
    /// What it is, with its labels.
    pub set: Set,
    /// The share of each class in each item, where its labels are soft.
    pub shares: Vec<f32>,
    items: Source,
    preparation: Preparation,
}

#[derive(Debug)]
enum Source {
    /// All items, and how many numbers each has.
    Array(Numbers, usize),
    Folder(Folder),
}

impl DataSet {
    /// Finds and checks a data set for a network of one input. `preparation` holds where the
    /// spec says nothing else.
    ///
    /// # Errors
    ///
    /// Where files are missing or not valid, or do not fit the network.
    pub fn open(
        spec: &Spec,
        role: Role,
        preparation: &Preparation,
        signature: &Signature,
        classes: usize,
    ) -> Result<Self, Error> {
        Self::read(spec, (role, false), preparation, signature, classes)
    }

    /// As [`DataSet::open`] of a set in domain, whose labels may be shares of the classes.
    ///
    /// # Errors
    ///
    /// As [`DataSet::open`].
    pub fn with_soft_labels(
        spec: &Spec,
        preparation: &Preparation,
        signature: &Signature,
        classes: usize,
    ) -> Result<Self, Error> {
        Self::read(spec, (Role::InDomain, true), preparation, signature, classes)
    }

    fn read(
        spec: &Spec,
        (role, soft): (Role, bool),
        preparation: &Preparation,
        signature: &Signature,
        classes: usize,
    ) -> Result<Self, Error> {
        let preparation = Preparation {
            scale: spec.preparation.scale.or(preparation.scale),
            normalize: spec.preparation.normalize.or(preparation.normalize),
        };
        let path = find_images(&spec.path)?;
        let elements = signature.inputs.first().map_or(1, |input| input.elements());
        let mut notes = Vec::new();
        let (items, folder_classes, shape) = match Path::new(&path).is_dir() {
            true => {
                let elements = elements / signature.batch().max(1);
                let (folder, classes, left_out) = Folder::open(Path::new(&path), elements)?;
                notes.extend(left_out);
                let shape = folder.shape().to_vec();
                check_items(signature, &shape, &path)?;
                (Source::Folder(folder), classes, shape)
            }
            false => {
                let numbers = data::read(&path)?;
                let count = check_items(signature, numbers.shape(), &path)?;
                let length = numbers.len() / count;
                let shape = item_shape(numbers.shape(), count);
                (Source::Array(numbers, length), None, shape)
            }
        };
        let count = match &items {
            Source::Array(numbers, length) => numbers.len() / length,
            Source::Folder(folder) => folder.len(),
        };
        // The classes of what is out of domain are not those of the network.
        let found = match (&spec.labels, role) {
            (Some(path), _) => Some(path.clone()),
            (None, Role::OutOfDomain) => None,
            (None, _) if matches!(items, Source::Folder(_)) => None,
            (None, _) => labels::beside(&path),
        };
        let purpose =
            |source| Purpose { source, set: path.as_str(), items: count, classes, role, soft };
        let (labels, labels_source) = match (found, folder_classes) {
            (Some(source), _) => {
                (Labels::of(&data::read(&source)?, purpose(&source))?, Some(source))
            }
            (None, Some(folders)) if role != Role::OutOfDomain => {
                notes.extend(note_of_few(&folders, classes, &path));
                (Labels::of_folders(folders.labels, purpose(&path))?, Some(path.clone()))
            }
            _ => (Labels::default(), None),
        };
        notes.extend(labels.note);
        if labels_source.is_none() && role == Role::InDomain {
            return Err(Error::request(format!("there are no labels for {path}"))
                .with_help(format!("name the file that has them: {}@labels=FILE", spec.path)));
        }
        let set = Set {
            name: spec.name.clone().unwrap_or_else(|| spec.path.clone()),
            role,
            source: path,
            labels_source,
            scale: preparation.scale.map(|scale| scale.to_string()),
            normalize: preparation.normalize,
            items: count,
            item_shape: shape,
            labels_per_item: labels.each,
            labels: labels.classes,
            notes,
        };
        Ok(Self { set, shares: labels.shares, items, preparation })
    }

    /// How many items there are; at least one.
    pub fn len(&self) -> usize {
        self.set.items
    }

    /// Never: a set without items cannot be opened.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels of an item.
    pub fn labels(&self, item: usize) -> &[usize] {
        let each = self.set.labels_per_item;
        self.set.labels.get(item * each..(item + 1) * each).unwrap_or_default()
    }

    /// The numbers of an item as they are in their file.
    ///
    /// # Errors
    ///
    /// Where its file cannot be read.
    pub fn raw(&self, item: usize) -> Result<Vec<f64>, Error> {
        match &self.items {
            Source::Array(numbers, length) => {
                Ok(numbers.values(item * length..(item + 1) * length).collect())
            }
            Source::Folder(folder) => Ok(folder.read(item)?.all().collect()),
        }
    }

    /// The numbers of some items as the network reads them.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read or holds a number that is not finite.
    pub fn prepared(&self, items: Range<usize>) -> Result<Vec<f32>, Error> {
        let source = &self.set.source;
        match &self.items {
            Source::Array(numbers, length) => {
                let range = items.start * length..items.end * length;
                self.preparation
                    .apply(numbers, range, Part::Value)
                    .map_err(|unusable| batches::refuse(source, *length, items.start, unusable))
            }
            Source::Folder(folder) => {
                let prepare = |item: usize| {
                    let image = folder.read(item)?;
                    let values = self.preparation.apply(&image, 0..image.len(), Part::Value);
                    let file = folder.path(item).display().to_string();
                    values.map_err(|unusable| batches::refuse(&file, image.len(), 0, unusable))
                };
                Ok(items.map(prepare).collect::<Result<Vec<_>, Error>>()?.concat())
            }
        }
    }
}

/// What to know where a network tells more classes apart than there are folders with names.
fn note_of_few(folders: &folder::Classes, classes: usize, path: &str) -> Option<String> {
    let named: Vec<_> =
        folders.folders.iter().map(|(name, class)| format!("{name} is {class}")).collect();
    let is_doubtful = named.len() < classes && !folders.are_numbers();
    is_doubtful.then(|| {
        format!(
            "{path}: the network tells {classes} classes apart, but there are {} folders: {}",
            named.len(),
            named.join(", ")
        )
    })
}

/// How many items of a network an array of this shape holds.
fn check_items(signature: &Signature, shape: &[usize], path: &str) -> Result<usize, Error> {
    if shape.contains(&0) {
        return Err(Error::request(format!("{path} has no items")));
    }
    let layout = Layout::of(signature, &[shape]).map_err(|error| match error {
        Error::Request { message, help } => {
            Error::Request { message: format!("{path} does not fit the network: {message}"), help }
        }
        error => error,
    })?;
    Ok(layout.count)
}

/// The sizes of one of so many items.
fn item_shape(shape: &[usize], count: usize) -> Vec<usize> {
    match shape {
        [first, item @ ..] if *first == count => item.to_vec(),
        whole => whole.to_vec(),
    }
}

impl Spec {
    /// The files that the set is read from, as far as they are there.
    pub fn files(&self) -> Vec<PathBuf> {
        let Ok(images) = find_images(&self.path) else { return Vec::new() };
        let labels = self.labels.clone().or_else(|| labels::beside(&images));
        let file = |path: &str| PathBuf::from(data::split(path).0);
        let mut files = match Path::new(&images).is_dir() {
            true => folder::files(Path::new(&images)),
            false => vec![file(&images)],
        };
        files.extend(labels.as_deref().map(file));
        files
    }
}

/// A file or folder as it is named, or else the file with images that begins so.
fn find_images(path: &str) -> Result<String, Error> {
    if data::split(path).1.is_some() || Path::new(path).exists() {
        return Ok(path.to_owned());
    }
    let endings = IMAGES.iter().flat_map(|ending| [(*ending).to_owned(), format!("{ending}.gz")]);
    let mut candidates = endings.map(|ending| format!("{path}{ending}"));
    candidates.find(|candidate| Path::new(candidate).exists()).ok_or_else(|| {
        Error::request(format!("there is no file or folder {path}, nor images {path}-images-*"))
            .with_help(
                "a data set is an IDX or .npy file, FILE.npz:NAME, FILE.safetensors:TENSOR, a folder \
                 of images, or the part before '-images-idx3-ubyte' of such a file",
            )
    })
}
