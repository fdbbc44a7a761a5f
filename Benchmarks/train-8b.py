#!/usr/bin/env python3
"""Two steps of LoRA distillation over a checkpoint with LLaDA-8B's shapes and random weights, in a process that is killed
between the steps, and again undisturbed: peak memory and time per step beside the forecast of `plan`, and whether the two
adapters are the same bytes.

    Benchmarks/train-8b.py D3LLM STORE [--layers N] [--width N] [--base stored|int8] [--threads N] [--json FILE]

STORE gets the checkpoint (16 GB in bfloat16 with all 32 layers) as `8b-train` and once more as an artifact; both may be removed
afterwards. The settings are those of configs/paper/distill-llada.json with one answer of 384 tokens per step, which the recipe's
complementary mask makes two sequences.

What is resident is read from /proc/PID/status every 50 ms and at its highest (VmHWM). It counts a mapped file's pages while the
process has them mapped; pages that only the system's cache holds, which it can give back, aren't counted and are printed apart
as what /proc/meminfo calls Cached.
"""
import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import time

PROMPT, RESPONSE, BLOCK = 128, 256, 32


def write_model(folder, layers, width):
    """LLaDA-8B's shapes in bfloat16: either sign, 0.0078 to 0.031, the same numbers in every tensor; norms of 1."""
    wide, vocabulary = 3 * width, 126464 * width // 4096
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["LLaDAModelLM"], "model_type": "llada", "block_type": "llama", "activation_type": "silu",
        "layer_norm_type": "rms", "d_model": width, "n_layers": layers, "n_heads": width // 128, "n_kv_heads": width // 128,
        "mlp_hidden_size": wide, "vocab_size": vocabulary, "embedding_size": vocabulary, "max_sequence_length": 4096,
        "rms_norm_eps": 1e-5, "rope": True, "rope_theta": 500000, "weight_tying": False, "include_bias": False,
        "include_qkv_bias": False, "mask_token_id": 2, "eos_token_id": 1, "torch_dtype": "bfloat16"}, indent=1))
    shapes = {"model.transformer.wte.weight": [vocabulary, width]}
    for i in range(layers):
        block = f"model.transformer.blocks.{i}."
        shapes |= {block + "attn_norm.weight": [width], block + "ff_norm.weight": [width]}
        shapes |= {f"{block}{name}.weight": [width, width] for name in ("q_proj", "k_proj", "v_proj", "attn_out")}
        shapes |= {f"{block}{name}.weight": [wide, width] for name in ("ff_proj", "up_proj")}
        shapes |= {block + "ff_out.weight": [width, wide]}
    shapes |= {"model.transformer.ln_f.weight": [width], "model.transformer.ff_out.weight": [vocabulary, width]}
    header, offset = {}, 0
    for name, shape in shapes.items():
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    piece = bytearray(random.Random(2).randbytes(1 << 26))
    piece[1::2] = piece[1::2].translate(bytes(b & 0x80 | 0x3C for b in range(256)))
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for shape in shapes.values():
            if len(shape) == 1:
                file.write(b"\x80\x3f" * shape[0])
                continue
            left = 2 * shape[0] * shape[1]
            while left:
                left -= file.write(memoryview(piece)[:min(left, len(piece))])


def write_tokenizer(folder):
    """As few words as a prompt needs; the model's other tokens have no text."""
    words = ["<pad>", "<end>", "<mask>", "<unknown>"] + [f"word{i}" for i in range(60)]
    special = [{"id": i, "content": words[i], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                "special": True} for i in range(4)]
    document = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"}, {"type": "Digits", "individual_digits": True}]},
        "post_processor": None, "decoder": None,
        "model": {"type": "WordLevel", "vocab": {w: i for i, w in enumerate(words)}, "unk_token": "<unknown>"},
    }
    (folder / "tokenizer.json").write_text(json.dumps(document))
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"eos_token": "<end>", "mask_token": "<mask>", "pad_token": "<pad>", "unk_token": "<unknown>",
         "tokenizer_class": "PreTrainedTokenizerFast"}))


def write_trajectories(path, mask, vocabulary, count=4):
    """Answers in the published form: blocks one after another, four tokens per step."""
    draw = random.Random(1)
    with open(path, "w") as file:
        for row in range(count):
            prompt = [draw.randrange(4, vocabulary) for _ in range(PROMPT)]
            answer = [draw.randrange(4, vocabulary) for _ in range(RESPONSE)]
            answer = [a if a != mask else 4 for a in answer]
            prompt = [p if p != mask else 4 for p in prompt]
            shown, states = [mask] * RESPONSE, []
            for start in range(0, RESPONSE, BLOCK):
                order = list(range(start, start + BLOCK))
                draw.shuffle(order)
                for step in range(0, BLOCK, 4):
                    for place in order[step:step + 4]:
                        shown[place] = answer[place]
                    states.append(prompt + list(shown))
            file.write(json.dumps({"idx": f"row-{row}", "prompt_ids": prompt, "trajectory": states}) + "\n")


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 24):
            digest.update(part)
    return digest.hexdigest()


def folder_digest(folder):
    """As the kind model-folder computes it."""
    names = sorted(n for n in os.listdir(folder) if n.endswith((".json", ".txt", ".jinja", ".safetensors")))
    lines = "".join(f"{sha256(folder / n)}  {n}\n" for n in names)
    return hashlib.sha256(lines.encode()).hexdigest()


def status(pid):
    try:
        with open(f"/proc/{pid}/status") as file:
            lines = dict(line.split(":", 1) for line in file)
        return {k: int(lines[k].split()[0]) * 1024 for k in ("VmHWM", "RssAnon", "RssFile")}
    except (OSError, KeyError, ValueError):
        return None


def cached():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Cached:"))


def steps_done(path):
    """The step that a checkpoint holds, and when it was written."""
    try:
        written = path.stat().st_mtime
        with open(path, "rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            return int(json.loads(file.read(length))["__metadata__"]["step"]), written
    except (OSError, KeyError, ValueError, struct.error):
        return None


def run(command, store, kill_at=None):
    """Runs it; says how it went, what was resident, and when checkpoints of which step were there."""
    started = time.time()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    peak, cache, seen = {"VmHWM": 0, "RssAnon": 0, "RssFile": 0}, 0, {}
    while process.poll() is None:
        now = status(process.pid)
        if now:
            peak = {k: max(peak[k], v) for k, v in now.items()}
        cache = max(cache, cached())
        for path in store.rglob("checkpoint.safetensors"):
            found = steps_done(path)
            if found and found[1] > started and found[0] not in seen:
                seen[found[0]] = found[1]
        if kill_at in seen:
            process.send_signal(signal.SIGKILL)
            process.wait()
            break
        time.sleep(0.05)
    ended = time.time()
    output = process.stdout.read()
    if process.returncode and kill_at is None:
        sys.exit(f"{' '.join(map(str, command))}\n{output}")
    return {"peak": peak, "cache": cache, "checkpoints": seen, "ended": ended, "output": output}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("d3llm")
    parser.add_argument("store", type=pathlib.Path)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--width", type=int, default=4096, help="narrower models are for trying this program out")
    parser.add_argument("--base", choices=["stored", "int8"], default="stored")
    parser.add_argument("--threads", default=str(os.cpu_count()))
    parser.add_argument("--json")
    options = parser.parse_args()

    store = options.store.resolve()
    store.mkdir(parents=True, exist_ok=True)
    model = store / "8b-train"
    if not (model / "tokenizer_config.json").exists():
        write_model(model, options.layers, options.width)
        write_tokenizer(model)
    config = json.loads((model / "config.json").read_text())
    if (config["n_layers"], config["d_model"]) != (options.layers, options.width):
        sys.exit(f"{model} has {config['n_layers']} layers of width {config['d_model']}; remove it to make another")
    digest_file = store / "8b-train.digest"
    if not digest_file.exists():
        digest_file.write_text(folder_digest(model))
    rows = store / "8b-train.jsonl"
    write_trajectories(rows, mask=2, vocabulary=config["vocab_size"])
    adapter = {"rank": options.width // 16, "alpha": 256, "targets": ["query", "key", "value", "up"]}
    if options.base == "int8":
        adapter["base"] = "int8"
    experiment = store / "8b-train.json"
    experiment.write_text(json.dumps({
        "name": "bench/train-8b", "seed": 42,
        "stages": {
            "model": {"kind": "model-folder", "path": str(model), "digest": digest_file.read_text()},
            "rows": {"kind": "local-files", "path": str(rows), "sha256": sha256(rows)},
            "trajectories": {"kind": "import-trajectories", "files": "@rows", "model": "@model", "blockLength": BLOCK,
                             "maximumLength": PROMPT + RESPONSE},
            "student": {
                "kind": "distill", "teacher": "@model", "trajectories": "@trajectories", "steps": 2, "batch": 1,
                "precision": "bfloat16", "checkpointSeconds": 0, "adapter": adapter,
                "optimizer": {"learningRate": 2e-5, "weightDecay": 0.01, "warmup": 0, "decayShare": 0, "clip": 1},
                "d3llm": {"windowLengths": [32], "noise": {"schedule": "progressive", "minimum": 0, "maximum": 0.8}},
            },
        }}, indent=1))
    place = ["--store", str(store / "8b-store"), "--threads", options.threads]
    artifacts = store / "8b-store"
    command = [options.d3llm, "run", str(experiment), "--no-forecast", *place]
    run([*command, "--only", "trajectories"], artifacts)

    def planned():
        plan = subprocess.run([options.d3llm, "plan", str(experiment), "--json", *place], check=True,
                              capture_output=True, text=True)
        return next(s for s in json.loads(plan.stdout)["stages"] if s["stage"] == "student")

    student = pathlib.Path(planned()["folder"])
    # One of an earlier call would be taken as it is.
    shutil.rmtree(student, ignore_errors=True)
    forecast = planned()["forecast"]
    killed = run(command, artifacts, kill_at=1)
    resumed = run(command, artifacts)
    first = sha256(student / "adapter_model.safetensors")
    shutil.rmtree(student)
    whole = run(command, artifacts)
    again = sha256(student / "adapter_model.safetensors")

    times = whole["checkpoints"]
    result = {
        "layers": options.layers, "base": options.base, "threads": int(options.threads),
        "forecastBytes": forecast["memoryBytes"], "forecastSecondsPerStep": forecast["seconds"] / 2,
        "peakBytes": whole["peak"]["VmHWM"], "peakAnonymousBytes": whole["peak"]["RssAnon"],
        "peakMappedBytes": whole["peak"]["RssFile"], "peakBytesResumed": resumed["peak"]["VmHWM"],
        "cachedBytes": whole["cache"],
        "secondsOfFirstStepWithCheckpoint": times[1] - times[0] if {0, 1} <= set(times) else None,
        "killedAfterStep": sorted(killed["checkpoints"]), "sameBytes": first == again,
    }
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=1) + "\n")
    gigabytes = lambda n: f"{n / 1e9:.2f} GB"
    shapes = "LLaDA-8B's shapes" if options.width == 4096 else f"width {options.width}"
    print(f"LoRA of rank {options.width // 16} over {options.layers} layers of {shapes}, base {options.base}, "
          "2 sequences of 384 tokens a step")
    print(f"  resident at most   {gigabytes(result['peakBytes'])}, forecast {gigabytes(result['forecastBytes'])} "
          f"({100 * result['forecastBytes'] / result['peakBytes'] - 100:+.0f} %)")
    print(f"    of it at most    {gigabytes(result['peakAnonymousBytes'])} of its own, "
          f"{gigabytes(result['peakMappedBytes'])} of mapped files; after a resume {gigabytes(result['peakBytesResumed'])}")
    print(f"    beside it        {gigabytes(result['cachedBytes'])} in the system's cache, files of others included")
    if result["secondsOfFirstStepWithCheckpoint"]:
        print(f"  a step             {result['secondsOfFirstStepWithCheckpoint']:.1f} s with its checkpoint, "
              f"forecast {result['forecastSecondsPerStep']:.1f} s")
    print(f"  killed and resumed {'the same bytes' if result['sameBytes'] else 'OTHER BYTES'}")
    sys.exit(0 if result["sameBytes"] else 1)


if __name__ == "__main__":
    main()
