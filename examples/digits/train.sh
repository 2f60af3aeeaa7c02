#!/bin/sh
# Trains the built-in networks: sh train.sh [mlp] [cnn]. PFP is the compiler, OUT the folder to write to.
set -eu
cd "$(dirname -- "$0")"

PFP=${PFP:-../../target/release/pfp}
OUT=${OUT:-.}

# train NETWORK OPTION.. - by draws of the weights, so that moments and sampling are alike
train() {
    network=$1
    shift
    "$PFP" train "$network.mlir" --posterior svi \
        --data train@labels=train-labels.npy --scale 1/16 --normalize 0.5,0.5 \
        --batch 128 --learning-rate 0.003 --deviation-rate 4 --schedule cosine \
        --beta 0.1 --seed 1 --no-checkpoint "$@" -o "$OUT/$network.safetensors"
}

[ $# -gt 0 ] || set -- mlp cnn
for network; do
    case $network in
    mlp) train mlp --epochs 450 --kl-warm-up 112 --prior 0.5 --shards 8 ;;
    cnn) train cnn --epochs 540 --kl-warm-up 135 --prior 3 --shards 16 --init-sigma 0.3 ;;
    *) echo "train.sh: no network $network; there are mlp and cnn" >&2 && exit 2 ;;
    esac
done
