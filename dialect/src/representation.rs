//! What an uncertain tensor consists of, and what its components are called.
//!
//! | component | tensor of the parameter `w` | buffer of `input` | buffer of `output` | op |
//! |---|---|---|---|---|
//! | value | `w` | `input` | `output` | - |
//! | mean | `w.mean` | `input_mean` | `mean` | `gauss.mean` |
//! | variance | `w.var` | `input_variance` | `variance` | `gauss.variance` |

/// A tensor of numbers that is, or is part of, a tensor of the dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component {
    /// The numbers of a deterministic tensor.
    Value,
    /// The mean of each element.
    Mean,
    /// The variance of each element.
    Variance,
}

/// Which components stand for a tensor, in the order in which they are stored and passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Representation {
    /// Numbers that are known.
    Deterministic,
    /// Independent Gaussians.
    Gaussian,
}

impl Representation {
    /// The representation of a `!gauss.tensor`, or of a `tensor`.
    pub fn of(gaussian: bool) -> Self {
        if gaussian { Self::Gaussian } else { Self::Deterministic }
    }

    /// The components, in order.
    pub fn components(self) -> &'static [Component] {
        match self {
            Self::Deterministic => &[Component::Value],
            Self::Gaussian => &[Component::Mean, Component::Variance],
        }
    }

    /// The tensors of a parameter file that hold a parameter of this name.
    pub fn tensors(self, parameter: &str) -> Vec<String> {
        self.components().iter().map(|component| component.tensor(parameter)).collect()
    }
}

impl Component {
    /// What it is called in messages, and as attribute of `gauss.constant`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Mean => "mean",
            Self::Variance => "variance",
        }
    }

    /// What follows the name of a parameter.
    fn suffix(self) -> &'static str {
        match self {
            Self::Value => "",
            Self::Mean => ".mean",
            Self::Variance => ".var",
        }
    }

    /// The tensor of a parameter file that holds it.
    pub fn tensor(self, parameter: &str) -> String {
        format!("{parameter}{}", self.suffix())
    }

    /// The Gaussian parameter of which a tensor of this name is a component; `None` where only a
    /// deterministic one can be called so. The inverse of [`Component::tensor`].
    pub fn of_tensor(tensor: &str) -> Option<(&str, Self)> {
        [Self::Mean, Self::Variance]
            .into_iter()
            .find_map(|component| Some((tensor.strip_suffix(component.suffix())?, component)))
    }

    /// The buffer of a compiled function that passes it for an input of this name.
    pub fn input_buffer(self, input: &str) -> String {
        match self {
            Self::Value => input.to_owned(),
            Self::Mean | Self::Variance => format!("{input}_{}", self.name()),
        }
    }

    /// The buffer that takes it for an output: `mean0` for `output0`.
    pub fn output_buffer(self, output: &str) -> String {
        match self {
            Self::Value => output.to_owned(),
            Self::Mean | Self::Variance => output.replace("output", self.name()),
        }
    }

    /// The op that reads it from a Gaussian tensor; `None` for a deterministic one.
    pub fn op(self) -> Option<&'static str> {
        match self {
            Self::Value => None,
            Self::Mean => Some("gauss.mean"),
            Self::Variance => Some("gauss.variance"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_tensor_tells_parameter_and_component() {
        for component in [Component::Mean, Component::Variance] {
            assert_eq!(Component::of_tensor(&component.tensor("fc.w")), Some(("fc.w", component)));
        }
        assert_eq!(Component::of_tensor("bn.running_mean"), None);
        assert_eq!(Component::of_tensor("w.mean.var"), Some(("w.mean", Component::Variance)));
    }

    #[test]
    fn names_are_those_of_files_and_headers() {
        let gaussian = Representation::of(true);
        assert_eq!(gaussian.tensors("w"), ["w.mean", "w.var"]);
        assert_eq!(Representation::of(false).tensors("w"), ["w"]);
        let buffers = |name: fn(Component, &str) -> String, of: &str| {
            gaussian.components().iter().map(|&part| name(part, of)).collect::<Vec<_>>()
        };
        assert_eq!(buffers(Component::input_buffer, "input1"), ["input1_mean", "input1_variance"]);
        assert_eq!(buffers(Component::output_buffer, "output1"), ["mean1", "variance1"]);
    }
}
