#!/usr/bin/env python3
"""Writes what a run of d3llm measured for TensorBoard or for Weights & Biases, with these programs' own packages.

    pip install tensorboard                    # and/or: pip install wandb
    scripts/export-tracking.py store mini/first --tensorboard logs      # then: tensorboard --logdir logs
    scripts/export-tracking.py store mini/first --wandb logs            # then: wandb sync logs/wandb/offline-run-*

RUN is an experiment, for its newest run, or the name or path of a run's folder; it may go on still. Written are the lines of
training.jsonl of each stage that trains (loss, gradient norm, learning rate as a share of the largest, cross-entropy and entropy of each
group of rows, one step being one step of the optimiser, phases one behind the other), and the numbers that the other stages measured
(tpf, accuracy, nfe, aup, ...). TensorBoard gets a folder per stage, Weights & Biases one offline run with the configuration. The store is
read only.
"""

import argparse
import datetime
import json
import pathlib
import sys


def fail(message):
    sys.exit(f"export-tracking: {message}")


def read(path):
    """A JSON file; None where it isn't there or is being written."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def lines(path):
    """The whole lines of a log that are JSON objects; the last one may be half written."""
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError:
        return []
    found = []
    for line in text.split("\n")[:-1]:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def run_folder(store, name):
    """The folder of the run that a name means."""
    given = pathlib.Path(name)
    for folder in (given, store / name):
        if (folder / "experiment.json").is_file() and folder.parent.name == "runs":
            return folder
    def key(folder):
        time, _, number = folder.name.rpartition("-")
        return time, int(number) if number.isdigit() else 0
    runs = [folder for folder in (store / name / "runs").glob("*-*") if (folder / "experiment.json").is_file()]
    if not runs:
        runs = [folder for folder in store.glob(f"**/runs/{given.name}") if (folder / "experiment.json").is_file()]
    if not runs:
        fail(f"{store} has no run {name}.")
    return max(runs, key=key)


def fingerprints(store, run):
    """(stage, fingerprint, folder of the artifact or None) of the run's stages."""
    record = read(run / "run.json")
    if record:
        return [(s["stage"], s["fingerprint"], store / s["artifact"]) for s in record["stages"]]
    # A run that goes on: what is running says progress.json; what is done lies beside it.
    found = {}
    for stage in (read(run / "progress.json") or {}).get("running", []):
        found[stage["fingerprint"]] = (stage["stage"], stage["fingerprint"], None)
    since = datetime.datetime.strptime(run.name.rpartition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    for path in run.parent.parent.glob("*/artifact.json"):
        artifact = read(path)
        if artifact and timestamp(artifact.get("started")) >= since.timestamp():
            found.setdefault(artifact["fingerprint"], (artifact["stage"], artifact["fingerprint"], path.parent))
    return list(found.values())


def timestamp(text):
    """Seconds since 1970 of an ISO time; 0 where it is none."""
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except (AttributeError, ValueError):
        return 0.0


def numbers(value, name=""):
    """The numbers of a stage's metrics by name, whole objects opened up."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, (int, float)):
        yield name, float(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, f"{name}/{key}" if name else key)


def training(log):
    """(step over all phases, {name: number}, seconds or None) of each line."""
    offset, phase, last = 0, None, 0
    for line in log:
        step = line.get("step")
        if not isinstance(step, int):
            continue
        if phase is not None and line.get("phase") != phase:
            offset += last
        phase, last = line.get("phase"), step
        values = {key: line[key] for key in ("loss", "gradientNorm", "learningRateFactor")
                  if isinstance(line.get(key), (int, float))}
        for group in line.get("groups") or []:
            for key in ("crossEntropy", "entropy"):
                if isinstance(group.get(key), (int, float)):
                    values[f"{group.get('name')}/{key}"] = group[key]
        yield offset + step, values, line.get("seconds")


def collect(store, run):
    """For each stage its name, when it began, how long it took, its training and its metrics."""
    for stage, fingerprint, folder in fingerprints(store, run):
        artifact = read(folder / "artifact.json") if folder else None
        live = store / ".work" / fingerprint / "training-live.jsonl"
        path = folder / "training.jsonl" if artifact and (folder / "training.jsonl").is_file() else live
        points = list(training(lines(path)))
        metrics = dict(numbers(artifact["metrics"])) if artifact else {}
        if points or metrics:
            yield {"stage": stage, "started": timestamp((artifact or {}).get("started")),
                   "seconds": (artifact or {}).get("seconds") or 0.0, "training": points, "metrics": metrics}


def tensorboard(stages, folder):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    for stage in stages:
        writer = EventFileWriter(str(folder / stage["stage"].replace("/", "_")))
        last = stage["training"][-1][0] if stage["training"] else 0
        def add(values, step, time):
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
            writer.add_event(Event(wall_time=time, step=step, summary=summary))
        for step, values, seconds in stage["training"]:
            # Steps of one training take about the same time.
            past = seconds if seconds is not None else stage["seconds"] * step / max(1, last)
            add(values, step, stage["started"] + past)
        if stage["metrics"]:
            add(stage["metrics"], last, stage["started"] + stage["seconds"])
        writer.close()


def check(stages, folder):
    """Reads TensorBoard's files with its own reader; every number has to be there, as a 32-bit float."""
    import numpy
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    count = 0
    for stage in stages:
        reader = EventAccumulator(str(folder / stage["stage"].replace("/", "_")), size_guidance={SCALARS: 0})
        reader.Reload()
        wanted = [(tag, step, value) for step, values, _ in stage["training"] for tag, value in values.items()]
        last = stage["training"][-1][0] if stage["training"] else 0
        wanted += [(tag, last, value) for tag, value in stage["metrics"].items()]
        found = {(tag, event.step, event.value) for tag in reader.Tags()["scalars"] for event in reader.Scalars(tag)}
        missing = [entry for entry in wanted if (*entry[:2], float(numpy.float32(entry[2]))) not in found]
        if missing:
            fail(f"TensorBoard doesn't read {missing[0]} of {stage['stage']}.")
        count += len(wanted)
    print(f"TensorBoard reads all {count} numbers.")


def weights_and_biases(stages, folder, run, config):
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    settings = wandb.Settings(silent=True, disable_git=True, disable_code=True)
    with wandb.init(mode="offline", dir=str(folder), project="d3llm", group=config.get("name"), name=run.name,
                    config=config, settings=settings) as target:
        for stage in stages:
            name = stage["stage"]
            target.define_metric(f"{name}/step")
            target.define_metric(f"{name}/*", step_metric=f"{name}/step")
            for step, values, _ in stage["training"]:
                target.log({f"{name}/step": step, **{f"{name}/{tag}": value for tag, value in values.items()}})
            for tag, value in stage["metrics"].items():
                target.summary[f"{name}/{tag}"] = value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=pathlib.Path)
    parser.add_argument("run")
    parser.add_argument("--tensorboard", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--wandb", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--check", action="store_true", help="read TensorBoard's files again and compare")
    options = parser.parse_args()
    if not options.tensorboard and not options.wandb:
        parser.error("say where to: --tensorboard FOLDER, --wandb FOLDER")
    run = run_folder(options.store, options.run)
    stages = list(collect(options.store, run))
    if not stages:
        fail(f"{run} has measured nothing yet.")
    if options.tensorboard:
        tensorboard(stages, options.tensorboard)
        if options.check:
            check(stages, options.tensorboard)
    if options.wandb:
        weights_and_biases(stages, options.wandb, run, read(run / "experiment.json") or {})
    points = sum(len(stage["training"]) for stage in stages)
    print(f"{run}: {len(stages)} stages, {points} lines of training.")


if __name__ == "__main__":
    main()
