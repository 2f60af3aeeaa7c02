//! A model with a fixed batch on any number of items.

use crate::{
    data::{Array, Output},
    error::Error,
    jit::CompiledModel,
    signature::{Buffer, Signature},
};

/// Checked inputs, cut into items.
pub struct Items<'a> {
    arrays: &'a [Array],
    /// Elements of one item, for each array.
    lengths: Vec<usize>,
    count: usize,
}

impl<'a> Items<'a> {
    /// Checks arrays, one for each input buffer, against a signature.
    pub fn new(signature: &Signature, arrays: &'a [Array]) -> Result<Self, Error> {
        let buffers = signature.input_buffers();
        if arrays.len() != buffers.len() {
            let names: Vec<_> = buffers.iter().map(|buffer| buffer.name.as_str()).collect();
            return Err(Error::request(format!(
                "the model reads {} array(s), got {}",
                buffers.len(),
                arrays.len()
            ))
            .with_help(format!("in this order: {}", names.join(", "))));
        }
        let batch = signature.batch();
        let mut lengths = Vec::new();
        let mut counts = Vec::new();
        for (array, buffer) in arrays.iter().zip(&buffers) {
            let item = item_shape(buffer, batch);
            lengths.push(item.iter().product::<usize>());
            counts.push(count(array, item).ok_or_else(|| {
                let item: Vec<_> = item.iter().map(ToString::to_string).collect();
                Error::request(format!(
                    "'{}' takes any number of items of shape [{}], but the input has shape {:?}",
                    buffer.name,
                    item.join(", "),
                    array.shape
                ))
            })?);
        }
        let count = counts.first().copied().unwrap_or(batch);
        if let Some(index) = counts.iter().position(|&other| other != count) {
            return Err(Error::request(format!(
                "'{}' has {count} item(s), but '{}' has {}",
                buffers[0].name, buffers[index].name, counts[index]
            )));
        }
        Ok(Self { arrays, lengths, count })
    }

    /// At most so many of the items, the first ones.
    pub fn first(self, count: usize) -> Self {
        Self { count: self.count.min(count), ..self }
    }

    /// How many items there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Copies of some items, one array for each array.
    pub fn gather(&self, numbers: &[usize]) -> Vec<Array> {
        let arrays = self.arrays.iter().zip(&self.lengths);
        arrays
            .map(|(array, &length)| {
                let item = |&number: &usize| &array.values[number * length..(number + 1) * length];
                let values = numbers.iter().flat_map(item).copied().collect();
                Array { shape: vec![numbers.len(), length], values }
            })
            .collect()
    }

    /// The items `start..start + batch` of every array; where there are fewer, zeros follow.
    pub fn chunk(&self, start: usize, batch: usize) -> Vec<Vec<f32>> {
        let cut = |(array, &length): (&Array, &usize)| {
            let end = (start + batch).min(self.count);
            let mut chunk = array.values[start * length..end * length].to_vec();
            chunk.resize(batch * length, 0.0);
            chunk
        };
        self.arrays.iter().zip(&self.lengths).map(cut).collect()
    }
}

/// The shape of one item of a buffer.
fn item_shape<'a>(buffer: &Buffer<'a>, batch: usize) -> &'a [usize] {
    match buffer.tensor.shape_of_pass() {
        [first, item @ ..] if *first == batch => item,
        whole => whole,
    }
}

/// How many items of a shape an array holds; `None` where it holds something
/// else. Sizes of 1 do not matter, and on either side an item may be flat.
fn count(array: &Array, item: &[usize]) -> Option<usize> {
    let long = |shape: &[usize]| shape.iter().copied().filter(|&n| n != 1).collect::<Vec<_>>();
    let length = item.iter().product::<usize>();
    if array.values.is_empty() || !array.values.len().is_multiple_of(length) {
        return None;
    }
    let count = array.values.len() / length;
    let shape = long(&array.shape);
    let is_flat = long(item).len() <= 1 && (count == 1 || array.shape.first() == Some(&count));
    let fits = |item: &[usize]| shape == long(&[&[count], item].concat());
    (is_flat || fits(item) || fits(&[length])).then_some(count)
}

/// Runs a model on all items, batch by batch. The last batch is filled up with
/// zeros, and what comes of them is dropped. `progress` gets the number of items done.
pub fn run(
    model: &CompiledModel,
    items: &Items,
    progress: &dyn Fn(usize),
) -> Result<Vec<Output>, Error> {
    let signature = model.signature();
    let batch = signature.batch();
    let buffers = signature.output_buffers();
    let mut outputs: Vec<_> = buffers
        .iter()
        .map(|buffer| {
            let item = item_shape(buffer, batch);
            let passes = buffer.tensor.passes;
            let shape = [passes.as_slice(), &[items.count()], item].concat();
            let values = vec![0.0; shape.iter().product()];
            Output { name: buffer.name.clone(), shape, values }
        })
        .collect();
    let mut chunk_outputs: Vec<_> =
        buffers.iter().map(|buffer| vec![0.0; buffer.tensor.elements()]).collect();
    let mut arena = model.arena();
    for start in (0..items.count()).step_by(batch) {
        let inputs = items.chunk(start, batch);
        let inputs: Vec<_> = inputs.iter().map(Vec::as_slice).collect();
        let mut slices: Vec<_> = chunk_outputs.iter_mut().map(Vec::as_mut_slice).collect();
        model.run_into(&inputs, &mut slices, &mut arena)?;
        let used = (items.count() - start).min(batch);
        for ((output, chunk), buffer) in outputs.iter_mut().zip(&chunk_outputs).zip(&buffers) {
            // The items lie together within each pass.
            let passes = buffer.tensor.passes.unwrap_or(1);
            let length = chunk.len() / passes / batch;
            let wholes =
                output.values.chunks_mut(length * items.count()).zip(chunk.chunks(length * batch));
            for (whole, part) in wholes {
                whole[start * length..(start + used) * length]
                    .copy_from_slice(&part[..used * length]);
            }
        }
        progress(start + used);
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(shape: &[usize]) -> Array {
        Array { shape: shape.to_vec(), values: vec![0.0; shape.iter().product()] }
    }

    #[test]
    fn items_are_recognised_by_shape() {
        let item = [1, 28, 28];
        assert_eq!(count(&array(&[10, 28, 28]), &item), Some(10));
        assert_eq!(count(&array(&[10, 1, 28, 28]), &item), Some(10));
        assert_eq!(count(&array(&[28, 28]), &item), Some(1));
        assert_eq!(count(&array(&[10, 784]), &item), Some(10));
        assert_eq!(count(&array(&[784]), &item), Some(1));
        assert_eq!(count(&array(&[10, 28, 28]), &[784]), Some(10));
        assert_eq!(count(&array(&[28, 28]), &[784]), Some(1));
        assert_eq!(count(&array(&[5, 2, 784]), &[784]), None);
        assert_eq!(count(&array(&[10, 56, 14]), &item), None);
        assert_eq!(count(&array(&[10, 27, 28]), &item), None);
        assert_eq!(count(&array(&[0, 28, 28]), &item), None);
    }
}
