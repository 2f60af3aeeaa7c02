//! Where LLVM is, and what a machine lacks. The build script of this crate reads this file alone.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    process::Command,
};

/// The release that every crate of the workspace is built against.
pub const MAJOR_VERSION: u32 = 22;

/// Where Debian's packages put LLVM.
const DEBIAN_PREFIX: &str = "/usr/lib/llvm-22";

/// The variables that name the prefix, ours and those of the -sys crates.
const PREFIX_VARIABLES: [&str; 4] =
    ["PFP_LLVM_PREFIX", "MLIR_SYS_220_PREFIX", "LLVM_SYS_221_PREFIX", "TABLEGEN_220_PREFIX"];

/// The packages of Debian 12 that a build needs, one a line. `./x` reads the same file.
pub const PACKAGES: &str = include_str!("../debian-packages");

/// What a build reads of the installation, each by a file that shows it is there.
const REQUIRED: [(&str, &str); 6] = [
    ("LLVM", "bin/llvm-config"),
    ("LLVM headers", "include/llvm/IR/Module.h"),
    ("MLIR headers", "include/mlir/IR/Dialect.h"),
    ("MLIR libraries", "lib/libMLIRIR.a"),
    ("mlir-tblgen", "bin/mlir-tblgen"),
    ("Polly", "lib/libPolly.a"),
];

/// An LLVM 22 installation with everything that a build needs.
#[derive(Debug, Clone)]
pub struct Llvm {
    prefix: PathBuf,
}

/// Why no usable installation was found.
#[derive(Debug)]
pub struct Missing(String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packages = PACKAGES.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(
            f,
            "{}\nOn Debian 12 install LLVM and MLIR {MAJOR_VERSION} with\n\n    \
             apt-get install -y --no-install-recommends {packages}\n\n\
             or set PFP_LLVM_PREFIX, MLIR_SYS_220_PREFIX, TABLEGEN_220_PREFIX and \
             LLVM_SYS_221_PREFIX to the prefix of an installation.",
            self.0
        )
    }
}

impl std::error::Error for Missing {}

impl Llvm {
    /// Looks at the environment, then at `llvm-config-22`, then at Debian's
    /// location; the first that exists must be complete.
    ///
    /// # Errors
    ///
    /// Where there is none, or it lacks a part; the message says what to install.
    pub fn find() -> Result<Self, Missing> {
        let from_environment = PREFIX_VARIABLES
            .iter()
            .find_map(|name| env::var_os(name).filter(|value| !value.is_empty()))
            .map(PathBuf::from)
            .filter(|prefix| prefix != Path::new(DEBIAN_PREFIX));
        let prefix = from_environment
            .or_else(|| ask_llvm_config("llvm-config-22", "--prefix").map(PathBuf::from))
            .unwrap_or_else(|| PathBuf::from(DEBIAN_PREFIX));
        Self::at(prefix)
    }

    /// The installation at `prefix`, if it is complete and of the right version.
    ///
    /// # Errors
    ///
    /// Where it is not.
    pub fn at(prefix: PathBuf) -> Result<Self, Missing> {
        let missing: Vec<_> = REQUIRED
            .iter()
            .filter(|(_, file)| !prefix.join(file).exists())
            .map(|(what, file)| format!("{what} ({})", prefix.join(file).display()))
            .collect();
        if !missing.is_empty() {
            return Err(Missing(format!("pfp: not found: {}.", missing.join(", "))));
        }
        let llvm = Self { prefix };
        let version = ask_llvm_config(llvm.tool("llvm-config"), "--version").unwrap_or_default();
        if version.split('.').next() != Some(&MAJOR_VERSION.to_string()) {
            return Err(Missing(format!(
                "pfp: LLVM at {} is version '{version}', not {MAJOR_VERSION}.",
                llvm.prefix.display()
            )));
        }
        Ok(llvm)
    }

    /// The root of the installation.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// The C and C++ headers of LLVM and MLIR, and the TableGen files.
    pub fn include_dir(&self) -> PathBuf {
        self.prefix.join("include")
    }

    /// The path of an LLVM tool such as `mlir-tblgen`.
    pub fn tool(&self, name: &str) -> PathBuf {
        self.prefix.join("bin").join(name)
    }
}

fn ask_llvm_config(program: impl AsRef<std::ffi::OsStr>, question: &str) -> Option<String> {
    let output = Command::new(program).arg(question).output().ok()?;
    let answer = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !answer.trim().is_empty()).then(|| answer.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_installation_names_the_apt_line() {
        let message = Llvm::at("/nonexistent".into()).unwrap_err().to_string();
        assert!(message.contains("apt-get install"), "{message}");
        assert!(message.contains("/nonexistent/bin/mlir-tblgen"), "{message}");
    }

    #[test]
    fn this_machine_has_a_complete_installation() {
        let llvm = Llvm::find().unwrap();
        assert!(llvm.tool("mlir-tblgen").exists());
    }
}
