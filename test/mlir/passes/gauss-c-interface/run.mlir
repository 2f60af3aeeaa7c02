// The checks at work: a program calls the function with bad and good pointers, and
// counts what the network behind it was given.

// RUN: split-file %s %t
// RUN: pfp-opt %t/net.mlir --gauss-c-interface | mlir-translate --mlir-to-llvmir -o %t/net.ll
// RUN: llvm-link -S %t/net.ll %t/main.ll -o %t/program.ll && lli %t/program.ll

//--- net.mlir

// Adds one to the first byte of its result.
llvm.func @net(%x: !llvm.ptr, %y: !llvm.ptr, %arena: !llvm.ptr) attributes {gauss.arena_bytes = 64 : i64} {
  %one = llvm.mlir.constant(1 : i8) : i8
  %old = llvm.load %y : !llvm.ptr -> i8
  %new = llvm.add %old, %one : i8
  llvm.store %new, %y : i8, !llvm.ptr
  llvm.return
}

// Needs no memory.
llvm.func @small(%x: !llvm.ptr, %y: !llvm.ptr, %arena: !llvm.ptr) attributes {gauss.arena_bytes = 0 : i64} {
  llvm.return
}

//--- main.ll

declare i32 @pfp_net(ptr, ptr, ptr)
declare i32 @pfp_small(ptr, ptr, ptr)

define i32 @main() {
  %memory = alloca [128 x i8], align 64
  %between = getelementptr i8, ptr %memory, i64 32
  %x = alloca float
  %y = alloca i8
  store i8 0, ptr %y
  ; A null input, result, arena: 1.
  %a = call i32 @pfp_net(ptr null, ptr %y, ptr %memory)
  %a.ok = icmp eq i32 %a, 1
  %b = call i32 @pfp_net(ptr %x, ptr null, ptr %memory)
  %b.ok = icmp eq i32 %b, 1
  %c = call i32 @pfp_net(ptr %x, ptr %y, ptr null)
  %c.ok = icmp eq i32 %c, 1
  ; An arena aligned to 32 bytes: 2.
  %d = call i32 @pfp_net(ptr %x, ptr %y, ptr %between)
  %d.ok = icmp eq i32 %d, 2
  ; So far nothing ran.
  %before = load i8, ptr %y
  %before.ok = icmp eq i8 %before, 0
  ; All is well: 0, and the network ran.
  %e = call i32 @pfp_net(ptr %x, ptr %y, ptr %memory)
  %e.ok = icmp eq i32 %e, 0
  %after = load i8, ptr %y
  %after.ok = icmp eq i8 %after, 1
  ; An arena of no bytes.
  %f = call i32 @pfp_small(ptr %x, ptr %y, ptr null)
  %f.ok = icmp eq i32 %f, 0
  %1 = and i1 %a.ok, %b.ok
  %2 = and i1 %1, %c.ok
  %3 = and i1 %2, %d.ok
  %4 = and i1 %3, %before.ok
  %5 = and i1 %4, %e.ok
  %6 = and i1 %5, %after.ok
  %all = and i1 %6, %f.ok
  %status = select i1 %all, i32 0, i32 1
  ret i32 %status
}
