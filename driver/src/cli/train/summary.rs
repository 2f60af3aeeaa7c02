//! What a run tells: lines of epochs, and how a posterior was made.

use pfp_train::{
    agreement::Agreement,
    laplace::{Chosen, Precision},
    settings::Settings,
    state::Record,
};
use serde::Serialize;

use crate::cli::table::Table;

/// A line of JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Line<'a> {
    Epoch(&'a Record),
    End(&'a End<'a>),
}

/// What is said at the end.
#[derive(Serialize)]
pub struct End<'a> {
    #[serde(flatten)]
    pub summary: &'a Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<&'a Agreement>,
}

/// How a posterior was made. It stands in the metadata of the file, too.
#[derive(Serialize)]
pub struct Summary {
    pub version: &'static str,
    pub posterior: &'static str,
    pub module: String,
    pub function: String,
    pub data: Vec<String>,
    pub items: usize,
    /// The numbers of means and of variances.
    pub means: usize,
    pub variances: usize,
    /// The epoch that the posterior is of, and how many were run.
    pub epoch: u64,
    pub epochs: u64,
    pub stopped_early: bool,
    pub seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Record>,
    /// The variance of the noise of each output of a regression, learned or given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub noise_variance: Vec<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub priors: Vec<Chosen>,
    pub settings: Asked,
    pub files: Vec<String>,
}

/// What was asked for, as far as it had a part in the posterior.
#[derive(Serialize)]
pub struct Asked {
    #[serde(flatten)]
    pub method: Method,
    pub order: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_sigma: Option<f64>,
    /// The checkpoint that the run went on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalize: Option<(f64, f64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<&'static str>,
}

/// The settings of a method.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Method {
    Trained(Box<Settings>),
    Laplace {
        loss: &'static str,
        seed: u64,
        prior_precision: Precision,
        /// The items that stand for all; all where there are none.
        laplace_items: Option<u32>,
    },
}

/// An epoch in a line.
pub fn line(record: &Record, epochs: u64) -> String {
    let score = |accuracy: Option<f64>, rmse: Option<f64>| match (accuracy, rmse) {
        (Some(accuracy), _) => format!(", accuracy {:.2} %", 100.0 * accuracy),
        (None, Some(rmse)) => format!(", error {rmse:.4}"),
        (None, None) => String::new(),
    };
    let kl = record.kl.map_or(String::new(), |kl| format!(", KL {kl:.4e}"));
    let validation = record.validation.map_or(String::new(), |validation| {
        format!(
            "; validation {:.4}{}",
            validation.loss,
            score(validation.accuracy, validation.rmse)
        )
    });
    let left = epochs.saturating_sub(record.epoch) as f64 * record.seconds;
    format!(
        "epoch {} of {epochs}: loss {:.4}{}{kl}{validation}; {:.1} s, {left:.0} s left",
        record.epoch,
        record.loss,
        score(record.accuracy, record.rmse),
        record.seconds
    )
}

/// The end of a run as a table.
pub fn text(summary: &Summary, agreement: Option<&Agreement>) -> String {
    let mut table = Table::new(&["posterior", summary.posterior], 1);
    let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    row("items", summary.items.to_string());
    row("means", summary.means.to_string());
    row("variances", summary.variances.to_string());
    if let Some(last) = &summary.last {
        row("epochs", summary.epochs.to_string());
        row("posterior of epoch", summary.epoch.to_string());
        row("loss of the last epoch, nats", format!("{:.4}", last.loss));
        if let Some(accuracy) = last.accuracy {
            row("accuracy of the last epoch, %", format!("{:.2}", 100.0 * accuracy));
        }
        if let Some(rmse) = last.rmse {
            row("error of the last epoch", format!("{rmse:.4}"));
        }
        if let Some(kl) = last.kl {
            row("KL to the prior, nats", format!("{kl:.4e}"));
        }
        if let Some(validation) = last.validation {
            row("loss of the validation, nats", format!("{:.4}", validation.loss));
        }
    }
    if !summary.noise_variance.is_empty() {
        let noise: Vec<_> = summary.noise_variance.iter().map(|x| format!("{x:.4e}")).collect();
        row("variance of the noise", noise.join(", "));
    }
    for prior in &summary.priors {
        let parameters = match &prior.parameters[..] {
            [first, _, ..] if summary.priors.len() > 1 => {
                first.rsplit_once('.').map_or(first.as_str(), |(layer, _)| layer).to_owned()
            }
            [one] => one.clone(),
            _ => "all parameters".into(),
        };
        row(&format!("prior precision, {parameters}"), format!("{:.4e}", prior.precision));
        let determined = format!("{:.1} of {}", prior.determined, prior.weights);
        row("  weights that the data determine", determined);
    }
    if let Some(agreement) = agreement {
        row(
            &format!("variance of an output over that of {} draws", agreement.draws),
            format!("{:.3}", agreement.variance_ratio),
        );
    }
    row("seconds", format!("{:.1}", summary.seconds));
    format!("{table}\n\n  {}", summary.files.join("\n  "))
}
