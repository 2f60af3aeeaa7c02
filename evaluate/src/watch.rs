//! Progress of long work.

/// Is told what is done.
pub trait Watch {
    /// A step of unknown length begins.
    fn stage(&self, what: &str);

    /// What a user should know of the data; nobody need listen.
    fn note(&self, _note: &str) {}

    /// A line that a user should read of the parameters; nobody need listen.
    fn remark(&self, _text: &str) {}

    /// A step of so many parts begins. Returns what is told how many more are done.
    fn count(&self, what: &str, parts: usize) -> Box<dyn Fn(usize) + Sync>;
}

/// Nobody is told.
pub struct Silent;

impl Watch for Silent {
    fn stage(&self, _: &str) {}

    fn count(&self, _: &str, _: usize) -> Box<dyn Fn(usize) + Sync> {
        Box::new(|_| ())
    }
}
