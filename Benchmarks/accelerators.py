#!/usr/bin/env python3
"""Measures what the curves of mini/accelerators cost in seconds: decoding one prompt and sixteen at a time, and training.

    Benchmarks/accelerators.py D3LLM STORE [--limit 400] [--steps 60] [--markdown FILE] [--json FILE]

STORE has a finished run of configs/mini/accelerators.json. Each curve's operating point is decoded again over the same problems, with `groupSize` 1
and 16, and each student is trained again for a few steps, one stage after the other on one thread, so that a row says what one core does.
Seconds are those of the stages, loading the model included; tokens are counted as in the table, up to the first end token. A method without an operating point
is left out. It needs an idle machine and takes about ten minutes.
"""
import argparse
import json
import pathlib
import subprocess
import sys

CONFIG = pathlib.Path(__file__).resolve().parent.parent / "configs/mini/accelerators.json"


def newest(store, experiment, stage):
    """The newest run that has a stage: runs of single stages leave the others out."""
    for record in sorted((store / experiment / "runs").glob("*/run.json"), reverse=True):
        run = json.loads(record.read_text())
        if any(entry["stage"] == stage and entry.get("artifact") for entry in run["stages"]):
            return run
    sys.exit(f"{store} has no run of {experiment} with the stage {stage}: run `make accelerators` first.")


def artifact(store, run, stage):
    for entry in run["stages"]:
        if entry["stage"] == stage:
            return json.loads((store / entry["artifact"] / "artifact.json").read_text())
    sys.exit(f"The run has no stage {stage}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("d3llm")
    parser.add_argument("store", type=pathlib.Path)
    parser.add_argument("--limit", type=int, default=400)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--markdown", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    store = arguments.store

    def d3llm(*options):
        done = subprocess.run([arguments.d3llm, *map(str, options)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(map(str, options))} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    config = json.loads(d3llm("config", "show", CONFIG))
    experiment, stages = config["name"], config["stages"]
    table = artifact(store, newest(store, experiment, "table"), "table")

    def again(stage, variant, *settings):
        """Makes a stage again with other settings, and returns its artifact."""
        chosen = f"{stage}[{variant}]" if variant else stage
        options = [part for setting in settings for part in ("--set", setting)]
        d3llm("run", CONFIG, "--store", store, "--threads", 1, "--jobs", 1, "--no-forecast", "--only", chosen, "--force", chosen, *options)
        return artifact(store, newest(store, experiment, chosen), chosen)

    training, rows = {}, []
    for label, reference in stages["table"]["curves"].items():
        stage = reference.lstrip("@")
        setting = table["metrics"]["methods"][label]["setting"]
        row = {"method": label, "setting": setting}
        rows.append(row)
        model = stages[stage]["model"].lstrip("@")
        if model not in ("teacher", "autoregressive"):
            if model not in training:
                steps = f"variables.steps={arguments.steps}"
                made = again(model, None, steps)
                training[model] = made["seconds"] / arguments.steps
            row["secondsPerStep"] = training[model]
        if setting is None:
            continue
        # The setting is written as the report shows it: "threshold 0.95"; a stage without a matrix has its label.
        variant = None
        if stages[stage].get("matrix"):
            name, value = setting.rsplit(" ", 1)
            variant = f"{name}={value}"
        for size in (1, 16):
            made = again(stage, variant, f"stages.{stage}.groupSize={size}", f"stages.{stage}.limit={arguments.limit}")
            row[f"batch{size}"] = made["metrics"]["tokens"] / made["seconds"]
            row["tokens"] = made["metrics"]["tokens"]
            row["machine"] = made["machine"]
        print(row, file=sys.stderr)

    slowest = next(row for row in rows if row["method"] == "autoregressive")

    def cell(row, key):
        return f"{row[key]:,.0f} ({row[key] / slowest[key]:.1f})" if key in row else "—"

    lines = [
        "| method | setting | tokens/s, one prompt | tokens/s, 16 prompts | seconds per training step |",
        "| :--- | :--- | ---: | ---: | ---: |",
    ]
    for row in rows:
        step = f"{row['secondsPerStep']:.2f}" if "secondsPerStep" in row else ""
        lines.append(f"| {row['method']} | {row['setting'] or '—'} | {cell(row, 'batch1')} | {cell(row, 'batch16')} | {step} |")
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.markdown:
        arguments.markdown.write_text(text)
    if arguments.json:
        arguments.json.write_text(json.dumps({"limit": arguments.limit, "steps": arguments.steps, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
