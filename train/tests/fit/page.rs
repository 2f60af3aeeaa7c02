//! The page of a run.

use pfp_train::{
    layout::spans,
    report::{self, Report},
    settings::{Objective, Settings},
};

use crate::{
    double::{Double, Kind, parameters},
    fixture::{Case, classes},
};

#[test]
fn a_page_has_the_curves_of_a_run_and_needs_nothing_else() {
    let (data, held_out) = (classes(60, 3), classes(30, 4));
    let plain = Double::new(Kind::Softmax, 5, 2, 3);
    let parameters = parameters(2, 3, true, false);
    let settings =
        Settings { objective: Objective::Svi, batch: 10, epochs: 3, ..Settings::default() };
    let case = Case::new(&plain, &data, settings);
    let case = Case { parameters: &parameters, validation: Some(&held_out), ..case };
    let page = |epochs: u64| {
        let case = Case { settings: Settings { epochs, ..case.settings.clone() }, ..case.clone() };
        let fitted = case.fit().unwrap();
        let spans = spans(&parameters);
        let report = Report {
            function: "net",
            lines: &["a <line>".to_owned()],
            history: &fitted.history,
            agreement: None,
            posterior: (&parameters, &spans, &fitted.values),
            settings: &report::rows(&case.settings).unwrap(),
            version: "0",
        };
        report.page().unwrap()
    };
    // An epoch is a point, several are lines.
    for page in [page(1), page(3)] {
        for needle in [
            "<title>@net - pfp train</title>",
            "a &lt;line&gt;",
            "Loss of an item",
            "Accuracy",
            "Divergence from the prior",
            "Learning rate",
            "validation",
            "layer.weight",
            "learning rate",
        ] {
            assert!(page.contains(needle), "{needle}");
        }
        assert!(page.matches("<svg").count() == 5 && !page.contains("root mean square<"));
        assert!(!page.contains("<script") && !page.contains("src=\"http") && !page.contains("NaN"));
    }
    assert!(page(1).contains("<circle") && page(3).contains("<polyline"));
}
