//! What data sets are called where nobody says.

use super::{IMAGES, Spec};

/// A name for each: the one that it was given, or else the end of its path, with as many folders as
/// tell it from the others.
pub fn names(specs: &[&Spec]) -> Vec<String> {
    let parts: Vec<_> = specs.iter().map(|spec| parts(&spec.path)).collect();
    let most = parts.iter().map(Vec::len).max().unwrap_or(1);
    let short = |set: usize, length: usize| {
        let parts = &parts[set];
        parts[parts.len().saturating_sub(length)..].join("/")
    };
    let name = |(set, spec): (usize, &&Spec)| {
        let own = |length: &usize| {
            let name = short(set, *length);
            specs.iter().enumerate().all(|(other, spec)| {
                other == set || name != spec.name.clone().unwrap_or_else(|| short(other, *length))
            })
        };
        let length = (1..=most).find(own).unwrap_or(most);
        spec.name.clone().unwrap_or_else(|| short(set, length))
    };
    specs.iter().enumerate().map(name).collect()
}

/// The folders and the name of a path, without what only says which format it is.
fn parts(path: &str) -> Vec<&str> {
    let path = path.strip_suffix(".gz").unwrap_or(path);
    let endings = IMAGES.iter().chain(&[".npy"]);
    let path = endings.filter_map(|ending| path.strip_suffix(ending)).next().unwrap_or(path);
    let parts: Vec<_> =
        path.split('/').filter(|part| !part.is_empty() && *part != "." && *part != "..").collect();
    match parts.is_empty() {
        true => vec![path],
        false => parts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_as_short_as_the_others_allow() {
        for (specs, expected) in [
            (&["examples/digits/test", "./ood"][..], &["test", "ood"][..]),
            (&["mnist/t10k", "fashion-mnist/t10k"], &["mnist/t10k", "fashion-mnist/t10k"]),
            (&["/data/a/t10k-images-idx3-ubyte.gz", "x.npy"], &["t10k", "x"]),
            (&["a/x@name=b", "a/b", "c/b"], &["b", "a/b", "c/b"]),
            (&["net.safetensors:test.images", ".."], &["net.safetensors:test.images", ".."]),
            // They cannot be told apart.
            (&["a/x", "a/x"], &["a/x", "a/x"]),
        ] {
            let specs: Vec<Spec> = specs.iter().map(|spec| spec.parse().unwrap()).collect();
            assert_eq!(names(&specs.iter().collect::<Vec<_>>()), expected);
        }
    }
}
