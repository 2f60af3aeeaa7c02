//! The functions and classes that pickles of posteriors name, as what they stand for. Nothing else
//! is known, and none of them is executed.

use std::rc::Rc;

use super::{
    Read,
    objects::{Id, Object, Objects, Opaque, Storage},
    tensor::{Element, Endian, Tensor},
};

/// Modules whose classes are stepped over: constraints, which say what stored numbers mean, and
/// records that hold tensors.
const STEPPED_OVER_MODULES: [&str; 2] =
    ["torch.distributions.constraints", "pyro.distributions.constraints"];

/// Classes that are stepped over.
const STEPPED_OVER: [&str; 2] = ["torch.device", "numpyro.contrib.module.ParamShape"];

/// Packages all of whose classes are: those of the states of `posteriors`, which hold tensors in
/// dictionaries, and those of optimizers.
const STEPPED_OVER_PACKAGES: [&str; 3] = ["posteriors.", "tensordict.", "torchopt."];

/// What may be called without its meaning being known.
fn is_stepped_over(name: &str) -> bool {
    if STEPPED_OVER_PACKAGES.iter().any(|package| name.starts_with(package)) {
        return true;
    }
    let module = name.rsplit_once('.').map_or("", |(module, _)| module);
    STEPPED_OVER_MODULES.contains(&module) || STEPPED_OVER.contains(&name) || dtype(name).is_some()
}

/// Names with a meaning.
const KNOWN: [&str; 26] = [
    "collections.OrderedDict",
    "collections.defaultdict",
    "builtins.dict",
    "builtins.list",
    "builtins.set",
    "builtins.frozenset",
    "builtins.tuple",
    "builtins.bytearray",
    "_codecs.encode",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch.Size",
    "torch.storage.UntypedStorage",
    "torch.UntypedStorage",
    "torch.storage._load_from_bytes",
    "numpy.ndarray",
    "numpy.dtype",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy._core.numeric._frombuffer",
    "jax._src.array._reconstruct_array",
    "ml_dtypes.bfloat16",
    "flax.core.frozen_dict.FrozenDict",
];

/// The name of what `module` calls `name`, if it is known.
///
/// # Errors
///
/// Where it is not: the error names it.
pub fn find(module: &str, name: &str) -> Read<Rc<str>> {
    let module = match module {
        "__builtin__" => "builtins",
        "numpy.core.multiarray" => "numpy._core.multiarray",
        "numpy.core.numeric" => "numpy._core.numeric",
        other => other,
    };
    let full = format!("{module}.{name}");
    match KNOWN.contains(&full.as_str()) || storage(&full).is_some() || is_stepped_over(&full) {
        true => Ok(full.into()),
        false => Err(format!(
            "it needs {}, which is none of the classes that posteriors are saved with, and nothing \
             of a file is executed: save numbers only, such as torch.save(model.state_dict(), FILE)",
            shown(&full)
        )),
    }
}

/// A name of a file, short enough for a message.
fn shown(name: &str) -> String {
    match name.char_indices().nth(120) {
        Some((end, _)) => format!("'{}..'", name[..end].escape_debug()),
        None => format!("'{}'", name.escape_debug()),
    }
}

/// The element of a typed storage of torch.
fn storage(name: &str) -> Option<Element> {
    Some(match name.strip_prefix("torch.")?.strip_suffix("Storage")? {
        "Bool" => Element::Bool,
        "Byte" => Element::U8,
        "Char" => Element::I8,
        "Short" => Element::I16,
        "Int" => Element::I32,
        "Long" => Element::I64,
        "Half" => Element::F16,
        "BFloat16" => Element::Bf16,
        "Float" => Element::F32,
        "Double" => Element::F64,
        _ => return None,
    })
}

/// The element of a dtype of torch.
fn dtype(name: &str) -> Option<Element> {
    Some(match name.strip_prefix("torch.")? {
        "bool" => Element::Bool,
        "uint8" => Element::U8,
        "uint16" => Element::U16,
        "uint32" => Element::U32,
        "uint64" => Element::U64,
        "int8" => Element::I8,
        "int16" => Element::I16,
        "int32" => Element::I32,
        "int64" => Element::I64,
        "float16" => Element::F16,
        "bfloat16" => Element::Bf16,
        "float32" => Element::F32,
        "float64" => Element::F64,
        _ => return None,
    })
}

/// A storage that a pickle of torch names: its type, as what `find` gave.
///
/// # Errors
///
/// Where it is no type of storages.
pub fn typed_storage(name: &str, endian: Endian, bytes: Rc<[u8]>) -> Read<Storage> {
    let element = storage(name);
    match element.is_some() || name.ends_with("UntypedStorage") {
        true => Ok(Storage { element, endian, bytes }),
        false => Err(format!("{name} is no kind of storage")),
    }
}

/// What a call of a function or class gives.
///
/// # Errors
///
/// Where the arguments do not fit.
pub fn call(objects: &mut Objects, name: &Rc<str>, arguments: Vec<Id>) -> Read<Id> {
    let wrong = || format!("the arguments of {name} do not fit");
    let argument = |index: usize| arguments.get(index).copied().ok_or_else(wrong);
    let object = match &**name {
        "collections.OrderedDict" | "builtins.dict" | "flax.core.frozen_dict.FrozenDict" => {
            match arguments.first() {
                None => Object::Dict(Vec::new()),
                Some(&first) => dictionary(objects, first)?.ok_or_else(wrong)?,
            }
        }
        "collections.defaultdict" => Object::Dict(Vec::new()),
        "builtins.list" | "builtins.set" | "builtins.frozenset" | "builtins.tuple" => {
            let items = match arguments.first() {
                None => Vec::new(),
                Some(&first) => copied(objects, first)?.ok_or_else(wrong)?,
            };
            match &**name {
                "builtins.tuple" => Object::Tuple(items),
                _ => Object::List(items),
            }
        }
        "builtins.bytearray" => match arguments.first().map(|&first| objects.get(first)) {
            None => Object::Bytes([].into()),
            Some(Object::Bytes(bytes)) => Object::Bytes(Rc::clone(bytes)),
            Some(_) => return Err(wrong()),
        },
        "_codecs.encode" => {
            let length = objects.text(argument(0)?).ok_or_else(wrong)?.len();
            objects.copy(length)?;
            let text = objects.text(argument(0)?).unwrap_or_default();
            let bytes = text.chars().map(|character| u8::try_from(u32::from(character)));
            Object::Bytes(bytes.collect::<Result<_, _>>().map_err(|_| wrong())?)
        }
        "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2" => {
            torch_tensor(objects, &arguments, None)?
        }
        "torch._utils._rebuild_tensor_v3" => {
            let Object::Global(dtype_name) = objects.get(argument(6)?) else { return Err(wrong()) };
            let element = dtype(dtype_name).ok_or_else(wrong)?;
            torch_tensor(objects, &arguments, Some(element))?
        }
        "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state" => {
            // A parameter is the tensor in it.
            return argument(0);
        }
        "torch.storage._load_from_bytes" => {
            return Err("its tensors were pickled one by one, in torch's old format: save with \
                        torch.save(OBJECT, FILE) instead of pickle.dump"
                .into());
        }
        "numpy._core.multiarray._reconstruct" | "numpy.ndarray" => Object::Array,
        "numpy.dtype" => numpy_dtype(objects, argument(0)?)?,
        "numpy._core.multiarray.scalar" => {
            let (Object::Dtype(element, endian), Object::Bytes(bytes)) =
                (objects.get(argument(0)?), objects.get(argument(1)?))
            else {
                return Err(wrong());
            };
            let tensor = Tensor::contiguous((*element, *endian), vec![], false, Rc::clone(bytes))?;
            Object::Tensor(Rc::new(tensor))
        }
        "numpy._core.numeric._frombuffer" => {
            let contents = (argument(0)?, argument(1)?, argument(2)?);
            let is_fortran = objects.text(argument(3)?) == Some("F");
            array(objects, contents, is_fortran).ok_or_else(wrong)??
        }
        "jax._src.array._reconstruct_array" => {
            // The state of the array of NumPy that it was made of.
            let made = objects.add(Object::Array)?;
            build(objects, made, argument(2)?)?;
            return Ok(made);
        }
        "torch.Size" => Object::Tuple(copied(objects, argument(0)?)?.ok_or_else(wrong)?),
        _ => {
            let (class, arguments) = (Rc::clone(name), arguments.into());
            Object::Opaque(Rc::new(Opaque { class, arguments, state: None }))
        }
    };
    objects.add(object)
}

/// The parts of a tuple or a list, for another one.
fn copied(objects: &mut Objects, of: Id) -> Read<Option<Vec<Id>>> {
    let items = objects.items(of).map(<[Id]>::to_vec);
    objects.copy(items.as_ref().map_or(0, Vec::len))?;
    Ok(items)
}

/// A dictionary of another one, or of pairs.
fn dictionary(objects: &mut Objects, of: Id) -> Read<Option<Object>> {
    let pair = |&item: &Id| match objects.items(item) {
        Some(&[key, value]) => Some((key, value)),
        _ => None,
    };
    let entries = match objects.get(of) {
        Object::Dict(entries) => Some(entries.clone()),
        _ => objects.items(of).and_then(|items| items.iter().map(pair).collect()),
    };
    objects.copy(entries.as_ref().map_or(0, Vec::len))?;
    Ok(entries.map(Object::Dict))
}

/// The most dimensions of a tensor.
const RANK_LIMIT: usize = 32;

/// The numbers of a tuple, if they are sizes.
fn sizes(objects: &Objects, of: Id) -> Option<Vec<usize>> {
    let items = objects.items(of).filter(|items| items.len() <= RANK_LIMIT)?;
    items.iter().map(|&item| objects.size(item)).collect()
}

/// Storage, offset, sizes, strides.
fn torch_tensor(objects: &Objects, arguments: &[Id], element: Option<Element>) -> Read<Object> {
    let &[storage, offset, shape, strides, ..] = arguments else {
        return Err("a tensor has too few arguments".into());
    };
    let Object::Storage(storage) = objects.get(storage) else {
        return Err("a tensor is made of what is no storage".into());
    };
    let element = element.or(storage.element);
    let element = element.ok_or("a tensor does not say what its elements are")?;
    let (Some(offset), Some(shape), Some(strides)) =
        (objects.size(offset), sizes(objects, shape), sizes(objects, strides))
    else {
        return Err("a tensor has an offset, sizes or strides that are no numbers from 0".into());
    };
    let kind = (element, storage.endian);
    Tensor::new(kind, shape, strides, offset, Rc::clone(&storage.bytes))
        .map(|tensor| Object::Tensor(Rc::new(tensor)))
}

/// A dtype of NumPy by its name.
fn numpy_dtype(objects: &Objects, name: Id) -> Read<Object> {
    let name = match objects.get(name) {
        Object::Text(name) | Object::Global(name) => Rc::clone(name),
        _ => return Err("a dtype has no name".into()),
    };
    let (element, endian) = dtype_of(&name)
        .ok_or_else(|| format!("an array has the dtype {}, which is no number", shown(&name)))?;
    Ok(Object::Dtype(element, endian))
}

/// The elements that NumPy calls so, such as `<f4`.
pub fn dtype_of(name: &str) -> Option<(Element, Endian)> {
    let (endian, name) = match name.split_at_checked(1) {
        Some(("<" | "|" | "=", name)) => (Endian::Little, name),
        Some((">", name)) => (Endian::Big, name),
        _ => (Endian::Little, name),
    };
    let element = match name {
        "b1" => Element::Bool,
        "u1" => Element::U8,
        "u2" => Element::U16,
        "u4" => Element::U32,
        "u8" => Element::U64,
        "i1" => Element::I8,
        "i2" => Element::I16,
        "i4" => Element::I32,
        "i8" => Element::I64,
        "f2" => Element::F16,
        "f4" => Element::F32,
        "f8" => Element::F64,
        "bfloat16" | "ml_dtypes.bfloat16" => Element::Bf16,
        _ => return None,
    };
    Some((element, endian))
}

/// Bytes, dtype and sizes to an array; `None` where they are not that.
fn array(
    objects: &Objects,
    (bytes, dtype, shape): (Id, Id, Id),
    is_fortran: bool,
) -> Option<Read<Object>> {
    let Object::Bytes(bytes) = objects.get(bytes) else { return None };
    let Object::Dtype(element, endian) = *objects.get(dtype) else { return None };
    let shape = sizes(objects, shape)?;
    let tensor = Tensor::contiguous((element, endian), shape, is_fortran, Rc::clone(bytes));
    Some(tensor.map(|tensor| Object::Tensor(Rc::new(tensor))))
}

/// Sets the state of an object.
///
/// # Errors
///
/// Where it does not fit.
pub fn build(objects: &mut Objects, object: Id, state: Id) -> Read<()> {
    let built = match objects.get(object) {
        Object::Array => {
            // Version, sizes, dtype, is it column by column, bytes.
            let Some(&[_, shape, dtype, is_fortran, bytes]) = objects.items(state) else {
                return Err("an array of NumPy has a state that is none".into());
            };
            let is_fortran = matches!(objects.get(is_fortran), Object::Bool(true));
            array(objects, (bytes, dtype, shape), is_fortran)
                .ok_or("an array of NumPy holds no numbers")??
        }
        Object::Dtype(element, _) => {
            let order = objects.items(state).and_then(|items| objects.text(*items.get(1)?));
            match order {
                Some(">") => Object::Dtype(*element, Endian::Big),
                _ => Object::Dtype(*element, Endian::Little),
            }
        }
        Object::Opaque(opaque) => {
            let Opaque { class, arguments, .. } = &**opaque;
            let (class, arguments) = (Rc::clone(class), Rc::clone(arguments));
            Object::Opaque(Rc::new(Opaque { class, arguments, state: Some(state) }))
        }
        // What torch and Python hang on dictionaries and tensors says nothing of numbers.
        Object::Dict(_) | Object::Tensor(_) => return Ok(()),
        _ => return Err(format!("{} has attributes set", objects.kind(object))),
    };
    if let Some(place) = objects.get_mut(object) {
        *place = built;
    }
    Ok(())
}
