//! The labels of items: classes, one or several for each, or one-hot.

use std::path::Path;

use pfp_compiler::{
    array::{Element, Numbers},
    error::Error,
};

use crate::{data, eval::set::Role};

/// Labels, item by item.
#[derive(Debug, Default, PartialEq)]
pub struct Labels {
    /// How many each item has.
    pub each: usize,
    /// The classes.
    pub classes: Vec<usize>,
    /// The share of each class in each item, of soft labels; then there are no classes.
    pub shares: Vec<f32>,
    /// How they were read, where that is not plain.
    pub note: Option<String>,
}

/// What labels are for.
#[derive(Debug, Clone, Copy)]
pub struct Purpose<'a> {
    /// The file of the labels, in messages.
    pub source: &'a str,
    /// The file of the items.
    pub set: &'a str,
    /// How many items there are.
    pub items: usize,
    /// The classes that the network tells apart.
    pub classes: usize,
    /// The part of the set.
    pub role: Role,
    /// May labels be shares of the classes?
    pub soft: bool,
}

/// The file with the labels of the images in a file: `images` in its name is `labels` there.
pub fn beside(images: &str) -> Option<String> {
    if let (file, Some(array)) = data::split(images) {
        let labels = array.replace("images", "labels");
        let is_there = labels != array && data::names(&file).contains(&labels);
        return is_there.then(|| format!("{file}:{labels}"));
    }
    let (folder, name) =
        images.rsplit_once('/').map_or(("", images), |(folder, name)| (folder, name));
    let within = |name: &str| match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    };
    let labels = name.replace("images", "labels");
    let by_dimensions =
        ["idx1", "idx2"].map(|idx| labels.replace("idx3", idx).replace("idx4", idx));
    let mut candidates = by_dimensions.iter().filter(|candidate| *candidate != name);
    candidates.find(|name| Path::new(&within(name)).exists()).map(|name| within(name))
}

impl Labels {
    /// The labels in an array.
    ///
    /// # Errors
    ///
    /// Where they do not fit the items or the classes, or could be read in two ways.
    pub fn of(numbers: &Numbers, purpose: Purpose) -> Result<Self, Error> {
        let Purpose { source, items, .. } = purpose;
        let each = match numbers.shape()[..] {
            [count] if count == items => 1,
            [count, each] if count == items && each > 0 => each,
            _ => {
                return Err(Error::request(format!(
                    "{source} has labels of shape {:?} for the {items} item(s) of {}",
                    numbers.shape(),
                    purpose.set
                ))
                .with_help("labels are one for each item, or as many for each as it has classes"));
            }
        };
        if let Some(labels) = one_hot(numbers, each, purpose)? {
            return Ok(labels);
        }
        let class = |(index, value): (usize, f64)| class(numbers, index, value, source);
        let classes = numbers.all().enumerate().map(class).collect::<Result<_, _>>()?;
        Self { each, classes, ..Self::default() }.within(purpose, |index| numbers.text(index))
    }

    /// The classes of folders, one for each item.
    ///
    /// # Errors
    ///
    /// Where the network has too few.
    pub fn of_folders(classes: Vec<usize>, purpose: Purpose) -> Result<Self, Error> {
        let texts = classes.clone();
        Self { each: 1, classes, ..Self::default() }
            .within(purpose, |index| texts[index].to_string())
    }

    fn within(self, purpose: Purpose, text: impl Fn(usize) -> String) -> Result<Self, Error> {
        let Purpose { source, classes, .. } = purpose;
        let Some(index) = self.classes.iter().position(|&class| class >= classes) else {
            return Ok(self);
        };
        let error = Error::request(format!(
            "item {} of {source} has the label {}, but the network tells {classes} classes apart, 0 \
             to {}",
            index / self.each,
            text(index),
            classes - 1
        ));
        let from_one = self.classes.iter().all(|class| (1..=classes).contains(class));
        Err(match from_one {
            true => error.with_help(format!(
                "{source} has 1 to {classes} and no 0: count its classes from 0, as the outputs of \
                 the network are"
            )),
            false => error,
        })
    }
}

/// The class that a number is. One beyond all classes is the largest there is.
fn class(numbers: &Numbers, index: usize, value: f64, source: &str) -> Result<usize, Error> {
    if value >= 0.0 && value.fract() == 0.0 {
        return Ok(value as usize);
    }
    let text = numbers.text(index);
    let error = Error::request(format!(
        "{source} has {text} as its label number {index}, which is no class"
    ));
    Err(match value < 0.0 {
        true => error.with_help("classes count from 0; leave out items without a label"),
        false => error.with_help("labels are the numbers of classes: 0, 1, 2.."),
    })
}

/// Rows with a one for the class of each item and zeros for all others. `None` where labels are
/// listed instead.
fn one_hot(numbers: &Numbers, each: usize, purpose: Purpose) -> Result<Option<Labels>, Error> {
    let Purpose { source, classes, role, .. } = purpose;
    let is_bool = numbers.element() == Element::Bool;
    let refuse = |what: String| {
        Err(Error::request(format!("{source} {what}"))
            .with_help("give the number of the class for each item, such as np.argmax(y, axis=1)"))
    };
    if each == 1 {
        return match is_bool && classes != 2 {
            true => refuse(format!(
                "has true or false for each item, but the network tells {classes} classes apart"
            )),
            false => Ok(None),
        };
    }
    let rows = || (0..numbers.len() / each).map(|row| numbers.values(row * each..(row + 1) * each));
    let are_marks = numbers.all().all(|value| value == 0.0 || value == 1.0);
    if !are_marks {
        let is_share = |value: f64| (0.0..=1.0).contains(&value);
        let is_soft = numbers.all().all(is_share)
            && rows().all(|row| (row.sum::<f64>() - 1.0).abs() < SUM_TOLERANCE);
        if is_soft && purpose.soft && each == classes {
            let shares = numbers.all().map(|share| share as f32).collect();
            return Ok(Some(Labels { each, shares, ..Labels::default() }));
        }
        return match is_soft {
            true => refuse(format!(
                "has the probabilities of {each} classes for each item (soft labels), not classes"
            )),
            false => Ok(None),
        };
    }
    let are_hot = rows().all(|row| row.filter(|&value| value == 1.0).count() == 1);
    match (are_hot, each == classes) {
        // Two labels of two classes, in any order, would say nothing of an item in domain.
        (true, true) if each == 2 && role == Role::Ambiguous && !is_bool => refuse(
            "has a 0 and a 1 for each item: both of two classes, or one of them, one-hot?".into(),
        ),
        (true, true) => {
            let class = |mut row: Box<dyn Iterator<Item = f64> + '_>| {
                row.position(|value| value == 1.0).unwrap_or(0)
            };
            let labels = rows().map(|row| class(Box::new(row))).collect();
            let note =
                format!("{source}: taken as one-hot, the class of each item is the place of its 1");
            Ok(Some(Labels { each: 1, classes: labels, note: Some(note), ..Labels::default() }))
        }
        (true, false) if each > 2 || is_bool => {
            refuse(format!("is one-hot for {each} classes, but the network tells {classes} apart"))
        }
        (false, true) if each > 2 || is_bool => refuse(format!(
            "has zeros and ones only, {each} for each item: classes 0 and 1, or marks of several \
             classes?"
        )),
        (false, false) if is_bool => {
            refuse(format!("has {each} marks of true or false for each item, not classes"))
        }
        _ => Ok(None),
    }
}

/// How far the sum of the probabilities of an item may be from 1: more than 1000 halves of precision
/// 16 bits add up to.
const SUM_TOLERANCE: f64 = 1e-2;

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(shape: &[usize], values: &[f32]) -> Numbers {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Numbers::new(shape.to_vec(), Element::F32, bytes).unwrap()
    }

    fn purpose(items: usize, classes: usize) -> Purpose<'static> {
        Purpose { source: "y.npy", set: "x.npy", items, classes, role: Role::InDomain, soft: false }
    }

    fn bools(shape: &[usize], bytes: &[u8]) -> Numbers {
        Numbers::new(shape.to_vec(), Element::Bool, bytes.to_vec()).unwrap()
    }

    #[track_caller]
    fn are(numbers: &Numbers, purpose: Purpose, each: usize, classes: &[usize]) -> Option<String> {
        let labels = Labels::of(numbers, purpose).unwrap();
        assert_eq!((labels.each, labels.classes.as_slice()), (each, classes));
        labels.note
    }

    #[track_caller]
    fn refused(numbers: &Numbers, purpose: Purpose, needle: &str) {
        let error = Labels::of(numbers, purpose).unwrap_err().to_string();
        assert!(error.contains(needle), "{error}");
    }

    #[test]
    fn classes_one_or_several_for_each_item() {
        assert_eq!(are(&floats(&[3], &[2.0, -0.0, 1.0]), purpose(3, 3), 1, &[2, 0, 1]), None);
        assert_eq!(are(&floats(&[2, 1], &[2.0, 0.0]), purpose(2, 3), 1, &[2, 0]), None);
        let pairs = floats(&[2, 2], &[2.0, 1.0, 0.0, 1.0]);
        assert_eq!(are(&pairs, purpose(2, 3), 2, &[2, 1, 0, 1]), None);
        assert_eq!(are(&bools(&[2], &[1, 0]), purpose(2, 2), 1, &[1, 0]), None);
    }

    #[test]
    fn one_hot_rows_are_classes_and_it_is_said() {
        let hot = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let note = are(&floats(&[2, 3], &hot), purpose(2, 3), 1, &[1, 2]);
        assert!(note.unwrap().contains("one-hot"));
        assert!(are(&floats(&[2, 2], &[0.0, 1.0, 1.0, 0.0]), purpose(2, 2), 1, &[1, 0]).is_some());
        assert!(are(&bools(&[2, 3], &hot.map(|x| x as u8)), purpose(2, 3), 1, &[1, 2]).is_some());
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let hot = floats(&[2, 3], &[0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        refused(&hot, purpose(2, 10), "one-hot for 3 classes");
        let several = floats(&[2, 3], &[0.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
        refused(&several, purpose(2, 3), "zeros and ones only");
        let two = floats(&[2, 2], &[0.0, 1.0, 1.0, 0.0]);
        refused(&two, Purpose { role: Role::Ambiguous, ..purpose(2, 2) }, "both of two classes");
        refused(&floats(&[1, 2], &[0.25, 0.75]), purpose(1, 2), "soft labels");
        refused(&bools(&[2], &[1, 0]), purpose(2, 3), "true or false");
        refused(&bools(&[1, 2], &[1, 0]), purpose(1, 3), "one-hot for 2 classes");
    }

    #[test]
    fn shares_of_classes_are_labels_where_they_may_be() {
        let shares = floats(&[2, 2], &[0.25, 0.75, 1.0, 0.0]);
        let labels = Labels::of(&shares, Purpose { soft: true, ..purpose(2, 2) }).unwrap();
        assert_eq!((labels.each, labels.shares.as_slice()), (2, &[0.25, 0.75, 1.0, 0.0][..]));
        assert!(labels.classes.is_empty());
        refused(&shares, Purpose { soft: true, ..purpose(2, 3) }, "soft labels");
    }

    #[test]
    fn classes_counted_from_one_are_called_that() {
        let help = |labels: &[usize]| {
            let error = Labels::of_folders(labels.to_vec(), purpose(labels.len(), 3)).unwrap_err();
            miette::Diagnostic::help(&error).map(|help| help.to_string())
        };
        assert!(help(&[1, 2, 3]).unwrap().contains("count its classes from 0"));
        assert_eq!(help(&[0, 3]), None);
        assert_eq!(help(&[1, 4]), None);
    }

    #[test]
    fn what_is_no_class_is_shown_as_it_is_in_the_file() {
        refused(&floats(&[2], &[0.0, -1.0]), purpose(2, 3), "has -1 as its label number 1");
        refused(&floats(&[1], &[f32::NAN]), purpose(1, 3), "has NaN as its label");
        refused(&floats(&[2], &[0.0, 1e30]), purpose(2, 3), "item 1 of y.npy has the label 1e30,");
        let nearly = 2.9999999999f64.to_le_bytes().to_vec();
        let nearly = Numbers::new(vec![1], Element::F64, nearly).unwrap();
        refused(&nearly, purpose(1, 4), "has 2.9999999999 as its label");
    }
}
