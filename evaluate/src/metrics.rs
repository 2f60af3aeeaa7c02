//! Measures of answers and scores. Every one is checked against scikit-learn, SciPy or NumPy
//! (`evaluate/tests/data/metrics.py`).

mod calibration;
mod correlation;
mod detection;
mod scoring;
mod selective;

pub use calibration::{Bin, expected_calibration_error, reliability};
pub use correlation::{median, pearson, spearman};
pub use detection::{Roc, RocPoint};
pub use scoring::{Labels, brier, item_nll, named, nll, share};
pub use selective::{RiskPoint, aurc, risk_coverage};

/// The most steps of a curve that is kept to be drawn.
const STEPS: f64 = 256.0;

/// Leaves out points of a curve in the unit square that are nearer to the last one kept than a
/// step is long. Both ends stay.
fn thin<P: Copy>(points: &[P], place: impl Fn(&P) -> (f64, f64)) -> Vec<P> {
    let mut kept: Vec<P> = Vec::new();
    for (index, point) in points.iter().enumerate() {
        let (x, y) = place(point);
        let is_far = kept.last().map(&place).is_none_or(|(last_x, last_y)| {
            (x - last_x).abs().max((y - last_y).abs()) >= 1.0 / STEPS
        });
        if is_far || index + 1 == points.len() {
            kept.push(*point);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn fixture() -> Value {
        serde_json::from_str(include_str!("../tests/data/metrics.json")).unwrap()
    }

    fn numbers(value: &Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    }

    #[track_caller]
    fn check(actual: f64, expected: &Value) {
        let expected = expected.as_f64().unwrap();
        assert!(
            (actual - expected).abs() <= 1e-12 * expected.abs().max(1.0),
            "{actual} {expected}"
        );
    }

    #[test]
    fn detection_is_that_of_scikit_learn() {
        let cases = fixture()["detection"].as_array().unwrap().clone();
        assert!(cases.len() >= 3);
        for case in cases {
            let roc = Roc::of(&numbers(&case["inside"]), &numbers(&case["outside"]));
            check(roc.auroc(), &case["auroc"]);
            check(roc.aupr(), &case["aupr"]);
            check(roc.fpr95(), &case["fpr95"]);
        }
    }

    #[test]
    fn classification_is_that_of_scikit_learn() {
        let cases = fixture()["classification"].as_array().unwrap().clone();
        assert!(cases.len() >= 2);
        for case in cases {
            let probabilities: Vec<_> =
                numbers(&case["probabilities"]).into_iter().map(|p| p as f32).collect();
            let values: Vec<_> =
                numbers(&case["labels"]).into_iter().map(|label| label as usize).collect();
            let each = case["labels_per_item"].as_u64().unwrap() as usize;
            let labels = Labels { values: &values, each };
            let classes = case["classes"].as_u64().unwrap() as usize;
            let rows = || probabilities.chunks_exact(classes);
            let class: Vec<_> =
                rows().map(|row| pfp_runtime::predictive::argmax(row).unwrap()).collect();
            let confidence: Vec<_> =
                rows().zip(&class).map(|(row, &class)| f64::from(row[class])).collect();
            let right = named(&class, labels);
            check(share(&right), &case["accuracy"]);
            check(nll(&probabilities, labels), &case["nll"]);
            check(brier(&probabilities, labels), &case["brier"]);
            let bins = reliability(&confidence, &right, 15);
            check(expected_calibration_error(&bins), &case["ece"]);
            check(aurc(&confidence, &right), &case["aurc"]);
        }
    }

    #[test]
    fn correlations_are_those_of_scipy() {
        let case = &fixture()["correlation"];
        let (x, y) = (numbers(&case["x"]), numbers(&case["y"]));
        check(pearson(&x, &y), &case["pearson"]);
        check(spearman(&x, &y), &case["spearman"]);
        check(median(x), &case["median"]);
    }

    #[test]
    fn a_curve_keeps_its_ends_and_its_shape() {
        let line: Vec<_> = (0..=10_000).map(|i| f64::from(i) / 1e4).collect();
        let kept = thin(&line, |&x| (x, x));
        assert!(kept.len() <= 258 && kept.first() == Some(&0.0) && kept.last() == Some(&1.0));
        assert_eq!(thin(&[0.0, 1.0], |&x| (x, x)), [0.0, 1.0]);
    }
}
