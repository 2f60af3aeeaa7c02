//! Activations: functions of single elements.
//!
//! Each is a file with its formula. A line in the list below makes it a layer of the dialect, of the
//! interpreter, of the lowering and of every test that is driven by [`Activation::samples`].

mod abs;
mod celu;
mod clip;
mod elu;
mod exp;
mod gelu;
mod hard_swish;
mod heaviside;
pub mod leaky_relu;
mod mish;
mod relu;
mod selu;
mod sigmoid;
mod sign;
mod silu;
mod sin;
pub(crate) mod softplus;
mod square;
mod tanh;

use crate::{
    attributes::{AttributeList, Attributes},
    moments::{
        Elementary, Moments,
        dual::{Dual, Number},
    },
};

/// Below this variance a number counts as known: 1/√variance is finite in `f32` from here on.
const LEAST_VARIANCE: f64 = 1e-37;

/// A function of a number, and what it makes of a Gaussian.
pub trait Pointwise: Copy {
    /// The op, without its dialect.
    const NAME: &'static str;

    /// Are the moments by quadrature?
    const IS_BY_QUADRATURE: bool = false;

    /// Reads the attributes.
    ///
    /// # Errors
    ///
    /// Where one has no meaning; the message continues the words `'gauss.name' op`.
    fn read(attributes: &Attributes) -> Result<Self, String>;

    /// The attributes, as [`Pointwise::read`] takes them.
    fn write(self) -> AttributeList {
        AttributeList::default()
    }

    /// Is a larger number never made a smaller one? Then it may be exchanged with a maximum.
    fn is_increasing(self) -> bool {
        false
    }

    /// Some of this kind, such that tests of them are tests of all.
    fn samples() -> Vec<Self>;

    /// The function itself.
    fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value;

    /// Mean and variance of the function of a Gaussian.
    fn gaussian<A: Elementary>(
        self,
        a: &mut A,
        mean: A::Value,
        variance: A::Value,
    ) -> Moments<A::Value>;
}

/// The enum of activations, with an arm for each where there must be one.
macro_rules! activations {
    ($($(#[$doc:meta])* $name:ident($ty:ty),)*) => {
        /// An activation.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub enum Activation {
            $($(#[$doc])* $name($ty),)*
        }

        impl Activation {
            /// Every op of the family, without the dialect.
            pub const NAMES: &'static [&'static str] = &[$(<$ty>::NAME),*];

            /// Reads an op by its name without the dialect; `None` where it is no activation.
            ///
            /// # Errors
            ///
            /// Where an attribute has no meaning.
            pub fn read(name: &str, attributes: &Attributes) -> Option<Result<Self, String>> {
                $(if name == <$ty>::NAME {
                    return Some(<$ty>::read(attributes).map(Self::$name));
                })*
                None
            }

            /// Are the moments of the op of this name, without the dialect, by quadrature?
            pub fn is_by_quadrature(name: &str) -> bool {
                $(if name == <$ty>::NAME {
                    return <$ty>::IS_BY_QUADRATURE;
                })*
                false
            }

            /// The op, without the dialect.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name(_) => <$ty>::NAME,)* }
            }

            /// Is a larger number never made a smaller one?
            pub fn is_increasing(self) -> bool {
                match self { $(Self::$name(f) => f.is_increasing(),)* }
            }

            /// Does it grow like max(x, 0), so that it counts as that where its square is?
            pub fn is_rectifier(self) -> bool {
                ["relu", "gelu", "silu", "mish", "softplus", "elu", "celu", "selu", "hard_swish", "leaky_relu"]
                    .contains(&self.name())
            }

            /// The attributes.
            pub fn write(self) -> AttributeList {
                match self { $(Self::$name(f) => f.write(),)* }
            }

            /// Activations of every kind, such that tests of them are tests of all.
            pub fn samples() -> Vec<Self> {
                let mut samples = Vec::new();
                $(samples.extend(<$ty>::samples().into_iter().map(Self::$name));)*
                samples
            }

            /// The function of a number that is Gaussian or not.
            pub fn moments<A: Elementary>(
                self,
                a: &mut A,
                x: Moments<A::Value>,
            ) -> Moments<A::Value> {
                match (self, x.variance) {
                    $((Self::$name(f), Some(variance)) => f.gaussian(a, x.mean, variance),)*
                    $((Self::$name(f), None) => Moments::deterministic(f.value(a, x.mean)),)*
                }
            }
        }
    };
}

activations! {
    /// `gauss.abs`.
    Abs(abs::Abs),
    /// `gauss.celu`.
    Celu(celu::Celu),
    /// `gauss.clip`, ReLU6 and hard tanh included.
    Clip(clip::Clip),
    /// `gauss.elu`.
    Elu(elu::Elu),
    /// `gauss.exp`.
    Exp(exp::Exp),
    /// `gauss.gelu`.
    Gelu(gelu::Gelu),
    /// `gauss.heaviside`.
    Heaviside(heaviside::Heaviside),
    /// `gauss.hard_sigmoid`.
    HardSigmoid(clip::HardSigmoid),
    /// `gauss.hard_swish`.
    HardSwish(hard_swish::HardSwish),
    /// `gauss.leaky_relu`.
    LeakyRelu(leaky_relu::LeakyRelu),
    /// `gauss.mish`.
    Mish(mish::Mish),
    /// `gauss.relu`.
    Relu(relu::Relu),
    /// `gauss.selu`.
    Selu(selu::Selu),
    /// `gauss.sigmoid`.
    Sigmoid(sigmoid::Sigmoid),
    /// `gauss.sign`.
    Sign(sign::Sign),
    /// `gauss.silu`.
    Silu(silu::Silu),
    /// `gauss.sin`.
    Sin(sin::Sin),
    /// `gauss.softplus`.
    Softplus(softplus::Softplus),
    /// `gauss.square`.
    Square(square::Square),
    /// `gauss.tanh`.
    Tanh(tanh::Tanh),
}

impl Activation {
    /// The logistic function.
    pub const SIGMOID: Self = Self::Sigmoid(sigmoid::Sigmoid);
    /// The hyperbolic tangent.
    pub const TANH: Self = Self::Tanh(tanh::Tanh);
    /// max(x, 0).
    pub const RELU: Self = Self::Relu(relu::Relu);
    /// eˣ.
    pub const EXP: Self = Self::Exp(exp::Exp);
    /// x².
    pub const SQUARE: Self = Self::Square(square::Square);

    /// E[f′(x)] of a Gaussian: the derivative of the mean of f(x) by the mean of x. 0 where x has no
    /// variance, and so shares none.
    pub fn gain<A: Elementary>(self, a: &mut A, x: Moments<A::Value>) -> A::Value {
        let zero = a.constant(0.0);
        let Some(variance) = x.variance else { return zero };
        let mut dual = Dual(a);
        let mean = dual.variable(x.mean);
        let moments = Moments::gaussian(mean, Number::constant(variance));
        let slope = self.moments(&mut dual, moments).mean.slope.unwrap_or(zero);
        let least = a.constant(LEAST_VARIANCE);
        a.select_ge(variance, least, slope, zero)
    }
}

/// An activation without attributes, as a layer.
macro_rules! plain {
    ($ty:ident, $name:literal) => {
        const NAME: &'static str = $name;

        fn read(_: &Attributes) -> Result<Self, String> {
            Ok($ty)
        }

        fn samples() -> Vec<Self> {
            vec![$ty]
        }
    };
}
use plain;

/// An activation without attributes whose moments are by quadrature.
macro_rules! smooth {
    ($ty:ident, $name:literal, $is_increasing:literal) => {
        impl Pointwise for $ty {
            plain!($ty, $name);

            const IS_BY_QUADRATURE: bool = true;

            fn is_increasing(self) -> bool {
                $is_increasing
            }

            fn value<A: Elementary>(self, a: &mut A, x: A::Value) -> A::Value {
                Smooth::value(self, a, x)
            }

            fn gaussian<A: Elementary>(
                self,
                a: &mut A,
                mean: A::Value,
                variance: A::Value,
            ) -> Moments<A::Value> {
                a.smooth(self, mean, variance)
            }
        }
    };
}
use smooth;
