//! What may be meant where the names of a module and of a parameter file do not agree.

use gauss_dialect::representation::Component;

use super::declared::Declared;

/// How much alike names are that may be meant for each other, by Jaro and Winkler.
const SIMILAR: f64 = 0.85;

/// The most names in a message.
pub const SHOWN: usize = 12;

/// What files call a spread, what it is, and the variance that follows from it.
const SPREADS: [(&str, &str, &str); 11] = [
    ("rho", "a rho", "softplus(rho)^2"),
    ("log_var", "a logarithm", "exp(log_var)"),
    ("logvar", "a logarithm", "exp(logvar)"),
    ("log_std", "a logarithm", "exp(log_std)^2"),
    ("log_sigma", "a logarithm", "exp(log_sigma)^2"),
    ("std", "a standard deviation", "std^2"),
    ("sd", "a standard deviation", "sd^2"),
    ("sigma", "a standard deviation", "sigma^2"),
    ("scale", "a standard deviation", "scale^2"),
    ("variance", "a variance", "the same under the name '.var'"),
    ("sigma2", "a variance", "the same under the name '.var'"),
];

/// What files call a mean.
const MEANS: [&str; 3] = ["mu", "loc", "location"];

/// What a file that lacks `wanted`, a tensor of `declared`, may have instead among the tensors that
/// no parameter reads.
pub fn of_missing(wanted: &str, declared: &Declared, tensors: &[String]) -> Option<String> {
    let name = &declared.name;
    let is_there = |tensor: &str| tensors.iter().any(|known| known == tensor);
    let longer = tensors.iter().find_map(|known| Some((known, prefix(known, wanted)?)));
    if let Some((known, prefix)) = longer {
        return Some(format!(
            "the file has '{known}': leave out the prefix '{prefix}' in the export, or write it in \
             the names of the module"
        ));
    }
    let shorter = tensors.iter().find_map(|known| Some((known, prefix(wanted, known)?)));
    if let Some((known, prefix)) = shorter {
        return Some(format!(
            "the file has '{known}': write the prefix '{prefix}' in the export, or leave it out in \
             the names of the module"
        ));
    }
    // `fc.weight_rho` and `fc.weight.rho`.
    let called = |suffix: &str| {
        let names = [".", "_"].map(|separator| format!("{name}{separator}{suffix}"));
        names.into_iter().find(|tensor| is_there(tensor))
    };
    if declared.ty.gaussian {
        if wanted == Component::Variance.tensor(name)
            && let Some((tensor, what, variance)) =
                SPREADS.iter().find_map(|(suffix, what, v)| Some((called(suffix)?, what, v)))
        {
            return Some(format!("the file has '{tensor}', {what}: export {variance}"));
        }
        if wanted == Component::Mean.tensor(name)
            && let Some(tensor) = MEANS.iter().find_map(|suffix| called(suffix))
        {
            return Some(format!("the file has '{tensor}': export it as '{wanted}'"));
        }
        if is_there(name) {
            return Some(format!(
                "the file has '{name}': if it has no variance, declare the parameter as tensor<...>"
            ));
        }
    } else if is_there(&Component::Mean.tensor(name)) {
        return Some(format!(
            "the file has '{}': a parameter with a variance is declared as !gauss.tensor<...>",
            Component::Mean.tensor(name)
        ));
    }
    let nearest = nearest(wanted, tensors.iter().map(String::as_str))?;
    Some(format!("the nearest name in the file is '{nearest}'"))
}

/// What tensors may be that no parameter reads.
pub fn of_unused(unused: &[String], declared: &[Declared]) -> String {
    let counter = unused.iter().find(|tensor| tensor.ends_with("num_batches_tracked"));
    if counter.is_some() {
        return "num_batches_tracked counts steps of training: leave it out of the file".into();
    }
    let known: Vec<_> = declared.iter().flat_map(Declared::tensors).collect();
    let prefixed = unused.iter().find_map(|tensor| {
        known.iter().find_map(|known| Some((tensor, known, prefix(tensor, known)?)))
    });
    if let Some((tensor, known, prefix)) = prefixed {
        return format!("'{tensor}' is '{known}' with the prefix '{prefix}': is it there twice?");
    }
    let near = unused.iter().find_map(|tensor| {
        Some((tensor, nearest(tensor, declared.iter().map(|declared| declared.name.as_str()))?))
    });
    let advice = "every tensor of the file must be used: leave out what the network does not read";
    let gaussian = declared.iter().find(|p| p.ty.gaussian && unused.contains(&p.name));
    if let Some(Declared { name, .. }) = gaussian {
        return format!(
            "'{name}' is declared as Gaussian and read from '{}' and '{}': export both, or declare it \
             as tensor<...>",
            Component::Mean.tensor(name),
            Component::Variance.tensor(name)
        );
    }
    match near {
        Some((tensor, name)) => {
            format!("the parameter nearest to '{tensor}' is '{name}'; {advice}")
        }
        None => advice.into(),
    }
}

/// Names in quotes, so many that one can read them.
pub fn listed(names: &[String]) -> String {
    let shown = names.iter().take(SHOWN).map(|name| format!("'{name}'")).collect::<Vec<_>>();
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", shown.join(", "))
}

/// What `long` has before `short`: one or more parts that end in a dot.
fn prefix<'a>(long: &'a str, short: &str) -> Option<&'a str> {
    long.strip_suffix(short).filter(|prefix| prefix.ends_with('.'))
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}
