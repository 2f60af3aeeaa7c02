//! Tensors as files hold them: elements of some kind, in some order, in bytes that others may share.

use std::{cell::Cell, rc::Rc};

use half::{bf16, f16};

use super::Read;

/// Elements that tensors may have beyond twice the bytes of their file: a tensor whose strides are
/// zero has more elements than the file has numbers.
const EXPANDED_LIMIT: u64 = 1 << 24;

/// What an element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    Bool,
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
    F16,
    Bf16,
    F32,
    F64,
}

/// The order of the bytes of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endian {
    Little,
    Big,
}

/// A tensor. All of its elements lie inside of its bytes.
#[derive(Debug, Clone)]
pub struct Tensor {
    pub element: Element,
    pub shape: Vec<usize>,
    endian: Endian,
    /// From one element to the next, in elements, for each dimension.
    strides: Vec<usize>,
    /// Of the first element, in elements.
    offset: usize,
    bytes: Rc<[u8]>,
}

/// How many elements may still be read from a file.
#[derive(Debug)]
pub struct Budget(Cell<u64>);

impl Element {
    /// Bytes of an element.
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::Bf16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// Is it of the kind that weights are?
    pub fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::Bf16 | Self::F32 | Self::F64)
    }

    /// The number in its bytes, lowest first; integers beyond 2^53 are rounded.
    fn number(self, bits: u64) -> f64 {
        let unused = 64 - 8 * self.size() as u32;
        match self {
            Self::Bool => f64::from(u8::from(bits != 0)),
            Self::U8 | Self::U16 | Self::U32 | Self::U64 => bits as f64,
            Self::I8 | Self::I16 | Self::I32 | Self::I64 => {
                ((bits << unused) as i64 >> unused) as f64
            }
            Self::F16 => f16::from_bits(bits as u16).to_f64(),
            Self::Bf16 => bf16::from_bits(bits as u16).to_f64(),
            Self::F32 => f32::from_bits(bits as u32).into(),
            Self::F64 => f64::from_bits(bits),
        }
    }
}

impl Tensor {
    /// A tensor of these elements.
    ///
    /// # Errors
    ///
    /// Where an element would lie outside of the bytes.
    pub fn new(
        (element, endian): (Element, Endian),
        shape: Vec<usize>,
        strides: Vec<usize>,
        offset: usize,
        bytes: Rc<[u8]>,
    ) -> Read<Self> {
        if shape.len() != strides.len() {
            return Err(format!(
                "a tensor of {} dimension(s) has {} stride(s)",
                shape.len(),
                strides.len()
            ));
        }
        let outside = || {
            format!(
                "a tensor of shape {shape:?} with strides {strides:?} from element {offset} does \
                 not lie inside of its {} bytes: truncated?",
                bytes.len()
            )
        };
        elements(&shape).ok_or_else(outside)?;
        let last = shape.iter().zip(&strides).try_fold(offset, |last, (&size, &stride)| {
            last.checked_add(size.saturating_sub(1).checked_mul(stride)?)
        });
        let end = last.and_then(|last| last.checked_add(1)?.checked_mul(element.size()));
        if !shape.contains(&0) && end.is_none_or(|end| end > bytes.len()) {
            return Err(outside());
        }
        Ok(Self { element, shape, endian, strides, offset, bytes })
    }

    /// A tensor whose elements lie one after the other, the last index or the first moving fastest.
    ///
    /// # Errors
    ///
    /// As [`Tensor::new`].
    pub fn contiguous(
        kind: (Element, Endian),
        shape: Vec<usize>,
        is_fortran: bool,
        bytes: Rc<[u8]>,
    ) -> Read<Self> {
        let mut strides = vec![1usize; shape.len()];
        let mut next = 1usize;
        let mut give = |index: usize| {
            strides[index] = next;
            next = next.saturating_mul(shape[index]);
        };
        match is_fortran {
            true => (0..shape.len()).for_each(&mut give),
            false => (0..shape.len()).rev().for_each(&mut give),
        }
        Self::new(kind, shape, strides, 0, bytes)
    }

    /// How many elements.
    pub fn len(&self) -> usize {
        elements(&self.shape).unwrap_or(0)
    }

    /// The elements, the last index moving fastest.
    ///
    /// # Errors
    ///
    /// Where the tensors of a file have more elements than there can be.
    pub fn values(&self, budget: &Budget) -> Read<Vec<f64>> {
        let count = self.len();
        budget.spend(count)?;
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0usize; self.shape.len()];
        let mut at = self.offset;
        for _ in 0..count {
            values.push(self.at(at));
            for dimension in (0..index.len()).rev() {
                index[dimension] += 1;
                // A step beyond the last index may leave the range, and is taken back.
                at = at.wrapping_add(self.strides[dimension]);
                if index[dimension] < self.shape[dimension] {
                    break;
                }
                let row = self.strides[dimension].wrapping_mul(self.shape[dimension]);
                at = at.wrapping_sub(row);
                index[dimension] = 0;
            }
        }
        Ok(values)
    }

    fn at(&self, index: usize) -> f64 {
        let size = self.element.size();
        let bytes = self.bytes.get(index * size..(index + 1) * size).unwrap_or_default();
        let join = |bits: u64, &byte: &u8| bits << 8 | u64::from(byte);
        let bits = match self.endian {
            Endian::Little => bytes.iter().rev().fold(0, join),
            Endian::Big => bytes.iter().fold(0, join),
        };
        self.element.number(bits)
    }
}

impl Budget {
    /// That of a file of so many bytes.
    pub fn of(bytes: usize) -> Self {
        Self(Cell::new(2 * bytes as u64 + EXPANDED_LIMIT))
    }

    fn spend(&self, elements: usize) -> Read<()> {
        let left = self.0.get().checked_sub(elements as u64);
        let left =
            left.ok_or("its tensors have more elements than a file of this length can hold")?;
        self.0.set(left);
        Ok(())
    }
}

/// The elements of a shape; `None` where their number fits in no `usize`.
pub fn elements(shape: &[usize]) -> Option<usize> {
    // Sizes beside a zero must fit, too.
    let fits = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size.max(1)));
    fits.map(|product| if shape.contains(&0) { 0 } else { product })
}

#[cfg(test)]
mod tests {
    use super::*;

    const F32: (Element, Endian) = (Element::F32, Endian::Little);

    fn floats(values: &[f32]) -> Rc<[u8]> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn read(tensor: &Tensor) -> Vec<f64> {
        tensor.values(&Budget::of(0)).unwrap()
    }

    #[test]
    fn strides_order_the_elements() {
        let bytes = floats(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let plain = Tensor::contiguous(F32, vec![2, 3], false, Rc::clone(&bytes)).unwrap();
        assert_eq!(read(&plain), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let fortran = Tensor::contiguous(F32, vec![2, 3], true, Rc::clone(&bytes)).unwrap();
        assert_eq!(read(&fortran), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
        let view = Tensor::new(F32, vec![2, 2], vec![1, 2], 1, Rc::clone(&bytes)).unwrap();
        assert_eq!(read(&view), [1.0, 3.0, 2.0, 4.0]);
        let expanded = Tensor::new(F32, vec![2, 2], vec![0, 0], 5, Rc::clone(&bytes)).unwrap();
        assert_eq!(read(&expanded), [5.0; 4]);
        let single = Tensor::new(F32, vec![1, 2], vec![usize::MAX, 1], 2, bytes).unwrap();
        assert_eq!(read(&single), [2.0, 3.0]);
    }

    #[test]
    fn elements_lie_inside_of_the_bytes() {
        let bytes = floats(&[0.0; 6]);
        for (shape, strides, offset) in [
            (vec![7], vec![1], 0),
            (vec![2, 3], vec![3, 1], 1),
            (vec![2], vec![usize::MAX], 0),
            (vec![usize::MAX, usize::MAX], vec![0, 0], 0),
            (vec![2], vec![1, 1], 0),
            (vec![1], vec![1], usize::MAX),
        ] {
            assert!(Tensor::new(F32, shape, strides, offset, Rc::clone(&bytes)).is_err());
        }
        assert!(read(&Tensor::new(F32, vec![0, 9], vec![9, 1], 7, bytes).unwrap()).is_empty());
    }

    #[test]
    fn a_small_file_holds_no_huge_tensor() {
        let wide = Tensor::new(F32, vec![1 << 20, 1 << 20], vec![0, 0], 0, floats(&[1.0])).unwrap();
        let error = wide.values(&Budget::of(4)).unwrap_err();
        assert!(error.contains("more elements"), "{error}");
    }

    #[test]
    fn every_kind_of_element_is_read() {
        let one = |element, bytes: &[u8], endian| {
            let tensor =
                Tensor::contiguous((element, endian), vec![], false, bytes.into()).unwrap();
            read(&tensor)[0]
        };
        assert_eq!(one(Element::Bool, &[1], Endian::Little), 1.0);
        assert_eq!(one(Element::U8, &[255], Endian::Little), 255.0);
        assert_eq!(one(Element::I8, &[255], Endian::Little), -1.0);
        assert_eq!(one(Element::I16, &[0xfe, 0xff], Endian::Little), -2.0);
        assert_eq!(one(Element::U16, &[1, 0], Endian::Big), 256.0);
        assert_eq!(one(Element::I32, &(-7i32).to_be_bytes(), Endian::Big), -7.0);
        assert_eq!(one(Element::U32, &7u32.to_le_bytes(), Endian::Little), 7.0);
        assert_eq!(one(Element::I64, &(-7i64).to_le_bytes(), Endian::Little), -7.0);
        assert_eq!(one(Element::U64, &7u64.to_le_bytes(), Endian::Little), 7.0);
        assert_eq!(one(Element::F16, &f16::from_f32(0.5).to_le_bytes(), Endian::Little), 0.5);
        assert_eq!(one(Element::Bf16, &bf16::from_f32(0.5).to_le_bytes(), Endian::Little), 0.5);
        assert_eq!(one(Element::F64, &0.1f64.to_be_bytes(), Endian::Big), 0.1);
    }
}
