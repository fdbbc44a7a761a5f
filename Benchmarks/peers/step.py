"""One decoding step at the shapes of LLaDA-8B in PyTorch (4 of 32 layers, all of the vocabulary), bfloat16.

upstream: logits of every row, softmax and entropy in float64, as d3LLM's released code does it
tuned:    logits of the candidate rows only, softmax and entropy in float32
layers:   no head at all
"""
import json
import sys
import time

import torch

from model import Model

THREADS, REPETITIONS = int(sys.argv[1]), int(sys.argv[2])


def scores(logits, dtype):
    p = torch.softmax(logits.to(dtype), -1)
    confidence, token = p.max(-1)
    entropy = -(p * torch.log(p + 1e-10)).sum(-1)
    return token, confidence, entropy


def measure(body):
    body()
    times = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        body()
        times.append(time.perf_counter() - start)
    return times


@torch.inference_mode()
def main():
    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    with torch.device("meta"):
        model = Model(4, 4096, 32, 12288, 126464)
    model = model.to(torch.bfloat16).to_empty(device="cpu")
    for parameter in model.parameters():
        parameter.uniform_(-0.02, 0.02)
    tokens = (torch.arange(320) * 389 % 126000)[None]
    found = {}
    caches = [tuple(torch.randn(1, 32, 256, 128, dtype=torch.bfloat16) for _ in range(2)) for _ in range(4)]
    for name, inputs, first, cache in [("full", tokens, 0, None), ("cached", tokens[:, 256:], 256, caches)]:
        found[f"upstream {name}"] = measure(
            lambda: scores(model.head(model.hidden(inputs, first, cache)), torch.float64))
        found[f"tuned {name}"] = measure(
            lambda: scores(model.head(model.hidden(inputs, first, cache)[:, -64:]), torch.float32))
        found[f"layers {name}"] = measure(lambda: model.hidden(inputs, first, cache))
    print(json.dumps(found))


main()
