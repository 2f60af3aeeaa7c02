//! Cycles by llvm-mca: those of every block of instructions, times its executions.
//!
//! A block is modelled as a loop of itself whose loads hit the first cache, and branches as foreseen: a
//! bound from below for code that runs through, and near for kernels, which are loops.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::Write,
    process::{Command, Stdio},
};

use pfp_compiler::error::Error;
use serde::Deserialize;

use super::{first_line_of_version, program::Program};

/// The disassembler, the model, and their package.
const DISASSEMBLER: &str = "llvm-mc-22";
const MODEL: &str = "llvm-mca-22";
const PACKAGE: &str = "llvm-22";

/// Which model is taken for a CPU: LLVM 22 gives the Cortex-A76 the tables of the A57, and the
/// Neoverse N1 has its pipeline.
const STAND_INS: [(&str, &str); 1] = [("cortex-a76", "neoverse-n1")];

/// Iterations of a block that are modelled.
const ITERATIONS: u32 = 100;

/// Blocks of a lesser share of the instructions get the cycles per instruction of the others.
const LEAST_SHARE: f64 = 5e-4;

/// The model of a CPU, and what it has said of blocks.
pub struct Cycles {
    cpu: String,
    blocks: HashMap<Vec<String>, f64>,
}

/// Instructions that run through from one end to the other, and how often.
struct Block {
    executions: u64,
    texts: Vec<String>,
}

impl Cycles {
    /// The model of a CPU, by its LLVM name.
    pub fn of(cpu: &str) -> Self {
        let stand_in = STAND_INS.iter().find(|(name, _)| *name == cpu);
        Self { cpu: stand_in.map_or(cpu, |(_, model)| model).to_owned(), blocks: HashMap::new() }
    }

    /// The tool and the model, in words.
    ///
    /// # Errors
    ///
    /// Where llvm-mca is not installed; says how it is.
    pub fn name(&self) -> Result<String, Error> {
        first_line_of_version(MODEL, PACKAGE)?;
        first_line_of_version(DISASSEMBLER, PACKAGE)?;
        Ok(format!("{MODEL}, {}", self.cpu))
    }

    /// Cycles of executions of instructions.
    ///
    /// # Errors
    ///
    /// Where the tools fail, or have no model of the CPU.
    pub fn total(
        &mut self,
        program: &Program,
        executions: &BTreeMap<u64, u64>,
    ) -> Result<f64, Error> {
        let instructions: u64 = executions.values().sum();
        let texts = disassemble(program, executions, &self.cpu)?;
        let length = |block: &Block| (block.executions * block.texts.len() as u64) as f64;
        let mut blocks = blocks(executions, &texts);
        blocks.retain(|block| length(block) >= LEAST_SHARE * instructions as f64);
        self.model(&blocks)?;
        let cycles = |block: &Block| {
            let cycles = self.blocks.get(&modelled(&block.texts)).copied().unwrap_or_default();
            block.executions as f64 * cycles
        };
        let seen: f64 = blocks.iter().map(length).sum();
        let spent: f64 = blocks.iter().map(cycles).sum();
        Ok(if seen > 0.0 { spent * instructions as f64 / seen } else { 0.0 })
    }

    /// Asks the model of blocks that it has said nothing of.
    fn model(&mut self, blocks: &[Block]) -> Result<(), Error> {
        let wanted: BTreeSet<_> = blocks
            .iter()
            .map(|block| modelled(&block.texts))
            .filter(|texts| !texts.is_empty() && !self.blocks.contains_key(texts))
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let regions: String = wanted
            .iter()
            .enumerate()
            .map(|(number, texts)| {
                let body = texts.join("\n");
                format!("# LLVM-MCA-BEGIN {number}\n{body}\n# LLVM-MCA-END {number}\n")
            })
            .collect();
        let arguments = [
            "-mtriple=aarch64-linux-gnu".to_owned(),
            format!("-mcpu={}", self.cpu),
            format!("-iterations={ITERATIONS}"),
            "-json".to_owned(),
        ];
        let answer = filter(MODEL, &arguments, &regions)?;
        let report: Report = serde_json::from_str(&answer)
            .map_err(|error| Error::request(format!("{MODEL} gives no report: {error}")))?;
        let of_region = |Region { name, summary }: Region| {
            let number: usize = name.parse().ok()?;
            Some((number, f64::from(summary.total_cycles) / f64::from(ITERATIONS)))
        };
        let cycles: HashMap<_, _> = report.regions.into_iter().filter_map(of_region).collect();
        for (number, texts) in wanted.into_iter().enumerate() {
            let cycles = cycles.get(&number).copied().ok_or_else(|| {
                Error::request(format!("{MODEL} says nothing of the block '{}'", texts.join("; ")))
            })?;
            self.blocks.insert(texts, cycles);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Report {
    #[serde(rename = "CodeRegions")]
    regions: Vec<Region>,
}

#[derive(Deserialize)]
struct Region {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "SummaryView")]
    summary: Summary,
}

#[derive(Deserialize)]
struct Summary {
    #[serde(rename = "TotalCycles")]
    total_cycles: u32,
}

/// The texts of executed instructions, by address.
fn disassemble(
    program: &Program,
    executions: &BTreeMap<u64, u64>,
    cpu: &str,
) -> Result<BTreeMap<u64, String>, Error> {
    let bytes = |&address: &u64| {
        let word = program.instruction(address)?;
        Some(word.map(|byte| format!("{byte:#04x}")).join(" ") + "\n")
    };
    let words: String = executions.keys().filter_map(bytes).collect();
    let arguments = ["--disassemble", "--triple=aarch64-linux-gnu", &format!("--mcpu={cpu}")];
    let answer = filter(DISASSEMBLER, &arguments.map(str::to_owned), &words)?;
    let texts: Vec<_> = answer.lines().map(|line| line.trim().replace('\t', " ")).collect();
    match texts.len() == executions.len() {
        true => Ok(executions.keys().copied().zip(texts).collect()),
        false => Err(Error::request(format!(
            "{DISASSEMBLER} knows {} of {} instructions",
            texts.len(),
            executions.len()
        ))),
    }
}

/// Blocks end where executions change, at branches, and where branches lead to.
fn blocks(executions: &BTreeMap<u64, u64>, texts: &BTreeMap<u64, String>) -> Vec<Block> {
    let targets: BTreeSet<_> =
        texts.iter().filter_map(|(&address, text)| target(address, text)).collect();
    let mut blocks: Vec<Block> = Vec::new();
    let mut next = None;
    for ((&address, &count), text) in executions.iter().zip(texts.values()) {
        let goes_on = next == Some((address, count)) && !targets.contains(&address);
        match blocks.last_mut().filter(|_| goes_on) {
            Some(block) => block.texts.push(text.clone()),
            None => blocks.push(Block { executions: count, texts: vec![text.clone()] }),
        }
        next = (!is_branch(text)).then_some((address + 4, count));
    }
    blocks
}

fn mnemonic(text: &str) -> &str {
    text.split(' ').next().unwrap_or(text)
}

/// Does an instruction lead on to where another says?
fn is_call(text: &str) -> bool {
    ["ret", "retaa", "retab", "bl", "blr", "br"].contains(&mnemonic(text))
}

fn is_branch(text: &str) -> bool {
    let name = mnemonic(text);
    let is_conditional = name.starts_with("b.") || ["cbz", "cbnz", "tbz", "tbnz"].contains(&name);
    is_call(text) || is_conditional || name == "b"
}

/// Where a branch leads to, by the distance that is its last operand.
fn target(address: u64, text: &str) -> Option<u64> {
    let distance = text.rsplit('#').next().filter(|_| is_branch(text) && !is_call(text))?;
    address.checked_add_signed(distance.parse().ok()?)
}

/// What the model is asked of: what calls lead to is counted apart.
fn modelled(texts: &[String]) -> Vec<String> {
    texts.iter().filter(|text| !is_call(text)).cloned().collect()
}

/// What a tool makes of its standard input.
fn filter(tool: &str, arguments: &[String], input: &str) -> Result<String, Error> {
    let failed = |how: &str| Error::request(format!("{tool} failed: {how}"));
    let run = || {
        let mut child = Command::new(tool)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take();
        std::thread::scope(|scope| {
            // It answers while it is asked: both ends must go on.
            let write =
                scope.spawn(|| stdin.map_or(Ok(()), |mut to| to.write_all(input.as_bytes())));
            let answer = child.wait_with_output();
            // An early end shows in its status.
            let _ = write.join();
            answer
        })
    };
    let answer = run().map_err(|error| failed(&error.to_string()))?;
    match answer.status.success() {
        true => Ok(String::from_utf8_lossy(&answer.stdout).into_owned()),
        false => Err(failed(String::from_utf8_lossy(&answer.stderr).trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(lines: &[(u64, u64, &str)]) -> Vec<(u64, usize)> {
        let executions = lines.iter().map(|&(address, count, _)| (address, count)).collect();
        let texts = lines.iter().map(|&(address, _, text)| (address, text.to_owned())).collect();
        let blocks = blocks(&executions, &texts);
        blocks.iter().map(|block| (block.executions, block.texts.len())).collect()
    }

    #[test]
    fn a_loop_is_a_block_of_its_own() {
        let found = listing(&[
            (0, 1, "mov x0, #8"),
            (4, 8, "sub x0, x0, #1"),
            (8, 8, "cbnz x0, #-4"),
            (12, 1, "ret"),
        ]);
        assert_eq!(found, [(1, 1), (8, 2), (1, 1)]);
    }

    #[test]
    fn a_branch_into_the_midst_begins_a_block() {
        let found = listing(&[(0, 2, "nop"), (4, 2, "nop"), (8, 2, "b.ne #-4"), (16, 2, "nop")]);
        assert_eq!(found, [(2, 1), (2, 2), (2, 1)]);
    }

    #[test]
    fn calls_are_no_part_of_what_is_modelled() {
        let texts = ["add x0, x0, #1", "bl #64", "b.eq #8"].map(str::to_owned);
        assert_eq!(modelled(&texts), [texts[0].clone(), texts[2].clone()]);
    }
}
