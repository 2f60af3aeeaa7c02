//! Where elements lie in a tensor.

/// How far elements are apart along each dimension of `shape`, in a tensor whose dimensions of size
/// 1 are repeated.
pub(super) fn strides(own: &[usize], shape: &[usize]) -> Vec<usize> {
    let mut stride = 1;
    let mut strides = vec![0; shape.len()];
    for dim in (0..own.len()).rev() {
        strides[dim] = if own[dim] == 1 { 0 } else { stride };
        stride *= own[dim];
    }
    strides
}

/// The place of an element, by its number in a tensor of `shape`.
pub(super) fn place(number: usize, shape: &[usize], strides: &[usize]) -> usize {
    indices(number, shape).iter().zip(strides).map(|(index, stride)| index * stride).sum()
}

/// The indices of an element, by its number.
pub(super) fn indices(mut number: usize, shape: &[usize]) -> Vec<usize> {
    let mut indices = vec![0; shape.len()];
    for dim in (0..shape.len()).rev() {
        indices[dim] = number % shape[dim];
        number /= shape[dim];
    }
    indices
}
