//! Modules in the gauss dialect, which need no translation.

use std::path::Path;

use crate::{Failure, Files, Import, Importer};

/// The text of a module. MLIR parses it later, with diagnostics of its own.
#[derive(Debug, Clone, Copy)]
pub struct ModuleText;

impl Importer for ModuleText {
    fn format(&self) -> &'static str {
        "gauss module"
    }

    fn import(
        &self,
        path: &Path,
        files: &dyn Files,
        _note: &mut dyn FnMut(&str),
    ) -> Result<Import, Failure> {
        let module = files
            .read(path)
            .map_err(|error| Failure::Unreadable { path: path.to_owned(), error })?;
        Ok(Import { name: path.display().to_string(), module, parameters: None })
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io, path::PathBuf};

    use super::*;

    struct Memory(BTreeMap<PathBuf, Vec<u8>>);

    impl Files for Memory {
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
        }
    }

    #[test]
    fn a_module_is_its_own_import() {
        let files = Memory([("net.mlir".into(), b"module {}".to_vec())].into());
        let mut note = |text: &str| panic!("{text}");
        let import = ModuleText.import(Path::new("net.mlir"), &files, &mut note).unwrap();
        assert_eq!(
            (import.name.as_str(), import.module.as_slice()),
            ("net.mlir", &b"module {}"[..])
        );
        assert!(import.parameters.is_none());
        let missing = ModuleText.import(Path::new("other.mlir"), &files, &mut note);
        assert!(
            matches!(missing, Err(Failure::Unreadable { path, .. }) if path.ends_with("other.mlir"))
        );
    }
}
