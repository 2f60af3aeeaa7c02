//! The answer of `pfp bench` as tables.

use super::{Kernel, Measured, Report};
use crate::cli::table::{Table, grouped};

/// The answer as text.
pub fn text(report: &Report) -> String {
    let mut lines = vec![format!("{}, CPUs {:?}", report.cpu, report.cpus)];
    if let Some(roofline) = &report.roofline {
        lines.push(format!("one core: {:.1} GFLOP/s", roofline.gflops));
        for level in &roofline.bandwidths {
            lines.push(format!("  {:>6} KiB: {:.1} GB/s", level.bytes >> 10, level.gigabytes));
        }
    }
    lines.extend([String::new(), times(report).to_string()]);
    for result in &report.results {
        let title = format!("batch {}, {} thread(s):", result.batch, result.threads);
        if let Some(told) = &result.board {
            lines.push(format!("{title} {}", told.text()));
        }
        if !result.profile.is_empty() {
            lines.extend([String::new(), title, profile(result).to_string()]);
        }
        if let Some(why) = &result.counters_missing {
            lines.push(format!("no hardware counters: {why}"));
        }
    }
    lines.join("\n")
}

fn times(report: &Report) -> Table {
    let limits: &[&str] = if report.roofline.is_some() { &["limit us", "share"] } else { &[] };
    let head = ["batch", "threads", "median us", "p10", "p90", "min", "us/item", "GFLOP/s"];
    let mut table = Table::new(&[&head, limits].concat(), 0);
    for result in &report.results {
        let times = result.microseconds;
        let micro = |time: f64| format!("{time:.2}");
        let cells = [
            result.batch.to_string(),
            result.threads.to_string(),
            micro(times.median),
            micro(times.p10),
            micro(times.p90),
            micro(times.min),
            micro(result.microseconds_per_item),
            format!("{:.1}", result.gflops),
        ];
        let limit = result.limit.iter().flat_map(|limit| {
            [micro(limit.limit_microseconds), format!("{:.0} %", 100.0 * limit.share_of_limit)]
        });
        table.row(cells.into_iter().chain(limit).collect());
    }
    table
}

/// The number of events of a kernel, of one kind.
type Events = fn(&Kernel) -> Option<u64>;

/// The kinds of events.
const EVENTS: [(&str, Events); 3] = [
    ("cycles", |kernel| kernel.counts?.cycles),
    ("instructions", |kernel| kernel.counts?.instructions),
    ("cache misses", |kernel| kernel.counts?.cache_misses),
];

fn profile(result: &Measured) -> Table {
    let is_counted =
        |(_, of): &(&str, Events)| result.profile.iter().any(|kernel| of(kernel).is_some());
    let counted: Vec<_> = EVENTS.into_iter().filter(is_counted).collect();
    let has_peak = result.profile.iter().any(|kernel| kernel.share_of_peak.is_some());
    let mut head = vec!["kernel", "us", "share", "GFLOP/s"];
    head.extend(has_peak.then_some("of peak"));
    head.extend(counted.iter().map(|(name, _)| *name));
    let mut table = Table::new(&head, 1);
    for kernel in &result.profile {
        // Activations and copies are no multiply-adds.
        let of_sums = |text: String| if kernel.gflops > 0.0 { text } else { String::new() };
        let mut cells = vec![
            kernel.kernel.clone(),
            format!("{:.2}", kernel.microseconds),
            format!("{:.1} %", 100.0 * kernel.share),
            of_sums(format!("{:.1}", kernel.gflops)),
        ];
        cells.extend(kernel.share_of_peak.map(|share| of_sums(format!("{:.0} %", 100.0 * share))));
        cells.extend(counted.iter().map(|(_, of)| of(kernel).map_or("-".into(), grouped)));
        table.row(cells);
    }
    table
}
