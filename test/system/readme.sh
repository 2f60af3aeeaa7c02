#!/bin/sh
# The example of README.md, as it stands there: the module is compiled with the
# command, the C code is completed to a program, and the program runs under qemu.
# usage: readme.sh PFP
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
pfp=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# block LANGUAGE TEXT - the block of README.md in this language that contains TEXT
block() {
    awk -v language="$1" -v text="$2" '
        $0 == "```" && open { if (index(body, text)) printf "%s", body; open = 0 }
        open { body = body $0 "\n" }
        $0 == "```" language { open = 1; body = "" }
    ' "$root/README.md"
}

# The parameters that the module names, all zero: so are mean and variance.
cat >"$folder/header" <<'END'
{"fc1.weight.mean":{"dtype":"F32","shape":[32,64],"data_offsets":[0,8192]},
"fc1.weight.var":{"dtype":"F32","shape":[32,64],"data_offsets":[8192,16384]},
"fc2.weight.mean":{"dtype":"F32","shape":[10,32],"data_offsets":[16384,17664]},
"fc2.weight.var":{"dtype":"F32","shape":[10,32],"data_offsets":[17664,18944]}}
END
length=$(wc -c <"$folder/header")
{
    # Eight bytes, the least first; the length has two.
    # shellcheck disable=SC2059 # the format is the bytes
    printf "$(printf '\\%03o\\%03o\\0\\0\\0\\0\\0\\0' $((length % 256)) $((length / 256)))"
    cat "$folder/header"
    head -c 18944 /dev/zero
} >"$folder/net.safetensors"

cd "$folder"
block mlir @net >net.mlir
block sh 'pfp compile net.mlir' | sed 's/ *#.*//' >compile.sh
grep -q . net.mlir || { echo "readme.sh: README.md has no module @net" >&2; exit 1; }
pfp() { "$pfp" "$@"; }
. ./compile.sh >/dev/null

# What stands before the call is file scope, the call and what follows is main.
block c pfp_net >code.c
{
    echo '#include <stdio.h>'
    sed '/pfp_net(/,$d' code.c
    echo 'int main(void) { static float input[PFP_NET_INPUT_ELEMENTS];'
    sed -n '/pfp_net(/,$p' code.c
    echo 'printf("status %d, mean %g, variance %g", status, mean[9], variance[9]); }'
} >main.c
aarch64-linux-gnu-gcc -std=c11 -Wall -Wextra -Werror -Iout -static main.c out/net.o -o main
result=$(qemu-aarch64 ./main)
if [ "$result" != "status 0, mean 0, variance 0" ]; then
    echo "readme.sh: the program of README.md prints '$result'" >&2
    exit 1
fi
