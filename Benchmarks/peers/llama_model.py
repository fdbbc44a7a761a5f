"""Writes the transformer layers of LLaDA-8B, 4 of 32, with random weights as a GGUF file for llama.cpp, and runs llama-bench
on it: `full` is 320 tokens, `cached` 64 tokens behind 256 in the cache.

    llama_model.py LLAMA-BENCH FOLDER THREADS REPETITIONS

The vocabulary has 512 tokens and llama.cpp computes the logits of the last token alone, so that next to nothing but layers is
measured. Its attention is causal, which is a little less work than LLaDA's.
"""
import json
import os
import subprocess
import sys

import gguf
import numpy as np

BENCH, FOLDER, THREADS, REPETITIONS = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4]
LAYERS, WIDTH, HEADS, FEED_FORWARD, VOCABULARY = 4, 4096, 32, 12288, 512


def write(path, kind):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(VOCABULARY)
    writer.add_tokenizer_model("no_vocab")
    random = np.random.default_rng(1)

    def matrix(name, rows, columns):
        data = random.standard_normal((rows, columns), dtype=np.float32) * 0.02
        writer.add_tensor(name, gguf.quants.quantize(data, kind), raw_dtype=kind)

    def norm(name):
        writer.add_tensor(name, np.ones(WIDTH, dtype=np.float32))

    matrix("token_embd.weight", VOCABULARY, WIDTH)
    for i in range(LAYERS):
        norm(f"blk.{i}.attn_norm.weight")
        norm(f"blk.{i}.ffn_norm.weight")
        for name in ["attn_q", "attn_k", "attn_v", "attn_output"]:
            matrix(f"blk.{i}.{name}.weight", WIDTH, WIDTH)
        matrix(f"blk.{i}.ffn_gate.weight", FEED_FORWARD, WIDTH)
        matrix(f"blk.{i}.ffn_up.weight", FEED_FORWARD, WIDTH)
        matrix(f"blk.{i}.ffn_down.weight", WIDTH, FEED_FORWARD)
    norm("output_norm.weight")
    matrix("output.weight", VOCABULARY, WIDTH)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    found = {}
    for name, kind in [("bf16", gguf.GGMLQuantizationType.BF16), ("q8_0", gguf.GGMLQuantizationType.Q8_0)]:
        path = os.path.join(FOLDER, f"llada-4-layers-{name}.gguf")
        if not os.path.exists(path):
            write(path + ".part", kind)
            os.rename(path + ".part", path)
        for figure, tokens, cached in [("full", 320, 0), ("cached", 64, 256)]:
            command = [BENCH, "-m", path, "-t", THREADS, "-p", str(tokens), "-n", "0", "-d", str(cached)]
            command += ["-r", REPETITIONS, "-ub", "512", "-o", "json"]
            result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            found[f"{name} {figure}"] = [nanoseconds * 1e-9 for nanoseconds in result[-1]["samples_ns"]]
    print(json.dumps(found))


main()
