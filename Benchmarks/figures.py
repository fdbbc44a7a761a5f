#!/usr/bin/env python3
"""Turns the times that run.py measured into figures: ratios to peers, with goals, as a table and as JSON.

    Benchmarks/figures.py bench.json [--record experiments/performance/results]

With --record the folder gets figures.json and table.md; `make bench` draws its charts from the former.
"""
import argparse
import json
import os
import statistics

SHAPES = ["32x4096x4096", "64x4096x4096", "128x4096x4096", "64x12288x4096", "64x4096x12288", "4096x4096x4096"]
LARGE = SHAPES[-1]
# Ratios that were to be reached on 2 cores with AVX-512, written down before anything was measured.
GOALS = {
    "8B step, full / PyTorch upstream": 3.3,
    "8B step, cached / PyTorch upstream": 2.3,
    "8B step, full / PyTorch tuned": 1.15,
    "8B step, cached / PyTorch tuned": 1.5,
    "8B step, full / llama.cpp layers": 1.6,
    "8B step, cached / llama.cpp layers": 1.6,
    "8B step int8, full / ours bf16": 1.6,
    "8B step int8, cached / ours bf16": 1.6,
    "training step, mini model / PyTorch, best": 3,
    "200 prompts, mini model / PyTorch, best": 5,
    "multi-block behind 1024 tokens, cached / ours without cache": 1.35,
}


class Figures:
    """Figures of the times in seconds by name."""

    def __init__(self, raw):
        self.times = raw["seconds"]
        self.raw = raw

    def has(self, name):
        return name in self.times

    def median(self, name):
        return statistics.median(self.times[name])

    def milliseconds(self, name):
        """Median and quartiles."""
        times = sorted(self.times[name])
        quarter = len(times) // 4
        return {"median": 1e3 * self.median(name), "lower": 1e3 * times[quarter], "upper": 1e3 * times[-1 - quarter], "n": len(times)}

    def rate(self, name):
        """10^9 operations per second of a product."""
        m, n, k = map(int, name.split()[-1].split("x"))
        return 2e-9 * m * n * k / self.median(name)

    def best(self, prefix):
        return min((n for n in self.times if n.startswith(prefix)), key=self.median)

    def products(self):
        large = max(self.rate(f"torch bfloat16 {LARGE}"), self.rate(f"ours bfloat16 {LARGE}"))
        return [
            {
                "product": shape.replace("x", " x "),
                "ours": self.rate(f"ours bfloat16 {shape}"),
                "PyTorch": self.rate(f"torch bfloat16 {shape}"),
                "share": self.rate(f"ours bfloat16 {shape}") / large,
                "int8": self.rate(f"ours int8 {shape}"),
            }
            for shape in SHAPES
        ]

    def figures(self):
        rows = []

        def row(figure, ours, peer, label, note="", scaling=False):
            name = f"{figure} / {label}"
            goal = 1.8 if scaling else GOALS.get(name)
            ratio = self.median(peer) / self.median(ours)
            rows.append({
                "name": name, "figure": figure, "peer": label, "note": note, "ours": self.milliseconds(ours),
                "theirs": self.milliseconds(peer), "ratio": ratio, "goal": goal,
                "reached": None if goal is None else ratio >= goal,
            })

        for kind in ["full", "cached"]:
            ours = f"ours step bfloat16 {kind}"
            row(f"8B step, {kind}", ours, f"torch step upstream {kind}", "PyTorch upstream")
            row(f"8B step, {kind}", ours, f"torch step tuned {kind}", "PyTorch tuned")
            row(f"8B step, {kind}", ours, f"torch step layers {kind}", "PyTorch layers")
            if self.has(f"llama bf16 {kind}"):
                row(f"8B step, {kind}", ours, f"llama bf16 {kind}", "llama.cpp layers")
                row(f"8B step int8, {kind}", f"ours step int8 {kind}", f"llama q8_0 {kind}", "llama.cpp q8_0 layers")
            row(f"8B step int8, {kind}", f"ours step int8 {kind}", ours, "ours bf16")
        for model in ["mini", "wide"]:
            peer = self.best(f"torch train {model}")
            ours = self.best(f"ours train {model}")
            note = f"ours {ours.split()[-1]}, PyTorch {peer.removeprefix(f'torch train {model} ')}"
            row(f"training step, {model} model", ours, peer, "PyTorch, best", note)
        peer = self.best("torch decode")
        row("200 prompts, mini model", "ours decode decode", peer, "PyTorch, best", f"PyTorch {peer.split()[2]}")
        row("200 prompts, one at a time", "ours single decode", peer, "PyTorch, best", f"PyTorch {peer.split()[2]}")
        row("multi-block behind 1024 tokens, cached", "ours long multi-block-cache", "ours long multi-block", "ours without cache")
        for figure, one, two in [
            ("8B step, full", "one thread step bfloat16 full", "ours step bfloat16 full"),
            ("8B step, cached", "one thread step bfloat16 cached", "ours step bfloat16 cached"),
            ("training step, mini model", "one thread train mini float32", "ours train mini float32"),
            ("training step, wide model, bfloat16", "one thread train wide bfloat16", "ours train wide bfloat16"),
            ("200 prompts", "one thread decode decode", "ours decode decode"),
            ("product 64 x 4096 x 4096, bf16", "one thread products bfloat16 64x4096x4096", "ours bfloat16 64x4096x4096"),
        ]:
            row(f"two threads, {figure}", two, one, "one thread", scaling=True)
        return rows

    def value(self):
        share = self.median("ours step bfloat16 scores") / self.median("ours step bfloat16 cached")
        machine = {key: self.raw[key] for key in ("processor", "cores", "memoryGiB", "system", "swift", "torch", "llama", "date", "minutes") if self.raw.get(key)}
        return {
            "machine": machine, "products": self.products(), "figures": self.figures(), "scoresShare": share,
            "samePrompts": self.raw["samePrompts"], "prompts": self.raw["prompts"],
        }


def times(t):
    digits = 1 if t["median"] < 100 else 0
    return f"{t['median']:.{digits}f} ({t['lower']:.{digits}f}–{t['upper']:.{digits}f})"


def table(value):
    lines = ["| product, GFLOP/s | ours bf16 | PyTorch bf16 | share of the large product | ours int8 |", "|---|---|---|---|---|"]
    for p in value["products"]:
        lines.append(f"| {p['product']} | {p['ours']:.0f} | {p['PyTorch']:.0f} | {p['share']:.0%} | {p['int8']:.0f} |")
    lines += ["", "| figure | ours, ms | peer | peer, ms | ratio | goal |", "|---|---|---|---|---|---|"]
    for f in value["figures"]:
        goal = "" if f["goal"] is None else f"{f['goal']:g}"
        ratio = f"{f['ratio']:.2f}" if f["reached"] in (None, True) else f"**{f['ratio']:.2f}**"
        label = f["peer"] + (f" ({f['note']})" if f["note"] else "")
        lines.append(f"| {f['figure']} | {times(f['ours'])} | {label} | {times(f['theirs'])} | {ratio} | {goal} |")
    lines += [
        f"| scores of 64 rows, share of a cached step | | | | {value['scoresShare']:.1%} | at most 10% |",
        f"| prompts with the same tokens as in PyTorch | | | | {value['samePrompts']} of {value['prompts']} | all |",
    ]
    return "\n".join(lines) + "\n"


def write(path, text):
    with open(path + ".new", "w") as file:
        file.write(text)
    os.replace(path + ".new", path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("times", help="what run.py wrote with --json")
    parser.add_argument("--record", help="a folder for figures.json and table.md")
    options = parser.parse_args()
    with open(options.times) as file:
        value = Figures(json.load(file)).value()
    print(table(value), end="")
    if options.record:
        os.makedirs(options.record, exist_ok=True)
        write(os.path.join(options.record, "figures.json"), json.dumps(value, indent=1, ensure_ascii=False) + "\n")
        write(os.path.join(options.record, "table.md"), table(value))


if __name__ == "__main__":
    main()
