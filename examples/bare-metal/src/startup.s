// From reset at EL1 to `main`.

.section .text.boot, "ax"
.global _start
_start:
    adrp    x0, vectors
    add     x0, x0, :lo12:vectors
    msr     vbar_el1, x0

    // CPACR_EL1.FPEN: floating point and SIMD do not trap.
    mov     x0, #(3 << 20)
    msr     cpacr_el1, x0

    // Without the MMU all memory is Device memory, where an unaligned vector load faults and
    // nothing is cached. Map addresses to themselves: devices as Device, RAM as Normal.
    ldr     x0, =0x00ff                 // attribute 0: Normal, write-back; 1: Device-nGnRnE
    msr     mair_el1, x0
    ldr     x0, =0x00803520             // 32-bit addresses, 4 KiB granule, cached table walks, no TTBR1
    msr     tcr_el1, x0
    adrp    x0, page_table
    add     x0, x0, :lo12:page_table
    msr     ttbr0_el1, x0
    tlbi    vmalle1
    dsb     sy
    isb
    mrs     x0, sctlr_el1
    ldr     x1, =0x1005                 // MMU, data cache, instruction cache
    orr     x0, x0, x1
    bic     x0, x0, #2                  // no alignment check
    msr     sctlr_el1, x0
    isb

    adrp    x0, stack_top
    add     x0, x0, :lo12:stack_top
    mov     sp, x0

    adrp    x0, bss_start
    add     x0, x0, :lo12:bss_start
    adrp    x1, bss_end
    add     x1, x1, :lo12:bss_end
1:  cmp     x0, x1
    b.hs    2f
    stp     xzr, xzr, [x0], #16
    b       1b
2:  bl      main                        // does not return

exception:
    mrs     x0, esr_el1
    mrs     x1, elr_el1
    mrs     x2, far_el1
    bl      fault                       // does not return

.balign 2048
vectors:
.rept 16
    .balign 128
    b       exception
.endr

// Level 1, one block of 1 GiB per entry.
.section .rodata.page_table, "a"
.balign 64
page_table:
    .quad   0x0060000000000405          // devices: never executed, Device
    .quad   0x0000000040000701          // RAM: inner shareable, Normal
    .quad   0
    .quad   0

// What compiled code may call. Assembly, as a compiler may turn such a loop into a call of itself.
.section .text.memory, "ax"
.global memcpy, memmove, memset, memcmp, bcmp
memmove:
    sub     x3, x0, x1
    cmp     x3, x2
    b.lo    3f                          // the destination starts inside the source: backwards
memcpy:
    mov     x3, x0
1:  cbz     x2, 2f
    ldrb    w4, [x1], #1
    strb    w4, [x3], #1
    sub     x2, x2, #1
    b       1b
2:  ret
3:  cbz     x2, 2b
    sub     x2, x2, #1
    ldrb    w4, [x1, x2]
    strb    w4, [x0, x2]
    b       3b

memset:
    mov     x3, x0
1:  cbz     x2, 2f
    strb    w1, [x3], #1
    sub     x2, x2, #1
    b       1b
2:  ret

memcmp:
bcmp:
1:  cbz     x2, 2f
    ldrb    w3, [x0], #1
    ldrb    w4, [x1], #1
    sub     x2, x2, #1
    subs    w3, w3, w4
    b.eq    1b
    mov     w0, w3
    ret
2:  mov     w0, #0
    ret
