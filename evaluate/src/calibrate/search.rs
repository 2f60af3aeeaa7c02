//! Minimisation in one dimension.

/// The inverse of the golden ratio.
const RATIO: f64 = 0.618_033_988_749_894_9;

/// The smallest value that golden-section search finds in an interval, with its place. Narrows the
/// interval until it is at most `tolerance` long. Of a function with several minima it finds one.
///
/// J. Kiefer, *Sequential minimax search for a maximum*, Proceedings of the AMS 4, 1953.
///
/// # Errors
///
/// The first error of `function`.
pub fn minimise<E>(
    (mut low, mut high): (f64, f64),
    tolerance: f64,
    mut function: impl FnMut(f64) -> Result<f64, E>,
) -> Result<(f64, f64), E> {
    let place = |low: f64, high: f64, share: f64| low + share * (high - low);
    let mut evaluate = |x: f64| function(x).map(|value| (x, value));
    let mut left = evaluate(place(low, high, 1.0 - RATIO))?;
    let mut right = evaluate(place(low, high, RATIO))?;
    while high - low > tolerance {
        if left.1 <= right.1 {
            high = right.0;
            right = left;
            left = evaluate(place(low, high, 1.0 - RATIO))?;
        } else {
            low = left.0;
            left = right;
            right = evaluate(place(low, high, RATIO))?;
        }
    }
    Ok(if left.1 <= right.1 { left } else { right })
}

/// How often [`minimise`] calls its function.
pub fn evaluations((low, high): (f64, f64), tolerance: f64) -> usize {
    2 + ((tolerance / (high - low)).ln() / RATIO.ln()).ceil().max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_evaluations_is_known() {
        for (interval, tolerance) in [((-2.0, 5.0), 1e-3), ((0.0, 1.0), 0.3), ((0.0, 1.0), 2.0)] {
            let mut calls = 0;
            let function = |x: f64| {
                calls += 1;
                Ok::<_, ()>(x.sin())
            };
            minimise(interval, tolerance, function).unwrap();
            assert_eq!(evaluations(interval, tolerance), calls, "{interval:?} {tolerance}");
        }
    }

    #[test]
    fn minima_inside_and_at_the_ends() {
        let find = |f: fn(f64) -> f64| minimise((-2.0, 5.0), 1e-4, |x| Ok::<_, ()>(f(x))).unwrap();
        let (x, value) = find(|x| (x - 1.25).powi(2) + 3.0);
        assert!((x - 1.25).abs() < 1e-4 && (value - 3.0).abs() < 1e-8, "{x} {value}");
        assert!((find(|x| x).0 + 2.0).abs() < 2e-4);
        assert!((find(|x| -x).0 - 5.0).abs() < 2e-4);
    }

    #[test]
    fn an_error_ends_the_search() {
        assert_eq!(minimise((0.0, 1.0), 1e-3, |_| Err("no")), Err("no"));
    }
}
