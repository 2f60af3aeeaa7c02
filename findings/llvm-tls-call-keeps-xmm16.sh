#!/bin/sh
# LLVM keeps vectors in XMM16 to XMM31 across a call of __tls_get_addr.
#
# Version: LLVM 22.1.0, in llvmlite 0.50.0.
# Guess: a value that lives across the access of a thread-local variable in position independent
#     code is spilled to the stack on x86-64, as it is across any call: the System V ABI has no
#     vector register that a function preserves, and __tls_get_addr is a function.
# Behaviour: with AVX-512 the value is moved to XMM16 and read back after the call. LLVM lists what
#     the call of __tls_get_addr overwrites by itself, and the list ends at XMM15. glibc's
#     __tls_get_addr may allocate memory at the first access of a thread, and its memset and memcpy
#     use YMM16 and up on such cores: the value is then another. Across a call of any other
#     function, and with AVX2, it is spilled.
# Output seen:
#     LLVM 22.1.0
#     x86-64-v3 thread-local: stack
#     x86-64-v3 call: stack
#     x86-64-v4 thread-local: register
#     x86-64-v4 call: stack
# What it means: code for AVX-512 cores that is linked into a shared library must not have vectors,
#     nor pointers that were put into vectors, alive where it reads a thread-local variable.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check llvmlite==0.50.0

cat >"$folder/look.py" <<'PYTHON'
import re

import llvmlite.binding as llvm

llvm.initialize_all_targets()
llvm.initialize_all_asmprinters()
print("LLVM", ".".join(map(str, llvm.llvm_version_info)))

TRIPLE = "x86_64-unknown-linux-gnu"
MODULE = """
@variable = internal thread_local global i8 0
declare ptr @llvm.threadlocal.address.p0(ptr)
declare void @other()

define <2 x i64> @thread_local(<2 x i64> %alive) {
  %place = call ptr @llvm.threadlocal.address.p0(ptr @variable)
  store volatile i8 1, ptr %place
  ret <2 x i64> %alive
}

define <2 x i64> @call(<2 x i64> %alive) {
  call void @other()
  ret <2 x i64> %alive
}
"""

for cpu in ("x86-64-v3", "x86-64-v4"):
    module = llvm.parse_assembly(MODULE)
    module.triple = TRIPLE
    module.verify()
    machine = llvm.Target.from_triple(TRIPLE).create_target_machine(
        cpu=cpu, opt=2, reloc="pic", codemodel="small"
    )
    text = machine.emit_assembly(module)
    for name in ("thread_local", "call"):
        body = re.search(rf"^{name}:(.*?)^\.Lfunc_end", text, re.S | re.M).group(1)
        before, after = body.split("callq")
        kept = re.search(r"%xmm0, (%xmm\d+|\d*\(%rsp\))", before).group(1)
        assert f"{kept}, %xmm0" in after, body
        place = "stack" if "rsp" in kept else "register"
        print(cpu, f"{name.replace('_', '-')}:", place)
PYTHON

"$folder/venv/bin/python" "$folder/look.py" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
LLVM 22.1.0
x86-64-v3 thread-local: stack
x86-64-v3 call: stack
x86-64-v4 thread-local: register
x86-64-v4 call: stack
EXPECTED
