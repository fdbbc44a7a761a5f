#!/usr/bin/env python3
"""Times stages of the smoke experiment with ranks and with threads, in turns; prints medians and efficiencies.

Each stage is made again (--force) in one store; what counts is its time in the run's record. Efficiency is the time of one
rank with one thread, over ranks times the time of these ranks. With --scaling it goes to 8 ranks on however few cores there
are, for the shape that the model of cost in docs/cluster.md has.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
D3LLM = ROOT / ".build/release/d3llm"
CONFIG = ROOT / "configs/mini/smoke.json"
# More samples than the smoke experiment has, so that the end of a stage, when some wait for others, counts for less.
SETTINGS = ["stages.trajectories.count=640", "stages.problems.test=512", "stages.student.steps=150"]
STAGES = {"trajectories": "trajectories", "evaluate": "vanilla", "distill": "student", "pretrain": "teacher"}


def run(store, stage, ranks, threads, force=True):
    """Seconds that a stage takes; None unless it is made again."""
    command = [str(D3LLM), "run", str(CONFIG), "--store", str(store), "--threads", str(threads), "--no-forecast"]
    for setting in SETTINGS:
        command += ["--set", setting]
    command += ["--only", stage] + (["--force", stage] if force else [])
    if ranks > 1:
        # Bound to nothing: with fewer cores than ranks there is nothing to bind to.
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks)] + command
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    outcome = subprocess.run(command, env=environment, capture_output=True, text=True)
    if outcome.returncode:
        sys.exit(f"{' '.join(command)}\n{outcome.stderr}")
    if not force:  # what was there already leaves no record
        return None
    newest = sorted((store / "mini/smoke/runs").iterdir(), key=lambda p: p.stat().st_mtime)[-1]
    record = json.loads((newest / "run.json").read_text())
    return next(entry["seconds"] for entry in record["stages"] if entry["stage"] == stage)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=pathlib.Path, default=ROOT / ".build/bench-ranks")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--scaling", action="store_true", help="1 to 8 ranks instead")
    parser.add_argument("stages", nargs="*", default=list(STAGES), help=", ".join(STAGES))
    arguments = parser.parse_args()
    shapes = [(n, 1) for n in (1, 2, 3, 4, 8)] if arguments.scaling else [(1, 1), (1, 2), (2, 1)]
    print("| stage | " + " | ".join(f"{r} x {t}" for r, t in shapes) + " | efficiency of the last |")
    print("|---|" + "---|" * (len(shapes) + 1))
    for kind in arguments.stages:
        stage = STAGES[kind]
        run(arguments.store, stage, 1, os.cpu_count(), force=False)
        times = {shape: [] for shape in shapes}
        for _ in range(arguments.repetitions):
            for shape in shapes:
                times[shape].append(run(arguments.store, stage, *shape))
        medians = [statistics.median(times[shape]) for shape in shapes]
        cores = min(os.cpu_count(), shapes[-1][0] * shapes[-1][1])
        cells = " | ".join(
            f"{m:.2f} s ({min(times[s]):.2f} to {max(times[s]):.2f})" for s, m in zip(shapes, medians))
        print(f"| {kind} | {cells} | {medians[0] / medians[-1] / cores:.2f} |", flush=True)


if __name__ == "__main__":
    main()
