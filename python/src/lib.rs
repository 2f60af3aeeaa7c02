use pyo3::prelude::*;
#[pymodule]
mod _pfp {
    use pyo3::prelude::*;
    #[pyfunction]
    fn version() -> &'static str { let _ = numpy::get_array_module; pfp::cli::main as fn() -> std::process::ExitCode; "0" }
}
