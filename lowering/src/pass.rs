//! Passes and pipelines written in Rust: their description, options and registration.

use std::{
    collections::BTreeMap,
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
};

use gauss_dialect::ir::{Location, Op};
use mlir_sys::{MlirOperation, MlirStringCallback, MlirStringRef, MlirTypeID, mlirTypeIDCreate};

/// A pass could not do its work; what is wrong has been reported as a diagnostic.
#[derive(Debug)]
pub struct Failed;

/// The outcome of a pass.
pub type Outcome = Result<(), Failed>;

/// Reports an error of an operation.
pub fn fail(op: Op, message: impl AsRef<str>) -> Failed {
    op.emit_error(message.as_ref());
    Failed
}

/// Reports an error of an operation, with a note at a place where the note is not empty.
pub fn fail_with_note(op: Op, message: impl AsRef<str>, at: Location, note: &str) -> Failed {
    op.emit_error_with_note(message.as_ref(), at, note);
    Failed
}

/// A pass on a module.
pub struct Pass {
    /// The flag, without dashes.
    pub name: &'static str,
    /// One line for `--help`, with the options.
    pub description: &'static str,
    /// The names of the options that the pass takes.
    pub options: &'static [&'static str],
    /// Does the work.
    pub run: fn(Op, &Options) -> Outcome,
}

/// A named sequence of passes.
pub struct Pipeline {
    /// The flag, without dashes.
    pub name: &'static str,
    /// One line for `--help`, with the options.
    pub description: &'static str,
    /// The names of the options that the pipeline takes.
    pub options: &'static [&'static str],
    /// The passes as a textual pipeline without the anchor.
    pub build: fn(&Options) -> Result<String, String>,
}

/// The options of a pass: `{name=value name=value}` in a textual pipeline.
#[derive(Debug, Default, Clone)]
pub struct Options(BTreeMap<String, String>);

impl Options {
    /// Reads options; a value with spaces stands in double quotes.
    ///
    /// # Errors
    ///
    /// Where an option is not one of `known`, or the text has no end.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, String> {
        let mut options = BTreeMap::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if !known.contains(&name) {
                let known = match known {
                    [] => "it takes none".to_owned(),
                    known => format!("known: {}", known.join(", ")),
                };
                return Err(format!("no option '{name}'; {known}"));
            }
            let (value, after) = match after.strip_prefix('=') {
                None => ("true", after),
                Some(quoted) if quoted.starts_with('"') => quoted[1..]
                    .split_once('"')
                    .ok_or_else(|| format!("the value of '{name}' has no closing quote"))?,
                Some(plain) => {
                    plain.split_at(plain.find(char::is_whitespace).unwrap_or(plain.len()))
                }
            };
            options.insert(name.to_owned(), value.to_owned());
            rest = after.trim_start();
        }
        Ok(Self(options))
    }

    /// The value of an option.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The options again as text, for another pass; empty or `{..}`.
    pub fn only(&self, names: &[&str]) -> String {
        let chosen: Vec<_> = self
            .0
            .iter()
            .filter(|(name, _)| names.contains(&name.as_str()))
            .map(|(name, value)| match value.contains(char::is_whitespace) {
                true => format!("{name}=\"{value}\""),
                false => format!("{name}={value}"),
            })
            .collect();
        if chosen.is_empty() { String::new() } else { format!("{{{}}}", chosen.join(" ")) }
    }
}

unsafe extern "C" {
    fn gauss_register_pass(
        argument: MlirStringRef,
        description: MlirStringRef,
        id: MlirTypeID,
        pass: *const c_void,
    );
    fn gauss_register_pipeline(
        argument: MlirStringRef,
        description: MlirStringRef,
        pipeline: *const c_void,
    );
}

/// The address of such a value names a pass towards MLIR.
#[repr(align(8))]
struct Identity(#[allow(dead_code)] u64);

fn string_ref(text: &str) -> MlirStringRef {
    MlirStringRef { data: text.as_ptr().cast(), length: text.len() }
}

/// Makes passes and pipelines known to this process. Once only.
pub(crate) fn register(passes: &'static [Pass], pipelines: &'static [Pipeline]) {
    for pass in passes {
        let identity: &'static Identity = Box::leak(Box::new(Identity(0)));
        // SAFETY: the identity is 8-aligned and lives forever, as do the pass and its strings.
        unsafe {
            let id = mlirTypeIDCreate(std::ptr::from_ref(identity).cast());
            gauss_register_pass(
                string_ref(pass.name),
                string_ref(pass.description),
                id,
                std::ptr::from_ref(pass).cast(),
            );
        }
    }
    for pipeline in pipelines {
        // SAFETY: the pipeline and its strings live forever.
        unsafe {
            gauss_register_pipeline(
                string_ref(pipeline.name),
                string_ref(pipeline.description),
                std::ptr::from_ref(pipeline).cast(),
            );
        }
    }
}

/// # Safety
///
/// `text` is valid during the call.
unsafe fn text_of<'a>(text: MlirStringRef) -> &'a str {
    if text.length == 0 {
        return "";
    }
    // SAFETY: by the contract of this function.
    let bytes = unsafe { std::slice::from_raw_parts(text.data.cast::<u8>(), text.length) };
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// # Safety
///
/// `callback` and `state` belong together.
unsafe fn tell(callback: MlirStringCallback, state: *mut c_void, message: &str) {
    if let Some(callback) = callback {
        // SAFETY: by the contract of this function.
        unsafe { callback(string_ref(message), state) }
    }
}

/// # Safety
///
/// `pass` is a registered [`Pass`], `module` is live.
#[unsafe(no_mangle)]
unsafe extern "C" fn gauss_pass_run(
    pass: *const c_void,
    module: MlirOperation,
    options: MlirStringRef,
) -> bool {
    // SAFETY: by the contract of this function.
    let (pass, options) = unsafe { (&*pass.cast::<Pass>(), text_of(options)) };
    let module = Op::from_raw(module);
    // A panic must not unwind into C++.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let options = Options::parse(options, pass.options).map_err(|error| fail(module, error))?;
        (pass.run)(module, &options)
    }));
    match outcome {
        Ok(outcome) => outcome.is_ok(),
        Err(_) => {
            module.location().emit_error(&format!("internal error in the pass '{}'", pass.name));
            false
        }
    }
}

/// # Safety
///
/// `pass` is a registered [`Pass`]; `report` and `state` belong together.
#[unsafe(no_mangle)]
unsafe extern "C" fn gauss_pass_check_options(
    pass: *const c_void,
    options: MlirStringRef,
    report: MlirStringCallback,
    state: *mut c_void,
) -> bool {
    // SAFETY: by the contract of this function.
    let (pass, options) = unsafe { (&*pass.cast::<Pass>(), text_of(options)) };
    match Options::parse(options, pass.options) {
        Ok(_) => true,
        Err(error) => {
            // SAFETY: by the contract of this function.
            unsafe { tell(report, state, &format!("{}: {error}", pass.name)) };
            false
        }
    }
}

/// # Safety
///
/// `pipeline` is a registered [`Pipeline`]; callbacks and states belong together.
#[unsafe(no_mangle)]
unsafe extern "C" fn gauss_pipeline_build(
    pipeline: *const c_void,
    options: MlirStringRef,
    text: MlirStringCallback,
    state: *mut c_void,
    report: MlirStringCallback,
    report_state: *mut c_void,
) -> bool {
    // SAFETY: by the contract of this function.
    let (pipeline, options) = unsafe { (&*pipeline.cast::<Pipeline>(), text_of(options)) };
    match Options::parse(options, pipeline.options).and_then(|options| (pipeline.build)(&options)) {
        Ok(passes) => {
            // SAFETY: by the contract of this function.
            unsafe { tell(text, state, &passes) };
            true
        }
        Err(error) => {
            // SAFETY: by the contract of this function.
            unsafe { tell(report, report_state, &format!("{}: {error}", pipeline.name)) };
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_names_and_values_with_quotes_where_a_value_has_spaces() {
        let options = Options::parse("file=\"my weights\" strict n=3", &["file", "strict", "n"]);
        let options = options.unwrap();
        assert_eq!(options.get("file"), Some("my weights"));
        assert_eq!(options.get("strict"), Some("true"));
        assert_eq!(options.only(&["file", "n"]), "{file=\"my weights\" n=3}");
    }

    #[test]
    fn an_unknown_option_is_named_with_those_that_exist() {
        let error = Options::parse("batch=3", &["n"]).unwrap_err();
        assert_eq!(error, "no option 'batch'; known: n");
    }
}
