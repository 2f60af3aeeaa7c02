//! The answer of `pfp bench`, as text and as a page.

use std::path::Path;

use maud::{Markup, html};
use pfp_evaluate::page::{self, Page};

use super::{Kernel, Measured, Report};
use crate::cli::table::{Table, grouped};

/// What was found.
pub struct Answer {
    /// Which machine, and what its limits are.
    pub lines: Vec<String>,
    /// The calls.
    pub calls: Table,
    /// Kernels of each kind of call.
    pub profiles: Vec<Profile>,
}

/// What is known of one kind of call.
pub struct Profile {
    pub title: String,
    /// What a board told.
    pub told: Option<String>,
    /// A row for each kernel.
    pub kernels: Option<Table>,
    /// The share of each kernel.
    pub shares: Vec<f64>,
    pub note: Option<String>,
}

impl Answer {
    /// Of times that were measured.
    pub fn of_times(report: &Report) -> Self {
        let mut lines = vec![format!("{}, CPUs {:?}", report.cpu, report.cpus)];
        if let Some(roofline) = &report.roofline {
            lines.push(format!("one core: {:.1} GFLOP/s", roofline.gflops));
            for level in &roofline.bandwidths {
                lines.push(format!("  {:>6} KiB: {:.1} GB/s", level.bytes >> 10, level.gigabytes));
            }
        }
        let of_result = |result: &Measured| {
            let why = result.counters_missing.as_ref();
            Profile {
                title: format!("batch {}, {} thread(s)", result.batch, result.threads),
                told: result.board.as_ref().map(|told| told.text()),
                kernels: (!result.profile.is_empty()).then(|| profile(result)),
                shares: result.profile.iter().map(|kernel| kernel.share).collect(),
                note: why.map(|why| format!("no hardware counters: {why}")),
            }
        };
        let profiles = report.results.iter().map(of_result).collect();
        Self { lines, calls: times(report), profiles }
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let mut lines = self.lines.clone();
        lines.extend([String::new(), self.calls.to_string()]);
        for Profile { title, told, kernels, note, .. } in &self.profiles {
            lines.extend(told.iter().map(|told| format!("{title}: {told}")));
            if let Some(kernels) = kernels {
                lines.extend([String::new(), format!("{title}:"), kernels.to_string()]);
            }
            lines.extend(note.clone());
        }
        lines.join("\n")
    }

    /// For a browser: kernels have bars of their shares.
    pub fn page(&self, module: &Path) -> Vec<u8> {
        let mut sections = vec![page::section("Calls", "", with_bars("", &self.calls, &[]))];
        for Profile { title, told, kernels, shares, note } in &self.profiles {
            if told.is_none() && kernels.is_none() && note.is_none() {
                continue;
            }
            let body = html! {
                @if let Some(kernels) = kernels { (with_bars("", kernels, shares)) }
                @if let Some(note) = note { p.muted { (note) } }
            };
            sections.push(page::section(title, told.as_deref().unwrap_or_default(), body));
        }
        let page = Page {
            title: &module.display().to_string(),
            command: "pfp bench",
            lines: &self.lines,
            sections: &sections,
            version: env!("CARGO_PKG_VERSION"),
        };
        page.text().into_bytes()
    }
}

/// A table, each row with a bar of its share beside that of the largest one.
fn with_bars(caption: &str, table: &Table, shares: &[f64]) -> Markup {
    let Some((head, rows)) = table.rows().split_first() else { return html! {} };
    let mut head: Vec<_> = head.iter().map(String::as_str).collect();
    let most = shares.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let mut cells: Vec<Vec<_>> = rows
        .iter()
        .map(|row| {
            let cells = row.iter().enumerate();
            cells
                .map(|(column, cell)| html! { td.text[column < table.left()] { (cell) } })
                .collect()
        })
        .collect();
    if !shares.is_empty() {
        head.insert(1, "");
        cells
            .iter_mut()
            .zip(shares)
            .for_each(|(row, share)| row.insert(1, page::bar(share / most)));
    }
    page::table(caption, table.left(), &head, &cells)
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
