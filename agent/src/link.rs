//! Object files to code in memory, or to the image of a program.
//!
//! The objects of a network have code and constants, no data that can be written, and few kinds of
//! relocation. All are placed in one piece of memory: code and the stubs of functions of the agent, which
//! can be executed and not written, then constants and addresses, which can only be read.

mod relocate;

use std::{collections::BTreeMap, ptr::NonNull, slice};

use nix::{
    sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect, munmap},
    unistd::{SysconfVar, sysconf},
};
use object::{
    Architecture, LittleEndian, Object, ObjectSection, ObjectSymbol, RelocationFlags,
    RelocationTarget, SectionFlags, SectionIndex, SymbolIndex, elf,
    read::elf::{ElfFile64, ElfSection64},
};
use relocate::{Place, Through};

/// The object files of a network, in memory.
#[derive(Debug)]
pub struct Image {
    start: NonNull<u8>,
    bytes: usize,
    /// Bytes of the code of the objects, at the start.
    pub text_bytes: usize,
    symbols: BTreeMap<String, u64>,
}

/// Where the sections of objects lie, from the start of an image.
pub struct Layout<'a> {
    machine: &'a str,
    objects: Vec<Object64<'a>>,
    functions: &'a [(&'a str, u64)],
    externals: BTreeMap<String, External>,
    stubs: usize,
    table: Table,
    /// Bytes of the code of the objects, at the start.
    pub text_bytes: usize,
    /// Where what cannot be executed begins: the start of a page.
    pub constants: usize,
    /// Bytes of the image: whole pages.
    pub bytes: usize,
}

/// An object that is being placed.
struct Object64<'a> {
    file: ElfFile64<'a, LittleEndian>,
    /// Where its sections begin, from the start of the image.
    sections: BTreeMap<usize, usize>,
}

/// Bytes of a jump to a function of the agent.
const STUB_BYTES: usize = 16;

impl Image {
    /// Places objects of this machine. `functions` are those that the objects may call.
    ///
    /// # Errors
    ///
    /// Where an object is none of this machine, or has what is not supported; says what.
    pub fn link(
        objects: &[&[u8]],
        machine: &str,
        functions: &[(&str, u64)],
    ) -> Result<Self, String> {
        let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
        let page = page.and_then(|page| usize::try_from(page).ok()).unwrap_or(4096);
        let layout = Layout::of(objects, machine, functions, page)?;
        let mut image = Self::map(layout.bytes, layout.text_bytes)?;
        let start = image.start.addr().get() as u64;
        // SAFETY: memory of this size that nothing else refers to.
        let memory = unsafe { slice::from_raw_parts_mut(image.start.as_ptr(), image.bytes) };
        layout.write(memory, start)?;
        image.protect(layout.constants)?;
        image.symbols = layout.symbols(start);
        Ok(image)
    }

    /// The address of a function that an object exports.
    pub fn symbol(&self, name: &str) -> Option<usize> {
        self.symbols.get(name).and_then(|&address| usize::try_from(address).ok())
    }

    /// The addresses of the code of the objects.
    pub fn text(&self) -> std::ops::Range<usize> {
        let start = self.start.addr().get();
        start..start + self.text_bytes
    }

    fn map(bytes: usize, text_bytes: usize) -> Result<Self, String> {
        let length = std::num::NonZero::new(bytes).ok_or("an object without code")?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: new memory, where the kernel likes.
        let start = unsafe { mmap_anonymous(None, length, protection, MapFlags::MAP_PRIVATE) };
        let start =
            start.map_err(|error| format!("no memory for {bytes} bytes of code: {error}"))?;
        Ok(Self { start: start.cast(), bytes, text_bytes, symbols: BTreeMap::new() })
    }

    /// Code can no longer be written, constants no longer changed.
    fn protect(&self, constants: usize) -> Result<(), String> {
        relocate::flush(self.start.as_ptr(), constants);
        let refuse = |error| format!("memory cannot be made executable: {error}");
        let protect = |offset: usize, bytes: usize, protection| {
            // SAFETY: within the memory of the image.
            unsafe { mprotect(self.start.add(offset).cast(), bytes, protection) }.map_err(refuse)
        };
        protect(0, constants, ProtFlags::PROT_READ | ProtFlags::PROT_EXEC)?;
        match self.bytes - constants {
            0 => Ok(()),
            bytes => protect(constants, bytes, ProtFlags::PROT_READ),
        }
    }
}

impl<'a> Layout<'a> {
    /// Gives the sections of objects of a machine, named as `std::env::consts::ARCH`, their places.
    /// `functions` are those that the objects may call, and their addresses.
    ///
    /// # Errors
    ///
    /// Where an object is none of the machine, or has what is not supported; says what.
    pub fn of(
        objects: &[&'a [u8]],
        machine: &'a str,
        functions: &'a [(&'a str, u64)],
        page: usize,
    ) -> Result<Self, String> {
        let mut objects = objects
            .iter()
            .map(|bytes| Object64::read(bytes, machine))
            .collect::<Result<Vec<_>, _>>()?;
        let text_bytes = place(&mut objects, 0, elf::SHF_EXECINSTR)?;
        let stubs = text_bytes.next_multiple_of(STUB_BYTES);
        let constants = (stubs + STUB_BYTES * functions.len()).next_multiple_of(page);
        let addresses = place(&mut objects, constants, 0)?.next_multiple_of(8);
        let externals = externals(&objects, functions)?;
        let mut table = Table { start: addresses, entries: BTreeMap::new() };
        for (number, object) in objects.iter().enumerate() {
            for relocation in object.relocations(machine) {
                let (.., through, target, _) = relocation?;
                if through == Through::Table {
                    table.add((number, target.0));
                }
            }
        }
        let bytes = table.end().max(1).next_multiple_of(page);
        Ok(Self {
            machine,
            objects,
            functions,
            externals,
            stubs,
            table,
            text_bytes,
            constants,
            bytes,
        })
    }

    /// Writes the image that begins at the address `start`: sections, stubs, addresses, and what
    /// relocations say.
    ///
    /// # Errors
    ///
    /// Where the memory is shorter than the image, or a target is out of reach.
    pub fn write(&self, memory: &mut [u8], start: u64) -> Result<(), String> {
        if memory.len() < self.bytes {
            return Err(format!("an image of {} bytes has {}", self.bytes, memory.len()));
        }
        for object in &self.objects {
            for (&index, &offset) in &object.sections {
                let section = object.file.section_by_index(SectionIndex(index)).map_err(broken)?;
                let data = section.data().map_err(broken)?;
                memory[offset..offset + data.len()].copy_from_slice(data);
            }
        }
        for (number, (_, address)) in self.functions.iter().enumerate() {
            let offset = self.stubs + STUB_BYTES * number;
            let stub = relocate::stub(self.machine, *address);
            memory[offset..offset + STUB_BYTES].copy_from_slice(&stub);
        }
        for (&(number, symbol), &entry) in &self.table.entries {
            let value = self.address(number, SymbolIndex(symbol), Through::Table, start)?;
            memory[entry..entry + 8].copy_from_slice(&value.to_le_bytes());
        }
        for (number, object) in self.objects.iter().enumerate() {
            for relocation in object.relocations(self.machine) {
                let (offset, kind, through, symbol, addend) = relocation?;
                let target = match through {
                    Through::Table => {
                        let entry = self.table.entries.get(&(number, symbol.0));
                        start + entry.copied().unwrap_or(0) as u64
                    }
                    _ => self.address(number, symbol, through, start)?,
                };
                let place = Place { memory: &mut *memory, offset, address: start + offset as u64 };
                relocate::apply(self.machine, place, kind, target, addend)?;
            }
        }
        Ok(())
    }

    /// The addresses of all exported symbols of an image that begins at `start`.
    pub fn symbols(&self, start: u64) -> BTreeMap<String, u64> {
        let symbols = symbols(&self.objects).into_iter();
        symbols.map(|(name, offset)| (name, start + offset as u64)).collect()
    }

    /// What a relocation of an object reaches.
    fn address(
        &self,
        number: usize,
        symbol: SymbolIndex,
        through: Through,
        start: u64,
    ) -> Result<u64, String> {
        let resolve = |external: &External| match (external, through) {
            (External::Function(index), Through::Call) => {
                start + (self.stubs + STUB_BYTES * index) as u64
            }
            (External::Function(index), _) => self.functions[*index].1,
            (External::Defined(offset), _) => start + *offset as u64,
        };
        self.objects[number].address(symbol, start, &self.externals, resolve)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: mapped with this size; whoever calls its code has to keep it.
        let _ = unsafe { munmap(self.start.cast(), self.bytes) };
    }
}

/// Addresses that code reads from memory.
struct Table {
    start: usize,
    entries: BTreeMap<(usize, usize), usize>,
}

impl Table {
    fn add(&mut self, symbol: (usize, usize)) {
        let end = self.end();
        self.entries.entry(symbol).or_insert(end);
    }

    fn end(&self) -> usize {
        self.start + 8 * self.entries.len()
    }
}

/// What a name stands for that an object does not define itself.
enum External {
    /// A function of the agent.
    Function(usize),
    /// In another object, from the start of the image.
    Defined(usize),
}

/// Where a relocation applies, its kind, how it reaches its target, the target, and what is added.
type Relocation = (usize, u32, Through, SymbolIndex, i64);

impl<'a> Object64<'a> {
    fn read(bytes: &'a [u8], machine: &str) -> Result<Self, String> {
        let file = ElfFile64::<LittleEndian>::parse(bytes)
            .map_err(|error| format!("what was sent is no object file: {error}"))?;
        let found = match file.architecture() {
            Architecture::X86_64 => "x86_64",
            Architecture::Aarch64 => "aarch64",
            _ => "another architecture",
        };
        match found == machine {
            true => Ok(Self { file, sections: BTreeMap::new() }),
            false => Err(format!("the object is code for {found}, the board is {machine}")),
        }
    }

    /// The sections of code, or the others, that a process needs.
    fn wanted(&self, executable: u32) -> Result<Vec<ElfSection64<'_, '_, LittleEndian>>, String> {
        let mut wanted = Vec::new();
        for section in self.file.sections() {
            let SectionFlags::Elf { sh_flags } = section.flags() else { continue };
            let has = |flag: u32| sh_flags & u64::from(flag) != 0;
            let name = section.name().map_err(broken)?;
            // Nobody unwinds through compiled code.
            let is_note = name.starts_with(".eh_frame") || name.starts_with(".note");
            if !has(elf::SHF_ALLOC) || section.size() == 0 || is_note {
                continue;
            }
            let is_constant = !has(elf::SHF_WRITE) || name.starts_with(".data.rel.ro");
            if !is_constant || has(elf::SHF_TLS) {
                return Err(format!("the object has data that can be written: {name}"));
            }
            if has(elf::SHF_EXECINSTR) == (executable != 0) {
                wanted.push(section);
            }
        }
        Ok(wanted)
    }

    /// The relocations of the sections that are placed.
    fn relocations<'m>(
        &'m self,
        machine: &'m str,
    ) -> impl Iterator<Item = Result<Relocation, String>> + 'm {
        self.sections.iter().flat_map(move |(&index, &start)| {
            let section = self.file.section_by_index(SectionIndex(index)).into_iter();
            section.flat_map(|section| section.relocations().collect::<Vec<_>>()).map(
                move |(offset, relocation)| {
                    let RelocationFlags::Elf { r_type } = relocation.flags() else {
                        return Err("a relocation that is none of ELF".into());
                    };
                    let RelocationTarget::Symbol(symbol) = relocation.target() else {
                        return Err("a relocation without a symbol".into());
                    };
                    let offset = usize::try_from(offset).map_err(|error| error.to_string())?;
                    let through = relocate::through(machine, r_type)?;
                    Ok((start + offset, r_type, through, symbol, relocation.addend()))
                },
            )
        })
    }

    /// The address of a symbol; `resolve` gives that of one of another object.
    fn address(
        &self,
        index: SymbolIndex,
        start: u64,
        externals: &BTreeMap<String, External>,
        resolve: impl Fn(&External) -> u64,
    ) -> Result<u64, String> {
        let symbol = self.file.symbol_by_index(index).map_err(broken)?;
        if let Some(section) = symbol.section_index() {
            let offset = self.sections.get(&section.0);
            let offset = offset.ok_or("a relocation refers to a section that is left out")?;
            return Ok(start + *offset as u64 + symbol.address());
        }
        let name = symbol.name().map_err(broken)?;
        externals.get(name).map(resolve).ok_or_else(|| unknown(name))
    }
}

/// Gives sections a place from `end` on; returns where they end.
fn place(objects: &mut [Object64], mut end: usize, executable: u32) -> Result<usize, String> {
    for object in objects {
        let sections: Vec<_> = object
            .wanted(executable)?
            .iter()
            .map(|section| (section.index(), section.align(), section.size()))
            .collect();
        for (index, align, size) in sections {
            let number = |number: u64| usize::try_from(number).map_err(|error| error.to_string());
            let start = end.next_multiple_of(number(align.max(1))?);
            end = start.checked_add(number(size)?).ok_or("an object larger than the memory")?;
            object.sections.insert(index.0, start);
        }
    }
    Ok(end)
}

/// What the names stand for that objects need from elsewhere.
fn externals(
    objects: &[Object64],
    functions: &[(&str, u64)],
) -> Result<BTreeMap<String, External>, String> {
    let defined = symbols(objects);
    let mut externals = BTreeMap::new();
    for symbol in objects.iter().flat_map(|object| object.file.symbols()) {
        let name = symbol.name().map_err(broken)?;
        if !symbol.is_undefined() || name.is_empty() {
            continue;
        }
        let function = functions.iter().position(|(function, _)| *function == name);
        let external = match (defined.get(name), function) {
            (Some(&offset), _) => External::Defined(offset),
            (None, Some(index)) => External::Function(index),
            (None, None) => return Err(unknown(name)),
        };
        externals.insert(name.to_owned(), external);
    }
    Ok(externals)
}

fn unknown(name: &str) -> String {
    format!("the object needs the symbol '{name}', which the agent does not have")
}

/// The places of all exported symbols, from the start of the image.
fn symbols(objects: &[Object64]) -> BTreeMap<String, usize> {
    let of_object = |object: &Object64| {
        let global = object.file.symbols().filter(|symbol| symbol.is_global());
        let place = |symbol: object::read::elf::ElfSymbol64<'_, '_, LittleEndian>| {
            let section = object.sections.get(&symbol.section_index()?.0)?;
            let offset = usize::try_from(symbol.address()).ok()?;
            Some((symbol.name().ok()?.to_owned(), section + offset))
        };
        global.filter_map(place).collect::<Vec<_>>()
    };
    objects.iter().flat_map(of_object).collect()
}

fn broken(error: object::Error) -> String {
    format!("the object is broken: {error}")
}
