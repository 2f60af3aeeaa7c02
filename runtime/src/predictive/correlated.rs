//! Logits whose covariances are known.

use super::{Average, Uncertainty, check_length, non_negative};
use crate::{Error, random::standard_normals};

/// [`decompose_into`](super::decompose_into) of logits with the covariance matrix `covariance`, row after row,
/// whose diagonal holds the variances: what a model gives that was compiled with `--return-covariance`.
///
/// The logits of a draw are mean + L·ε with a lower triangular L, whose rows have exactly the variances of
/// the logits; a matrix that rounding left slightly indefinite is as good as any.
///
/// Writes the class probabilities to `probabilities` and uses `scratch`, of C·C + 2·C numbers for C
/// classes, whose contents do not matter.
///
/// # Errors
///
/// [`Error::Length`] if one of the slices is not as long as it must be. Then nothing was written.
///
/// ```
/// use pfp_runtime::predictive::decompose_correlated_into;
///
/// // Logits that vary together do not change what is more probable.
/// let (mut p, mut scratch) = ([0.0; 2], [0.0; 8]);
/// let together = [9.0, 9.0, 9.0, 9.0];
/// let uncertainty = decompose_correlated_into(&[1.0, 0.0], &together, 1000, 0, &mut p, &mut scratch)?;
/// assert!(uncertainty.epistemic < 1e-6);
/// # Ok::<(), pfp_runtime::Error>(())
/// ```
pub fn decompose_correlated_into(
    mean: &[f32],
    covariance: &[f32],
    draws: u32,
    seed: u64,
    probabilities: &mut [f32],
    scratch: &mut [f32],
) -> Result<Uncertainty, Error> {
    let classes = mean.len();
    check_length("covariance", covariance, classes * classes)?;
    check_length("probabilities", probabilities, classes)?;
    check_length("scratch", scratch, classes * classes + 2 * classes)?;
    let (factor, rest) = scratch.split_at_mut(classes * classes);
    let (logits, normals) = rest.split_at_mut(classes);
    factorise(covariance, factor, logits);
    let key = [seed as u32, (seed >> 32) as u32];
    let mut average = Average::new(probabilities);
    for draw in 0..draws.max(1) {
        for (block, normals) in (0..).zip(normals.chunks_mut(4)) {
            let all = standard_normals([block, draw, 0, 0], key);
            normals.iter_mut().zip(all).for_each(|(normal, z)| *normal = z);
        }
        let rows = factor.chunks_exact(classes.max(1));
        for ((logit, mean), row) in logits.iter_mut().zip(mean).zip(rows) {
            let deviation: f32 = row.iter().zip(&*normals).map(|(l, z)| l * z).sum();
            *logit = mean + deviation;
        }
        average.add(logits);
    }
    Ok(average.uncertainty())
}

/// The lower triangular factor of a covariance matrix, whose rows' squares sum to the variances: an entry is at most
/// what its row has left. `rest` is as long as a row.
fn factorise(covariance: &[f32], factor: &mut [f32], rest: &mut [f32]) {
    let classes = rest.len();
    for (row, rest) in rest.iter_mut().enumerate() {
        *rest = non_negative(covariance[row * classes + row]);
    }
    factor.fill(0.0);
    for step in 0..classes {
        let pivot = libm::sqrtf(rest[step]);
        factor[step * classes + step] = pivot;
        for row in step + 1..classes {
            let known = (0..step).map(|k| factor[row * classes + k] * factor[step * classes + k]);
            let left = covariance[row * classes + step] - known.sum::<f32>();
            let most = libm::sqrtf(rest[row]);
            let entry = if pivot > 0.0 { (left / pivot).clamp(-most, most) } else { 0.0 };
            factor[row * classes + step] = entry;
            rest[row] = non_negative(rest[row] - entry * entry);
        }
    }
}
