#!/usr/bin/env bash
# Checks autograd_nn on a machine with a GPU, in less than ten minutes: all tests that need one, the gradients of all
# functions on it beside those on the CPU, a training run, and the benchmark against PyTorch.
#
#     OUT=results bash scripts/gpu_check.sh
#
# It needs Python with CuPy; nvidia-cudnn-frontend for what is computed by cuDNN, whose library PyTorch brings; and for
# all of it pytest, hypothesis, SciPy, Pillow, tqdm and PyTorch; no network, and no installation of autograd_nn. Each part
# writes its file into $OUT (by default gpu_check/); the exit status says whether tests and training succeeded.
set -uo pipefail
cd "$(dirname "$0")/.."
out=${OUT:-gpu_check}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The package as it is installed, where models/ is autograd_nn.models.
cp -r autograd_nn "$work/autograd_nn"
cp -r models "$work/autograd_nn/models"
cp -r tests scripts setup.cfg "$work/"
export PYTHONPATH=$work${PYTHONPATH:+:$PYTHONPATH} AUTOGRAD_NN_NUM_THREADS=4
status=0

run() {  # run NAME SECONDS COMMAND...: the output goes to the terminal and to $out/NAME.txt
    local name=$1 seconds=$2
    shift 2
    echo "== $name: $*"
    (cd "$work" && timeout "$seconds" "$@") 2>&1 | tee "$out/$name.txt"
    local code=${PIPESTATUS[0]}
    echo "== $name: exit status $code" | tee -a "$out/$name.txt"
    return "$code"
}

run versions 30 python -c '
import autograd_nn
from autograd_nn import cuda
autograd_nn.show_config()
cuda.check_cuda_available()
properties = cuda.cupy.cuda.runtime.getDeviceProperties(0)
print(properties["name"].decode(), properties["totalGlobalMem"] >> 20, "MiB")
cuda.cupy.show_config()' || exit 1

# Most of the time goes into building kernels, on the CPU.
parallel=$(python -c 'import os, xdist; print("-n", min(16, len(os.sched_getaffinity(0))))' 2>/dev/null)
# shellcheck disable=SC2086 # no argument where there is no xdist
run kernels 120 python -m pytest -q -p no:cacheprovider $parallel -m gpu tests || status=1
# shellcheck disable=SC2086
run functions 120 python -m pytest -q -p no:cacheprovider $parallel tests/functions_tests || status=1
run train 40 python scripts/train.py --device cuda:0 --epochs 3 --out "$out/train" || status=1
run train_amp 40 python scripts/train.py --device cuda:0 --amp --epochs 3 --out "$out/train_amp" || status=1
run train_graph 40 python scripts/train.py --device cuda:0 --cuda-graph --epochs 3 --out "$out/train_graph" || status=1

benchmark() {  # benchmark NAME SECONDS ARGUMENTS...
    local name=$1 seconds=$2
    shift 2
    run "$name" "$seconds" python scripts/benchmark.py models --device cuda --what training --rounds 4 \
        --json "$out/$name.json" "$@"
}
benchmark benchmark_tf32 80 --precision tf32 --rows mlp lenet vgg16 resnet50 lstm_lm
benchmark benchmark_mixed 50 --precision mixed --batch 64 --rows resnet50 vgg16 lstm_lm
benchmark benchmark_graph 50 --precision mixed --batch 64 --rows resnet50 vgg16 lstm_lm --cuda-graph
exit "$status"
