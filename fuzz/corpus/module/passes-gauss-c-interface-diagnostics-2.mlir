llvm.func @net.v2(%x: !llvm.ptr, %arena: !llvm.ptr) attributes {gauss.arena_bytes = 64 : i64} {
  llvm.return
}
