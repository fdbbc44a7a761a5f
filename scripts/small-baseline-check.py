#!/usr/bin/env python3
"""Compares the autoregressive baseline of configs/small/baseline.json with transformers and lm-evaluation-harness.

    pip install -r scripts/small-baseline-check.txt
    scripts/small-baseline-check.py .build/release/d3llm

`d3llm run` decodes GSM8K and HumanEval with SmolLM2-135M-Instruct in GGUF. Then the harness asks the same of the weights that
transformers dequantises from the same file, with its own prompts, filters and metrics. Compared are prompts, tokens, texts, what the
filters find, and verdicts. Where a token differs, the gap of its two logits is shown: in 32-bit floats two programs sum in different
orders, so that logits nearer than --tie may change places.

The inputs come from the cache, or are downloaded; --data names a folder that has them (train.jsonl and test.jsonl of GSM8K,
HumanEval.jsonl.gz, the wheel). Programs that the model wrote are run: by `d3llm` in its sandbox, and here with limits of time, memory
and files only. No hub is needed. About 20 minutes on 2 cores with the defaults.
"""

import argparse
import gzip
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TQDM_DISABLE="1",
                  HF_DATASETS_DISABLE_PROGRESS_BARS="1", HF_ALLOW_CODE_EVAL="1")
CACHE = tempfile.mkdtemp(prefix="d3llm-small-baseline-cache.")
os.environ["HF_DATASETS_CACHE"] = CACHE

import evaluate
import gguf
import tokenizers
import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAME = "small/baseline"
MODEL = "smollm2-135m-instruct-q4"
TASKS = {"gsm8k": ("gsm8k_cot_zeroshot", "gsm8k/gsm8k-cot-zeroshot.yaml", False),
         "humaneval": ("humaneval_instruct", "humaneval/humaneval_instruct.yaml", True)}
failures = 0


def check(name, passed, detail=""):
    global failures
    failures += not passed
    print(f"{'ok  ' if passed else 'FAIL'} {name} {detail}".rstrip(), flush=True)


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def limits():
    resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def passes(program):
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run([sys.executable, "-I", "-S", "-c", program], cwd=folder, env={}, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30, preexec_fn=limits)
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


class CodeEval:
    """`code_eval` of Hugging Face's evaluate, whose source is on the hub: a prediction passes if its test's script ends well."""

    def compute(self, references, predictions, k):
        right = [[passes(candidate + "\n" + test) for candidate in candidates] for candidates, test in zip(predictions, references)]
        return {f"pass@{n}": sum(any(r[:n]) for r in right) / len(right) for n in k}, right


evaluate.load = lambda name, *_, **__: CodeEval()

import lm_eval
import lm_eval.tasks
from lm_eval.models.huggingface import HFLM


def load_tokenizer(reader):
    """The file's tokenizer, put together by hand: transformers takes GPT-2's pre-tokenizer for it, which doesn't cut digits."""
    tokens, kinds = (reader.fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "token_type"))
    merges = [tuple(merge.split(" ")) for merge in reader.fields["tokenizer.ggml.merges"].contents()]
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([
        tokenizers.pre_tokenizers.Digits(individual_digits=True), tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)])
    bpe.decoder = tokenizers.decoders.ByteLevel()
    bpe.add_special_tokens([tokenizers.AddedToken(t, special=True, normalized=False) for t, kind in zip(tokens, kinds) if kind == 3])
    roles = {name: tokens[reader.fields[f"tokenizer.ggml.{key}_token_id"].contents()]
             for name, key in [("bos_token", "bos"), ("eos_token", "eos"), ("pad_token", "padding"), ("unk_token", "unknown")]
             if f"tokenizer.ggml.{key}_token_id" in reader.fields}
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=bpe, clean_up_tokenization_spaces=False, **roles)
    tokenizer.chat_template = reader.fields["tokenizer.chat_template"].contents()
    ends = {reader.fields[key].contents() for key in (f"tokenizer.ggml.{role}_token_id" for role in ("eos", "eot", "eom")) if key in reader.fields}
    return tokenizer, ends


class Recorded(HFLM):
    """transformers behind the harness: greedy to the full length, as `d3llm` decodes; stop strings cut the text afterwards."""

    def prepare(self, ends, length, together):
        self.ends, self.length, self.together, self.responses = ends, length, together, {}
        return self

    def next_logits(self, ids):
        with torch.no_grad():
            return self.model(torch.tensor([ids]), use_cache=False).logits[0, -1]

    def generate_until(self, requests, disable_tqdm=True):
        prompts = [self.tokenizer(request.args[0]).input_ids for request in requests]
        results = [""] * len(requests)
        # Prompts of about the same length together, the shorter ones padded in front.
        order = sorted(range(len(requests)), key=lambda i: len(prompts[i]))
        for start in range(0, len(order), self.together):
            group = order[start:start + self.together]
            width = max(len(prompts[i]) for i in group)
            ids = torch.full((len(group), width), min(self.ends))
            mask = torch.zeros_like(ids)
            for row, i in enumerate(group):
                ids[row, width - len(prompts[i]):] = torch.tensor(prompts[i])
                mask[row, width - len(prompts[i]):] = 1
            with torch.no_grad():
                made = self.model.generate(
                    ids, attention_mask=mask, max_new_tokens=self.length, do_sample=False, repetition_penalty=1.0,
                    eos_token_id=sorted(self.ends), pad_token_id=min(self.ends))
            for row, i in enumerate(group):
                answer = cut(made[row, width:].tolist(), self.ends)
                self.responses[requests[i].args[0]] = (prompts[i], answer)
                text = self.tokenizer.decode(answer, skip_special_tokens=True)
                for stop in requests[i].args[1]["until"]:
                    text = text.split(stop)[0]
                results[i] = text
            print(f"     {min(start + self.together, len(order))} of {len(order)}", flush=True)
        return results


def cut(answer, ends):
    return answer[:next((i for i, token in enumerate(answer) if token in ends), len(answer))]


def run(d3llm, work, options):
    store = work / "store"
    fetch = ["fetch", "gsm8k", "humaneval", MODEL, "--lock", str(ROOT / "data.lock")]
    settings = [f"variables.questions={options.questions}", f"variables.programs={options.programs}", f"variables.generationLength={options.length}"]
    commands = [fetch + (["--from", options.data] if options.data else []),
                ["run", str(ROOT / "configs/small/baseline.json"), "--store", str(store), "--allow-code-execution",
                 *(part for setting in settings for part in ("--set", setting))],
                ["samples", NAME, "--store", str(store), "--lm-eval", str(work / "exported")]]
    shutil.rmtree(work / "exported", ignore_errors=True)
    for command in commands:
        done = subprocess.run([d3llm, *command], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"small-baseline-check: d3llm {command[0]} ended with {done.returncode}.\n{done.stderr[-3000:]}")
    record = {}
    for path in (store / NAME).glob("*/samples.jsonl"):
        stage = path.parent.name.rsplit("-", 1)[0]
        # The first line of a journal says whose it is.
        record[stage] = [entry["value"] for entry in lines(path) if "value" in entry]
    exported = {stage: lines(next((work / "exported" / stage).glob("samples_*.jsonl"))) for stage in TASKS}
    [model] = (store / NAME).glob("model-*/*.gguf")
    files = {stage: next((store / NAME).glob(f"{stage}-data-*")) for stage in TASKS}
    return model, files, record, exported


def write_task(folder, stage, files, limit):
    name, original, _ = TASKS[stage]
    data = folder / f"{stage}.jsonl"
    if stage == "gsm8k":
        rows = lines(files[stage] / "test.jsonl")
    else:
        [source] = files[stage].glob("HumanEval.jsonl*")
        text = gzip.decompress(source.read_bytes()) if source.suffix == ".gz" else source.read_bytes()
        rows = [json.loads(line) for line in text.decode().splitlines() if line.strip()]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows[:limit]), encoding="utf-8")
    original = pathlib.Path(lm_eval.tasks.__file__).parent / original
    (folder / f"local_{stage}.yaml").write_text(
        f"include: {original}\ntask: local_{stage}\ndataset_path: json\ndataset_name: null\n"
        f"dataset_kwargs:\n  data_files:\n    test: {data}\n    train: {data}\n")


def first_difference(ours, theirs):
    return next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))


def compare(stage, model, result, record, exported, tie):
    """Prints what is the same and what isn't; gives the numbers."""
    metric = "pass@1" if stage == "humaneval" else "exact_match"
    harness = {(s["doc_id"], s["filter"]): s for s in result["samples"][f"local_{stage}"]}
    own = {(s["doc_id"], s["filter"]): s for s in exported}
    check(f"{stage}: the same questions and filters", harness.keys() == own.keys() and len(own) > 0, f"{len(record)} questions")

    def prompt(sample):
        arguments = sample["arguments"]
        return arguments["gen_args_0"]["arg_0"] if isinstance(arguments, dict) else arguments[0][0]

    def text(sample, stops):
        """The answer up to the harness's stop strings; `d3llm` keeps all of it and cuts where it grades."""
        [[answer]] = sample["resps"]
        for stop in stops:
            answer = answer.split(stop)[0]
        return answer

    def stops(key):
        arguments = harness[key]["arguments"]
        more = arguments["gen_args_0"]["arg_1"] if isinstance(arguments, dict) else arguments[0][1]
        return more["until"]

    wrong = [key for key in own if key in harness and prompt(own[key]) != prompt(harness[key])]
    check(f"{stage}: the same prompts", not wrong, f"{len(own) - len(wrong)} of {len(own)}")
    same, ties, gaps = 0, [], []
    for sample in record:
        if sample["prompt"] not in model.responses:
            continue
        ids, theirs = model.responses[sample["prompt"]]
        # A sample keeps its text and how many tokens it has, the end token included, not their ids.
        counts = {len(theirs), len(theirs) + 1}
        if sample["text"] == model.tokenizer.decode(theirs, skip_special_tokens=True) and sample["tokens"] in counts:
            same += 1
            continue
        ours = model.tokenizer(sample["text"], add_special_tokens=False).input_ids
        place = first_difference(ours, theirs)
        logits = model.next_logits(ids + theirs[:place])
        pair = [tokens[place] if place < len(tokens) else min(model.ends) for tokens in (ours, theirs)]
        gap = abs(float(logits[pair[0]] - logits[pair[1]]))
        (ties if gap < tie else gaps).append((sample["id"], place, gap))
    check(f"{stage}: the same tokens but for near-ties", not gaps and same > 0,
          f"{same} of {len(record)} the same, {len(ties)} differ from a near-tie on, {len(gaps)} otherwise")
    for sample, place, gap in sorted(ties + gaps):
        print(f"     {sample}: token {place + 1} differs; its two logits are {gap:.2e} apart", flush=True)
    differing = {sample for sample, _, _ in ties + gaps}
    places = {sample["prompt"]: sample["id"] for sample in record}
    for what, field in [("texts", lambda s, key: text(s, stops(key))),
                        ("verdicts", lambda s, _: float(s[metric]))]:
        wrong = [(key, places.get(prompt(own[key]))) for key in own
                 if key in harness and field(own[key], key) != field(harness[key], key)]
        unexplained = [key for key, sample in wrong if sample not in differing]
        check(f"{stage}: the same {what}", not unexplained,
              f"{len(own) - len(wrong)} of {len(own)}" + (f"; others where tokens differ: {[s for k, s in wrong if k not in unexplained]}" if wrong else ""))
        for key in unexplained[:5]:
            print(f"     {key}: {field(own[key], key)!r} here, {field(harness[key], key)!r} there", flush=True)
    right = {name: (sum(float(s[metric]) for k, s in own.items() if k[1] == name), sum(float(s[metric]) for k, s in harness.items() if k[1] == name))
             for name in sorted({k[1] for k in own})}
    for name, (ours, theirs) in right.items():
        print(f"     right by {name}: {ours:.0f} here, {theirs:.0f} in the harness, of {len(record)}", flush=True)
    return {"questions": len(record), "same tokens": same, "near-ties": ties, "other differences": gaps, "right": right}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("d3llm")
    parser.add_argument("--data", help="a folder that has the inputs; else they come from the cache or the network")
    parser.add_argument("--questions", type=int, default=220, help="questions of GSM8K")
    parser.add_argument("--programs", type=int, default=164, help="programs of HumanEval")
    parser.add_argument("--length", type=int, default=128, help="tokens of an answer at most")
    parser.add_argument("--tie", type=float, default=1e-3, help="logits that are nearer may change places")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of PyTorch")
    parser.add_argument("--together", type=int, default=16, help="prompts that transformers answers together")
    parser.add_argument("--work", help="a folder to keep what is made; a temporary one without it")
    options = parser.parse_args()
    work = pathlib.Path(options.work or tempfile.mkdtemp(prefix="d3llm-small-baseline.")).resolve()
    work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    try:
        path, files, record, exported = run(str(pathlib.Path(options.d3llm).resolve()), work, options)
        tokenizer, ends = load_tokenizer(gguf.GGUFReader(path))
        weights = transformers.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
        model = Recorded(pretrained=weights, tokenizer=tokenizer).prepare(ends, options.length, options.together)
        tasks = work / "tasks"
        tasks.mkdir(exist_ok=True)
        numbers = {}
        for stage, (_, _, is_chat) in TASKS.items():
            write_task(tasks, stage, files, options.questions if stage == "gsm8k" else options.programs)
            result = lm_eval.simple_evaluate(
                model=model, tasks=[f"local_{stage}"], apply_chat_template=is_chat, bootstrap_iters=0, log_samples=True,
                confirm_run_unsafe_code=True, task_manager=lm_eval.tasks.TaskManager(include_path=str(tasks)))
            numbers[stage] = compare(stage, model, result, record[stage], exported[stage], options.tie)
        (work / "numbers.json").write_text(json.dumps(numbers, indent=1))
    finally:
        shutil.rmtree(CACHE, ignore_errors=True)
        if not options.work:
            shutil.rmtree(work, ignore_errors=True)
    print("failed: " + str(failures) if failures else "all passed")
    return 1 if failures else 0


sys.exit(main())
