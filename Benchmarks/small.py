#!/usr/bin/env python3
"""Measures the scale of `make small`, a language model of 135 million parameters, against its peers, in turns.

    Benchmarks/small.py D3LLM STORE RUN/STAGE [--turns 2] [--threads 2] [--llama LLAMA-BENCH] [--json FILE]

Training: steps of the adaptation into a masked-diffusion model, 14 rows of prompt and 64 tokens, all parameters, AdamW, in this program and in
PyTorch (transformers' Llama; products in bfloat16 by autocast, and compiled too; 32-bit floats). PyTorch's rows have one length, the mean of
ours, so that it has nothing to pad, and its logits are computed for as many rows as ours have a loss.

Decoding: one prompt at a time of the model RUN/STAGE, in this program through its server, by several methods, and token by token by llama.cpp (`llama-bench`)
with the language model that it was made of, in bfloat16, 8 and 4 bits: a prompt and as many tokens as our answers have on the mean.

It needs an idle machine and `make small-model`. A turn takes about ten minutes.
"""
import argparse
import json
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

TEMPLATE = "{% for message in messages %}{{ message.content }}\n{% endfor %}"
RESPONSE, ROWS = 64, 14


def run(command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


LOCK = pathlib.Path(__file__).resolve().parent.parent / "data.lock"


def configuration(steps, precision):
    mixture = [{"objective": "autoregressive", "rows": 2, "weight": 0.2}, {"objective": "masked-window", "rows": 7, "weight": 0.45},
               {"objective": "masked-uniform", "rows": 5, "weight": 0.35}]
    return {
        "name": "bench/small", "seed": 1,
        "stages": {
            "model": {"kind": "checkpoint", "input": "smollm2-135m-instruct-q4"},
            "problems": {"kind": "synthesize", "task": "english-problems", "train": 2000, "test": 64,
                         "english-problems": {"leastSums": 2, "mostSums": 4}},
            "teacher": {
                "kind": "pretrain", "from": "@model", "data": "@problems", "maskToken": "<|mask|>", "generationLength": RESPONSE,
                "chatTemplate": TEMPLATE, "precision": precision, "checkpointSeconds": 3600,
                "phases": [{"name": "masks", "steps": steps, "windowLength": 16, "mixture": mixture,
                            "optimizer": {"kind": "adamw", "learningRate": 5e-4, "warmup": 10, "weightDecay": 0.01, "decayShare": 0.5}}],
            },
        },
    }


def artifact(store, stage):
    """Folder and record of what a stage made."""
    folders = sorted(pathlib.Path(store, "bench/small").glob(f"{stage}-*"))
    return folders[-1], json.loads((folders[-1] / "artifact.json").read_text())


def ours(d3llm, precision, threads, few=4, many=20):
    """Seconds of a step: what `many` steps take longer than `few`; and the prompts' lengths, and the most memory."""
    seconds = []
    for steps in (few, many):
        with tempfile.TemporaryDirectory(prefix="d3llm-bench.") as folder:
            file = pathlib.Path(folder, "small.json")
            file.write_text(json.dumps(configuration(steps, precision)))
            shutil.copy(LOCK, folder)
            run([d3llm, "run", file, "--store", f"{folder}/store", "--threads", threads])
            _, record = artifact(f"{folder}/store", "teacher")
            seconds.append(record["seconds"])
            memory = record["peakMemoryBytes"]
            model, _ = artifact(f"{folder}/store", "teacher")
            problems, _ = artifact(f"{folder}/store", "problems")
            lengths = token_lengths(model, problems)
    return (seconds[1] - seconds[0]) / (many - few), lengths, memory


def token_lengths(model, problems):
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    with open(problems / "train.jsonl", encoding="utf-8") as file:
        questions = [json.loads(line)["question"] for line, _ in zip(file, range(500))]
    return [len(tokenizer.encode(question + "\n").ids) for question in questions]


def peer(threads, length, logits, repetitions=4):
    """Seconds of steps in PyTorch."""
    import torch
    from torch.nn import functional as F
    from transformers import LlamaConfig, LlamaForCausalLM
    torch.set_num_threads(threads)
    config = LlamaConfig(vocab_size=49153, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
                         num_key_value_heads=3, max_position_embeddings=8192, rope_theta=1e5, tie_word_embeddings=True)
    found = {}
    for name, autocast, compiled in [("bfloat16", True, False), ("bfloat16 compiled", True, True), ("float32", False, False)]:
        torch.manual_seed(1)
        model = LlamaForCausalLM(config)
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.01, fused=True)

        def loss_of(tokens, targets):
            hidden = model.model(tokens, use_cache=False)[0][:, -logits:]
            return F.cross_entropy(model.lm_head(hidden).flatten(0, 1).float(), targets.flatten())

        function = torch.compile(loss_of) if compiled else loss_of
        times = []
        for index in range(repetitions + (2 if compiled else 1)):
            tokens = torch.randint(3, 49000, (ROWS, length))
            targets = torch.randint(3, 49000, (ROWS, logits))
            start = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                loss = function(tokens, targets)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            times.append(time.perf_counter() - start)
        found[name] = times[-repetitions:]
        del model, optimizer
    return found


METHODS = [
    ("one token after the other", "autoregressive", {}),
    ("one token per forward", "vanilla", {"blockLength": 16, "earlyStop": True}),
    ("Fast-dLLM, 0.9", "fast-dllm", {"blockLength": 16, "earlyStop": True, "threshold": 0.9}),
    ("multi-block, 0.5", "multi-block", {"blockLength": 16, "blockAddThreshold": 0.5, "threshold": 0.5}),
    ("multi-block, cache, 0.5", "multi-block-cache",
     {"blockLength": 16, "blockAddThreshold": 0.5, "threshold": 0.5, "cacheDelay": 1, "refreshInterval": 3, "boundaryRow": "corrected"}),
]


class Server:
    """`d3llm serve` of a model, for as long as it is asked."""

    def __init__(self, d3llm, model, store, precision, threads):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [d3llm, "serve", model, "--store", store, "--precision", precision, "--threads", str(threads), "--port", str(self.port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health").read()
                break
            except OSError:
                time.sleep(0.1)
        models = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/models").read())
        self.model = models["data"][0]["id"]

    def ask(self, question, method, options):
        body = {"model": self.model, "messages": [{"role": "user", "content": question}], "max_tokens": RESPONSE,
                "d3llm": {"method": method, "options": options}}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v1/chat/completions", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        start = time.perf_counter()
        with urllib.request.urlopen(request) as reply:
            answer = json.loads(reply.read())
        return time.perf_counter() - start, answer["usage"]["completion_tokens"], answer["usage"]["prompt_tokens"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


def decode(d3llm, store, model, questions, precision, threads):
    server = Server(d3llm, model, store, precision, threads)
    found = {}
    try:
        server.ask(questions[0], "autoregressive", {})
        for name, method, options in METHODS:
            answers = [server.ask(question, method, options) for question in questions]
            found[name] = {"seconds": sum(a[0] for a in answers) / len(answers), "tokens": sum(a[1] for a in answers) / len(answers),
                           "prompt": sum(a[2] for a in answers) / len(answers)}
    finally:
        server.stop()
    return found


def gguf_files(d3llm, folder):
    """The language model in llama.cpp's format: as it was downloaded (Q4_1), and what the stage `export-gguf` writes."""
    stages = {"model": {"kind": "checkpoint", "input": "smollm2-135m-instruct-q4"}}
    names = {weights: weights.replace("_", "").lower() for weights in ["BF16", "Q8_0"]}
    for weights, name in names.items():
        stages[name] = {"kind": "export-gguf", "model": "@model", "weights": weights, "title": "bench"}
    file = pathlib.Path(folder, "gguf.json")
    file.write_text(json.dumps({"name": "bench/small", "seed": 1, "stages": stages}))
    shutil.copy(LOCK, folder)
    run([d3llm, "run", file, "--store", f"{folder}/store"])
    found = {weights: artifact(f"{folder}/store", name)[0] / "model.gguf" for weights, name in names.items()}
    found["Q4_1"] = next(artifact(f"{folder}/store", "model")[0].rglob("*.gguf"))
    return found


def llama(bench, file, prompt, tokens, threads):
    """Seconds of an answer: reading the prompt, then token by token."""
    rows = json.loads(run([bench, "-m", file, "-p", str(prompt), "-n", str(tokens), "-t", threads, "-r", "5", "-o", "json"]))
    return sum(row["avg_ns"] for row in rows) / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("d3llm")
    parser.add_argument("store")
    parser.add_argument("model")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--llama")
    parser.add_argument("--json")
    parser.add_argument("--only", choices=["train", "decode"])
    options = parser.parse_args()
    figures = {"train": {}, "decode": {}}

    def train():
        logits = 24  # 337 rows with a loss per step on the mean, in 14 sequences
        for _ in range(options.turns):
            for precision in ["bfloat16", "float32"]:
                step, lengths, memory = ours(options.d3llm, precision, options.threads)
                figures["train"].setdefault(f"ours {precision}", []).append(step)
            figures["tokens per row"] = statistics.mean(lengths) + RESPONSE
            figures["training memory"] = memory
            length = round(statistics.mean(lengths)) + RESPONSE
            for name, times in peer(options.threads, length, logits).items():
                figures["train"].setdefault(f"PyTorch {name}", []).extend(times)
        tokens = ROWS * figures["tokens per row"]
        best = min(statistics.median(times) for name, times in figures["train"].items() if name.startswith("PyTorch"))
        print(f"\ntraining step, {ROWS} rows of {figures['tokens per row']:.0f} tokens on the mean, all parameters")
        for name, times in figures["train"].items():
            median = statistics.median(times)
            print(f"  {name:28} {median:6.2f} s  {tokens / median:6.0f} tokens/s  {best / median:5.2f} times PyTorch's best")

    def decoding():
        with tempfile.TemporaryDirectory(prefix="d3llm-bench.") as folder:
            model = sorted(pathlib.Path(options.store).glob(options.model + "-*"))[-1]
            problems = sorted(model.parent.glob("problems-*"))[-1]
            with open(problems / "test.jsonl", encoding="utf-8") as file:
                questions = [json.loads(line)["question"] for line, _ in zip(file, range(16))]
            files = gguf_files(options.d3llm, folder) if options.llama else {}
            for _ in range(options.turns):
                for precision in ["bfloat16", "int8", "float32"]:
                    for name, found in decode(options.d3llm, options.store, options.model, questions, precision, options.threads).items():
                        figures["decode"].setdefault(f"ours {precision}, {name}", []).append(found)
                usual = figures["decode"]["ours bfloat16, one token after the other"][-1]
                for weights, file in files.items():
                    seconds = llama(options.llama, file, round(usual["prompt"]), round(usual["tokens"]), options.threads)
                    figures["decode"].setdefault(f"llama.cpp {weights}", []).append(
                        {"seconds": seconds, "tokens": round(usual["tokens"]), "prompt": round(usual["prompt"])})
        print(f"\none answer at a time, {len(questions)} questions")
        for name, found in figures["decode"].items():
            seconds = statistics.median(row["seconds"] for row in found)
            tokens = found[-1]["tokens"]
            print(f"  {name:44} {1000 * seconds:6.0f} ms  {tokens:4.1f} tokens  {tokens / seconds:6.1f} tokens/s")

    if options.only != "decode":
        train()
    if options.only != "train":
        decoding()
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")


main()
