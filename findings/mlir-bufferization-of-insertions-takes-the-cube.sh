#!/bin/sh
# The time of MLIR's one-shot bufferization grows with the cube, or more, of how many slices are inserted into a
# tensor one after the other.
#
# Version: MLIR 22.1.8, mlir-opt of the Debian packages of apt.llvm.org.
# Guess: linear, or quadratic as the documentation has it for conflicts of reads and writes, each pair looked at once:
#     four times the time for twice as many rows.
# Behaviour: a function that fills a tensor row by row, each row the exponential of the one before, takes about ten times
#     as long for twice as many rows; where a row is read back from the tensor, fourteen times: 50 rows 0.2 s, 100
#     rows 3 s, 200 rows 48 s. For each insertion the analysis follows the chain of all others, and for each of these
#     again what they alias.
# Output seen (seconds are those of one machine):
#     rows kept apart: 60 rows 0.24 s, 120 rows 2.62 s: more than 5 times as long
#     rows read back: 60 rows 0.42 s, 120 rows 6.25 s: more than 5 times as long
# What it means: a code generator that unrolls a loop over rows, such as a Cholesky factor, joins the rows in blocks, or
#     keeps the loop.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
version=1:22.1.8-1~deb12u1
cd "$folder"
apt-get -q download "mlir-22-tools=$version" "libmlir-22=$version" "libllvm22=$version" >apt.log 2>&1 || {
    cat apt.log
    exit 1
}
for package in ./*.deb; do
    dpkg -x "$package" root
done
LD_LIBRARY_PATH=$(find "$folder/root" -name 'lib*.so*' -printf '%h\n' | sort -u | paste -sd:)
export LD_LIBRARY_PATH
opt=$(find "$folder/root" -name mlir-opt -path '*llvm-22*')

cat >look.py <<'PYTHON'
import resource
import subprocess
import sys


def module(rows, reads):
    whole, row = f"tensor<{rows}x8xf32>", "tensor<1x8xf32>"
    lines = [f"func.func @rows(%v0: {row}) -> {whole} {{"]
    lines += ["%zero = arith.constant 0.0 : f32", f"%empty = tensor.empty() : {whole}"]
    lines += [f"%t0 = linalg.fill ins(%zero : f32) outs(%empty : {whole}) -> {whole}"]
    for n in range(rows):
        before = f"%v{n}"
        if reads and n:
            before = f"%r{n}"
            lines += [f"{before} = tensor.extract_slice %t{n}[{n - 1}, 0] [1, 8] [1, 1] : {whole} to {row}"]
        lines += [f"%e{n} = tensor.empty() : {row}"]
        lines += [f"%v{n + 1} = linalg.exp ins({before} : {row}) outs(%e{n} : {row}) -> {row}"]
        lines += [f"%t{n + 1} = tensor.insert_slice %v{n + 1} into %t{n}[{n}, 0] [1, 8] [1, 1] : {row} into {whole}"]
    return "\n".join([*lines, f"return %t{rows} : {whole}", "}"])


def seconds(text):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    line = [sys.argv[1], "-", "--one-shot-bufferize=bufferize-function-boundaries", "-o", "/dev/null"]
    subprocess.run(line, input=text.encode(), check=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


start = seconds(module(1, False))
for title, reads in (("rows kept apart", False), ("rows read back", True)):
    few, many = (min(seconds(module(rows, reads)) for _ in range(2)) - start for rows in (60, 120))
    grows = "more" if many > 5 * few else "NOT more"
    print(f"{title}: 60 rows {few:.2f} s, 120 rows {many:.2f} s: {grows} than 5 times as long")
    assert many > 5 * few
PYTHON
python3 look.py "$opt"
