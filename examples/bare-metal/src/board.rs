//! The little that the app needs of QEMU's `virt` board.

use core::arch::{asm, global_asm};
use core::fmt;

global_asm!(include_str!("startup.s"));

/// The PL011 UART. QEMU needs no set-up of its line.
pub struct Uart;

impl Uart {
    const DATA: *mut u32 = 0x0900_0000 as *mut u32;
    const FLAGS: *const u32 = 0x0900_0018 as *const u32;
    const TRANSMIT_FULL: u32 = 1 << 5;
}

impl fmt::Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // SAFETY: the registers of the board's UART, mapped as Device memory by the start-up.
            unsafe {
                while Self::FLAGS.read_volatile() & Self::TRANSMIT_FULL != 0 {}
                Self::DATA.write_volatile(byte.into());
            }
        }
        Ok(())
    }
}

/// Print a line over the UART.
#[macro_export]
macro_rules! println {
    ($($argument:tt)*) => {{
        use ::core::fmt::Write as _;
        // Writing to the UART cannot fail.
        let _ = ::core::writeln!($crate::board::Uart, $($argument)*);
    }};
}

/// Leave QEMU with this exit code, through semihosting.
pub fn exit(code: u8) -> ! {
    const SYS_EXIT: u32 = 0x18;
    const ADP_STOPPED_APPLICATION_EXIT: u64 = 0x2_0026;
    let arguments = [ADP_STOPPED_APPLICATION_EXIT, code.into()];
    // SAFETY: the semihosting call of the architecture; the arguments outlive it.
    unsafe {
        asm!(
            "hlt #0xf000",
            "0: wfi",
            "b 0b",
            in("w0") SYS_EXIT,
            in("x1") &arguments,
            options(noreturn),
        )
    }
}

/// Called by the start-up code on every exception.
#[unsafe(no_mangle)]
extern "C" fn fault(syndrome: u64, instruction: u64, address: u64) -> ! {
    println!("exception: ESR {syndrome:#x}, ELR {instruction:#x}, FAR {address:#x}");
    exit(102)
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    println!("{info}");
    exit(101)
}
