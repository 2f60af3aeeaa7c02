//! MLIR's diagnostics as reports that show the source line.

use std::{fmt, sync::Arc};

use gauss_lowering::passes::gauss_pool_first::Order;
use melior::{
    diagnostic::{Diagnostic, DiagnosticSeverity},
    ir::Location,
};
use miette::{LabeledSpan, NamedSource, Severity, SourceCode};
use thiserror::Error;

use crate::guard::{self, Refusal};

/// Lines are cut here when they are shown: a `dense<"0x..">` may be megabytes long.
const SHOWN_COLUMNS: usize = 160;

/// How MLIR begins its advice to allow dialects that it does not know.
const UNREGISTERED: &str = "operation being parsed with an unregistered dialect";

const NETWORK_OPS: &str = "a network is made of gauss ops, func.call and arith.constant";

/// The text of a module and what it is called.
#[derive(Debug)]
pub struct Source {
    name: String,
    bytes: Vec<u8>,
    order: Order,
    covariance: Covariance,
}

/// Which covariances a network carries to its predictions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Covariance {
    /// None: all elements count as independent.
    Diagonal,
    /// What costs at most so many times the network without them.
    Within(f64),
    /// Those of all layers that have a rule for them.
    Full,
}

/// What covariances may cost beside the network without them, where nothing is said.
pub const COVARIANCE_BUDGET: f64 = 1.2;

impl Default for Covariance {
    fn default() -> Self {
        Self::Within(COVARIANCE_BUDGET)
    }
}

impl Covariance {
    /// As the command line has it, and the budget.
    pub fn describe(self) -> (&'static str, Option<f64>) {
        match self {
            Self::Diagonal => ("diagonal", None),
            Self::Within(budget) => ("auto", Some(budget)),
            Self::Full => ("full", None),
        }
    }
}

impl Source {
    /// A module of this name, such as a path, as the method of the paper takes it: maxima and activations stay in the
    /// order that it has, and all elements count as independent.
    pub fn as_written(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Arc<Self> {
        Self::with(name, bytes, Order::AsWritten, Covariance::Diagonal)
    }

    /// A module whose maxima and activations are taken in an order that may be another than it has.
    pub fn in_order(name: impl Into<String>, bytes: impl Into<Vec<u8>>, order: Order) -> Arc<Self> {
        Self::with(name, bytes, order, Covariance::default())
    }

    /// As [`Source::in_order`], with the covariances that it is to carry.
    pub fn with(
        name: impl Into<String>,
        bytes: impl Into<Vec<u8>>,
        order: Order,
        covariance: Covariance,
    ) -> Arc<Self> {
        Arc::new(Self { name: name.into(), bytes: bytes.into(), order, covariance })
    }

    /// Which covariances are carried to predictions.
    pub fn covariance(&self) -> Covariance {
        self.covariance
    }

    /// In which order maxima and activations are taken.
    pub fn order(&self) -> Order {
        self.order
    }

    /// What the module is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The module as its file holds it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The module without the byte order mark that some editors write before UTF-8.
    pub fn text(&self) -> &[u8] {
        guard::without_mark(&self.bytes)
    }
}

/// What the compiler has to say of an op that is not wrong.
#[derive(Debug, Error, miette::Diagnostic)]
#[error(transparent)]
#[diagnostic(transparent)]
pub struct Remark(Finding);

/// The errors for which MLIR rejected a module.
#[derive(Debug)]
pub struct Rejected {
    first: Finding,
    others: Vec<Finding>,
}

/// One diagnostic.
#[derive(Debug)]
struct Finding {
    message: String,
    severity: Severity,
    source: Option<Arc<NamedSource<String>>>,
    labels: Vec<LabeledSpan>,
    notes: Vec<String>,
}

/// A diagnostic as MLIR sent it.
#[derive(Debug)]
pub(crate) struct Message {
    text: String,
    severity: Severity,
    place: Option<Place>,
    notes: Vec<(String, Option<Place>)>,
}

/// A place in a file, lines and columns from 1 on.
#[derive(Debug)]
struct Place {
    file: String,
    line: usize,
    column: usize,
}

impl Message {
    /// Copies a diagnostic, which lives only while its handler runs.
    pub(crate) fn of(diagnostic: &Diagnostic) -> Self {
        let notes = (0..diagnostic.note_count())
            .filter_map(|index| diagnostic.note(index).ok())
            .map(|note| (note.to_string(), Place::of(note.location())))
            .collect();
        let severity = match diagnostic.severity() {
            DiagnosticSeverity::Error => Severity::Error,
            DiagnosticSeverity::Warning => Severity::Warning,
            DiagnosticSeverity::Note | DiagnosticSeverity::Remark => Severity::Advice,
        };
        Self {
            text: diagnostic.to_string(),
            severity,
            place: Place::of(diagnostic.location()),
            notes,
        }
    }

    /// Why the text of a source is not parsed.
    pub(crate) fn refusal(source: &Source, refusal: Refusal) -> Self {
        let (line, column) = refusal.line_and_column(source.text());
        Self {
            text: refusal.message,
            severity: Severity::Error,
            place: Some(Place { file: source.name.clone(), line, column }),
            notes: vec![(refusal.help.to_owned(), None)],
        }
    }

    pub(crate) fn is_error(&self) -> bool {
        matches!(self.severity, Severity::Error)
    }

    fn is_remark(&self) -> bool {
        matches!(self.severity, Severity::Advice)
    }
}

impl Place {
    /// The place in a file that a location stands for, if any.
    fn of(location: Location) -> Option<Self> {
        if location.is_file_line_col_range() {
            let file = location.file_line_col_range_filename();
            return Some(Self {
                file: file.as_string_ref().as_str().ok()?.to_owned(),
                line: location.file_line_col_range_start_line(),
                column: location.file_line_col_range_start_column(),
            });
        }
        if location.is_name() {
            return Self::of(location.name_child_location());
        }
        if location.is_call_site() {
            return Self::of(location.call_site_callee());
        }
        if location.is_fused() {
            let count = location.fused_num_locations();
            return (0..count).find_map(|index| Self::of(location.fused_location(index)));
        }
        None
    }
}

impl Remark {
    /// The remarks among `messages`.
    pub(crate) fn among(messages: Vec<Message>, source: &Source) -> Vec<Self> {
        let shown = Shown::of(source);
        let remarks = messages.into_iter().filter(|message| message.is_remark());
        remarks.map(|message| Self(shown.finding(message))).collect()
    }
}

impl Rejected {
    /// The errors among `messages`, or one that says `otherwise` where there are none.
    pub(crate) fn new(messages: Vec<Message>, source: &Source, otherwise: &str) -> Self {
        let shown = Shown::of(source);
        let mut findings = messages
            .into_iter()
            .filter(Message::is_error)
            .map(|message| shown.finding(message))
            .collect::<Vec<_>>()
            .into_iter();
        let first = findings.next().unwrap_or_else(|| Finding {
            message: format!("{}: {otherwise}", source.name),
            severity: Severity::Error,
            source: None,
            labels: Vec::new(),
            notes: Vec::new(),
        });
        Self { first, others: findings.collect() }
    }
}

/// A source as reports show it: long lines are cut.
struct Shown {
    source: Arc<NamedSource<String>>,
    /// The offset of every line.
    lines: Vec<usize>,
}

impl Shown {
    fn of(source: &Source) -> Self {
        let mut text = String::new();
        let mut lines = Vec::new();
        for line in String::from_utf8_lossy(source.text()).lines() {
            lines.push(text.len());
            match line.char_indices().nth(SHOWN_COLUMNS) {
                None => text.push_str(line),
                Some((end, _)) => {
                    text.push_str(&line[..end]);
                    text.push('…');
                }
            }
            text.push('\n');
        }
        Self { source: Arc::new(NamedSource::new(&source.name, text)), lines }
    }

    fn finding(&self, mut message: Message) -> Finding {
        let mut labels = Vec::new();
        let mut notes = Vec::new();
        let mut text = message.text;
        if let Some(place) = &message.place
            && let Some(number) = self.number_without_point(place)
        {
            notes.push(format!(
                "MLIR reads '{number}' as a whole number and a word: write '{}'",
                number.replacen(['e', 'E'], ".0e", 1)
            ));
        }
        if text.starts_with(UNREGISTERED) {
            text = "an op of a dialect that is not known here".into();
            notes.push(NETWORK_OPS.into());
        } else if text.contains("not found for custom op") {
            message.notes.clear();
            notes.push(NETWORK_OPS.into());
        }
        if let Some(place) = message.place {
            match self.span(&place) {
                Some((start, length)) => {
                    labels.push(LabeledSpan::new_primary_with_span(None, (start, length)))
                }
                None => text = format!("{}:{}:{}: {text}", place.file, place.line, place.column),
            }
        }
        for (note, place) in message.notes {
            match place.and_then(|place| self.span(&place)) {
                Some(span) if labels.iter().all(|label| label.offset() != span.0) => {
                    labels.push(LabeledSpan::new_with_span(Some(note), span));
                }
                _ => notes.push(note),
            }
        }
        let source = (!labels.is_empty()).then(|| Arc::clone(&self.source));
        Finding { message: text, severity: message.severity, source, labels, notes }
    }

    /// The number such as `1e-05` that MLIR's lexer takes apart at a place of this source.
    fn number_without_point(&self, place: &Place) -> Option<&str> {
        let (at, _) = self.span(place)?;
        let start = self.lines.partition_point(|&line| line <= at).checked_sub(1)?;
        let line = self.source.inner()[*self.lines.get(start)?..].lines().next()?;
        let column = at - self.lines[start];
        let in_number = |c: char| c.is_ascii_digit() || "eE+-.".contains(c);
        let begin = line[..column].rfind(|c| !in_number(c)).map_or(0, |last| last + 1);
        // What is no part of a number may be longer than a byte.
        let begin = (begin..=column).find(|&begin| line.is_char_boundary(begin))?;
        let length = line[begin..].find(|c| !in_number(c)).unwrap_or(line.len() - begin);
        let number = line[begin..begin + length].trim_start_matches(['+', '-']);
        let (whole, power) = number.split_once(['e', 'E'])?;
        let power = power.strip_prefix(['+', '-']).unwrap_or(power);
        let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        (are_digits(whole) && are_digits(power)).then_some(number)
    }

    /// Offset and length of the word at a place of this source.
    fn span(&self, place: &Place) -> Option<(usize, usize)> {
        if place.file != self.source.name() {
            return None;
        }
        let start = *self.lines.get(place.line.checked_sub(1)?)?;
        let line = self.source.inner()[start..].lines().next().unwrap_or_default();
        let mut column = place.column.saturating_sub(1).min(line.len());
        while !line.is_char_boundary(column) {
            column -= 1;
        }
        let in_word = |c: char| c.is_alphanumeric() || "_.$%@!#^".contains(c);
        let word = line[column..].find(|c| !in_word(c)).unwrap_or(line.len() - column);
        Some((start + column, word.max(1)))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Finding {}

impl miette::Diagnostic for Finding {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.notes.is_empty()).then(|| Box::new(self.notes.join("\n")) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_deref().map(|source| source as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)
    }
}

impl std::error::Error for Rejected {}

impl miette::Diagnostic for Rejected {
    fn severity(&self) -> Option<Severity> {
        self.first.severity()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.first.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.first.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.first.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        Some(Box::new(self.others.iter().map(|finding| finding as _)))
    }
}
