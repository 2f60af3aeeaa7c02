//! The code of a function for one size of batch.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use pfp_compiler::{
    compile::Compiled,
    error::Error,
    jit::{Arena, CompiledModel},
};

use crate::{input::Few, prediction::Outputs};

/// A function that is compiled for calls of so many items.
pub struct Model {
    model: CompiledModel,
    batch: usize,
    /// Scratch memory that no call uses.
    arenas: Mutex<Vec<Arena>>,
    /// The bytes of its code, its weights and its scratch memory.
    pub costs: [u64; 3],
}

/// The outputs of all items of a call.
pub struct Results<'a> {
    outputs: &'a Outputs,
    numbers: Few<&'a mut [f32]>,
    items: usize,
}

impl<'a> Results<'a> {
    /// Cuts the numbers of a call with so many items.
    pub fn new(outputs: &'a Outputs, numbers: &'a mut [f32], items: usize) -> Self {
        let mut left = numbers;
        let mut end = 0;
        let cut = outputs.places(items).map(|place| {
            let (_, rest) = std::mem::take(&mut left).split_at_mut(place.start - end);
            let (own, rest) = rest.split_at_mut(place.len());
            end = place.end;
            left = rest;
            own
        });
        Self { outputs, numbers: cut.collect(), items }
    }
}

impl Model {
    /// Links a compiled function.
    ///
    /// # Errors
    ///
    /// Where it cannot be linked.
    pub fn new(compiled: &Compiled) -> Result<Self, Error> {
        let model = CompiledModel::new(compiled)?;
        let batch = model.signature().batch();
        let costs = [compiled.report.text_bytes, compiled.weight_bytes, compiled.arena.bytes];
        Ok(Self { model, batch, arenas: Mutex::default(), costs })
    }

    /// The function.
    pub fn function(&self) -> &CompiledModel {
        &self.model
    }

    /// Calls the function for some items, no more than it takes. `inputs` and `results` are of all items.
    ///
    /// # Errors
    ///
    /// Where the call fails.
    pub fn run<'a>(
        &self,
        inputs: &[&'a [f32]],
        lengths: &[usize],
        items: Range<usize>,
        results: &mut Results,
    ) -> Result<(), Error> {
        let whole = items.len() == self.batch;
        let own = |(input, length): (&&'a [f32], &usize)| -> &'a [f32] {
            &input[items.start * length..items.end * length]
        };
        let own = inputs.iter().zip(lengths).map(own);
        // What is missing of a batch is filled up with zeros.
        let filled: Vec<Vec<f32>> = match whole {
            true => Vec::new(),
            false => own
                .clone()
                .zip(lengths)
                .map(|(numbers, length)| {
                    let mut numbers = numbers.to_vec();
                    numbers.resize(self.batch * length, 0.0);
                    numbers
                })
                .collect(),
        };
        let mut inputs: Few<&[f32]> = Few::new();
        match whole {
            true => own.for_each(|numbers| inputs.push(numbers)),
            false => inputs.extend(filled.iter().map(Vec::as_slice)),
        }
        if whole && !results.outputs.has_passes() {
            let lengths = results.outputs.lengths();
            let mut outputs: Few<_> = results
                .numbers
                .iter_mut()
                .zip(lengths)
                .map(|(numbers, length)| &mut numbers[items.start * length..items.end * length])
                .collect();
            return self.call(&inputs, &mut outputs);
        }
        let mut parts: Vec<_> = results
            .outputs
            .all()
            .iter()
            .map(|output| vec![0.0; output.passes.unwrap_or(1) * output.length * self.batch])
            .collect();
        let mut outputs: Vec<_> = parts.iter_mut().map(Vec::as_mut_slice).collect();
        self.call(&inputs, &mut outputs)?;
        let all = results.outputs.all().iter().zip(&mut results.numbers).zip(&parts);
        for ((output, numbers), part) in all {
            let length = output.length;
            // The items lie together within each pass.
            let passes = numbers
                .chunks_mut((length * results.items).max(1))
                .zip(part.chunks((length * self.batch).max(1)));
            for (numbers, part) in passes {
                numbers[items.start * length..items.end * length]
                    .copy_from_slice(&part[..items.len() * length]);
            }
        }
        Ok(())
    }

    fn call(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), Error> {
        let arenas = || self.arenas.lock().unwrap_or_else(PoisonError::into_inner);
        let spare = arenas().pop();
        let mut arena = spare.unwrap_or_else(|| self.model.arena());
        let result = self.model.run_into(inputs, outputs, &mut arena);
        arenas().push(arena);
        result
    }
}
