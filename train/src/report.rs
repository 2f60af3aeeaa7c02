//! A run as a page of HTML.

use maud::{Markup, html};
use pfp_compiler::{error::Error, posterior::Statistics};
use pfp_evaluate::page::{Page, figure, legend, plot, section};
use serde::Serialize;

use crate::{
    agreement::Agreement,
    gradient::{NOISE, Parameter, Values},
    layout::Span,
    state::{Record, Validation},
};

/// What a page is of.
pub struct Report<'a> {
    /// The name of the function.
    pub function: &'a str,
    /// Lines below the heading: module, data, date.
    pub lines: &'a [String],
    /// All epochs.
    pub history: &'a [Record],
    /// The parameters, where their numbers lie, and these.
    pub posterior: (&'a [Parameter], &'a [Span], &'a Values),
    /// The moments of outputs beside draws of the weights.
    pub agreement: Option<&'a Agreement>,
    /// Names and values of settings.
    pub settings: &'a [(String, String)],
    /// The version of pfp.
    pub version: &'a str,
}

/// The rows of a table of settings: what an object holds, one row for each field.
///
/// # Errors
///
/// Where it is no object.
pub fn rows(settings: &impl Serialize) -> Result<Vec<(String, String)>, Error> {
    let value =
        serde_json::to_value(settings).map_err(|error| Error::Internal(error.to_string()))?;
    let fields = value.as_object().ok_or_else(|| Error::Internal("settings are fields".into()))?;
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::Null => "none".into(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Ok(fields.iter().map(|(name, value)| (name.replace('_', " "), text(value))).collect())
}

impl Report<'_> {
    /// The page.
    ///
    /// # Errors
    ///
    /// Where a plot cannot be drawn.
    pub fn page(&self) -> Result<String, Error> {
        let title = format!("@{}", self.function);
        let sections: Vec<_> =
            [self.curves()?, self.posterior(), self.agreement()?, Some(self.settings())]
                .into_iter()
                .flatten()
                .collect();
        let page = Page {
            title: &title,
            command: "pfp train",
            lines: self.lines,
            sections: &sections,
            version: self.version,
        };
        Ok(page.text())
    }

    fn curves(&self) -> Result<Option<Markup>, Error> {
        if self.history.is_empty() {
            return Ok(None);
        }
        let both = |train: fn(&Record) -> Option<f64>, held: fn(&Validation) -> Option<f64>| {
            let held = |record: &Record| record.validation.as_ref().and_then(held);
            [self.curve(&train), self.curve(&held)]
        };
        let names = ["training", "validation"];
        let mut figures = Vec::new();
        for (title, axis, curves) in [
            ("Loss of an item", "nats", both(|r| Some(r.loss), |v| Some(v.loss))),
            (
                "Accuracy",
                "right, %",
                both(|r| r.accuracy.map(percent), |v| v.accuracy.map(percent)),
            ),
            ("Error", "root mean square", both(|r| r.rmse, |v| v.rmse)),
            ("Divergence from the prior", "nats", [self.curve(&|r| r.kl), Vec::new()]),
            ("Learning rate", "rate", [self.curve(&|r| Some(r.learning_rate)), Vec::new()]),
            ("Norm of the gradient", "norm", [self.curve(&|r| Some(r.gradient_norm)), Vec::new()]),
        ] {
            let shown: Vec<_> = curves.into_iter().filter(|curve| !curve.is_empty()).collect();
            if shown.is_empty() {
                continue;
            }
            let names: Vec<_> = names.into_iter().take(shown.len()).collect();
            let svg = plot::curves(("epoch", axis), &shown)?;
            figures.push(figure(title, &legend(0, &names), &svg));
        }
        Ok(Some(section(
            "Epochs",
            "Numbers of training are means over an epoch, while the weights change; those of the \
             validation are of its end.",
            html! { div.figures { @for figure in &figures { (figure) } } },
        )))
    }

    fn curve(&self, of: &dyn Fn(&Record) -> Option<f64>) -> Vec<(f64, f64)> {
        let point = |record: &Record| Some((record.epoch as f64, of(record)?));
        self.history.iter().filter_map(point).collect()
    }

    fn posterior(&self) -> Option<Markup> {
        let (parameters, spans, values) = self.posterior;
        let statistics = |(parameter, span): (&Parameter, &Span)| {
            let variance = &values.variance[span.variance.clone()?];
            let shape: Vec<_> =
                parameter.shape.iter().map(|&n| i64::try_from(n).unwrap_or(i64::MAX)).collect();
            let mean = &values.mean[span.mean.clone()];
            Some(Statistics::of(&parameter.name, &shape, mean, variance))
        };
        let named = parameters.iter().zip(spans).filter(|(parameter, _)| parameter.name != NOISE);
        let all: Vec<_> = named.filter_map(statistics).collect();
        let number = |x: f64| format!("{x:.3e}");
        (!all.is_empty()).then(|| {
            section(
                "Posterior",
                "Standard deviations of the weights, and how large they are beside the means (root \
                 mean squares).",
                html! {
                    div.scroll { table {
                        thead { tr {
                            th { "parameter" } th { "shape" } th { "deviation, 5 %" } th { "median" }
                            th { "95 %" } th { "deviations over means" }
                        } }
                        tbody { @for one in &all { tr {
                            td { (one.name) }
                            td { (format!("{:?}", one.shape)) }
                            @if let Some(sigma) = &one.sigma {
                                td { (number(sigma.p5)) } td { (number(sigma.median)) }
                                td { (number(sigma.p95)) }
                            } @else { td { "–" } td { "–" } td { "–" } }
                            td { (one.rms_ratio.map_or("–".into(), |x| format!("{x:.3}"))) }
                        } } }
                    } }
                },
            )
        })
    }

    fn agreement(&self) -> Result<Option<Markup>, Error> {
        let Some(agreement) = self.agreement else { return Ok(None) };
        let Agreement { draws, items, variance_ratio, differences, deviations } = agreement;
        let names = ("deviation of an output by draws", "by moments");
        let svg = plot::scatter(names, deviations)?;
        let rows = [
            ("variance of an output, moments over draws, median", format!("{variance_ratio:.3}")),
            (
                "difference of the means, root mean square, in deviations of the draws",
                format!("{:.4}", differences.mean),
            ),
            ("divergence of the Gaussians of an output, nats", format!("{:.4}", differences.kl)),
            ("items with another largest output, %", format!("{:.1}", percent(differences.class))),
        ];
        Ok(Some(section(
            &format!("Moments and {draws} draws of the weights"),
            &format!(
                "The outputs of {items} items in closed form, and over forward passes with weights that are \
                 drawn from the same posterior."
            ),
            html! {
                div.scroll { table { tbody {
                    @for (name, value) in &rows { tr { td { (name) } td { (value) } } }
                } } }
                div.figures { (figure("Deviations", &html! {}, &svg)) }
            },
        )))
    }

    fn settings(&self) -> Markup {
        section(
            "Settings",
            "",
            html! {
                div.scroll { table { tbody {
                    @for (name, value) in self.settings { tr { td { (name) } td { (value) } } }
                } } }
            },
        )
    }
}

fn percent(share: f64) -> f64 {
    100.0 * share
}
