//! The numbers of all items, in little memory where few of them differ, as those of images in bytes.

/// Different numbers that have a code of a byte.
const CODES: usize = 256;

/// Places of the cache of codes: a power of two.
const PLACES: usize = 1 << 12;

/// Numbers that are decoded at a time.
const BLOCK: usize = 1 << 14;

/// Many numbers, read in ranges.
#[derive(Debug, Clone)]
pub struct Inputs(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// Each as the place of its value.
    Coded {
        codes: Vec<u8>,
        values: Vec<f32>,
        cache: Cache,
    },
    Plain(Vec<f32>),
}

/// Bits of numbers and their codes, by a hash of the bits.
#[derive(Debug, Clone)]
struct Cache(Vec<Option<(u32, u8)>>);

impl Cache {
    fn place(&mut self, bits: u32) -> &mut Option<(u32, u8)> {
        // The multiplier of Fibonacci hashing.
        let hash = bits.wrapping_mul(0x9e37_79b1) as usize >> (32 - PLACES.trailing_zeros());
        &mut self.0[hash]
    }
}

/// The code of a number, a new one where it is the first of its kind; `None` where there are too many.
fn code(number: f32, values: &mut Vec<f32>, cache: &mut Cache) -> Option<u8> {
    let bits = number.to_bits();
    let place = cache.place(bits);
    if let Some((_, code)) = place.filter(|(known, _)| *known == bits) {
        return Some(code);
    }
    let known = values.iter().position(|value| value.to_bits() == bits);
    let code = known.unwrap_or(values.len());
    if code == CODES {
        return None;
    }
    if known.is_none() {
        values.push(number);
    }
    let code = u8::try_from(code).ok()?;
    *place = Some((bits, code));
    Some(code)
}

impl Default for Inputs {
    fn default() -> Self {
        let cache = Cache(vec![None; PLACES]);
        Self(Kind::Coded { codes: Vec::new(), values: Vec::new(), cache })
    }
}

impl Inputs {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Kind::Coded { codes, .. } => codes.len(),
            Kind::Plain(numbers) => numbers.len(),
        }
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes room for so many numbers more.
    pub fn reserve(&mut self, count: usize) {
        match &mut self.0 {
            Kind::Coded { codes, .. } => codes.reserve_exact(count),
            Kind::Plain(numbers) => numbers.reserve_exact(count),
        }
    }

    /// Adds numbers at the end.
    pub fn extend(&mut self, numbers: &[f32]) {
        for (place, &number) in numbers.iter().enumerate() {
            let Kind::Coded { codes, values, cache } = &mut self.0 else {
                break;
            };
            match code(number, values, cache) {
                Some(code) => codes.push(code),
                None => {
                    let mut plain: Vec<f32> = self.iter().collect();
                    plain.extend_from_slice(&numbers[place..]);
                    self.0 = Kind::Plain(plain);
                    return;
                }
            }
        }
        if let Kind::Plain(plain) = &mut self.0 {
            plain.extend_from_slice(numbers);
        }
    }

    /// Adds all numbers of others.
    pub fn append(&mut self, others: &Self) {
        self.reserve(others.len());
        others.blocks(|block| self.extend(block));
    }

    /// Reads the numbers from a place on into `out`.
    pub fn read(&self, start: usize, out: &mut [f32]) {
        match &self.0 {
            Kind::Coded { codes, values, .. } => {
                let codes = &codes[start..start + out.len()];
                out.iter_mut().zip(codes).for_each(|(out, &code)| *out = values[usize::from(code)]);
            }
            Kind::Plain(numbers) => out.copy_from_slice(&numbers[start..start + out.len()]),
        }
    }

    /// All numbers.
    pub fn iter(&self) -> impl Iterator<Item = f32> {
        (0..self.len()).map(|place| match &self.0 {
            Kind::Coded { codes, values, .. } => values[usize::from(codes[place])],
            Kind::Plain(numbers) => numbers[place],
        })
    }

    /// Gives all numbers, some at a time.
    pub fn blocks(&self, mut take: impl FnMut(&[f32])) {
        let mut block = vec![0.0; BLOCK];
        for start in (0..self.len()).step_by(BLOCK) {
            let block = &mut block[..BLOCK.min(self.len() - start)];
            self.read(start, block);
            take(block);
        }
    }
}

impl PartialEq for Inputs {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(parts: &[&[f32]]) -> Inputs {
        let mut inputs = Inputs::default();
        parts.iter().for_each(|part| inputs.extend(part));
        inputs
    }

    /// Numbers of so many kinds, in an order of no pattern.
    fn numbers(kinds: usize, count: usize) -> Vec<f32> {
        (0..count).map(|n| ((n * 7919) % kinds) as f32 * 0.37 - 3.0).collect()
    }

    #[test]
    fn numbers_come_back_bit_for_bit_whether_few_or_many_differ() {
        for kinds in [1, 255, 256, 257, 5000] {
            let all = numbers(kinds, 40_000);
            let (first, rest) = all.split_at(777);
            let inputs = inputs(&[first, rest]);
            assert_eq!(matches!(inputs.0, Kind::Coded { .. }), kinds <= CODES, "{kinds}");
            let bits = |x: f32| x.to_bits();
            assert!(inputs.iter().map(bits).eq(all.iter().copied().map(bits)), "{kinds}");
            let mut out = [0.0; 100];
            inputs.read(12_345, &mut out);
            assert_eq!(out[..], all[12_345..12_445], "{kinds}");
            let mut blocks = Vec::new();
            inputs.blocks(|block| blocks.extend_from_slice(block));
            assert_eq!(blocks, all, "{kinds}");
        }
    }

    #[test]
    fn zeros_of_both_signs_and_what_is_no_number_are_kept() {
        let all = [0.0, -0.0, f32::NAN, f32::INFINITY, f32::from_bits(0x7fc0_0001)];
        let inputs = inputs(&[&all]);
        assert!(inputs.iter().map(f32::to_bits).eq(all.map(f32::to_bits)));
    }

    #[test]
    fn parts_with_few_numbers_each_may_have_many_together() {
        let (first, second) = (numbers(200, 1000), numbers(300, 900));
        let mut joined = inputs(&[&first]);
        joined.append(&inputs(&[&second]));
        assert!(joined.iter().eq([first, second].concat()));
    }
}
