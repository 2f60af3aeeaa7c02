//! A file of any kind that posteriors come in, as plain values.

use std::{collections::BTreeMap, io::Cursor, rc::Rc};

use safetensors::{Dtype, SafeTensors};
use zip::ZipArchive;

use super::{
    Read, numpy,
    objects::{Id, Object, Objects},
    pickle,
    tensor::{Budget, Element, Endian, Tensor},
    torch,
};

/// What to do with a file of Keras.
const FROM_KERAS: &str = "write the numbers with numpy.savez(FILE, **{v.name: v.numpy() for v in \
                          model.weights}) and import the .npz file";

/// A file as plain values.
pub struct Document {
    /// Everything that it holds.
    pub objects: Objects,
    /// What all of it hangs on.
    pub root: Id,
    /// What a safetensors file says beside its tensors.
    pub metadata: BTreeMap<String, String>,
    /// Are tensors in the order in which they were saved?
    pub has_order: bool,
    /// How many numbers may still be read.
    pub budget: Budget,
}

/// Where tensors of a file are and what they are called.
pub type Named = Vec<(String, Rc<Tensor>)>;

impl Document {
    /// Reads a file; what it is, its first bytes tell.
    ///
    /// # Errors
    ///
    /// Where it is damaged, of no known kind, or needs what is not known.
    pub fn read(bytes: &[u8]) -> Read<Self> {
        let budget = Budget::of(bytes.len());
        let with = |(objects, root)| Self {
            objects,
            root,
            metadata: BTreeMap::new(),
            has_order: true,
            budget,
        };
        match bytes {
            [b'P', b'K', ..] => archive(bytes).map(with),
            [0x89, b'H', b'D', b'F', ..] => Err(format!("HDF5 files are not read: {FROM_KERAS}")),
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => {
                Err("it is one array without a name: save a dictionary with numpy.savez".into())
            }
            _ if torch::is_legacy(bytes) => {
                Err("it is in the format of torch before version 1.6: \
                load it with torch and save it again with torch.save(OBJECT, FILE)"
                    .into())
            }
            // No header is longer than 2^40 bytes.
            [_, _, _, _, _, 0, 0, 0, b'{', ..] => safetensors(bytes),
            [0x80, ..] | [b'(' | b'}' | b']' | b'c', ..] => {
                let mut none = |_: &Objects, _: Id| {
                    Err("it refers to other files, which a pickle alone does not have".to_owned())
                };
                pickle::read(bytes, &mut none).map(with)
            }
            [] => Err("it is empty".into()),
            _ => Err("it is neither a file of torch, nor a pickle, npz or safetensors file".into()),
        }
    }

    /// A dictionary of the file, with its tensors; what else is in it is told.
    pub fn tensors(&self, of: Id, left_out: &mut dyn FnMut(&str, &str)) -> Read<Named> {
        let entries = self.objects.entries(of).ok_or("it holds no dictionary of tensors")?;
        let mut named: Named = Vec::new();
        let mut known = std::collections::BTreeSet::new();
        for (key, value) in entries {
            if !known.insert(key) {
                return Err(format!("it has two entries '{}'", key.escape_debug()));
            }
            match self.objects.tensor(value) {
                Some(tensor) if tensor.element.is_float() => {
                    named.push((key.to_owned(), Rc::clone(tensor)));
                }
                Some(_) => left_out(key, "integers are no weights"),
                None => left_out(key, &format!("it is {}", self.objects.kind(value))),
            }
        }
        Ok(named)
    }

    /// The weights of a network, as torch calls it a state dict: the whole file, or its only
    /// dictionary of tensors.
    pub fn state_dict(&self) -> Read<Id> {
        if self.has_tensors(self.root) {
            return Ok(self.root);
        }
        let entries = self.objects.entries(self.root).ok_or_else(|| {
            format!("it holds {}, no dictionary of tensors", self.objects.kind(self.root))
        })?;
        let held: Vec<_> = entries.iter().filter(|entry| self.has_tensors(entry.1)).collect();
        match held[..] {
            [&(_, only)] => Ok(only),
            [] => Err("it holds no dictionary of tensors".into()),
            _ => {
                let usual = held
                    .iter()
                    .filter(|(key, _)| ["state_dict", "model_state_dict", "model"].contains(key));
                match usual.collect::<Vec<_>>()[..] {
                    [&&(_, only)] => Ok(only),
                    _ => {
                        let names: Vec<_> = held
                            .iter()
                            .map(|(key, _)| format!("'{}'", key.escape_debug()))
                            .collect();
                        Err(format!(
                            "it holds several dictionaries of tensors, {}: save the one that is \
                             meant in a file of its own",
                            names.join(", ")
                        ))
                    }
                }
            }
        }
    }

    fn has_tensors(&self, of: Id) -> bool {
        let entries = self.objects.entries(of).unwrap_or_default();
        entries.iter().any(|entry| self.objects.tensor(entry.1).is_some())
    }
}

fn archive(bytes: &[u8]) -> Read<(Objects, Id)> {
    let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let names = archive.file_names().map(|name| name.map(|name| name.to_string()));
    let names = names.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    if let Some(pickle) = torch::pickle_of(&names) {
        return torch::read(bytes, pickle);
    }
    if names.iter().any(|name| name == "model.weights.h5") {
        return Err(format!("it is a file of Keras, which is not read: {FROM_KERAS}"));
    }
    match numpy::is(&names) {
        true => dictionary(numpy::read(bytes, &names)?),
        false => Err("it is a zip file, but neither one of torch nor one of NumPy".into()),
    }
}

/// The values of a file that holds nothing but tensors.
fn dictionary(tensors: Vec<(String, Tensor)>) -> Read<(Objects, Id)> {
    let mut objects = Objects::of(0);
    let mut entries = Vec::new();
    for (name, tensor) in tensors {
        let name = objects.add(Object::Text(name.into()))?;
        entries.push((name, objects.add(Object::Tensor(Rc::new(tensor)))?));
    }
    let root = objects.add(Object::Dict(entries))?;
    Ok((objects, root))
}

fn safetensors(bytes: &[u8]) -> Read<Document> {
    let invalid =
        |error: safetensors::SafeTensorError| format!("it is no safetensors file: {error}");
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(invalid)?;
    let file = SafeTensors::deserialize(bytes).map_err(invalid)?;
    let mut tensors = Vec::new();
    for (name, view) in file.iter() {
        let element = match view.dtype() {
            Dtype::BOOL => Element::Bool,
            Dtype::U8 => Element::U8,
            Dtype::U16 => Element::U16,
            Dtype::U32 => Element::U32,
            Dtype::U64 => Element::U64,
            Dtype::I8 => Element::I8,
            Dtype::I16 => Element::I16,
            Dtype::I32 => Element::I32,
            Dtype::I64 => Element::I64,
            Dtype::F16 => Element::F16,
            Dtype::BF16 => Element::Bf16,
            Dtype::F32 => Element::F32,
            Dtype::F64 => Element::F64,
            other => {
                return Err(format!(
                    "the tensor '{name}' has the dtype {other}, which is not read"
                ));
            }
        };
        let shape = view.shape().to_vec();
        let kind = (element, Endian::Little);
        let tensor = Tensor::contiguous(kind, shape, false, Rc::from(view.data()))?;
        tensors.push((name.to_owned(), tensor));
    }
    tensors.sort_by(|one, other| one.0.cmp(&other.0));
    let (objects, root) = dictionary(tensors)?;
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    Ok(Document { objects, root, metadata, has_order: false, budget: Budget::of(bytes.len()) })
}
