//! Pickles, read by a machine that builds plain values and executes nothing.
//!
//! A pickle is a program for a stack machine. What it may name is a closed list (`globals`); a name
//! outside of it ends the reading. Every step takes at least one byte and makes at most one object.

use std::{collections::HashMap, rc::Rc};

use super::{
    Read, globals,
    objects::{Id, Object, Objects},
};

/// Finds a storage by what stands for it.
pub type Persistent<'a> = dyn FnMut(&Objects, Id) -> Read<Object> + 'a;

/// The newest protocol.
const PROTOCOL: u8 = 5;

/// Reads a pickle up to its end. `persistent` gives what a pickle refers to in other files.
///
/// # Errors
///
/// Where it is truncated or no valid pickle, or names what is not known.
pub fn read(bytes: &[u8], persistent: &mut Persistent) -> Read<(Objects, Id)> {
    let mut machine = Machine {
        bytes,
        at: 0,
        objects: Objects::of(bytes.len()),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    loop {
        let at = machine.at;
        match machine.step(persistent) {
            Ok(None) => {}
            Ok(Some(root)) => return Ok((machine.objects, root)),
            Err(message) => return Err(format!("at byte {at} of the pickle: {message}")),
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    objects: Objects,
    stack: Vec<Id>,
    /// Where on the stack the parts of the next tuple, list or dictionary begin.
    marks: Vec<usize>,
    memo: HashMap<usize, Id>,
}

impl<'a> Machine<'a> {
    /// One step; the result where it is the last.
    fn step(&mut self, persistent: &mut Persistent) -> Read<Option<Id>> {
        let [opcode] = self.array()?;
        match opcode {
            // PROTO, FRAME
            0x80 => match self.array()? {
                [..=PROTOCOL] => {}
                [version] => {
                    return Err(format!("it is of protocol {version}, which is not known"));
                }
            },
            0x95 => drop(self.array::<8>()?),
            b'.' => return self.pop().map(Some),
            // MARK, POP, POP_MARK, DUP
            b'(' => self.marks.push(self.stack.len()),
            b'0' => match self.marks.last() {
                Some(&mark) if mark == self.stack.len() => drop(self.marks.pop()),
                _ => drop(self.pop()?),
            },
            b'1' => drop(self.pop_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'N' => self.push(Object::None)?,
            0x88 => self.push(Object::Bool(true))?,
            0x89 => self.push(Object::Bool(false))?,
            b'I' | b'L' => self.decimal()?,
            b'J' => {
                let number = i32::from_le_bytes(self.array()?);
                self.push(Object::Int(number.into()))?;
            }
            b'K' => {
                let number = u8::from_le_bytes(self.array()?);
                self.push(Object::Int(number.into()))?;
            }
            b'M' => {
                let number = u16::from_le_bytes(self.array()?);
                self.push(Object::Int(number.into()))?;
            }
            0x8a => self.long(|machine| Ok(u8::from_le_bytes(machine.array()?).into()))?,
            0x8b => self.long(Self::length4)?,
            b'F' => {
                let line = self.line()?;
                let number = line.parse().map_err(|_| format!("'{line}' is no number"))?;
                self.push(Object::Float(number))?;
            }
            b'G' => {
                let number = f64::from_be_bytes(self.array()?);
                self.push(Object::Float(number))?;
            }
            // Texts: UNICODE, BINUNICODE, SHORT_BINUNICODE, BINUNICODE8
            b'V' => {
                let line = self.line()?.to_owned();
                self.push(Object::Text(line.into()))?;
            }
            b'X' => self.text(Self::length4)?,
            0x8c => self.text(Self::length1)?,
            0x8d => self.text(Self::length8)?,
            // Bytes; those of Python 2 are its texts.
            b'S' => {
                let line = self.line()?;
                let quoted = ['\'', '"'].iter().find_map(|&quote| {
                    line.strip_prefix(quote)?
                        .strip_suffix(quote)
                        .filter(|text| !text.contains('\\'))
                });
                let text = quoted.ok_or("a text of Python 2 is not read")?.to_owned();
                self.push(Object::Text(text.into()))?;
            }
            b'T' => self.string(Self::length4)?,
            b'U' => self.string(Self::length1)?,
            b'B' => self.raw(Self::length4)?,
            b'C' => self.raw(Self::length1)?,
            0x8e | 0x96 => self.raw(Self::length8)?,
            // Tuples, lists, sets, dictionaries
            b')' => self.push(Object::Tuple(Vec::new()))?,
            b't' => {
                let items = self.pop_mark()?;
                self.push(Object::Tuple(items))?;
            }
            0x85..=0x87 => {
                let count = usize::from(opcode - 0x84);
                let start = self.stack.len().checked_sub(count).ok_or(EMPTY)?;
                let items = self.stack.split_off(self.above_mark(start)?);
                self.push(Object::Tuple(items))?;
            }
            b']' | 0x8f => self.push(Object::List(Vec::new()))?,
            b'l' | 0x91 => {
                let items = self.pop_mark()?;
                self.push(Object::List(items))?;
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])?;
            }
            b'e' | 0x90 => {
                let items = self.pop_mark()?;
                self.extend(items)?;
            }
            b'}' => self.push(Object::Dict(Vec::new()))?,
            b'd' => {
                let items = self.pop_mark()?;
                self.push(Object::Dict(Vec::new()))?;
                self.set(&items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.set(&items)?;
            }
            // Names: GLOBAL, STACK_GLOBAL
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Object::Global(globals::find(module, name)?))?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let texts = (self.objects.text(module), self.objects.text(name));
                let (Some(module), Some(name)) = texts else {
                    return Err("the name of a class is no text".into());
                };
                let found = globals::find(module, name)?;
                self.push(Object::Global(found))?;
            }
            // Calls: REDUCE and NEWOBJ, NEWOBJ_EX, INST, OBJ
            b'R' | 0x81 => {
                let (arguments, called) = (self.pop()?, self.pop()?);
                self.call(called, arguments)?;
            }
            0x92 => {
                let (named, arguments, called) = (self.pop()?, self.pop()?, self.pop()?);
                match self.objects.get(named) {
                    Object::Dict(named) if named.is_empty() => {}
                    _ => return Err("an object is made with named arguments".into()),
                }
                self.call(called, arguments)?;
            }
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                let called = self.objects.add(Object::Global(globals::find(module, name)?))?;
                let arguments = self.pop_mark()?;
                let arguments = self.objects.add(Object::Tuple(arguments))?;
                self.call(called, arguments)?;
            }
            b'o' => {
                let mut items = self.pop_mark()?;
                if items.is_empty() {
                    return Err(EMPTY.into());
                }
                let called = items.remove(0);
                let arguments = self.objects.add(Object::Tuple(items))?;
                self.call(called, arguments)?;
            }
            b'b' => {
                let state = self.pop()?;
                let object = self.top()?;
                globals::build(&mut self.objects, object, state)?;
            }
            // The memo
            b'p' => {
                let index = self.index()?;
                self.remember(index)?;
            }
            b'q' => {
                let index = self.length1()?;
                self.remember(index)?;
            }
            b'r' => {
                let index = self.length4()?;
                self.remember(index)?;
            }
            0x94 => self.remember(self.memo.len())?,
            b'g' => {
                let index = self.index()?;
                self.recall(index)?;
            }
            b'h' => {
                let index = self.length1()?;
                self.recall(index)?;
            }
            b'j' => {
                let index = self.length4()?;
                self.recall(index)?;
            }
            b'Q' => {
                let id = self.pop()?;
                let object = persistent(&self.objects, id)?;
                self.push(object)?;
            }
            b'P' => return Err("it refers to another file by a text".into()),
            0x82..=0x84 => {
                return Err("it names a class by a number that only its maker knows".into());
            }
            0x97 | 0x98 => return Err("its buffers are not in the file".into()),
            other => return Err(format!("0x{other:02x} is no step of a pickle")),
        }
        Ok(None)
    }

    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let bytes = self.at.checked_add(length).and_then(|end| self.bytes.get(self.at..end));
        let bytes = bytes.ok_or_else(|| {
            let left = self.bytes.len() - self.at;
            format!("{length} byte(s) should follow, but only {left} do: truncated?")
        })?;
        self.at += length;
        Ok(bytes)
    }

    fn array<const LENGTH: usize>(&mut self) -> Read<[u8; LENGTH]> {
        let bytes = self.take(LENGTH)?;
        bytes.try_into().map_err(|_| "truncated?".to_owned())
    }

    fn length1(&mut self) -> Read<usize> {
        Ok(u8::from_le_bytes(self.array()?).into())
    }

    fn length4(&mut self) -> Read<usize> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    fn length8(&mut self) -> Read<usize> {
        let length = u64::from_le_bytes(self.array()?);
        Ok(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// Up to the end of the line.
    fn line(&mut self) -> Read<&'a str> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|&byte| byte == b'\n');
        let line = self.take(length.ok_or("a line does not end: truncated?")?)?;
        self.at += 1;
        std::str::from_utf8(line).map_err(|_| "a line is no text".into())
    }

    fn index(&mut self) -> Read<usize> {
        let line = self.line()?;
        line.parse().map_err(|_| format!("'{}' is no place in the memo", line.escape_debug()))
    }

    /// A number in a line of text.
    fn decimal(&mut self) -> Read<()> {
        let line = self.line()?;
        let object = match line {
            "00" => Object::Bool(false),
            "01" => Object::Bool(true),
            _ => {
                let digits = line.strip_suffix('L').unwrap_or(line);
                let number = digits.parse();
                Object::Int(number.map_err(|_| format!("'{}' is no number", line.escape_debug()))?)
            }
        };
        self.push(object)
    }

    /// A number of any length; one beyond 64 bits is no number of a posterior.
    fn long(&mut self, length: fn(&mut Self) -> Read<usize>) -> Read<()> {
        let length = length(self)?;
        let bytes = self.take(length)?;
        let is_negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
        let mut wide = [if is_negative { 0xff } else { 0 }; 8];
        let fits = bytes.len() <= 8;
        if fits {
            wide[..bytes.len()].copy_from_slice(bytes);
        }
        match fits {
            true => self.push(Object::Int(i64::from_le_bytes(wide))),
            false => self.push(Object::None),
        }
    }

    fn text(&mut self, length: fn(&mut Self) -> Read<usize>) -> Read<()> {
        let length = length(self)?;
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| "a text is not in UTF-8")?;
        self.push(Object::Text(text.into()))
    }

    fn raw(&mut self, length: fn(&mut Self) -> Read<usize>) -> Read<()> {
        let length = length(self)?;
        let bytes = self.take(length)?;
        self.push(Object::Bytes(bytes.into()))
    }

    /// A text of Python 2, which is bytes, too.
    fn string(&mut self, length: fn(&mut Self) -> Read<usize>) -> Read<()> {
        let length = length(self)?;
        let bytes = self.take(length)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => self.push(Object::Text(text.into())),
            Err(_) => self.push(Object::Bytes(bytes.into())),
        }
    }

    fn push(&mut self, object: Object) -> Read<()> {
        let id = self.objects.add(object)?;
        self.stack.push(id);
        Ok(())
    }

    /// The place on the stack, if it is above the last mark.
    fn above_mark(&self, place: usize) -> Read<usize> {
        match self.marks.last() {
            Some(&mark) if place < mark => Err(EMPTY.into()),
            _ => Ok(place),
        }
    }

    fn pop(&mut self) -> Read<Id> {
        let top = self.stack.len().checked_sub(1).ok_or(EMPTY)?;
        self.above_mark(top)?;
        self.stack.pop().ok_or_else(|| EMPTY.into())
    }

    fn top(&self) -> Read<Id> {
        self.stack.last().copied().ok_or_else(|| EMPTY.into())
    }

    /// What lies above the last mark.
    fn pop_mark(&mut self) -> Read<Vec<Id>> {
        let mark = self.marks.pop().ok_or("a mark is missing")?;
        match mark <= self.stack.len() {
            true => Ok(self.stack.split_off(mark)),
            false => Err(EMPTY.into()),
        }
    }

    fn extend(&mut self, items: Vec<Id>) -> Read<()> {
        let list = self.top()?;
        match self.objects.get_mut(list) {
            Some(Object::List(list)) => list.extend(items),
            _ => return Err("items are added to what is no list".into()),
        }
        Ok(())
    }

    fn set(&mut self, items: &[Id]) -> Read<()> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err("a key has no value".into());
        }
        let dict = self.top()?;
        match self.objects.get_mut(dict) {
            Some(Object::Dict(entries)) => {
                entries.extend(pairs.iter().map(|&[key, value]| (key, value)));
            }
            _ => return Err("entries are set in what is no dictionary".into()),
        }
        Ok(())
    }

    fn call(&mut self, called: Id, arguments: Id) -> Read<()> {
        let arguments = self.objects.items(arguments).ok_or("arguments are no tuple")?.to_vec();
        self.objects.copy(arguments.len())?;
        let Object::Global(name) = self.objects.get(called) else {
            return Err(format!("{} is called", self.objects.kind(called)));
        };
        let name = Rc::clone(name);
        let result = globals::call(&mut self.objects, &name, arguments)?;
        self.stack.push(result);
        Ok(())
    }

    fn remember(&mut self, index: usize) -> Read<()> {
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index: usize) -> Read<()> {
        let id = self.memo.get(&index).ok_or("it refers to what it has not said before")?;
        self.stack.push(*id);
        Ok(())
    }
}

const EMPTY: &str = "it takes from an empty stack";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Read<(Objects, Id)> {
        read(bytes, &mut |_, _| Err("there is no other file".into()))
    }

    #[track_caller]
    fn error(bytes: &[u8]) -> String {
        parse(bytes).map(|_| ()).unwrap_err()
    }

    #[test]
    fn plain_values_of_every_protocol() {
        // pickle.dumps({'a': (1, -2.5, True, None, [b'x'])}, protocol) for 0, 2 and 4
        let files: [&[u8]; 3] = [
            b"(dp0\nVa\np1\n(I1\nF-2.5\nI01\nN(lp2\nc_codecs\nencode\np3\n(Vx\np4\nVlatin1\np5\ntp6\nRp7\natp8\ns.",
            b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01(K\x01G\xc0\x04\x00\x00\x00\x00\x00\x00\x88N]q\x02c_codecs\nencode\nq\x03X\x01\x00\x00\x00xq\x04X\x06\x00\x00\x00latin1q\x05\x86q\x06Rq\x07atq\x08s.",
            b"\x80\x04\x95 \x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94(K\x01G\xc0\x04\x00\x00\x00\x00\x00\x00\x88N]\x94C\x01x\x94at\x94s.",
        ];
        for bytes in files {
            let (objects, root) = parse(bytes).unwrap();
            let items = objects.items(objects.entry(root, "a").unwrap()).unwrap();
            assert_eq!(items.len(), 5);
            assert!(matches!(objects.get(items[0]), Object::Int(1)));
            assert!(matches!(objects.get(items[1]), Object::Float(-2.5)));
            assert!(matches!(objects.get(items[2]), Object::Bool(true)));
            assert!(matches!(objects.get(items[3]), Object::None));
            let list = objects.items(items[4]).unwrap();
            assert!(matches!(objects.get(list[0]), Object::Bytes(bytes) if &**bytes == b"x"));
        }
    }

    #[test]
    fn a_name_that_is_not_known_is_an_error_that_tells_it() {
        let message = error(b"cmy_project.models\nNet\n)\x81.");
        assert!(message.contains("'my_project.models.Net'"), "{message}");
        assert!(message.contains("nothing of a file is executed"), "{message}");
        let message = error(b"\x80\x04\x8c\x0amy_project\x8c\x03Net\x93.");
        assert!(message.contains("'my_project.Net'"), "{message}");
        let message = error(&[b"c", [b'm'; 5000].as_slice(), b"\nNet\n."].concat());
        assert!(message.len() < 500, "{message}");
    }

    #[test]
    fn what_is_truncated_or_none_is_an_error_with_its_place() {
        let message = error(b"\x80\x04X\xff\xff\xff\xffabc");
        assert!(
            message.contains("at byte 2") && message.contains("4294967295 byte(s)"),
            "{message}"
        );
        assert!(error(b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc").contains("truncated"));
        assert!(error(b"").contains("truncated"));
        assert!(error(b"\x80\x09").contains("protocol 9"));
        assert!(error(b".").contains("empty stack"));
        assert!(error(b"(.").contains("empty stack"));
        assert!(error(b"K\x01t.").contains("mark"));
        assert!(error(b"}K\x01a.").contains("no list"));
        assert!(error(b"]K\x01K\x02s.").contains("no dictionary"));
        assert!(error(b"h\x05.").contains("has not said before"));
        assert!(error(b"K\x01)R.").contains("is called"));
        assert!(error(b"K\x01Q").contains("no other file"));
        assert!(error(b"Inine\n.").contains("no number"));
        assert!(error(b"\xfe").contains("no step"));
        assert!(error(b"(K\x01d.").contains("no value"));
    }

    #[test]
    fn deep_and_circular_values_are_only_values() {
        let deep = [vec![b'('; 100_000], vec![b't'; 100_000], b".".to_vec()].concat();
        assert!(parse(&deep).is_ok());
        let (objects, root) = parse(b"]q\x00h\x00a.").unwrap();
        assert_eq!(objects.items(root), Some(&[root][..]));
    }

    #[test]
    fn copies_of_copies_are_limited() {
        // list(a list of a million), a million times
        let list = [b"](".as_slice(), &b"N".repeat(1 << 18), b"eq\x00".as_slice()].concat();
        let copy = b"cbuiltins\nlist\nh\x00\x85R0".repeat(1 << 10);
        assert!(error(&[list, copy, b".".to_vec()].concat()).contains("over and over"));
    }
}
