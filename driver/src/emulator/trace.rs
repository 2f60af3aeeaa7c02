//! What QEMU logs of a program: the blocks that it translates, and each one that it executes.

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, BufRead, BufReader, Read},
};

use super::program::Program;

/// How often each instruction of a network is executed.
#[derive(Debug, Default)]
pub struct Trace {
    /// Of each kernel, by address.
    pub kernels: Vec<BTreeMap<u64, u64>>,
    /// Of what no kernel ends after.
    pub rest: BTreeMap<u64, u64>,
    /// Lines that are none of the log.
    pub said: Vec<String>,
}

/// The log as far as it is read.
#[derive(Default)]
struct Log {
    /// Instructions of each block, by its address.
    blocks: HashMap<u64, u64>,
    /// The block that is being listed.
    listed: Option<u64>,
    /// Executions of each block and length, since the last kernel ended.
    executed: HashMap<(u64, u64), u64>,
}

impl Trace {
    /// Reads the log to its end.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or executes a block that it does not list.
    pub fn read(log: &mut dyn Read, program: &Program) -> io::Result<Self> {
        let mut trace = Self::default();
        let mut state = Log::default();
        let text = program.text();
        let mut lines = BufReader::new(log);
        let mut line = Vec::new();
        loop {
            line.clear();
            if lines.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let line = String::from_utf8_lossy(&line);
            match state.line(line.trim()) {
                Line::Executed(address) if text.contains(&address) => {
                    let Some(&instructions) = state.blocks.get(&address) else {
                        let message = format!("its log does not list the block at {address:#x}");
                        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                    };
                    *state.executed.entry((address, instructions)).or_default() += 1;
                }
                Line::Executed(address) => {
                    if let Some(kernel) = program.mark(address) {
                        if trace.kernels.len() <= kernel {
                            trace.kernels.resize(kernel + 1, BTreeMap::new());
                        }
                        add(&mut trace.kernels[kernel], state.executed.drain());
                    }
                }
                Line::Listed => (),
                Line::Other(said) => trace.said.push(said.to_owned()),
            }
        }
        add(&mut trace.rest, state.executed.drain());
        Ok(trace)
    }

    /// Executions of all instructions, whichever kernel they are of.
    pub fn all(&self) -> BTreeMap<u64, u64> {
        let mut all = self.rest.clone();
        for (&address, executions) in self.kernels.iter().flatten() {
            *all.entry(address).or_default() += executions;
        }
        all
    }
}

/// The number of executed instructions.
pub fn total(executions: &BTreeMap<u64, u64>) -> u64 {
    executions.values().sum()
}

fn add(all: &mut BTreeMap<u64, u64>, blocks: impl Iterator<Item = ((u64, u64), u64)>) {
    for ((address, instructions), executions) in blocks {
        for place in 0..instructions {
            *all.entry(address + 4 * place).or_default() += executions;
        }
    }
}

/// What a line says.
#[derive(Debug, PartialEq)]
enum Line<'a> {
    /// The block at this address is executed.
    Executed(u64),
    /// A part of the list of a block.
    Listed,
    /// None of the log.
    Other(&'a str),
}

impl Log {
    fn line<'a>(&mut self, line: &'a str) -> Line<'a> {
        if let Some(rest) = line.strip_prefix("Trace ") {
            // Trace 0: host address [base/address/flags/flags] name
            let address = rest.split('/').nth(1).and_then(hexadecimal);
            return address.map_or(Line::Other(line), Line::Executed);
        }
        if line.is_empty() || line.starts_with("----") || line.starts_with("IN:") {
            self.listed = None;
            return Line::Listed;
        }
        // 0x00400580:  d503201f  nop
        let listed = line.strip_prefix("0x").and_then(|rest| rest.split_once(':'));
        let Some(address) = listed.and_then(|(address, _)| hexadecimal(address)) else {
            return Line::Other(line);
        };
        let block = *self.listed.get_or_insert(address);
        self.blocks.insert(block, (address - block) / 4 + 1);
        Line::Listed
    }
}

fn hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_the_instructions_that_were_listed_last() {
        let mut log = Log::default();
        for line in ["IN: f", "0x00400580:  d503201f  nop", "0x00400584:  d503201f  nop", ""] {
            assert_eq!(log.line(line), Line::Listed);
        }
        assert_eq!(log.blocks[&0x40_0580], 2);
        for line in ["IN: f", "0x00400580:  d503201f  nop", ""] {
            log.line(line);
        }
        assert_eq!(log.blocks[&0x40_0580], 1);
    }

    #[test]
    fn a_line_of_the_trace_has_the_address_of_its_block() {
        let line =
            "Trace 0: 0x7efdba002c00 [0000000001009331/0000000000422ac4/00000001/00000200] f";
        assert_eq!(Log::default().line(line), Line::Executed(0x42_2ac4));
        let other = "qemu: could not open 'network'";
        assert_eq!(Log::default().line(other), Line::Other(other));
    }
}
