#!/usr/bin/env python3
"""Measures this project against its peers, in turns; figures.py makes figures of the times.

    Benchmarks/run.py --json FILE [--turns 1] [--store store] [--python PYTHON-WITH-TORCH] [--llama LLAMA-BENCH]

Each turn runs every benchmark of ours and of the peers once, one after another, so that a machine that is busy for a while
disturbs both. A turn takes about ten minutes.
"""
import argparse
import glob
import json
import os
import platform
import re
import subprocess
import sys
import time

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


def measure(options, model, prompts):
    figures = Figures()
    peer = lambda program, *rest: call([options.python, os.path.join(HERE, "peers", program), *rest])
    for turn in range(options.turns):
        print(f"turn {turn + 1} of {options.turns}", file=sys.stderr)
        figures.add("ours", call([OURS, "products", "2", "15"]))
        figures.add("torch", peer("products.py", "2", "15"))
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
        for name, arguments in [("step", "2"), ("train", "20"), ("products", "15")]:
            figures.add(f"one thread {name}", call([OURS, name, "1", arguments]))
        figures.add("one thread decode", call([OURS, "decode", "1", "2", model, prompts, "0.3", "16", "float32"]))
    return figures


def machine(python):
    """What the times depend on."""
    with open("/proc/cpuinfo") as file:
        processor = next(line for line in file if line.startswith("model name")).split(":")[1].strip()
    with open("/proc/meminfo") as file:
        memory = int(next(line for line in file if line.startswith("MemTotal")).split()[1]) / 2**20
    release = platform.freedesktop_os_release()
    swift = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout
    version = re.search(r"Swift version ([\d.]+)", swift)
    return {
        "processor": processor, "cores": os.cpu_count(), "memoryGiB": round(memory, 1), "system": release["PRETTY_NAME"],
        "swift": version and version[1], "python": platform.python_version(),
        **call([python, "-c", "import json, torch; print(json.dumps({'torch': torch.__version__}))"]),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--store", default="store")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--llama", help="a built llama-bench; its figures are left out otherwise")
    parser.add_argument("--json", required=True)
    options = parser.parse_args()
    students = sorted(glob.glob(f"{options.store}/mini/table1/student-*") or glob.glob(f"{options.store}/mini/smoke/student-*"))
    if not students:
        sys.exit(f"{options.store} has no trained model; run `make reproduce` or `make smoke` first.")
    model = students[-1]
    problems = sorted(glob.glob(os.path.join(os.path.dirname(model), "problems-*/test.jsonl")))[-1]
    prompts = os.path.join(HERE, "speed/.build/prompts.json")
    with open(prompts, "w") as file:
        json.dump(call([OURS, "prompts", model, problems, "200"]), file)
    begin = time.monotonic()
    figures = measure(options, model, prompts)
    tokens = [figures.facts[f"{name} tokens"] for name in ("ours decode", "torch decode float32")]
    result = {
        **machine(options.python), "date": time.strftime("%Y-%m-%d"), "minutes": round((time.monotonic() - begin) / 60, 1),
        "llama": options.llama and "llama-cpp-python 0.3.36", "turns": options.turns,
        "prompts": len(tokens[0]), "samePrompts": sum(a == b for a, b in zip(*tokens)), "seconds": figures.times,
    }
    with open(options.json + ".new", "w") as file:
        json.dump(result, file, indent=1)
    os.replace(options.json + ".new", options.json)


main()
