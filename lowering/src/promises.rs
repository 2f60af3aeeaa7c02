//! Discardable attributes by which an op promises something of its operands, so that fewer steps do.

/// The discardable attribute by which an op allows an estimate: a root also for quotients by
/// it. A root promises an operand below infinity; a division, that the divisor and its
/// reciprocal are normal numbers.
pub const ESTIMATE: &str = "pfp.estimate";

/// The discardable attribute by which a `math.exp` promises an operand in
/// [[`TAIL_LEAST`], −[`TAIL_LEAST`]].
pub const TAIL_EXPONENT: &str = "pfp.tail_exponent";

/// The discardable attribute by which a `math.exp` promises that its result is of no use where its
/// operand is not a number or its result not finite.
pub const FINITE_EXPONENT: &str = "pfp.finite_exponent";

/// The discardable attribute by which an `arith.select` promises that computing what it chooses from is
/// long, and that few vectors have lanes of both sides.
pub const EITHER: &str = "pfp.either";

/// −127.4 ln 2: the least exponent of the tail; beyond the opposite nothing is promised.
pub const TAIL_LEAST: f64 = -88.3;
