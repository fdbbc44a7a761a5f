#!/usr/bin/env python3
"""Runs lm-evaluation-harness against `d3llm serve` and compares its numbers with those of `d3llm run` and of transformers.

    pip install -r scripts/lm-eval-check.txt
    scripts/lm-eval-check.py .build/release/d3llm --test gsm8k-test.jsonl --train gsm8k-train.jsonl

TEST and TRAIN are the files of GSM8K (JSON lines with "question" and "answer"). The model is a small Qwen2 with a tokenizer of its
own that is made here and learns the asked questions for a minute, so that some answers are right; --model takes another folder
with an autoregressive checkpoint. Nothing is downloaded. What is compared:

- gsm8k with five examples, gsm8k without any and gsm8k_cot_zeroshot: prompts, generated texts and exact_match by both filters,
  of the harness through `serve` and of `d3llm run`;
- a multiple-choice task and rolling log-likelihoods: each number, whether it is greedy, and the measures, of the harness through
  `serve` and of the harness with transformers.

Prints a line per check and exits with 1 if one fails. Takes about five minutes on two cores.
"""
import argparse
import atexit
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# Nothing comes from a hub, and nothing stays in the user's cache.
CACHE = tempfile.mkdtemp(prefix="d3llm-lm-eval-cache.")
atexit.register(shutil.rmtree, CACHE, ignore_errors=True)
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_DATASETS_CACHE=CACHE, TOKENIZERS_PARALLELISM="false",
                  TQDM_DISABLE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1")

import lm_eval
import lm_eval.tasks
import torch
import transformers

END = "<|endoftext|>"
LENGTH = 256
POSITIONS = 8192
failures = 0


def check(name, passed, detail=""):
    global failures
    failures += not passed
    print(f"{'ok  ' if passed else 'FAIL'} {name} {detail}".rstrip(), flush=True)


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def write_lines(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def make_model(folder, train, asked, steps):
    """A small Qwen2 that knows the answers of `asked` more or less."""
    import tokenizers

    texts = [f"Question: {r['question']}\nAnswer: {r['answer']}\n\n" for r in train[:2000]]
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    bpe.train_from_iterator(texts, tokenizers.trainers.BpeTrainer(
        vocab_size=1024, special_tokens=[END], show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet()))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=END, pad_token=END,
                                                     clean_up_tokenization_spaces=False)
    torch.manual_seed(1)
    model = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=192, max_position_embeddings=POSITIONS, tie_word_embeddings=False,
        eos_token_id=tokenizer.eos_token_id, bos_token_id=None))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    draw = torch.Generator().manual_seed(1)

    def number(high):
        return int(torch.randint(high, (1,), generator=draw))

    model.train()
    for step in range(steps):
        rows = []
        for _ in range(6):
            record = asked[number(len(asked))]
            last = record["answer"].split("#### ")[-1]
            ask, reply = [(f"Q: {record['question']}\nA: Let's think step by step.", f" The answer is {last}.\n\nQ:"),
                          (f"Question: {record['question']}\nAnswer:", f" So it is.\n#### {last}\n\nQuestion:")][number(2)]
            # Solved examples before the question, as the harness has them.
            before = "".join(texts[number(len(texts))] for _ in range(number(3)))
            context, continued = tokenizer.encode(before + ask), tokenizer.encode(reply)
            rows.append((context[-360:] + continued, len(continued)))
        width = max(len(row) for row, _ in rows)
        ids = torch.full((len(rows), width), tokenizer.eos_token_id)
        labels = torch.full((len(rows), width), -100)
        for index, (row, count) in enumerate(rows):
            ids[index, :len(row)] = torch.tensor(row)
            labels[index, len(row) - count:len(row)] = torch.tensor(row[-count:])
        loss = model(ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(f"     step {step + 1} of {steps}: loss {loss.item():.3f}", flush=True)
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def digest(folder):
    """What `model-folder` wants: the SHA-256 of the lines that sha256sum prints for the files."""
    names = sorted(p.name for p in folder.iterdir() if p.suffix in (".json", ".txt", ".jinja", ".safetensors"))
    listed = "".join(f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in names)
    return hashlib.sha256(listed.encode()).hexdigest()


def write_tasks(folder, test, train, choices, texts):
    """The harness's own tasks over local files, and two tasks of log-likelihoods."""
    source = pathlib.Path(lm_eval.tasks.__file__).parent / "gsm8k"
    files = f"dataset_path: json\ndataset_name: null\ndataset_kwargs:\n  data_files:\n    test: {test}\n    train: {train}\n"
    for name, original, more in [("local_gsm8k", "gsm8k.yaml", ""), ("local_gsm8k_plain", "gsm8k.yaml", "num_fewshot: 0\n"),
                                 ("local_gsm8k_cot", "gsm8k-cot-zeroshot.yaml", "")]:
        (folder / f"{name}.yaml").write_text(f"include: {source / original}\ntask: {name}\n{files}{more}")
    (folder / "local_choice.yaml").write_text(f"""task: local_choice
dataset_path: json
dataset_kwargs:
  data_files:
    test: {choices}
test_split: test
output_type: multiple_choice
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: label
metric_list:
  - metric: acc
  - metric: acc_norm
""")
    (folder / "local_rolling.yaml").write_text(f"""task: local_rolling
dataset_path: json
dataset_kwargs:
  data_files:
    test: {texts}
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{{{text}}}}"
metric_list:
  - metric: byte_perplexity
""")


class Served:
    """`d3llm serve` on a free port."""

    def __init__(self, d3llm, model):
        self.process = subprocess.Popen([d3llm, "serve", model, "--port", "0"], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        found = re.search(r"http://\S+", self.process.stdout.readline())
        if not found:
            sys.exit("lm-eval-check: the server didn't start.")
        self.address = found.group()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def evaluate(model, arguments, tasks, folder, limit, batch=1):
    return lm_eval.simple_evaluate(
        model=model, model_args=arguments, tasks=tasks, batch_size=batch, limit=limit, bootstrap_iters=0, log_samples=True,
        task_manager=lm_eval.tasks.TaskManager(include_path=str(folder)))


def compare_generation(name, served, run):
    """`served` are the harness's samples, one for each filter, `run` those that `d3llm samples` wrote."""
    def table(samples):
        return {(s["doc_id"], s["filter"]): s for s in samples}

    served, run = table(served), table(run)
    check(f"{name}: the same questions", served.keys() == run.keys() and len(served) > 0, f"{len(served) // 2}")

    def equal(field):
        return [key for key in served if key in run and field(served[key]) != field(run[key])]

    for what, field in [("prompts", lambda s: s["arguments"]["gen_args_0"]["arg_0"] if isinstance(s["arguments"], dict)
                         else s["arguments"][0][0]),
                        ("texts", lambda s: s["resps"]), ("answers found", lambda s: ["" if found == "[invalid]" else found for found in s["filtered_resps"]]),
                        ("verdicts", lambda s: float(s["exact_match"]))]:
        wrong = equal(field)
        check(f"{name}: the same {what}", not wrong, "" if not wrong else
              f"{len(wrong)} differ, such as {field(served[wrong[0]])!r} and {field(run[wrong[0]])!r}")


def compare_likelihoods(name, served, reference):
    largest, count, greedy = 0.0, 0, 0
    for ours, theirs in zip(served, reference):
        for (a,), (b,) in zip(ours["resps"], theirs["resps"]):
            a, b = (x if isinstance(x, (list, tuple)) else (x, None) for x in (a, b))
            largest = max(largest, abs(float(a[0]) - float(b[0])) / max(1, abs(float(b[0]))))
            greedy += str(a[1]) != str(b[1])
            count += 1
    check(f"{name}: log-likelihoods equal transformers'", count > 0 and largest < 1e-4,
          f"{count}, largest relative difference {largest:.1e}")
    check(f"{name}: greedy where transformers is", greedy == 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("d3llm")
    parser.add_argument("--test", required=True, help="the test split of GSM8K, JSON lines")
    parser.add_argument("--train", required=True, help="the training split, JSON lines")
    parser.add_argument("--model", help="a folder with an autoregressive checkpoint; one is made without it")
    parser.add_argument("--limit", type=int, default=20, help="questions of each task")
    parser.add_argument("--steps", type=int, default=300, help="training steps of the model that is made")
    parser.add_argument("--work", help="a folder to keep what is made; a temporary one without it")
    options = parser.parse_args()
    work = pathlib.Path(options.work or tempfile.mkdtemp(prefix="d3llm-lm-eval.")).resolve()
    work.mkdir(parents=True, exist_ok=True)
    try:
        compare(options, work)
    finally:
        if not options.work:
            shutil.rmtree(work, ignore_errors=True)
    print("failed: " + str(failures) if failures else "all passed")
    return 1 if failures else 0


def compare(options, work):
    d3llm = str(pathlib.Path(options.d3llm).resolve())
    test, train = lines(options.test), lines(options.train)
    # `run` draws the five examples of a question as four processes of the harness do, which share the questions; one process
    # draws for every fourth question what they draw. So every fourth question is asked.
    places = list(range(0, len(test), 4))[:options.limit]
    asked = [test[place] for place in places]
    model = pathlib.Path(options.model).resolve() if options.model else work / "tiny-qwen2"
    if not (model / "config.json").exists():
        make_model(model, train, asked, options.steps)
    choices = [{"question": r["question"], "label": i % 4, "choices": [
        " " + asked[(i + k - i % 4) % len(asked)]["answer"].split("#### ")[-1] for k in range(4)]}
        for i, r in enumerate(asked)]
    tasks = work / "tasks"
    tasks.mkdir(exist_ok=True)
    write_tasks(tasks, write_lines(work / "asked.jsonl", asked), write_lines(work / "train.jsonl", train),
                write_lines(work / "choices.jsonl", choices),
                write_lines(work / "texts.jsonl", [{"text": r["question"] + "\n" + r["answer"]} for r in asked]))

    generating = {"local_gsm8k": "long-gsm8k", "local_gsm8k_plain": "long-gsm8k", "local_gsm8k_cot": "gsm8k-cot"}
    scoring = ["local_choice", "local_rolling"]
    with Served(d3llm, str(model)) as server:
        api = {"model": model.name, "base_url": server.address + "v1/completions", "tokenizer_backend": "huggingface",
               "tokenizer": str(model), "max_length": POSITIONS, "max_gen_toks": LENGTH}
        served = evaluate("local-completions", api, list(generating) + scoring, tasks, options.limit)
        # The same as texts, and several prompts of a request together.
        batch = evaluate("local-completions", {**api, "tokenized_requests": False}, scoring, tasks, options.limit, batch=4)
    reference = evaluate("hf", {"pretrained": str(model), "dtype": "float32", "device": "cpu", "max_length": POSITIONS},
                         scoring, tasks, options.limit)

    def file(path):
        return {"kind": "local-files", "path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}

    stages = {"test": file(write_lines(work / "test.jsonl", test)), "train": file(work / "train.jsonl"),
              "model": {"kind": "model-folder", "path": str(model), "digest": digest(model)}}
    for name, task in generating.items():
        stages[name + "_asked"] = {"kind": "benchmark", "task": task, "family": "llada", "file": "@test",
                                   "subset": [f"{task}-{place}" for place in places]}
        if name == "local_gsm8k":
            stages[name + "_asked"]["training"] = "@train"
        elif task == "long-gsm8k":
            stages[name + "_asked"]["examples"] = 0
        stages[name] = {"kind": "evaluate", "model": "@model", "data": f"@{name}_asked",
                        "decoder": {"method": "autoregressive", "generationLength": LENGTH}}
    config = work / "check.json"
    config.write_text(json.dumps({"name": "check/lm-eval", "seed": 1, "stages": stages}, indent=1))
    store = str(work / "store")
    exported = work / "exported"
    shutil.rmtree(exported, ignore_errors=True)
    for command in [["run", str(config)], ["samples", "check/lm-eval", "--lm-eval", str(exported)]]:
        done = subprocess.run([d3llm, *command, "--store", store], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"lm-eval-check: d3llm {command[0]} ended with {done.returncode}.\n{done.stderr[-3000:]}")

    for name, task in generating.items():
        written = sorted(exported.rglob("samples_*.jsonl"))
        folder = [p for p in written if name in [part.split("[")[0] for part in p.relative_to(exported).parts]]
        if len(folder) != 1:
            sys.exit(f"lm-eval-check: no samples of {name} among {[str(p) for p in written]}.")
        run = lines(folder[0])
        compare_generation(name, served["samples"][name], run)
        for filter in ["strict-match", "flexible-extract"]:
            ours = served["results"][name][f"exact_match,{filter}"]
            chosen = [float(s["exact_match"]) for s in run if s["filter"] == filter]
            theirs = sum(chosen) / max(1, len(chosen))
            check(f"{name}: the same exact_match, {filter}", abs(ours - theirs) < 1e-12, f"{ours} and {theirs}")
    if not options.model:
        right = [r["exact_match,flexible-extract"] for t, r in served["results"].items() if t in generating]
        check("some answers are right and some wrong, so that the numbers say something", 0 < sum(right) < len(right),
              ", ".join(f"{share:.2f}" for share in right))
    for name in scoring:
        for form, result in [("tokens", served), ("texts, four at a time", batch)]:
            compare_likelihoods(f"{name}, {form}", result["samples"][name], reference["samples"][name])
            numbers = [(key, value, reference["results"][name][key]) for key, value in result["results"][name].items()
                       if "," in key and "stderr" not in key]
            check(f"{name}, {form}: the same measures", bool(numbers) and all(abs(a - b) < 1e-4 * max(1, abs(b)) for _, a, b in numbers),
                  ", ".join(f"{key.split(',')[0]} {a:.6g} and {b:.6g}" for key, a, b in numbers))


sys.exit(main())
