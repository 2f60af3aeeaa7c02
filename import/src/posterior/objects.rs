//! What a pickle says, as plain values. They lie side by side and refer to each other by number, so
//! that nothing recurses, however deep they are nested.

use std::rc::Rc;

use super::{
    Read,
    tensor::{Element, Endian, Tensor},
};

/// Objects of one file at most.
const LIMIT: usize = 1 << 25;

/// The place of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id(u32);

/// A value.
#[derive(Debug, Clone)]
pub enum Object {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    Bytes(Rc<[u8]>),
    Tuple(Vec<Id>),
    /// A list or a set.
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Tensor(Rc<Tensor>),
    /// A function or class, by its full name.
    Global(Rc<str>),
    /// The numbers that tensors are views of.
    Storage(Rc<Storage>),
    /// A dtype of NumPy.
    Dtype(Element, Endian),
    /// An array of NumPy whose contents come later.
    Array,
    /// An object whose class has no meaning here, or a number of more than 64 bits.
    Opaque(Rc<Opaque>),
}

/// Numbers in a file of their own.
#[derive(Debug)]
pub struct Storage {
    /// `None` where only the tensors know.
    pub element: Option<Element>,
    pub endian: Endian,
    pub bytes: Rc<[u8]>,
}

/// An object of a foreign class.
#[derive(Debug, Clone)]
pub struct Opaque {
    /// The full name of the class.
    pub class: Rc<str>,
    /// What it was made of.
    pub arguments: Rc<[Id]>,
    /// What its attributes were set to.
    pub state: Option<Id>,
}

/// All objects of a file.
#[derive(Debug)]
pub struct Objects {
    objects: Vec<Object>,
    /// How much may still be copied from one object to another.
    copies: usize,
}

impl Objects {
    /// Those of a file of so many bytes: none yet.
    pub fn of(bytes: usize) -> Self {
        Self { objects: Vec::new(), copies: bytes.saturating_mul(4).saturating_add(1 << 20) }
    }

    /// Something of this length is copied from one object to another.
    ///
    /// # Errors
    ///
    /// Where that happens more often than in a file that means something.
    pub fn copy(&mut self, length: usize) -> Read<()> {
        let left = self.copies.checked_sub(length);
        self.copies = left.ok_or("it copies its objects over and over")?;
        Ok(())
    }

    /// Adds an object.
    ///
    /// # Errors
    ///
    /// Where there are too many.
    pub fn add(&mut self, object: Object) -> Read<Id> {
        if self.objects.len() >= LIMIT {
            return Err(format!("it has more than {LIMIT} objects"));
        }
        self.objects.push(object);
        Ok(Id((self.objects.len() - 1) as u32))
    }

    /// An object.
    pub fn get(&self, id: Id) -> &Object {
        // Ids are given out by `add` only.
        self.objects.get(id.0 as usize).unwrap_or(&Object::None)
    }

    /// An object that is still being built.
    pub fn get_mut(&mut self, id: Id) -> Option<&mut Object> {
        self.objects.get_mut(id.0 as usize)
    }

    /// The parts of a tuple or a list.
    pub fn items(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Object::Tuple(items) | Object::List(items) => Some(items),
            _ => None,
        }
    }

    /// A text.
    pub fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Object::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A tensor.
    pub fn tensor(&self, id: Id) -> Option<&Rc<Tensor>> {
        match self.get(id) {
            Object::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// An integer that is a size.
    pub fn size(&self, id: Id) -> Option<usize> {
        match self.get(id) {
            Object::Int(size) => usize::try_from(*size).ok(),
            _ => None,
        }
    }

    /// The entries of a dictionary whose keys are texts, in order; others are left out.
    pub fn entries(&self, id: Id) -> Option<Vec<(&str, Id)>> {
        let Object::Dict(entries) = self.get(id) else { return None };
        Some(entries.iter().filter_map(|&(key, value)| Some((self.text(key)?, value))).collect())
    }

    /// The value of a key of a dictionary: the one that was set last.
    pub fn entry(&self, id: Id, key: &str) -> Option<Id> {
        let Object::Dict(entries) = self.get(id) else { return None };
        entries.iter().rev().find(|entry| self.text(entry.0) == Some(key)).map(|entry| entry.1)
    }

    /// What kind of thing an object is, for messages.
    pub fn kind(&self, id: Id) -> String {
        match self.get(id) {
            Object::None => "None".into(),
            Object::Bool(_) => "a truth value".into(),
            Object::Int(_) | Object::Float(_) => "a number".into(),
            Object::Text(_) => "a text".into(),
            Object::Bytes(_) => "bytes".into(),
            Object::Tuple(_) => "a tuple".into(),
            Object::List(_) => "a list".into(),
            Object::Dict(_) => "a dictionary".into(),
            Object::Tensor(tensor) => format!("a tensor of shape {:?}", tensor.shape),
            Object::Array => "an array without contents".into(),
            Object::Storage(_) => "a storage".into(),
            Object::Dtype(..) => "a dtype".into(),
            Object::Global(name) => format!("the class {name}"),
            Object::Opaque(opaque) => format!("an object of {}", opaque.class),
        }
    }
}
