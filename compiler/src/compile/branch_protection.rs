//! `--branch-protection`: what guards indirect calls and return addresses.

use gauss_lowering::target::Target;
use inkwell::module::Module;

use crate::{error::Error, ffi};

/// What guards indirect calls and return addresses, in the words of GCC and Clang. A program
/// keeps a protection only where every object that is linked into it has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BranchProtection {
    /// Nothing.
    None,
    /// Landing pads for indirect calls: BTI of AArch64; on x86-64 IBT, and shadow stacks (SHSTK).
    #[default]
    Bti,
    /// Signed return addresses (PAC), of AArch64.
    PacRet,
    /// All that the architecture has: bti and pac-ret, on x86-64 bti.
    Standard,
}

impl BranchProtection {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Bti, Self::PacRet, Self::Standard];

    /// Refuses what the architecture does not have.
    ///
    /// # Errors
    ///
    /// Where the architecture does not have it.
    pub fn check(self, target: &Target) -> Result<(), Error> {
        match self {
            Self::PacRet if !target.core.is_aarch64 => {
                Err(Error::request(format!("{} has no signed return addresses", target.triple))
                    .with_help(
                        "its shadow stacks guard them: --branch-protection=bti, the default",
                    ))
            }
            _ => Ok(()),
        }
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bti => "bti",
            Self::PacRet => "pac-ret",
            Self::Standard => "standard",
        }
    }

    /// The name, and what it guards in words.
    pub fn describe(self) -> (&'static str, &'static str) {
        let words = match self {
            Self::None => "Nothing",
            Self::Bti => {
                "Landing pads for indirect calls: BTI of AArch64; on x86-64 IBT, and shadow stacks \
                 (SHSTK)"
            }
            Self::PacRet => "Signed return addresses (PAC), of AArch64",
            Self::Standard => "All that the architecture has: bti and pac-ret, on x86-64 bti",
        };
        (self.name(), words)
    }

    /// Asks LLVM for it, in every function of a module whose triple is set.
    pub fn apply(self, module: &Module) {
        let pads = matches!(self, Self::Bti | Self::Standard);
        let signs = matches!(self, Self::PacRet | Self::Standard);
        // SAFETY: a live module.
        unsafe { ffi::pfp_protect_branches(module.as_mut_ptr(), pads, signs) };
    }
}
