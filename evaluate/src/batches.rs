//! A model with a fixed batch on any number of items.

use pfp_compiler::{
    array::{Array, Numbers},
    error::Error,
    signature::{Buffer, Signature},
};

use crate::{
    data::{Output, Part, Preparation, Unusable},
    device::Executable,
};

/// The numbers of inputs and outputs that are held for calls at a time, at most, but for one call.
const NUMBERS_AT_A_TIME: usize = 1 << 21;

/// Checked inputs, cut into items.
pub struct Items<'a> {
    arrays: &'a [Array],
    /// Elements of one item, for each array.
    lengths: Vec<usize>,
    count: usize,
    signature: &'a Signature,
}

impl<'a> Items<'a> {
    /// Checks arrays, one for each input buffer, against a signature.
    ///
    /// # Errors
    ///
    /// Where their number or their shapes do not fit.
    pub fn new(signature: &'a Signature, arrays: &'a [Array]) -> Result<Self, Error> {
        let shapes: Vec<_> = arrays.iter().map(|array| array.shape.as_slice()).collect();
        let Layout { lengths, count } = Layout::of(signature, &shapes)?;
        Ok(Self { arrays, lengths, count, signature })
    }

    /// At most so many of the items, the first ones; of items that are taken together whole batches.
    pub fn first(self, count: usize) -> Self {
        Self { count: self.count.min(self.signature.items_of_calls(count)), ..self }
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

/// How arrays are cut into items.
pub struct Layout {
    /// Elements of one item, for each array.
    pub lengths: Vec<usize>,
    /// How many items there are.
    pub count: usize,
}

impl Layout {
    /// Checks the shapes of arrays, one for each input buffer, against a signature.
    ///
    /// # Errors
    ///
    /// Where they do not fit.
    pub fn of(signature: &Signature, shapes: &[&[usize]]) -> Result<Self, Error> {
        let buffers = signature.input_buffers();
        if shapes.len() != buffers.len() {
            let names: Vec<_> = buffers.iter().map(|buffer| buffer.name.as_str()).collect();
            return Err(Error::request(format!(
                "the model reads {} array(s), got {}",
                buffers.len(),
                shapes.len()
            ))
            .with_help(format!("in this order: {}", names.join(", "))));
        }
        let batch = signature.batch();
        let mut lengths = Vec::new();
        let mut counts = Vec::new();
        for (shape, buffer) in shapes.iter().zip(&buffers) {
            let item = item_shape(buffer, batch);
            lengths.push(item.iter().product::<usize>());
            counts.push(count(shape, item).ok_or_else(|| {
                let item: Vec<_> = item.iter().map(ToString::to_string).collect();
                let takes = match signature.is_whole_batch && batch == 1 {
                    true => "whole batches",
                    false => "any number of items",
                };
                Error::request(format!(
                    "'{}' takes {takes} of shape [{}], but the input has shape {shape:?}",
                    buffer.name,
                    item.join(", "),
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
        if signature.is_whole_batch && count % batch != 0 {
            return Err(Error::request(format!(
                "the network takes {batch} items together, of which {count} is no multiple: their \
                 results may depend on each other"
            ))
            .with_help(format!(
                "give a multiple of {batch} items, or read a model with an open batch for as many as there \
                 are: --batch {count}"
            )));
        }
        Ok(Self { lengths, count })
    }
}

/// The arrays of files as a model reads them, one for each input buffer; a file goes by its name in
/// messages.
///
/// # Errors
///
/// Where their number or their shapes do not fit, a number is not finite or a variance is negative.
pub fn prepare(
    signature: &Signature,
    files: &[(String, Numbers)],
    preparation: &Preparation,
) -> Result<Vec<Array>, Error> {
    let shapes: Vec<_> = files.iter().map(|(_, numbers)| numbers.shape()).collect();
    let layout = Layout::of(signature, &shapes)?;
    let buffers = signature.input_buffers();
    let inputs = files.iter().zip(&layout.lengths).zip(&buffers);
    let prepared = inputs.map(|(((name, numbers), &length), buffer)| {
        let part = if buffer.is_variance() { Part::Variance } else { Part::Value };
        preparation.array(numbers, part).map_err(|unusable| refuse(name, length, 0, unusable))
    });
    prepared.collect()
}

/// A number of a file that no model reads, in words; its index counts from item `first` on, in items
/// of `length` numbers.
pub fn refuse(file: &str, length: usize, first: usize, unusable: Unusable) -> Error {
    let Unusable { index, what, reason } = unusable;
    let (item, element) = (first + index / length.max(1), index % length.max(1));
    Error::request(format!("{file} has {what} in item {item}, element {element}; {reason}"))
}

/// The shape of one item of a buffer.
fn item_shape<'a>(buffer: &Buffer<'a>, batch: usize) -> &'a [usize] {
    match buffer.tensor.shape_of_pass() {
        [first, item @ ..] if *first == batch => item,
        whole => whole,
    }
}

/// How many items an array of this shape holds; `None` where it holds something
/// else. Sizes of 1 do not matter, and on either side an item may be flat.
fn count(shape: &[usize], item: &[usize]) -> Option<usize> {
    let long = |shape: &[usize]| shape.iter().copied().filter(|&n| n != 1).collect::<Vec<_>>();
    let length = item.iter().product::<usize>();
    let elements = shape.iter().product::<usize>();
    if elements == 0 || !elements.is_multiple_of(length) {
        return None;
    }
    let count = elements / length;
    let is_flat = long(item).len() <= 1 && (count == 1 || shape.first() == Some(&count));
    let fits = |item: &[usize]| long(shape) == long(&[&[count], item].concat());
    (is_flat || fits(item) || fits(&[length])).then_some(count)
}

/// Runs a model on all items, batch by batch. The last batch is filled up with
/// zeros, and what comes of them is dropped. `progress` gets the number of items done.
///
/// # Errors
///
/// Where a call fails.
pub fn run(
    model: &dyn Executable,
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
            let shape = match signature.is_whole_batch && items.count() == batch {
                true => buffer.tensor.shape.clone(),
                false => [passes.as_slice(), &[items.count()], item].concat(),
            };
            let values = vec![0.0; shape.iter().product()];
            Output { name: buffer.name.clone(), shape, values }
        })
        .collect();
    let buffers_of_call = signature.input_buffers().into_iter().chain(signature.output_buffers());
    let numbers: usize = buffers_of_call.map(|buffer| buffer.tensor.elements()).sum();
    let calls = (NUMBERS_AT_A_TIME / numbers.max(1)).max(1);
    let mut caller = model.caller();
    let starts: Vec<_> = (0..items.count()).step_by(batch).collect();
    for starts in starts.chunks(calls) {
        let inputs: Vec<_> = starts.iter().map(|&start| items.chunk(start, batch)).collect();
        for (&start, chunk_outputs) in starts.iter().zip(caller.call(&inputs)?) {
            let used = (items.count() - start).min(batch);
            for ((output, chunk), buffer) in outputs.iter_mut().zip(&chunk_outputs).zip(&buffers) {
                // The items lie together within each pass.
                let passes = buffer.tensor.passes.unwrap_or(1);
                let length = chunk.len() / passes / batch;
                let wholes = output
                    .values
                    .chunks_mut(length * items.count())
                    .zip(chunk.chunks(length * batch));
                for (whole, part) in wholes {
                    whole[start * length..(start + used) * length]
                        .copy_from_slice(&part[..used * length]);
                }
            }
            progress(start + used);
        }
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_recognised_by_shape() {
        let item = [1, 28, 28];
        assert_eq!(count(&[10, 28, 28], &item), Some(10));
        assert_eq!(count(&[10, 1, 28, 28], &item), Some(10));
        assert_eq!(count(&[28, 28], &item), Some(1));
        assert_eq!(count(&[10, 784], &item), Some(10));
        assert_eq!(count(&[784], &item), Some(1));
        assert_eq!(count(&[10, 28, 28], &[784]), Some(10));
        assert_eq!(count(&[28, 28], &[784]), Some(1));
        assert_eq!(count(&[5, 2, 784], &[784]), None);
        assert_eq!(count(&[10, 56, 14], &item), None);
        assert_eq!(count(&[10, 27, 28], &item), None);
        assert_eq!(count(&[0, 28, 28], &item), None);
    }
}
