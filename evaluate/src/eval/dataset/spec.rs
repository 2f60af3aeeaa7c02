//! How a command line names a data set: `PATH[@KEY=VALUE]..`.

use std::str::FromStr;

use crate::data::{self, Preparation, Scale};

/// A data set as it is asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spec {
    /// A file, a folder, or what the names of the files with images and labels begin with.
    pub path: String,
    /// What the set is called, where that is not the path.
    pub name: Option<String>,
    /// The file with the labels, where it is not found beside the images.
    pub labels: Option<String>,
    /// What differs from the preparation of the other sets.
    pub preparation: Preparation,
}

impl FromStr for Spec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('@');
        let mut spec = Self { path: parts.next().unwrap_or_default().into(), ..Self::default() };
        for part in parts {
            match part.split_once('=') {
                Some(("name", name)) => spec.name = Some(name.into()),
                Some(("labels", path)) => spec.labels = Some(path.into()),
                Some(("scale", factor)) => {
                    spec.preparation.scale = Some(factor.parse::<Scale>()?);
                }
                Some(("normalize", pair)) => {
                    spec.preparation.normalize = Some(data::parse_normalize(pair)?);
                }
                Some((key, _)) => {
                    return Err(format!(
                        "unknown key '{key}': known are name, labels, scale and normalize"
                    ));
                }
                // A path may have an @ of its own.
                None => spec.path += &format!("@{part}"),
            }
        }
        match spec.path.is_empty() {
            true => Err("it names no file or folder".into()),
            false => Ok(spec),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_what_differs() {
        let spec: Spec =
            "a@b/x.npy@labels=y.npy@name=mine@normalize=0.5,2@scale=1/16".parse().unwrap();
        let preparation =
            Preparation { scale: Some("1/16".parse().unwrap()), normalize: Some((0.5, 2.0)) };
        let (name, labels) = (Some("mine".into()), Some("y.npy".into()));
        assert_eq!(spec, Spec { path: "a@b/x.npy".into(), name, labels, preparation });
    }

    #[test]
    fn mistakes_are_named() {
        for (text, needle) in [
            ("", "no file"),
            ("@name=x", "no file"),
            ("x@nam=y", "unknown key 'nam'"),
            ("x@normalize=1", "MEAN,STD"),
            ("x@scale=1/0", "denominator"),
        ] {
            let error = text.parse::<Spec>().unwrap_err();
            assert!(error.contains(needle), "{text}: {error}");
        }
    }
}
