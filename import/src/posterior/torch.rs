//! Files that torch writes: a zip archive of a pickle and of one file for each storage.

use std::{
    collections::HashMap,
    io::{Cursor, Read as _},
    rc::Rc,
};

use zip::{CompressionMethod, ZipArchive};

use super::{
    Read, globals,
    objects::{Id, Object, Objects},
    pickle,
    tensor::Endian,
};

/// What the pickle of an archive is called, in the folder of all its files.
const PICKLE: &str = "/data.pkl";

/// How torch's format of before version 1.6 begins: with a pickle of a number that stands for it.
const LEGACY: &[u8] =
    &[0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50];

/// Is it a file that torch wrote before version 1.6, or with `_use_new_zipfile_serialization=False`?
pub fn is_legacy(bytes: &[u8]) -> bool {
    bytes.starts_with(LEGACY)
}

/// The name of the pickle, if the archive is one of torch.
pub fn pickle_of(names: &[String]) -> Option<&str> {
    let is_pickle = |name: &&String| {
        name.strip_suffix(PICKLE).is_some_and(|folder| !folder.is_empty() && !folder.contains('/'))
    };
    names.iter().find(is_pickle).map(String::as_str)
}

/// Reads an archive whose pickle has this name.
///
/// # Errors
///
/// Where it is damaged, or needs what is not known.
pub fn read(bytes: &[u8], pickle: &str) -> Read<(Objects, Id)> {
    let folder = pickle.strip_suffix(PICKLE).unwrap_or_default();
    let mut archive = Archive::new(bytes)?;
    let program = archive.read(pickle)?;
    let endian = match archive.has(&format!("{folder}/byteorder")) {
        true => match &*archive.read(&format!("{folder}/byteorder"))? {
            b"little" => Endian::Little,
            b"big" => Endian::Big,
            _ => return Err("its byte order is neither little nor big".into()),
        },
        false => Endian::Little,
    };
    let mut storages = HashMap::new();
    let mut persistent = |objects: &Objects, id: Id| {
        // ('storage', its type, its name, the device, how many elements)
        let Some(&[kind, class, key, ..]) = objects.items(id) else {
            return Err("it refers to what is no storage".into());
        };
        let (Some("storage"), Object::Global(class), Some(key)) =
            (objects.text(kind), objects.get(class), objects.text(key))
        else {
            return Err("it refers to what is no storage".into());
        };
        let bytes = match storages.get(key) {
            Some(bytes) => Rc::clone(bytes),
            None => {
                let bytes = archive.read(&format!("{folder}/data/{key}"))?;
                storages.insert(key.to_owned(), Rc::clone(&bytes));
                bytes
            }
        };
        globals::typed_storage(class, endian, bytes)
            .map(|storage| Object::Storage(Rc::new(storage)))
    };
    pickle::read(&program, &mut persistent)
}

/// An archive whose files are not packed, as torch leaves them.
struct Archive<'a> {
    files: ZipArchive<Cursor<&'a [u8]>>,
    /// How many bytes may still be read: no two files share bytes.
    left: u64,
}

impl<'a> Archive<'a> {
    fn new(bytes: &'a [u8]) -> Read<Self> {
        let files = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
        Ok(Self { files, left: bytes.len() as u64 })
    }

    fn has(&self, name: &str) -> bool {
        self.files.index_for_name(name).is_some()
    }

    fn read(&mut self, name: &str) -> Read<Rc<[u8]>> {
        let file =
            self.files.by_name(name).map_err(|error| format!("its file '{name}': {error}"))?;
        if file.compression() != CompressionMethod::Stored {
            return Err(format!("its file '{name}' is packed, which torch does not do"));
        }
        let mut bytes = Vec::new();
        file.take(self.left + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("its file '{name}': {error}"))?;
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or("its files share bytes")?;
        Ok(bytes.into())
    }
}
