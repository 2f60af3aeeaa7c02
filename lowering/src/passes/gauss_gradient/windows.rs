//! The adjoints of inputs that are read by windows.
//!
//! An element i of such an input takes from all places of the result whose window has it. With the
//! place p, kernel elements k and i = a·p + Σ d·k + c, the adjoint of the result lies at every a-th
//! place among zeros, and is read at i + Σ d·(K − 1 − k), next to the kernel from its end on.

use std::collections::BTreeMap;

use gauss_dialect::ir::{Builder, Value};

use super::nest::{Linear, Nest, Operand};
use crate::linalg;

/// Why an input has no adjoint here.
pub(super) const UNSUPPORTED: &str = "reads windows in a way that has no derivative here";

/// The loops over the elements of an input, and what is left of those over the result.
pub(super) struct Gather<'a> {
    nest: &'a Nest,
    input: &'a Operand,
    shape: Vec<i64>,
    /// Of each dimension that windows move along, the loop over their places.
    places: BTreeMap<usize, usize>,
    /// The dimensions that loops walk.
    walked: Vec<usize>,
    /// The loops of the nest in the order of the new ones: first those along the input.
    order: Vec<usize>,
}

impl<'a> Gather<'a> {
    /// The loops for a group of inputs that are read in the same way.
    ///
    /// # Errors
    ///
    /// Where the windows are of another form.
    pub(super) fn of(nest: &'a Nest, group: &[usize]) -> Result<Self, String> {
        let input = &nest.inputs[group[0]];
        let is_of_others = |dim: usize| {
            let mut others = nest.inputs.iter().enumerate();
            others.any(|(number, operand)| {
                !group.contains(&number) && operand.map.iter().any(|place| place.steps[dim] != 0)
            })
        };
        let is_of_results = |dim: usize| {
            nest.outs.iter().all(|out| out.map.iter().any(|place| place.alone() == Some(dim)))
        };
        let is_shared =
            |dim: usize| input.map.iter().filter(|place| place.steps[dim] != 0).count() > 1;
        let mut places = BTreeMap::new();
        for (number, place) in input.map.iter().enumerate() {
            if place.loops().any(is_shared) || place.steps.iter().any(|&step| step < 0) {
                return Err(UNSUPPORTED.into());
            }
            if place.alone().is_none() && !place.is_constant() {
                let over_places = |&dim: &usize| is_of_results(dim) && !is_of_others(dim);
                places.insert(number, place.loops().find(over_places).ok_or(UNSUPPORTED)?);
            }
        }
        let walked: Vec<_> =
            (0..input.map.len()).filter(|&number| !input.map[number].is_constant()).collect();
        let along = |number: &usize| places.get(number).copied().or(input.map[*number].alone());
        let mut order = walked.iter().map(along).collect::<Option<Vec<_>>>().ok_or(UNSUPPORTED)?;
        let rest: Vec<_> = (0..nest.sizes.len()).filter(|dim| !order.contains(dim)).collect();
        order.extend(rest);
        let shape = input.tensor.ty().shape().unwrap_or_default();
        Ok(Self { nest, input, shape, places, walked, order })
    }

    /// The trip counts of the loops along the input.
    pub(super) fn sizes(&self) -> Vec<i64> {
        self.walked.iter().map(|&number| self.shape[number]).collect()
    }

    /// The loops over kernel elements along a dimension of the input, with their steps.
    fn kernel_loops(&self, number: usize) -> impl Iterator<Item = (usize, i64)> {
        let place = &self.input.map[number];
        let over_places = self.places.get(&number).copied();
        place
            .loops()
            .filter(move |&dim| Some(dim) != over_places)
            .map(|dim| (dim, place.steps[dim]))
    }

    fn renamed(&self, place: &Linear) -> Linear {
        let steps = self.order.iter().map(|&dim| place.steps[dim]).collect();
        Linear { steps, start: place.start }
    }

    /// The read of an input at the element itself.
    pub(super) fn element(&self, operand: &Operand) -> Operand {
        let mut along = 0..;
        let index = |place: &Linear| {
            let mut steps = vec![0; self.order.len()];
            if place.is_constant() {
                return Linear { steps, start: place.start };
            }
            steps[along.next().unwrap_or_default()] = 1;
            Linear { steps, start: 0 }
        };
        Operand { tensor: operand.tensor, map: operand.map.iter().map(index).collect() }
    }

    /// The read of another input, whose kernel elements come from their end on.
    ///
    /// # Errors
    ///
    /// Where it is read by windows itself.
    pub(super) fn kernel(&self, builder: Builder, operand: &Operand) -> Result<Operand, String> {
        let is_kernel = |dim: usize| {
            self.nest.sizes[dim] > 1
                && self
                    .places
                    .keys()
                    .any(|&number| self.kernel_loops(number).any(|(k, _)| k == dim))
        };
        let dims: Vec<_> = operand.map.iter().map(|place| place.loops().any(is_kernel)).collect();
        let mut backwards =
            operand.map.iter().zip(&dims).filter(|(_, is_backwards)| **is_backwards);
        if backwards.any(|(place, _)| place.alone().is_none()) {
            return Err(UNSUPPORTED.into());
        }
        Ok(Operand {
            tensor: reversed(self.nest, builder, operand.tensor, &dims),
            map: operand.map.iter().map(|place| self.renamed(place)).collect(),
        })
    }

    /// The read of the adjoint of a result, which lies among zeros.
    ///
    /// # Errors
    ///
    /// Where the result has no dimension of the places.
    pub(super) fn among_zeros(
        &self,
        builder: Builder,
        out: &Operand,
        adjoint: Value,
    ) -> Result<Operand, String> {
        let mut sizes = adjoint.ty().shape().unwrap_or_default();
        let mut offsets = vec![0; sizes.len()];
        let mut strides = vec![1; sizes.len()];
        let mut map: Vec<_> = out.map.iter().map(|place| self.renamed(place)).collect();
        for (&number, &over_places) in &self.places {
            let along = out.map.iter().position(|place| place.alone() == Some(over_places));
            let along = along.ok_or(UNSUPPORTED)?;
            let reach = |(dim, step): (usize, i64)| step * (self.nest.sizes[dim] - 1);
            let reach: i64 = self.kernel_loops(number).map(reach).sum();
            offsets[along] = self.input.map[number].start + reach;
            strides[along] = self.input.map[number].steps[over_places];
            sizes[along] = self.shape[number] + reach;
            for (dim, step) in self.kernel_loops(number) {
                if let Some(place) = self.order.iter().position(|&other| other == dim) {
                    map[along].steps[place] = step;
                }
            }
        }
        let zeros = linalg::fill(builder, &sizes, 0.0, &self.nest.layer);
        let tensor = linalg::insert_strided(builder, adjoint, zeros, (&offsets, &strides));
        Ok(Operand { tensor, map })
    }
}

/// A tensor with some dimensions from their end on.
fn reversed(nest: &Nest, builder: Builder, x: Value, dims: &[bool]) -> Value {
    if !dims.contains(&true) {
        return x;
    }
    let shape = x.ty().shape().unwrap_or_default();
    let index = |(dim, (&size, &reversed)): (usize, (&i64, &bool))| match reversed {
        true => nest.context.dim(dim).times(-1).plus(nest.context.affine_constant(size - 1)),
        false => nest.context.dim(dim),
    };
    let indices: Vec<_> = shape.iter().zip(dims).enumerate().map(index).collect();
    let read = (x, nest.context.affine_map(shape.len(), &indices));
    let out = (nest.empty(builder, &shape), nest.context.identity_map(shape.len()));
    linalg::generic(builder, &[read], &[out], &nest.layer, |_, x| vec![x[0]]).result(0)
}
