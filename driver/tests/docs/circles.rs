//! Imports between the files of a crate go one way, as those between crates do.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::page::{assert_none, root};

const CRATES: [&str; 12] = [
    "agent",
    "compiler",
    "dialect",
    "driver",
    "evaluate",
    "fuzz",
    "import",
    "llvm-config",
    "lowering",
    "python",
    "runtime",
    "train",
];

/// A file, as the path of its module within the crate.
type Module = Vec<String>;

/// Who imports whom of the modules that lie side by side.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// A file may use names of those that it is a part of, and of its own parts. Other files import each
/// other one way: of two modules side by side, with all of their parts, one is below the other.
#[test]
fn imports_make_no_circle() {
    let wrong = CRATES.iter().flat_map(|name| circles(name));
    assert_none(wrong.collect());
}

fn circles(name: &str) -> Vec<String> {
    let files = files(&root().join(name).join("src"), &[]);
    let mut levels: BTreeMap<&[String], Imports> = BTreeMap::new();
    for (module, text) in &files {
        for path in paths(text) {
            let Some(other) = resolve(&files, module, &path) else { continue };
            let common = module.iter().zip(&other).take_while(|(a, b)| a == b).count();
            if let (Some(from), Some(to)) = (module.get(common), other.get(common)) {
                let imports = levels.entry(&module[..common]).or_default();
                imports.entry(from.clone()).or_default().insert(to.clone());
            }
        }
    }
    let describe = |(level, imports): (&[String], Imports)| {
        let left: Vec<_> = in_circles(imports).into_iter().collect();
        let place = [&[name.to_owned()], level].concat().join("::");
        (!left.is_empty()).then(|| format!("{place}: {} import each other", left.join(", ")))
    };
    levels.into_iter().filter_map(describe).collect()
}

/// What is left once all are taken away that import nothing, or that nobody imports.
fn in_circles(mut imports: Imports) -> BTreeSet<String> {
    loop {
        let importers: BTreeSet<_> = imports.keys().cloned().collect();
        let imported: BTreeSet<_> = imports.values().flatten().cloned().collect();
        let left: BTreeSet<_> = importers.intersection(&imported).cloned().collect();
        let before = imports.values().map(BTreeSet::len).sum::<usize>();
        imports.retain(|name, _| left.contains(name));
        imports.values_mut().for_each(|others| others.retain(|other| left.contains(other)));
        imports.retain(|_, others| !others.is_empty());
        if imports.values().map(BTreeSet::len).sum::<usize>() == before {
            return imports.into_keys().collect();
        }
    }
}

/// The files of a folder and below, without comments and tests.
fn files(folder: &Path, module: &[String]) -> BTreeMap<Module, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_root = module.is_empty() && stem == "lib";
        let inner = if is_root { vec![] } else { [module, std::slice::from_ref(&stem)].concat() };
        if path.is_dir() {
            // Programs are crates of their own.
            if stem != "bin" {
                found.extend(files(&path, &inner));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
            found.insert(inner, lines.collect::<Vec<_>>().join("\n"));
        }
    }
    found
}

/// The file that a path in a module leads into; `None` of another crate's.
fn resolve(files: &BTreeMap<Module, String>, module: &[String], path: &[String]) -> Option<Module> {
    let mut rest = path;
    let mut place = module.to_vec();
    match rest.first()?.as_str() {
        "crate" => {
            place.clear();
            rest = &rest[1..];
        }
        "self" | "super" => {
            while let [first @ .., _] = &place[..]
                && rest.first().is_some_and(|name| name == "super")
            {
                place = first.to_vec();
                rest = &rest[1..];
            }
            rest = if rest.first().is_some_and(|name| name == "self") { &rest[1..] } else { rest };
        }
        child => {
            files.get(&[module, &[child.to_owned()]].concat())?;
        }
    }
    for name in rest {
        place.push(name.clone());
        if !files.contains_key(&place) {
            place.pop();
            break;
        }
    }
    Some(place)
}

/// The paths of a text, with braces taken apart.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_name) {
        rest = path(&rest[start..], &[], &mut found);
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Adds the path, or the tree of paths, that a text begins with. Returns what follows it.
fn path<'a>(text: &'a str, before: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut names = before.to_vec();
    let mut rest = text;
    loop {
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        names.push(rest[..end].to_owned());
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(next) if next.starts_with(is_name) => rest = next,
            Some(next) if next.starts_with('{') => {
                rest = &next[1..];
                while let Some(start) = rest.find(|c| is_name(c) || c == '}') {
                    match rest[start..].strip_prefix('}') {
                        Some(after) => return after,
                        None => rest = path(&rest[start..], &names, found),
                    }
                }
                return rest;
            }
            _ => break,
        }
    }
    found.push(names);
    rest
}

#[test]
fn circles_are_found() {
    let of = |pairs: &[(&str, &str)]| {
        let mut imports = Imports::new();
        for (from, to) in pairs {
            imports.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        in_circles(imports).into_iter().collect::<Vec<_>>()
    };
    assert!(of(&[("a", "b"), ("b", "c"), ("a", "c")]).is_empty());
    assert_eq!(of(&[("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")]), ["b", "c"]);
    let tree = paths("use crate::{a::{self, B}, c::D}; x::y(1)");
    let tree: Vec<_> = tree.iter().map(|path| path.join("::")).collect();
    assert_eq!(tree[1..], ["crate::a::self", "crate::a::B", "crate::c::D", "x::y", "1"]);
}
