//! A data set as an evaluation lists it.

use serde::Serialize;

/// The part that a data set plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// What the network was trained for.
    InDomain,
    /// What belongs to several classes.
    Ambiguous,
    /// What belongs to none.
    OutOfDomain,
}

/// A data set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Set {
    /// A short name, unique in the evaluation.
    pub name: String,
    /// Its part.
    pub role: Role,
    /// The file or folder with the items.
    pub source: String,
    /// The file or folder with the labels.
    pub labels_source: Option<String>,
    /// The factor of its numbers, such as `1/255`.
    pub scale: Option<String>,
    /// Mean and standard deviation that are taken out of the scaled numbers.
    pub normalize: Option<(f64, f64)>,
    /// How many items it has.
    pub items: usize,
    /// The sizes of an item.
    pub item_shape: Vec<usize>,
    /// Labels of each item; 0 where it has none.
    pub labels_per_item: usize,
    /// The labels, item by item. Left out of JSON without `--items`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<usize>,
    /// What was left out, and how labels were taken where that is not plain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}
