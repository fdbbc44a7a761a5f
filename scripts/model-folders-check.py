#!/usr/bin/env python3
"""Makes folders with checkpoints as people have them and compares the tokens of `d3llm decode` with those of transformers.

    pip install -r scripts/model-folders-check.txt
    scripts/model-folders-check.py .build/release/d3llm --folders 600

Each folder holds a tiny model with random weights (Qwen2, Qwen3 or Llama) and draws from a seed where things stand: end tokens in
config.json and generation_config.json (a number, a list, null, no key, no file), a repetition penalty, the chat template (in
tokenizer_config.json, in chat_template.jinja, in both, nowhere), rotary scaling and sliding windows that change nothing or
something, the type of the weights (F32, F16, BF16, F64), one file, shards, or both with other weights, tensors that belong to
nobody, truncation and padding left in tokenizer.json, and an adapter of PEFT with or without its defaults, with `.default.` in
its names, with saved embeddings. transformers and peft say which tokens are right, greedy, with the penalty and without. Nothing
is downloaded. A folder that differs is kept and named; exits with 1 then. About ten folders a second on two cores.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import peft
import safetensors.torch
import tokenizers
import torch
import transformers

LENGTH = 16
PROMPTS = ["Where is it?", "3 apples and 4 pears are", "Ann has two hats. Ben", "a"]
TEMPLATE = "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}"
OTHER_TEMPLATE = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] | trim }}{% endfor %}{% if add_generation_prompt %}>{% endif %}"


def make_tokenizer():
    """A byte-level BPE of 320 tokens and two special ones."""
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    bpe.train_from_iterator(PROMPTS * 3, tokenizers.trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<|endoftext|>", "<|im_end|>"], show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet()))
    return bpe


def write(path, value):
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


class Maker:
    """Draws one folder."""

    def __init__(self, folder, seed, bpe):
        self.folder, self.draw, self.bpe = folder, random.Random(seed), bpe
        self.choices = {}
        folder.mkdir(parents=True)
        torch.manual_seed(seed)

    def choose(self, name, options):
        value = self.draw.choice(options)
        self.choices[name] = value
        return value

    def configuration(self):
        family = self.choose("family", ["qwen2", "qwen3", "llama"])
        heads = self.draw.choice([2, 4])
        shape = dict(
            vocab_size=self.bpe.get_vocab_size(), hidden_size=32, intermediate_size=48,
            num_hidden_layers=self.draw.choice([1, 2]), num_attention_heads=heads,
            num_key_value_heads=self.draw.choice([1, 2, heads]), max_position_embeddings=512,
            tie_word_embeddings=self.draw.choice([True, False]), rope_theta=self.draw.choice([10000.0, 1e6]),
            initializer_range=0.3, bos_token_id=None, eos_token_id=None)
        rope = self.choose("rope", [None, "default", "factor 1"] + (["linear", "llama3"] if family == "llama" else []))
        shape["rope_scaling"] = {
            None: None, "default": {"rope_type": "default"}, "factor 1": {"rope_type": "linear", "factor": 1.0},
            "linear": {"rope_type": "linear", "factor": 2.0},
            "llama3": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                       "original_max_position_embeddings": 16}}[rope]
        if family == "llama":
            return transformers.LlamaConfig(**shape), transformers.LlamaForCausalLM
        window = self.choose("window", [None, "off", "no layer", "long"])
        if window is not None:
            shape.update(
                use_sliding_window=window != "off", sliding_window=4 if window != "long" else 512,
                max_window_layers=28 if window == "no layer" else 0)
        if family == "qwen3":
            shape["head_dim"] = self.draw.choice([8, 16, 32])
            return transformers.Qwen3Config(**shape), transformers.Qwen3ForCausalLM
        return transformers.Qwen2Config(**shape), transformers.Qwen2ForCausalLM

    def weights(self, model):
        """Writes them in one of the ways in which they are found."""
        kind = self.choose("type", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
        tensors = {n: t.detach().to(kind).clone().contiguous() for n, t in model.state_dict().items()}
        if model.config.tie_word_embeddings:
            tensors.pop("lm_head.weight", None)
        extra = self.choose("extra tensors", [None, "inv_freq", "mtp"])
        if extra == "inv_freq":
            tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(4)
        if extra == "mtp":
            tensors["mtp.fc.weight"] = torch.ones(2, 2)
        form = self.choose("files", ["single", "shards", "single beside other shards"])
        meta = {"format": "pt"}
        if form != "shards":
            safetensors.torch.save_file(tensors, self.folder / "model.safetensors", meta)
        if form != "single":
            names, index = sorted(tensors), {}
            for part in (0, 1):
                file = f"model-0000{part + 1}-of-00002.safetensors"
                chosen = {n: tensors[n] for n in names[part::2]}
                if form != "shards":
                    chosen = {n: torch.zeros_like(t) for n, t in chosen.items()}
                safetensors.torch.save_file(chosen, self.folder / file, meta)
                index.update({n: file for n in chosen})
            write(self.folder / "model.safetensors.index.json", {"metadata": {"total_size": 1}, "weight_map": index})
        return kind

    def tokenizer(self):
        document = json.loads(self.bpe.to_str())
        left = self.choose("tokenizer.json", [None, "truncation", "padding", "both"])
        if left in ("truncation", "both"):
            document["truncation"] = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
        if left in ("padding", "both"):
            document["padding"] = {"strategy": {"Fixed": 40}, "direction": "Left", "pad_to_multiple_of": None, "pad_id": 0,
                                   "pad_type_id": 0, "pad_token": "<|endoftext|>"}
        write(self.folder / "tokenizer.json", document)
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>",
                    "clean_up_tokenization_spaces": False, "model_max_length": 512}
        template = self.choose("template", [None, "tokenizer_config.json", "chat_template.jinja", "both"])
        if template in ("tokenizer_config.json", "both"):
            settings["chat_template"] = TEMPLATE if template != "both" else OTHER_TEMPLATE
        if template in ("chat_template.jinja", "both"):
            (self.folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
        write(self.folder / "tokenizer_config.json", settings)

    def adapter(self, model, config):
        """A LoRA adapter with weights of its own; None for none."""
        kind = self.choose("adapter", [None, None, "plain", "default names", "embeddings", "no alpha", "no r"])
        if kind is None:
            return None
        rank = 8 if kind == "no r" else self.draw.choice([2, 4])
        alpha = 8 if kind in ("no alpha", "no r") else self.draw.choice([4, 16])
        lora = peft.LoraConfig(
            r=rank, lora_alpha=alpha, target_modules=self.draw.choice([["q_proj", "v_proj"], "all-linear"]),
            task_type="CAUSAL_LM", use_rslora=self.draw.choice([False, True]))
        adapted = peft.get_peft_model(model, lora)
        with torch.no_grad():
            for name, parameter in adapted.named_parameters():
                if "lora_" in name:
                    parameter.normal_(0, 0.3)
        place = self.folder / "adapter"
        adapted.save_pretrained(place, save_embedding_layers=kind == "embeddings")
        settings = json.loads((place / "adapter_config.json").read_text())
        settings["base_model_name_or_path"] = ""
        if kind in ("no alpha", "no r"):
            del settings["lora_alpha"]
        if kind == "no r":
            del settings["r"]
        tensors = safetensors.torch.load_file(place / "adapter_model.safetensors")
        if kind == "default names":
            tensors = {n.replace(".weight", ".default.weight") if "lora_" in n else n: t for n, t in tensors.items()}
        shutil.rmtree(place)
        write(self.folder / "adapter_config.json", settings)
        safetensors.torch.save_file(tensors, self.folder / "adapter_model.safetensors")
        return adapted

    def ends(self, config, path):
        """Puts end tokens where they are found, some of them among those that the model gives."""
        reached, other = self.draw.choice(path[2:12]), self.draw.randrange(self.bpe.get_vocab_size())
        values = {"number": reached, "other": other, "list": [other, reached], "null": None}
        document = json.loads(config.to_json_string(use_diff=False))
        for key in ("eos_token_id", "bos_token_id", "pad_token_id"):
            document.pop(key, None)
        document["architectures"] = [{"qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM",
                                      "llama": "LlamaForCausalLM"}[config.model_type]]
        place = self.choose("config.json", ["number", "other", "list", "null", "no key"])
        if place != "no key":
            document["eos_token_id"] = values[place]
        write(self.folder / "config.json", document)
        place = self.choose("generation_config.json", ["number", "other", "list", "null", "no key", "no file"])
        penalty = self.choose("penalty", [None, 1.0, 1.3])
        if place == "no file":
            return
        generation = {"_from_model_config": False, "transformers_version": transformers.__version__}
        if place != "no key":
            generation["eos_token_id"] = values[place]
        if penalty is not None:
            generation["repetition_penalty"] = penalty
        write(self.folder / "generation_config.json", generation)


def says_nothing(folder):
    """Whether neither config.json nor a generation_config.json speaks of end tokens."""
    config = json.loads((folder / "config.json").read_text())
    return config.get("eos_token_id") is None and not (folder / "generation_config.json").exists()


def prompt_ids(tokenizer, prompt):
    """In the chat template where there is one, as `decode` asks."""
    if not tokenizer.chat_template:
        return tokenizer(prompt, return_tensors="pt").input_ids
    return tokenizer.apply_chat_template([{"role": "user", "content": prompt}], add_generation_prompt=True, return_tensors="pt")


def reference(folder, adapted, asked):
    """transformers' greedy tokens for each prompt, with the penalty of generation_config.json or without, the end token included."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    base = folder.parent / f"{folder.name}.base"
    shutil.copytree(folder, base, ignore=shutil.ignore_patterns("adapter*"))
    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
    if adapted:
        files = folder.parent / f"{folder.name}.adapter"
        files.mkdir()
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            shutil.copy(folder / name, files)
        # peft's own reader of names with .default. is the one of its checkpoints in training: they are written plainly here.
        tensors = safetensors.torch.load_file(files / "adapter_model.safetensors")
        tensors = {n.replace(".default.weight", ".weight"): t for n, t in tensors.items()}
        safetensors.torch.save_file(tensors, files / "adapter_model.safetensors")
        model = peft.PeftModel.from_pretrained(model, files).eval()
    results = []
    for prompt, applied in asked:
        ids = prompt_ids(tokenizer, prompt)
        more = {} if applied else {"repetition_penalty": 1.0}
        if says_nothing(folder):
            # transformers would go on to the length; d3llm ends where the tokenizer says that texts end (docs/models.md).
            more["eos_token_id"] = tokenizer.eos_token_id
        with torch.no_grad():
            given = model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=LENGTH, do_sample=False, pad_token_id=0, **more)
        results.append(given[0, ids.shape[1]:].tolist())
    return results


def decoded(binary, folder, prompt, applied):
    """The tokens of `d3llm decode`, the end token included."""
    run = subprocess.run(
        [binary, "decode", folder, prompt, "--method", "autoregressive", "--json", "--threads", "1",
         "--set", f"generationLength={LENGTH}", "--set", f"generationConfig={'applied' if applied else 'ignored'}"],
        capture_output=True, text=True, check=False)
    if run.returncode != 0:
        return f"exit code {run.returncode}: {run.stderr.strip()[-300:]}"
    events = [json.loads(line) for line in run.stdout.splitlines()]
    return [token["token"] for event in events if event["event"] == "step" for token in event["tokens"]]


def make(folder, seed, bpe):
    maker = Maker(folder, seed, bpe)
    config, family = maker.configuration()
    model = family(config).eval()
    maker.tokenizer()
    kind = maker.weights(model)
    # What the file has is what counts: the tokens on the way are those of the rounded weights.
    model.load_state_dict({n: t.to(kind).to(torch.float32) for n, t in model.state_dict().items()})
    adapted = maker.adapter(model, config)
    write(folder / "config.json", json.loads(config.to_json_string(use_diff=False)))
    ids = prompt_ids(transformers.AutoTokenizer.from_pretrained(folder), PROMPTS[0])
    with torch.no_grad():
        path = (adapted or model).generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=LENGTH, do_sample=False, pad_token_id=0,
            eos_token_id=None)[0, ids.shape[1]:].tolist()
    maker.ends(config, path)
    return maker, adapted is not None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("--folders", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path, help="where folders that differ are left")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    bpe = make_tokenizer()
    # An option that a family has or hasn't is drawn anyway; what was drawn is counted, so that nothing is left out unseen.
    seen, differing, compared, early = collections.Counter(), 0, 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(arguments.folders):
            folder = pathlib.Path(scratch) / f"model-{number}"
            maker, adapted = make(folder, arguments.seed * 1_000_003 + number, bpe)
            asked = [(PROMPTS[0], False), (maker.draw.choice(PROMPTS), True)]
            expected = reference(folder, adapted, asked)
            for (prompt, applied), right in zip(asked, expected):
                found = decoded(arguments.binary, folder, prompt, applied)
                compared += 1
                early += len(right) < LENGTH
                if found == right:
                    continue
                differing += 1
                print(f"FAIL model-{number} {prompt!r} {'applied' if applied else 'ignored'}: {maker.choices}\n"
                      f"     transformers {right}\n     d3llm        {found}", flush=True)
                if arguments.keep:
                    shutil.copytree(folder, arguments.keep / folder.name, dirs_exist_ok=True)
            seen.update(f"{name}: {value}" for name, value in maker.choices.items())
            for path in pathlib.Path(scratch).iterdir():
                shutil.rmtree(path)
    for name, count in sorted(seen.items()):
        print(f"     {count:5} {name}")
    print(f"{'FAIL' if differing else 'ok  '} {arguments.folders} folders, {compared} answers of at most {LENGTH} tokens, {early} of them "
          f"ended early; {differing} differ (transformers {transformers.__version__}, peft {peft.__version__}, torch {torch.__version__})")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
