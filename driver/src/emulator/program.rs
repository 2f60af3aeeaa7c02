//! A program for AArch64 Linux that calls a network once: no C library, no start files.

use std::ops::Range;

use pfp_agent::link::Layout;
use pfp_compiler::{
    compile::{ARENA_ALIGN, Compiled, wrapper},
    error::Error,
};

/// Where the code that starts the program lies.
const START: u64 = 0x10_0000;

/// Where the image of the objects lies.
const IMAGE: u64 = 0x40_0000;

/// Bytes of a page: 64 KiB, which no kernel exceeds.
const PAGE: u64 = 0x1_0000;

/// Bytes of the headers of the file.
const HEADERS: u64 = 64 + SEGMENTS * 56;

/// The code of the start, that of the network, its constants, and memory to write to.
const SEGMENTS: u64 = 4;

/// Where the marks lie in the code of the start: as many instructions as there are kernels.
const MARKS: u64 = 0x100;

/// Where the code lies that finds the mark of a kernel.
const MARK: u64 = 0x80;

/// Rights of a segment.
const EXECUTE: u32 = 1;
const WRITE: u32 = 2;
const READ: u32 = 4;

/// A program, and where what it executes lies.
pub struct Program {
    file: Vec<u8>,
    code: Vec<u8>,
    kernels: u64,
}

impl Program {
    /// A program that calls a function on one input.
    ///
    /// # Errors
    ///
    /// Where the object has what is not linked, or does not fit the address space.
    pub fn new(compiled: &Compiled, inputs: &[Vec<f32>]) -> Result<Self, Error> {
        let machine = compiled.target.triple.split('-').next().unwrap_or_default();
        let packed = wrapper::packed_object(compiled)?;
        let memory = wrapper::memory_object(compiled)?;
        let functions = [("pfp.profile_mark", START + MARK)];
        let objects = [&compiled.object[..], &packed, &memory];
        let fail = |why: String| Error::request(format!("the network cannot be linked: {why}"));
        let layout = Layout::of(&objects, machine, &functions, PAGE as usize).map_err(fail)?;
        let mut image = vec![0; layout.bytes];
        layout.write(&mut image, IMAGE).map_err(fail)?;
        let symbol = wrapper::packed_symbol(compiled);
        let function = layout.symbols(IMAGE).get(&symbol).copied();
        let function = function.ok_or_else(|| fail(format!("it has no function '{symbol}'")))?;

        let data = (IMAGE + image.len() as u64).next_multiple_of(PAGE);
        let buffers = Buffers::of(compiled, inputs, data);
        let kernels = compiled.kernels.len() as u64;
        let start = start(function, data, kernels);
        let code = image[..layout.text_bytes].to_vec();
        let constants = layout.constants as u64;
        let (text, rest) = image.split_at(layout.constants);
        let segments = [
            (START, &start[..], start.len() as u64, READ | EXECUTE),
            (IMAGE, text, text.len() as u64, READ | EXECUTE),
            (IMAGE + constants, rest, rest.len() as u64, READ),
            (data, &buffers.initial, buffers.bytes, READ | WRITE),
        ];
        Ok(Self { file: elf(&segments), code, kernels })
    }

    /// The bytes of the program's file.
    pub fn file(&self) -> &[u8] {
        &self.file
    }

    /// The addresses of the network's code.
    pub fn text(&self) -> Range<u64> {
        IMAGE..IMAGE + self.code.len() as u64
    }

    /// The instruction at an address of the network's code.
    pub fn instruction(&self, address: u64) -> Option<[u8; 4]> {
        let offset = usize::try_from(address.checked_sub(IMAGE)?).ok()?;
        self.code.get(offset..)?.first_chunk().copied()
    }

    /// Which kernel ends where an address is executed.
    pub fn mark(&self, address: u64) -> Option<usize> {
        let kernel = address.checked_sub(START + MARKS)? / 4;
        (kernel < self.kernels).then_some(kernel as usize)
    }
}

/// The memory that the function reads and writes.
struct Buffers {
    /// The list of pointers, then the inputs.
    initial: Vec<u8>,
    /// With outputs and arena, which begin as zeros.
    bytes: u64,
}

impl Buffers {
    /// Buffers whose memory begins at an address.
    fn of(compiled: &Compiled, inputs: &[Vec<f32>], address: u64) -> Self {
        let outputs = compiled.function.signature.output_buffers();
        let outputs: Vec<_> =
            outputs.iter().map(|buffer| 4 * buffer.tensor.elements() as u64).collect();
        let pointers = inputs.len() + outputs.len() + 1;
        let mut end = 8 * pointers as u64;
        let mut place = |bytes: u64| {
            let start = end.next_multiple_of(ARENA_ALIGN);
            end = start + bytes;
            start
        };
        let inputs_at: Vec<_> = inputs.iter().map(|input| place(4 * input.len() as u64)).collect();
        let rest: Vec<_> =
            outputs.into_iter().chain([compiled.arena.bytes]).map(&mut place).collect();
        let mut initial: Vec<u8> = inputs_at
            .iter()
            .chain(&rest)
            .flat_map(|offset| (address + offset).to_le_bytes())
            .collect();
        for (input, &offset) in inputs.iter().zip(&inputs_at) {
            initial.resize(offset as usize, 0);
            initial.extend(input.iter().flat_map(|value| value.to_le_bytes()));
        }
        Self { initial, bytes: end }
    }
}

/// The code at [`START`]: it calls the function and exits with its status; marks follow.
fn start(function: u64, list: u64, kernels: u64) -> Vec<u8> {
    const LOAD: u32 = 0x5800_0000;
    // ldr register, the word that lies so many instructions ahead
    let load = |register: u32, ahead: u32| LOAD | ahead << 5 | register;
    let marks = (MARKS - MARK) as u32;
    let begin = [
        load(0, 6),
        load(16, 7),
        0xd63f_0200, // blr x16
        0xd280_0ba8, // mov x8, #93, which exits
        0xd400_0001, // svc #0
        0xd503_201f, // nop, for the alignment
    ];
    let mark = [
        0x1000_0010 | (marks >> 2) << 5, // adr x16, marks
        0x8b20_4a10,                     // add x16, x16, w0, uxtw #2
        0xd61f_0200,                     // br x16
    ];
    let ret: u32 = 0xd65f_03c0;
    let words =
        |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let mut code = words(&begin);
    code.extend([list, function].into_iter().flat_map(u64::to_le_bytes));
    code.resize(MARK as usize, 0);
    code.extend(words(&mark));
    code.resize(MARKS as usize, 0);
    code.extend((0..kernels).flat_map(|_| ret.to_le_bytes()));
    code
}

/// A file of segments: addresses, contents, sizes in memory and rights.
fn elf(segments: &[(u64, &[u8], u64, u32)]) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let half = |value: u16| value.to_le_bytes();
    // An executable for AArch64, of version 1.
    file.extend([half(2), half(183), half(1), half(0)].concat());
    // Where it starts; where the headers of segments lie; no sections.
    file.extend([START, 64, 0].iter().flat_map(|value| value.to_le_bytes()));
    file.extend([0; 4]);
    file.extend([64, 56, segments.len() as u16, 64, 0, 0].into_iter().flat_map(half));
    let mut offset = HEADERS.next_multiple_of(PAGE);
    for (address, contents, bytes, rights) in segments {
        file.extend([1_u32, *rights].iter().flat_map(|value| value.to_le_bytes()));
        let length = contents.len() as u64;
        let fields = [offset, *address, *address, length, *bytes, PAGE];
        file.extend(fields.iter().flat_map(|value| value.to_le_bytes()));
        offset = (offset + length).next_multiple_of(PAGE);
    }
    for (_, contents, ..) in segments {
        file.resize(file.len().next_multiple_of(PAGE as usize), 0);
        file.extend_from_slice(contents);
    }
    file
}
