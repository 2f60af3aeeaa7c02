//! The agents that were built, and what a board calls its copy.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use pfp_compiler::error::Error;
use sha2::{Digest, Sha256};

/// The program of an agent.
const PROGRAM: &str = "pfp-agent";

/// The architectures that there are agents for, each with its triple.
const TRIPLES: [(&str, &str); 4] = [
    ("aarch64", "aarch64-unknown-linux-gnu"),
    ("armv7", "armv7-unknown-linux-gnueabihf"),
    ("riscv64", "riscv64gc-unknown-linux-gnu"),
    ("x86_64", "x86_64-unknown-linux-gnu"),
];

/// An agent, as it was built for an architecture.
#[derive(Debug, Clone)]
pub struct Agent {
    /// The architecture.
    pub architecture: String,
    /// The program.
    pub bytes: Vec<u8>,
    /// Its SHA-256.
    pub sha256: String,
}

impl Agent {
    /// The agent for an architecture: in `$PFP_AGENTS`, in `agents/` beside this program, or in
    /// `target/agents/` of a build.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn find(architecture: &str) -> Result<Self, Error> {
        let Some((_, triple)) = TRIPLES.iter().find(|(name, _)| *name == architecture) else {
            let names: Vec<_> = TRIPLES.iter().map(|(name, _)| *name).collect();
            let message =
                format!("there is no agent for boards of the architecture '{architecture}'");
            return Err(Error::request(message)
                .with_help(format!("there are some for {}", names.join(", "))));
        };
        let places = places();
        let paths = places.iter().map(|place| place.join(triple).join(PROGRAM));
        let Some(path) = paths.into_iter().find(|path| path.is_file()) else {
            let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
            let message = format!("no agent for {triple} is in {}", places.join(", "));
            return Err(Error::request(message).with_help(format!(
                "build it: ./x agent {architecture}; or name the folder of the agents: PFP_AGENTS"
            )));
        };
        let bytes = fs::read(&path).map_err(|error| Error::read(&path, error))?;
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { architecture: architecture.to_owned(), bytes, sha256 })
    }

    /// What its copy on a board is called. Another build has another name.
    pub fn name(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        format!("{}{version}-{}", self.prefix(), &self.sha256[..16])
    }

    /// What the names of all copies for this architecture begin with.
    pub fn prefix(&self) -> String {
        format!("agent-{}-", self.architecture)
    }
}

/// What `uname -m` says, as an architecture that agents are named after.
pub fn architecture_of(machine: &str) -> &str {
    match machine {
        "arm64" => "aarch64",
        "armv7l" | "armv8l" => "armv7",
        "amd64" => "x86_64",
        other => other,
    }
}

fn places() -> Vec<PathBuf> {
    let named = env::var_os("PFP_AGENTS").map(PathBuf::from);
    let program = env::current_exe().ok();
    let folder = program.as_deref().and_then(Path::parent);
    let beside = folder.map(|folder| folder.join("agents"));
    // target/release/pfp, target/agents.
    let built = folder.and_then(Path::parent).map(|target| target.join("agents"));
    [named, beside, built].into_iter().flatten().collect()
}
