//! Options that have a meaning only beside others.

use std::collections::BTreeSet;

use clap::{ArgMatches, Args, Command, FromArgMatches, parser::ValueSource};
use pfp_compiler::error::Error;

use super::options::{LossKind, Method};

/// The options that stand on the command line, by their names.
#[derive(Debug, Clone, Default)]
pub struct Given(BTreeSet<String>);

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let ids = matches.ids().map(|id| id.as_str());
        let given = ids.filter(|id| matches.value_source(id) == Some(ValueSource::CommandLine));
        Ok(Self(given.map(|id| id.replace('_', "-")).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Given {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

/// What decides which options have a meaning.
#[derive(Debug, Clone, Copy)]
pub struct Chosen {
    pub method: Method,
    pub loss: LossKind,
    pub is_sgd: bool,
    pub freezes: bool,
    pub resumes: bool,
}

/// Options that have no meaning in a case.
struct Rule {
    options: &'static [&'static str],
    holds: fn(Chosen) -> bool,
    case: &'static str,
    advice: &'static str,
}

const RULES: [Rule; 12] = [
    Rule {
        options: &[
            "validation",
            "draws",
            "epochs",
            "batch",
            "shards",
            "patience",
            "checkpoint",
            "checkpoint-every",
            "resume",
            "init-sigma",
            "optimiser",
            "learning-rate",
            "deviation-rate",
            "schedule",
            "learning-rate-warm-up",
            "momentum",
            "clip",
            "prior",
            "beta",
            "kl-warm-up",
            "decay-deterministic",
            "freeze",
        ],
        holds: |chosen| chosen.method == Method::Laplace,
        case: "with --posterior laplace",
        advice: "it changes no mean: train them first, and give them with --init. Its prior is \
                 --prior-precision",
    },
    Rule {
        options: &["svi-draws"],
        holds: |chosen| chosen.method != Method::Svi,
        case: "without --posterior svi",
        advice: "leave it out, or choose that method",
    },
    Rule {
        options: &["swag-every", "swag-after", "swag-scale"],
        holds: |chosen| chosen.method != Method::Swag,
        case: "without --posterior swag",
        advice: "leave them out, or choose that method",
    },
    Rule {
        options: &["prior-precision", "laplace-items"],
        holds: |chosen| chosen.method != Method::Laplace,
        case: "without --posterior laplace",
        advice: "the prior of the other methods is --prior",
    },
    Rule {
        options: &["deviation-rate"],
        holds: |chosen| chosen.method == Method::Swag,
        case: "with --posterior swag",
        advice: "its variances are those of the samples, no gradient moves them",
    },
    Rule {
        options: &["init-sigma"],
        holds: |chosen| chosen.method == Method::Swag && !chosen.freezes,
        case: "with --posterior swag",
        advice: "its variances are those of the samples, whatever they start from",
    },
    Rule {
        options: &["draws"],
        holds: |chosen| chosen.method != Method::Moments,
        case: "without --posterior moments",
        advice: "the logits of the plain network have no variance to draw from",
    },
    Rule {
        options: &["draws"],
        holds: |chosen| chosen.loss == LossKind::Gaussian,
        case: "with --loss gaussian",
        advice: "that loss has a closed form: leave it out",
    },
    Rule {
        options: &["labels"],
        holds: |chosen| chosen.loss == LossKind::Gaussian,
        case: "with --loss gaussian",
        advice: "targets of a regression are numbers: leave it out",
    },
    Rule {
        options: &["noise-variance"],
        holds: |chosen| chosen.loss != LossKind::Gaussian,
        case: "without --loss gaussian",
        advice: "only a regression has a noise of its observations",
    },
    Rule {
        options: &["momentum"],
        holds: |chosen| !chosen.is_sgd,
        case: "without --optimiser sgd",
        advice: "adam has moments of its own: leave it out, or choose sgd",
    },
    Rule {
        options: &["init", "init-sigma"],
        holds: |chosen| chosen.resumes,
        case: "with --resume",
        advice: "a run goes on with the values of its checkpoint; a new run starts from them with --init \
                 CHECKPOINT",
    },
];

impl Given {
    /// Does this option stand on the command line?
    pub fn has(&self, option: &str) -> bool {
        self.0.contains(option)
    }

    /// Refuses options that would be ignored.
    ///
    /// # Errors
    ///
    /// Where there are some; it names them.
    pub fn check(&self, chosen: Chosen) -> Result<(), Error> {
        for Rule { options, holds, case, advice } in &RULES {
            let given: Vec<_> = options.iter().filter(|option| self.has(option)).collect();
            if given.is_empty() || !holds(chosen) {
                continue;
            }
            let names: Vec<_> = given.iter().map(|option| format!("--{option}")).collect();
            let verb = if names.len() == 1 { "has" } else { "have" };
            return Err(Error::request(format!("{} {verb} no meaning {case}", names.join(", ")))
                .with_help(*advice));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[derive(clap::Parser)]
    struct Whole {
        #[command(flatten)]
        _args: super::super::TrainArgs,
    }

    #[test]
    fn rules_name_options_that_there_are() {
        let command = Whole::command();
        let names: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
        for option in RULES.iter().flat_map(|rule| rule.options) {
            assert!(names.contains(option), "{option}");
        }
    }
}
