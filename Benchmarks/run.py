#!/usr/bin/env python3
"""Measures this project against its peers, in turns, and prints the table of Benchmarks/README.md.

    Benchmarks/run.py [--turns 1] [--store store] [--python PYTHON-WITH-TORCH] [--llama LLAMA-BENCH] [--json FILE]

Each turn runs every benchmark of ours and of the peers once, one after another, so that a machine that is busy for a while
disturbs both. A figure is the median over all repetitions of all turns. A turn takes about ten minutes.
"""
import argparse
import glob
import json
import os
import platform
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = os.path.join(HERE, "speed/.build/release/speed-bench")


def call(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


class Figures:
    """Times in seconds by name, over all turns."""

    def __init__(self):
        self.times = {}
        self.facts = {}

    def add(self, prefix, result):
        for name, value in result.items():
            if isinstance(value, list) and value and isinstance(value[0], (int, float)):
                self.times.setdefault(f"{prefix} {name}", []).extend(value)
            else:
                self.facts[f"{prefix} {name}"] = value

    def median(self, name):
        return statistics.median(self.times[name])

    def milliseconds(self, name):
        times = sorted(self.times[name])
        quarter = len(times) // 4
        digits = 1 if times[0] < 0.1 else 0
        return f"{1e3 * self.median(name):.{digits}f} ({1e3 * times[quarter]:.{digits}f}–{1e3 * times[-1 - quarter]:.{digits}f})"


def measure(options, model, prompts):
    figures = Figures()
    peer = lambda program, *rest: call([options.python, os.path.join(HERE, "peers", program), *rest])
    for turn in range(options.turns):
        print(f"turn {turn + 1} of {options.turns}", file=sys.stderr)
        figures.add("ours", call([OURS, "products", "2", "5"]))
        figures.add("torch", peer("products.py", "2", "5"))
        figures.add("ours step", call([OURS, "step", "2", "5"]))
        figures.add("torch step", peer("step.py", "2", "5"))
        if options.llama:
            figures.add("llama", peer("llama_model.py", options.llama, os.path.dirname(options.llama), "2", "5"))
        figures.add("ours train", call([OURS, "train", "2", "30"]))
        figures.add("torch train", peer("train.py", "2", "12"))
        figures.add("ours decode", call([OURS, "decode", "2", "5", model, prompts, "0.3", "16", "float32"]))
        figures.add("ours single", call([OURS, "decode", "2", "5", model, prompts, "0.3", "1", "float32"]))
        for dtype in ["float32", "bfloat16"]:
            figures.add(f"torch decode {dtype}", peer("decode.py", "2", "3", model, prompts, "0.3", dtype))
        figures.add("ours long", call([OURS, "long", "2", "2"]))
        for name, arguments in [("step", "2"), ("train", "20"), ("products", "2")]:
            figures.add(f"one thread {name}", call([OURS, name, "1", arguments]))
        figures.add("one thread decode", call([OURS, "decode", "1", "2", model, prompts, "0.3", "16", "float32"]))
    return figures


def rate(figures, name):
    m, n, k = map(int, name.split()[-1].split("x"))
    return 2e-9 * m * n * k / figures.median(name)


def report(f):
    large = max(rate(f, "torch bfloat16 4096x4096x4096"), rate(f, "ours bfloat16 4096x4096x4096"))
    print("| product, GFLOP/s | ours bf16 | PyTorch bf16 | share of the large product | ours int8 |\n|---|---|---|---|---|")
    for shape in ["32x4096x4096", "64x4096x4096", "128x4096x4096", "64x12288x4096", "64x4096x12288", "4096x4096x4096"]:
        ours = rate(f, f"ours bfloat16 {shape}")
        print(f"| {shape} | {ours:.0f} | {rate(f, f'torch bfloat16 {shape}'):.0f} | {ours / large:.0%} | {rate(f, f'ours int8 {shape}'):.0f} |")
    print("\n| figure | ours, ms | peer, ms | ratio |\n|---|---|---|---|")

    def row(name, ours, peer, label):
        print(f"| {name} | {f.milliseconds(ours)} | {label} {f.milliseconds(peer)} | {f.median(peer) / f.median(ours):.2f} |")

    for kind in ["full", "cached"]:
        for way in ["upstream", "tuned", "layers"]:
            row(f"8B step, {kind}", f"ours step bfloat16 {kind}", f"torch step {way} {kind}", f"PyTorch {way}")
        row(f"8B step, {kind}, int8 against bf16", f"ours step int8 {kind}", f"ours step bfloat16 {kind}", "ours bf16")
        if f"llama bf16 {kind}" in f.times:
            row(f"8B step, {kind}, against layers alone", f"ours step bfloat16 {kind}", f"llama bf16 {kind}", "llama.cpp bf16")
            row(f"8B step, {kind}, against layers alone", f"ours step int8 {kind}", f"llama q8_0 {kind}", "llama.cpp q8_0")
    print(f"| scores of 64 rows, share of the cached step | {f.milliseconds('ours step bfloat16 scores')} | | {f.median('ours step bfloat16 scores') / f.median('ours step bfloat16 cached'):.1%} |")
    for model in ["mini", "wide"]:
        best = min((n for n in f.times if n.startswith(f"torch train {model}")), key=f.median)
        for precision in ["float32", "bfloat16"]:
            label = f"PyTorch {best.removeprefix(f'torch train {model} ')}"
            row(f"training step, {model} model, {precision}", f"ours train {model} {precision}", best, label)
    best = min(("torch decode float32 decode", "torch decode bfloat16 decode"), key=f.median)
    row("200 prompts, mini model", "ours decode decode", best, f"PyTorch {best.split()[2]}")
    row("the same, one prompt at a time", "ours single decode", best, f"PyTorch {best.split()[2]}")
    same = sum(a == b for a, b in zip(f.facts["ours decode tokens"], f.facts["torch decode float32 tokens"]))
    print(f"| prompts with the same tokens | | | {same} of {len(f.facts['ours decode tokens'])} |")
    row("multi-block behind 1024 tokens, with cache", "ours long multi-block-cache", "ours long multi-block", "ours without")
    for name, one, two in [
        ("8B step, full", "one thread step bfloat16 full", "ours step bfloat16 full"),
        ("8B step, cached", "one thread step bfloat16 cached", "ours step bfloat16 cached"),
        ("training step, mini", "one thread train mini float32", "ours train mini float32"),
        ("training step, wide, bfloat16", "one thread train wide bfloat16", "ours train wide bfloat16"),
        ("200 prompts", "one thread decode decode", "ours decode decode"),
        ("bf16 64x4096x4096", "one thread products bfloat16 64x4096x4096", "ours bfloat16 64x4096x4096"),
    ]:
        row(f"two threads, {name}", two, one, "one thread")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--store", default="store")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--llama", help="a built llama-bench; its figures are left out otherwise")
    parser.add_argument("--json")
    options = parser.parse_args()
    students = sorted(glob.glob(f"{options.store}/mini/table1/student-*") or glob.glob(f"{options.store}/mini/smoke/student-*"))
    if not students:
        sys.exit(f"{options.store} has no trained model; run `make reproduce` or `make smoke` first.")
    model = students[-1]
    problems = sorted(glob.glob(os.path.join(os.path.dirname(model), "problems-*/test.jsonl")))[-1]
    prompts = os.path.join(HERE, "speed/.build/prompts.json")
    with open(prompts, "w") as file:
        json.dump(call([OURS, "prompts", model, problems, "200"]), file)
    figures = measure(options, model, prompts)
    if options.json:
        with open(options.json, "w") as file:
            processor = next(l for l in open("/proc/cpuinfo") if l.startswith("model name")).split(":")[1].strip()
            versions = call([options.python, "-c", "import json, torch; print(json.dumps({'torch': torch.__version__}))"])
            json.dump({"processor": processor, "cores": os.cpu_count(), "python": platform.python_version(), **versions, "seconds": figures.times}, file, indent=1)
    report(figures)


main()
