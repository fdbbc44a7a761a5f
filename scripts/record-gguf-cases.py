#!/usr/bin/env python3
"""Make small models in GGUF and record what other programs make of them.

Reads  Tests/Fixtures/golden/tokenizers (vocabularies), Tests/Fixtures/models-people-have/tokenizers (how text is cut)
Writes Tests/Fixtures/gguf:
       blocks.gguf         random blocks of every type that is read, scales at the ends of their ranges among them
       blocks.safetensors  what gguf.quants.dequantize makes of them
       NAME/model.gguf     a llama, a qwen2 and a qwen3 of no use, with all types between them
       NAME.safetensors    their logits, as transformers loads them from GGUF
       TOKENIZER/model.gguf  tokenizers without a model
       index.json          tokens of the logits, greedy tokens, SHA-256 of each tensor as transformers has it; ids of texts, by
                           Hugging Face's tokenizers with the components that the published models' files have; what
                           llama.cpp's convert_hf_to_gguf.py writes of the models in Hugging Face layout
Needs  pip install gguf==0.19.0 transformers==4.57.1 tokenizers==0.22.2 torch==2.13.0 (CPU) safetensors==0.8.0 sentencepiece==0.2.3, and llama.cpp's sources, of which only
       convert_hf_to_gguf.py is run (make bench-llama unpacks them):
       scripts/record-gguf-cases.py .build/llama/llama_cpp_python-0.3.36/vendor/llama.cpp
Takes two minutes.
"""

import hashlib
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import torch
from gguf import GGMLQuantizationType as Q
from gguf import GGUFReader, GGUFWriter, quants
from gguf.constants import GGML_QUANT_SIZES
from safetensors.numpy import load_file, save_file
from tokenizers import AddedToken, Tokenizer
from transformers import AutoModelForCausalLM

ROOT = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures"
OUT = ROOT / "gguf"
TYPES = [Q.F32, Q.F16, Q.BF16, Q.Q8_0, Q.Q4_0, Q.Q4_1, Q.Q5_0, Q.Q5_1, Q.Q4_K, Q.Q5_K, Q.Q6_K]
# Where the scales of 16 bits lie in a block.
SCALES = {Q.Q8_0: [0], Q.Q4_0: [0], Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q5_1: [0, 2], Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208]}
# Zeros, the smallest and largest subnormal, the smallest normal, the largest, infinity, quiet and other NaN.
EXTREMES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0xFE01, 0x7C01]
# Scales of blocks that are drawn, so that weights are about as large as those that are quantised.
DRAWN = {Q.Q4_K: [2e-4, 1.6e-3], Q.Q5_K: [1e-4, 1.6e-3], Q.Q6_K: [4e-5]}
PIECES = ["the", " apples", "\n", "  ", "<|mask|>", "<|endoftext|>", "<|im_start|>", "<tool_call>", " <tool_call> ", "<|im_end|>", "cafe\u0301", "\u212b",
          "42", "1234567", "don't", "It'S", "你好", "👍🏽", "word", "words", "s", "the the", "hehe", "he", "\r\n", "x²", "٣", "!?", " \t", "Ünï", "[PAD]"]


def blocks(rng):
    """Rows of 256 elements: bytes at random, and those whose scales are each of the extremes."""
    arrays, expected = {}, {}
    for q in TYPES:
        elements, size = GGML_QUANT_SIZES[q]
        per_row = 256 // elements * size
        rows = rng.integers(0, 256, (12 if q in SCALES else 4, per_row), dtype=np.uint8)
        for place in SCALES.get(q, []):
            for block in range(256 // elements):
                for row in range(len(rows)):
                    extreme = EXTREMES[row] if block == 0 and place == SCALES[q][0] else int(rng.integers(0, 0x7C00))
                    rows[row, block * size + place : block * size + place + 2] = np.array([extreme], dtype="<u2").view(np.uint8)
        arrays[q.name] = (rows, q)
        with np.errstate(all="ignore"):
            expected[q.name] = np.ascontiguousarray(quants.dequantize(rows, q).astype(np.float32))
    return arrays, expected


def weights(rng, shape, q):
    """Raw data of a matrix whose elements are about 0.06."""
    if q in DRAWN:
        elements, size = GGML_QUANT_SIZES[q]
        data = rng.integers(0, 256, (shape[0], shape[1] // elements, size), dtype=np.uint8)
        for place, scale in zip(SCALES[q], DRAWN[q]):
            drawn = (scale * rng.uniform(0.5, 1.5, data.shape[:2])).astype("<f2")
            data[:, :, place : place + 2] = drawn[..., None].view(np.uint8)
        return data.reshape(shape[0], -1)
    values = (0.06 * rng.standard_normal(shape)).astype(np.float32)
    return values if q == Q.F32 else quants.quantize(values, q)


def vocabulary(name):
    tokenizer = json.loads((ROOT / f"golden/tokenizers/{name}/tokenizer.json").read_text())
    tokens = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)
    merges = [m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]]
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|mask|>"]
    return tokens + special + ["<tool_call>", "[PAD]"], [1] * len(tokens) + [3] * 4 + [4, 5], merges


def reference(source, tokens, types, merges, begin):
    """A tokenizer of Hugging Face's library with the components of a published one."""
    published = json.loads((ROOT / f"models-people-have/tokenizers/{source}/tokenizer.json").read_text()) if source else {
        "normalizer": None, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}, "model": {"ignore_merges": False}}
    model = {"type": "BPE", "vocab": {t: i for i, t in enumerate(tokens)}, "merges": [m.split(" ") for m in merges], "ignore_merges": published["model"]["ignore_merges"]}
    post = None if begin is None else {
        "type": "TemplateProcessing", "single": [{"SpecialToken": {"id": tokens[begin], "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {tokens[begin]: {"id": tokens[begin], "ids": [begin], "tokens": [tokens[begin]]}}}
    document = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": published["normalizer"],
                "pre_tokenizer": published["pre_tokenizer"], "post_processor": post, "decoder": published["decoder"], "model": model}
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t, k in zip(tokens, types) if k == 3])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t, k in zip(tokens, types) if k == 4])
    return tokenizer


def write_tokenizer(writer, pre, tokens, types, merges, begins=None, template=None):
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    end = tokens.index("<|endoftext|>")
    writer.add_bos_token_id(end + 1)
    writer.add_eos_token_id(end + 2)
    writer.add_eot_token_id(end)
    writer.add_pad_token_id(end)
    if begins is not None:
        writer.add_add_bos_token(begins)
    if template:
        writer.add_chat_template(template)


def close(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
# Width 256, because rows of the K types are of that many elements.
MODELS = {
    "llama": dict(pre="smollm", vocabulary="bytelevel", source="smollm2", layers=2, heads=4, keys=2, head=32, tied=False, theta=100000.0,
                  types=[Q.Q4_K, Q.Q5_K, Q.Q6_K, Q.Q8_0, Q.Q4_0, Q.Q4_1]),
    "qwen2": dict(pre="qwen2", vocabulary="qwen2", source="qwen2.5", layers=1, heads=4, keys=2, head=64, tied=True, theta=1000000.0,
                  types=[Q.BF16, Q.F16, Q.Q5_0, Q.Q5_1, Q.Q6_K, Q.Q4_K]),
    "qwen3": dict(pre="qwen2", vocabulary="qwen2", source="qwen3", layers=1, heads=4, keys=2, head=32, tied=True, theta=1000000.0,
                  types=[Q.Q4_1, Q.Q8_0, Q.F32, Q.Q5_K]),
}


def write_model(name, m, rng):
    tokens, types, merges = vocabulary(m["vocabulary"])
    folder = OUT / name
    folder.mkdir(parents=True)
    w = GGUFWriter(folder / "model.gguf", name)
    w.add_block_count(m["layers"])
    w.add_context_length(256)
    w.add_embedding_length(256)
    w.add_feed_forward_length(256)
    w.add_head_count(m["heads"])
    w.add_head_count_kv(m["keys"])
    w.add_key_length(m["head"])
    w.add_value_length(m["head"])
    w.add_rope_dimension_count(m["head"])
    w.add_rope_freq_base(m["theta"])
    w.add_layer_norm_rms_eps(1e-5)
    write_tokenizer(w, m["pre"], tokens, types, merges, False, TEMPLATE)
    turn = 0

    def matrix(key, rows, columns):
        nonlocal turn
        kinds = [q for q in m["types"] if columns % GGML_QUANT_SIZES[q][0] == 0]
        q = kinds[turn % len(kinds)]
        turn += 1
        w.add_tensor(key, weights(rng, (rows, columns), q), raw_dtype=q)

    def vector(key, count, mean):
        w.add_tensor(key, (mean + 0.3 * rng.standard_normal(count)).astype(np.float32))

    matrix("token_embd.weight", len(tokens), 256)
    vector("output_norm.weight", 256, 1)
    if not m["tied"]:
        matrix("output.weight", len(tokens), 256)
    for i in range(m["layers"]):
        b = f"blk.{i}."
        vector(b + "attn_norm.weight", 256, 1)
        vector(b + "ffn_norm.weight", 256, 1)
        for key, rows in [("q", m["heads"]), ("k", m["keys"]), ("v", m["keys"])]:
            matrix(f"{b}attn_{key}.weight", rows * m["head"], 256)
            if name == "qwen2":
                vector(f"{b}attn_{key}.bias", rows * m["head"], 0)
            if name == "qwen3" and key != "v":
                vector(f"{b}attn_{key}_norm.weight", m["head"], 1)
        matrix(b + "attn_output.weight", 256, m["heads"] * m["head"])
        matrix(b + "ffn_gate.weight", 256, 256)
        matrix(b + "ffn_up.weight", 256, 256)
        matrix(b + "ffn_down.weight", 256, 256)
    close(w)
    options = {"head_dim": m["head"]} if name == "qwen3" else {}
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file="model.gguf", dtype=torch.float32, attn_implementation="eager", **options).eval()
    draw = random.Random(11)
    entry = {"logits": [[draw.randrange(len(tokens)) for _ in range(n)] for n in (13, 1, 40)], "greedy": [], "margins": []}
    entry["prompts"] = []
    logits = {}
    with torch.no_grad():
        for i, ids in enumerate(entry["logits"]):
            logits[f"causal{i}"] = model(torch.tensor([ids]), use_cache=False).logits[0].numpy()
        # Of prompts that are drawn, those whose tokens no rounding can change.
        while len(entry["prompts"]) < 2:
            ids = [draw.randrange(len(tokens)) for _ in range((2, 7)[len(entry["prompts"])])]
            out = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), max_new_tokens=16, do_sample=False,
                                 eos_token_id=None, pad_token_id=0, output_scores=True, return_dict_in_generate=True)
            best = torch.stack([s[0].topk(2).values for s in out.scores])
            margin = (best[:, 0] - best[:, 1]).min().item()
            if margin > 0.003:
                entry["prompts"].append(ids)
                entry["greedy"].append(out.sequences[0, len(ids):].tolist())
                entry["margins"].append(round(margin, 4))
    entry["sha256"] = {k: hashlib.sha256(np.ascontiguousarray(v.numpy()).tobytes()).hexdigest() for k, v in model.state_dict().items()}
    save_file(logits, OUT / f"{name}.safetensors")
    return entry


def cases(pre, tokenizer):
    draw = random.Random(7)
    texts = PIECES + ["".join(draw.choices(PIECES, k=draw.randint(1, 9))) for _ in range(80)]
    return [{"text": t, "ids": tokenizer.encode(t).ids, "skipped": tokenizer.decode(tokenizer.encode(t).ids, skip_special_tokens=True)} for t in texts]


# The names of pre-tokenizers follow from ids of a test text there, and these vocabularies are of this file's own making.
CONVERT = """
import sys
llama, pre = sys.argv[1:3]
sys.path[:0] = [llama, llama + "/gguf-py"]
import conversion.base
conversion.base.TextModel.get_vocab_base_pre = lambda self, tokenizer: pre
sys.argv[1:] = sys.argv[3:]
import convert_hf_to_gguf
convert_hf_to_gguf.main()
"""


def written(llama, name, m):
    """What convert_hf_to_gguf.py makes of a model: values, and hashes of tensors, for each type of weights."""
    tokens, types, merges = vocabulary(m["vocabulary"])
    result = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / name
        options = {"head_dim": m["head"]} if name == "qwen3" else {}
        model = AutoModelForCausalLM.from_pretrained(OUT / name, gguf_file="model.gguf", dtype=torch.float32, **options)
        model.config.head_dim = m["head"]
        model.save_pretrained(folder)
        reference(m["source"], tokens, types, merges, None).save(str(folder / "tokenizer.json"))
        end = tokens.index("<|endoftext|>")
        config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": tokens[end + 1], "eos_token": tokens[end + 2], "pad_token": tokens[end],
                  "chat_template": TEMPLATE}
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
        for form in ["f32", "bf16", "q8_0"]:
            target = folder / f"{form}.gguf"
            subprocess.run([sys.executable, "-c", CONVERT, llama, m["pre"], str(folder), "--outfile", str(target), "--outtype", form, "--model-name", name],
                           check=True, capture_output=True)
            reader = GGUFReader(target)
            values = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
            for key in ["tokenizer.ggml.tokens", "tokenizer.ggml.merges"]:
                texts = values[key]
                values[key] = {"count": len(texts), "sha256": hashlib.sha256("\n".join(texts).encode()).hexdigest()}
            if form != "f32":
                values = {key: value for key, value in values.items() if not key.startswith("tokenizer.")}
            tensors = {t.name: [t.tensor_type.name, hashlib.sha256(np.ascontiguousarray(t.data).tobytes()).hexdigest()] for t in reader.tensors}
            result[form.upper()] = {"values": values, "tensors": tensors}
    return result


def rows_written():
    """Bytes of rows of blocks.safetensors in the types that are written, of those rows that they can hold."""
    result = {}
    for q in [Q.F32, Q.F16, Q.BF16, Q.Q8_0]:
        hashes = {}
        for name, rows in load_file(OUT / "blocks.safetensors").items():
            if not name.startswith("F"):
                largest = np.abs(rows).max(axis=1)
                scales = np.abs(rows.reshape(len(rows), -1, 32)).max(axis=2) / np.float32(127)
                with np.errstate(all="ignore"):
                    held = np.isfinite(rows).all(axis=1) & (largest < 65504) & ((scales == 0) | np.isfinite(1 / scales)).all(axis=1)
                if held.any():
                    data = np.ascontiguousarray(quants.quantize(np.ascontiguousarray(rows[held]), q))
                    hashes[name] = [int(held.sum()), hashlib.sha256(data.tobytes()).hexdigest()]
        result[q.name] = hashes
    return result


def main():
    torch.set_num_threads(1)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    rng = np.random.default_rng(20261130)
    arrays, expected = blocks(rng)
    w = GGUFWriter(OUT / "blocks.gguf", "llama")
    for name, (rows, q) in arrays.items():
        w.add_tensor(name, rows, raw_dtype=q, raw_shape=rows.shape)
    close(w)
    save_file(expected, OUT / "blocks.safetensors")
    index = {"models": {}, "tokenizers": {}}
    for name, m in MODELS.items():
        index["models"][name] = write_model(name, m, rng)
        index["tokenizers"][name] = cases(m["pre"], reference(m["source"], *vocabulary(m["vocabulary"]), None))
    # Without add_bos_token: llama.cpp begins texts of Llama 3 with it all the same.
    for name, pre, words, source in [("gpt2", "gpt-2", "bytelevel", None), ("llama3", "llama-bpe", "llama3", "llama3")]:
        tokens, types, merges = vocabulary(words)
        (OUT / name).mkdir()
        w = GGUFWriter(OUT / name / "model.gguf", "llama")
        write_tokenizer(w, pre, tokens, types, merges)
        close(w)
        begin = tokens.index("<|im_start|>") if name == "llama3" else None
        index["tokenizers"][name] = cases(pre, reference(source, tokens, types, merges, begin))
    index["rows"] = rows_written()
    index["written"] = {name: written(sys.argv[1], name, m) for name, m in MODELS.items()}
    (OUT / "index.json").write_text(json.dumps(index, ensure_ascii=False, indent=None, separators=(",", ":")).replace('},"', '},\n"').replace('},{"text"', '},\n{"text"') + "\n")


if __name__ == "__main__":
    main()
