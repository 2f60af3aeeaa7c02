//! How deep the text of a module nests, before MLIR's parser sees it.
//!
//! The parser, the verifier and the printer of MLIR call themselves for what is inside of
//! something, and end the process where the stack does. What makes them do so:
//!
//! - brackets: `(`, `[`, `{`, `<`;
//! - operators of affine expressions, which are trees: `d0 + d1 + d2` nests as `(d0 + d1) + d2`;
//! - aliases: `#b = [#a]` is one deeper than `#a`.
//!
//! The scan splits text into tokens as the parser does; strings and comments hold no nesting.

use std::collections::HashMap;

use super::Refusal;

/// The deepest nesting that is read: far more than people and compilers write, and less than a
/// seventh of what MLIR was seen to take on a stack of 8 MiB (docs/debugging.md).
pub const LIMIT: usize = 256;

/// The most aliases that one stands for, those within its own included. MLIR writes types and
/// attributes out in full: `!b = tuple<!a, !a>` doubles `!a`, in every message.
const MOST_USES: usize = 1 << 14;

/// An alias at this offset stands for too much.
fn too_large(offset: usize) -> Refusal {
    Refusal {
        offset,
        message: format!(
            "the alias stands for more than {MOST_USES} others, the most that are read"
        ),
        help: "an alias that is used twice in each of a chain of aliases doubles with every one",
    }
}

/// Something at this offset is too deep.
fn too_deep(offset: usize) -> Refusal {
    Refusal {
        offset,
        message: format!("the text nests deeper than {LIMIT} levels, the most that is read"),
        help: "brackets, operators of affine expressions and aliases within aliases are levels",
    }
}

/// Checks that a text nests at most [`LIMIT`] levels.
///
/// # Errors
///
/// The first place that is deeper.
pub fn check(text: &[u8]) -> Result<(), Refusal> {
    let mut scan = Scan::default();
    let tokens = Tokens { text, position: 0 };
    for token in tokens {
        scan.token(token)?;
    }
    scan.check_aliases()
}

/// A piece of the text that matters, and where it starts.
#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    offset: usize,
    kind: Kind<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind<'a> {
    Open(u8),
    Close(u8),
    /// `#name` or `!name`.
    Alias(&'a [u8]),
    Operator,
    /// A word, a string, a value, a symbol: it can start an op.
    Word,
    /// What can stand between two parts of one attribute or type.
    Joint(u8),
    Other,
}

struct Tokens<'a> {
    text: &'a [u8],
    position: usize,
}

impl Tokens<'_> {
    fn skip(&mut self, goes_on: impl Fn(u8) -> bool) {
        let rest = self.text.get(self.position..).unwrap_or_default();
        self.position += rest.iter().position(|&byte| !goes_on(byte)).unwrap_or(rest.len());
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }

    fn starts_with(&self, text: &[u8]) -> bool {
        self.text[self.position..].starts_with(text)
    }

    /// Skips the rest of a string, which ends at its line at the latest.
    fn string(&mut self) {
        loop {
            self.skip(|byte| !matches!(byte, b'"' | b'\\' | b'\n'));
            match self.peek() {
                Some(b'\\') => self.position += 2,
                Some(b'"') => return self.position += 1,
                _ => return,
            }
        }
    }

    /// Skips the rest of a number: `12`, `0x1F`, `1.5e-3`.
    fn number(&mut self) {
        let hexadecimal = self.text[self.position - 1] == b'0'
            && self.peek() == Some(b'x')
            && self.text.get(self.position + 1).is_some_and(u8::is_ascii_hexdigit);
        if hexadecimal {
            self.position += 1;
            return self.skip(|byte| byte.is_ascii_hexdigit());
        }
        self.skip(|byte| byte.is_ascii_digit());
        if self.peek() != Some(b'.') {
            return;
        }
        self.position += 1;
        self.skip(|byte| byte.is_ascii_digit());
        let exponent = self.text[self.position..].iter().take(3).copied().collect::<Vec<_>>();
        match exponent[..] {
            [b'e' | b'E', b'+' | b'-', digit] if digit.is_ascii_digit() => self.position += 2,
            [b'e' | b'E', digit, ..] if digit.is_ascii_digit() => self.position += 1,
            _ => return,
        }
        self.skip(|byte| byte.is_ascii_digit());
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.skip(|byte| byte.is_ascii_whitespace() || byte == 0);
            if !self.text.get(self.position..).unwrap_or_default().starts_with(b"//") {
                break;
            }
            self.skip(|byte| byte != b'\n' && byte != b'\r');
        }
        let offset = self.position;
        let first = self.peek()?;
        let metadata = [(&b"{-#"[..], Kind::Open(b'{')), (&b"#-}"[..], Kind::Close(b'}'))];
        if let Some((text, kind)) = metadata.into_iter().find(|(text, _)| self.starts_with(text)) {
            self.position += text.len();
            return Some(Token { offset, kind });
        }
        self.position += 1;
        let kind = match first {
            b'(' | b'[' | b'{' | b'<' => Kind::Open(first),
            b')' | b']' | b'}' | b'>' => Kind::Close(first),
            b'-' if self.peek() == Some(b'>') => {
                self.position += 1;
                Kind::Joint(b'>')
            }
            b'+' | b'-' | b'*' => Kind::Operator,
            b'=' | b':' | b',' => Kind::Joint(first),
            b'"' => {
                self.string();
                Kind::Word
            }
            b'@' | b'%' | b'^' | b'#' | b'!' => {
                self.skip(|byte| byte.is_ascii_alphanumeric() || b"$._-".contains(&byte));
                match first {
                    b'#' | b'!' => Kind::Alias(&self.text[offset..self.position]),
                    _ => Kind::Word,
                }
            }
            b'0'..=b'9' => {
                self.number();
                Kind::Other
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => {
                self.skip(|byte| byte.is_ascii_alphanumeric() || b"_$.".contains(&byte));
                match &self.text[offset..self.position] {
                    b"mod" | b"floordiv" | b"ceildiv" => Kind::Operator,
                    _ => Kind::Word,
                }
            }
            _ => Kind::Other,
        };
        Some(Token { offset, kind })
    }
}

/// Where an alias is used: how deep within its owner, and how often.
#[derive(Debug, Clone, Copy)]
struct Use {
    depth: usize,
    offset: usize,
    count: usize,
}

/// The definition of an alias.
#[derive(Debug, Default)]
struct Alias<'a> {
    /// Without the aliases in it.
    depth: usize,
    uses: HashMap<&'a [u8], Use>,
}

#[derive(Debug, Default)]
struct Scan<'a> {
    /// Open brackets, and the operators since the last comma within each.
    open: Vec<(u8, usize)>,
    operators: usize,
    /// The token before this one.
    last: Option<Kind<'a>>,
    aliases: HashMap<&'a [u8], Alias<'a>>,
    /// The alias that is being defined.
    defined: Option<&'a [u8]>,
    /// Everything else.
    body: Alias<'a>,
}

impl<'a> Scan<'a> {
    fn depth(&self) -> usize {
        self.open.len() + self.operators
    }

    fn token(&mut self, token: Token<'a>) -> Result<(), Refusal> {
        let Token { offset, kind } = token;
        let outermost = self.open.is_empty();
        let begins = outermost && !matches!(self.last, Some(Kind::Joint(_)));
        if begins && matches!(kind, Kind::Word | Kind::Alias(_)) {
            self.defined = None;
        }
        match kind {
            Kind::Open(bracket) => self.open.push((bracket, 0)),
            Kind::Close(bracket) => self.close(bracket),
            // The operand of an operator is as deep as there are operators. They are only affine
            // expressions within these brackets.
            Kind::Operator => {
                if let Some((b'(' | b'[' | b'<', operators)) = self.open.last_mut() {
                    *operators += 1;
                    self.operators += 1;
                }
            }
            Kind::Joint(b',' | b':' | b'=') => self.forget_operators(),
            Kind::Alias(name) if !begins => {
                let used = Use { depth: self.depth(), offset, count: 0 };
                let uses = &mut self.owner().uses;
                let deepest = uses.entry(name).or_insert(used);
                let count = deepest.count + 1;
                if deepest.depth < used.depth {
                    *deepest = used;
                }
                deepest.count = count;
            }
            _ => {}
        }
        if let (Kind::Joint(b'='), Some(Kind::Alias(name)), true) = (kind, self.last, outermost) {
            self.defined = Some(name);
        }
        self.last = Some(kind);
        let depth = self.depth();
        if depth > LIMIT {
            return Err(too_deep(offset));
        }
        let owner = self.owner();
        owner.depth = owner.depth.max(depth);
        Ok(())
    }

    /// What the text at this place belongs to.
    fn owner(&mut self) -> &mut Alias<'a> {
        match self.defined {
            Some(name) => self.aliases.entry(name).or_default(),
            None => &mut self.body,
        }
    }

    fn forget_operators(&mut self) {
        if let Some((_, operators)) = self.open.last_mut() {
            self.operators -= std::mem::take(operators);
        }
    }

    /// Closes the last bracket of a kind and what is open within it. A `>` may be a comparison,
    /// and a `<` one that nothing closes.
    fn close(&mut self, bracket: u8) {
        let opening = match bracket {
            b')' => b'(',
            b']' => b'[',
            b'}' => b'{',
            _ => b'<',
        };
        let found = match opening {
            b'<' => self.open.last().filter(|(last, _)| *last == b'<').map(|_| self.open.len() - 1),
            _ => self.open.iter().rposition(|(open, _)| *open == opening),
        };
        if let Some(start) = found {
            let within: usize = self.open.drain(start..).map(|(_, operators)| operators).sum();
            self.operators -= within;
        }
    }

    /// Checks the depth of aliases with what is in them, wherever they are defined.
    fn check_aliases(self) -> Result<(), Refusal> {
        let mut extents = Extents::default();
        for name in self.aliases.keys() {
            extents.visit(name, &self.aliases)?;
        }
        extents.depth(&self.body, &self.aliases).map(|_| ())
    }
}

/// What an alias is with the aliases in it.
#[derive(Debug, Default)]
struct Extent {
    depth: usize,
    /// How many aliases it stands for.
    uses: usize,
}

#[derive(Debug, Default)]
struct Extents<'a>(HashMap<&'a [u8], Extent>);

impl<'a> Extents<'a> {
    /// Finds the extent of an alias and of those in it, without calling itself for them.
    fn visit(
        &mut self,
        name: &'a [u8],
        aliases: &HashMap<&'a [u8], Alias<'a>>,
    ) -> Result<(), Refusal> {
        let mut waiting = vec![(name, false)];
        while let Some((name, ready)) = waiting.pop() {
            let Some(alias) = aliases.get(name) else { continue };
            if ready {
                let depth = self.depth(alias, aliases)?;
                let uses = self.uses(alias)?;
                self.0.insert(name, Extent { depth, uses });
            } else if !self.0.contains_key(name) {
                // An alias within itself, which the parser refuses, has this extent.
                self.0.insert(name, Extent::default());
                waiting.push((name, true));
                waiting.extend(alias.uses.keys().map(|&used| (used, false)));
            }
        }
        Ok(())
    }

    fn uses(&self, alias: &Alias<'a>) -> Result<usize, Refusal> {
        let of = |name: &[u8]| self.0.get(name).map_or(0, |extent| extent.uses);
        let mut sum = 0usize;
        for (name, used) in &alias.uses {
            sum = sum.saturating_add((1 + of(name)).saturating_mul(used.count));
            if sum > MOST_USES {
                return Err(too_large(used.offset));
            }
        }
        Ok(sum)
    }

    fn depth(
        &self,
        alias: &Alias<'a>,
        aliases: &HashMap<&'a [u8], Alias<'a>>,
    ) -> Result<usize, Refusal> {
        let mut deepest = alias.depth;
        let mut uses: Vec<_> = alias.uses.iter().collect();
        uses.sort_by_key(|(_, used)| used.offset);
        for (name, used) in uses.into_iter().filter(|(name, _)| aliases.contains_key(*name)) {
            // An alias is a level: the parser goes one deeper for it.
            let depth = used.depth + 1 + self.0.get(name).map_or(0, |extent| extent.depth);
            if depth > LIMIT {
                return Err(too_deep(used.offset));
            }
            deepest = deepest.max(depth);
        }
        Ok(deepest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain of aliases, each of which is two of the one before.
    fn doubling(chain: usize) -> String {
        let double = |n: usize| format!("!a{} = tuple<!a{n}, !a{n}>\n", n + 1);
        format!("!a0 = f32\n{}", (0..chain).map(double).collect::<String>())
    }

    #[test]
    fn an_alias_that_doubles_with_every_other_is_refused() {
        assert_eq!(check(doubling(13).as_bytes()), Ok(()));
        for chain in [14, 60, 200] {
            let refusal = check(doubling(chain).as_bytes()).unwrap_err();
            assert!(refusal.message.contains("more than 16384 others"), "{refusal:?}");
        }
        // One alias in many places doubles nothing.
        let many = format!("!a = f32\n!b = tuple<{}>\n", ["!a"; 10_000].join(", "));
        assert_eq!(check(many.as_bytes()), Ok(()));
    }

    fn nested(open: &str, core: &str, close: &str, depth: usize) -> String {
        [&open.repeat(depth), core, &close.repeat(depth)].concat()
    }

    /// So many fit, and no more.
    #[track_caller]
    fn just_fit(count: usize, text: impl Fn(usize) -> String) {
        assert_eq!(check(text(count).as_bytes()), Ok(()), "{}", text(count));
        assert!(check(text(count + 1).as_bytes()).is_err(), "{}", text(count + 1));
    }

    #[test]
    fn every_bracket_is_a_level() {
        for (open, core, close) in [
            ("module {\n", "", "}\n"),
            ("tuple<", "i32", ">"),
            ("[", "1", "]"),
            ("(", "d0", ")"),
            ("{a = ", "1", "}"),
            ("() -> (", "i32", ")"),
        ] {
            just_fit(LIMIT, |count| nested(open, core, close, count));
        }
        just_fit(LIMIT / 2, |count| nested("[{", "", "}]", count));
    }

    #[test]
    fn operators_are_levels_of_an_affine_expression() {
        let chain = |operator: &str, count: usize| ["d0"; 999][..=count].join(operator);
        for operator in [" + ", " - ", " * ", " mod ", " floordiv ", " ceildiv "] {
            just_fit(LIMIT - 2, |count| {
                format!("affine_map<(d0) -> ({})>", chain(operator, count))
            });
        }
        just_fit(LIMIT - 1, |count| format!("(d0) -> ({}d0)", "- ".repeat(count)));
        just_fit(LIMIT - 2, |count| format!("(({}), (d0))", chain("+", count)));
        // A list of negative numbers is flat, and so are functions of many results.
        assert_eq!(check(format!("[{}]", ["-1"; 1000].join(", ")).as_bytes()), Ok(()));
        assert_eq!(check("a() : () -> () {x = -1 : i32}\n".repeat(1000).as_bytes()), Ok(()));
        assert_eq!(check(format!("({})", ["1.0e-5, %a-b"; 1000].join(", ")).as_bytes()), Ok(()));
    }

    #[test]
    fn an_alias_is_as_deep_as_what_it_stands_for() {
        let chain = |sigil: char, open: &str, close: &str, count: usize| {
            let mut text = format!("{sigil}a0 = {open}{close}\n");
            for i in 1..count {
                text += &format!("{sigil}a{i} = {open}{sigil}a{}{close}\n", i - 1);
            }
            text
        };
        // A level for the brackets, one for the alias within.
        just_fit(LIMIT / 2, |count| chain('#', "[", "]", count));
        just_fit(LIMIT / 2, |count| chain('!', "tuple<", ">", count));
        // Locations may be defined after their use.
        just_fit(LIMIT / 2, |count| {
            let text = chain('#', "loc(", ")", count);
            text.lines().rev().map(|line| format!("{line}\n")).collect()
        });
        // A use is as deep as its place and what is used.
        let used = |count: usize| format!("op {}\n", nested("{x = ", "#a", "}", count));
        just_fit(LIMIT - 2, |count| format!("#a = [1]\n{}", used(count)));
        just_fit(LIMIT - 2, |count| format!("{}#a = [1]\n", used(count)));
        // The same alias many times is no deeper, and a module after an alias is not in it.
        let flat = format!("#a = [[1]]\nmodule {{\n{}}}\n", "op {x = #a}\n".repeat(1000));
        assert_eq!(check(flat.as_bytes()), Ok(()));
        assert_eq!(check(b"#a = [#b]\n#b = [#a]\n"), Ok(()));
    }

    #[test]
    fn what_is_no_bracket_does_not_count() {
        for text in [
            "// ((((<<<<\n".repeat(300),
            format!("\"{}\"", "(<[{\\\"".repeat(300)),
            "() -> ()\n".repeat(300),
            "affine_set<(d0) : (d0 >= 0, d0 <= 5)>\n".repeat(300),
            format!("dense_resource<x>\n{{-#\n {} #-}}", "\"0x<<\"".repeat(300)),
            "}".repeat(1000) + ">>>>",
        ] {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
        // A string ends at its line.
        assert!(check(format!("\"\n{}", "(".repeat(LIMIT + 1)).as_bytes()).is_err());
    }

    #[test]
    fn any_bytes_have_a_depth() {
        for text in ["", "\"", "\"\\", "0x", "1.", "1.e", "#", "{-#", "#-}", "-", "/", "é<\0>"] {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
    }
}
