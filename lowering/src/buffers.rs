//! The buffers of a function: which arguments share one, and which are written in place.

use gauss_dialect::ir::{Attribute, Op, Type};

/// The attribute of a function with the names of the buffers that its arguments are in.
const NAMES: &str = "gauss.buffers";
/// How many arguments are in each.
const COUNTS: &str = "gauss.buffer_arguments";
/// The names of the results that are not written in place.
const RESULTS: &str = "gauss.result_buffers";
/// How many of the last arguments the last results are written into.
const IN_PLACE: &str = "gauss.in_place";
/// For each pointer of a C function the places of its arguments, counted in elements.
pub const PLACES: &str = "gauss.buffer_places";

/// How the arguments of a function are laid out where that is not one buffer for each. Several arguments in a
/// buffer follow each other without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buffers {
    /// The name of each buffer, and how many arguments are in it.
    pub of_arguments: Vec<(String, usize)>,
    /// How many of the last arguments are written: the last results are their new values.
    pub in_place: usize,
    /// The names of the other results, where they are given.
    pub of_results: Vec<String>,
}

impl Buffers {
    /// Those of a function, where they are given.
    pub fn of(function: Op) -> Option<Self> {
        let names = function.attribute(NAMES)?.as_array()?;
        let counts = function.attribute(COUNTS)?.as_i64_array()?;
        let names = names.into_iter().map(Attribute::as_string).collect::<Option<Vec<_>>>()?;
        let counts = counts.into_iter().map(|count| usize::try_from(count).ok());
        let counts = counts.collect::<Option<Vec<_>>>()?;
        let in_place = function.attribute(IN_PLACE).and_then(Attribute::as_i64).unwrap_or(0);
        let of_arguments = names.into_iter().zip(counts).collect();
        let results = function.attribute(RESULTS).and_then(Attribute::as_array);
        let results = results.unwrap_or_default().into_iter().map(Attribute::as_string);
        let of_results = results.collect::<Option<Vec<_>>>()?;
        Some(Self { of_arguments, in_place: usize::try_from(in_place).ok()?, of_results })
    }

    /// Gives them to a function.
    pub fn write(&self, function: Op) {
        let context = function.context();
        let names: Vec<_> =
            self.of_arguments.iter().map(|(name, _)| context.string_attr(name)).collect();
        let counts: Vec<_> = self.of_arguments.iter().map(|(_, count)| *count as i64).collect();
        function.set_attribute(NAMES, context.array_attr(&names));
        function.set_attribute(COUNTS, context.i64_array_attr(&counts));
        if !self.of_results.is_empty() {
            let names: Vec<_> =
                self.of_results.iter().map(|name| context.string_attr(name)).collect();
            function.set_attribute(RESULTS, context.array_attr(&names));
        }
        if self.in_place > 0 {
            function.set_attribute(IN_PLACE, context.i64_attr(self.in_place as i64));
        }
    }

    /// Takes them from a function.
    pub fn take(function: Op) -> Option<Self> {
        let own = Self::of(function)?;
        let names = [NAMES, COUNTS, IN_PLACE, RESULTS];
        names.into_iter().for_each(|name| function.remove_attribute(name));
        Some(own)
    }

    /// The buffers where each argument of these types is as many as `parts` says.
    pub fn split(&self, types: &[Type], parts: impl Fn(Type) -> usize) -> Self {
        let mut types = types.iter();
        let of = |(name, count): &(String, usize)| {
            (name.clone(), types.by_ref().take(*count).map(|ty| parts(*ty)).sum())
        };
        Self { of_arguments: self.of_arguments.iter().map(of).collect(), ..self.clone() }
    }

    /// Writes for each pointer where its arguments begin; those after them have one each.
    pub fn write_places(&self, function: Op, types: &[Type]) {
        let context = function.context();
        let mut types = types.iter();
        let mut places = Vec::new();
        for (_, count) in &self.of_arguments {
            let mut place = 0;
            let own = types.by_ref().take(*count).map(|ty| {
                let start = place;
                place += ty.shape().unwrap_or_default().iter().product::<i64>();
                start
            });
            places.push(context.i64_array_attr(&own.collect::<Vec<_>>()));
        }
        places.extend(types.map(|_| context.i64_array_attr(&[0])));
        function.set_attribute(PLACES, context.array_attr(&places));
    }
}
