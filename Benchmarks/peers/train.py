"""Steps of masked-diffusion training in PyTorch: float32, bfloat16 autocast, and for the mini model both compiled.

mini: prompts have 18 to 37 tokens; the batch is padded to the longest with end tokens, without a mask, as upstream does it.
wide: 8 sequences of 256 tokens, nothing to pad.
"""
import json
import sys
import time

import torch
from torch.nn import functional as F

from model import Model

THREADS, REPETITIONS = int(sys.argv[1]), int(sys.argv[2])
VOCABULARY, END = 87, 2
KINDS = {
    "mini": ((4, 96, 4, 256), [18 + row * 7 % 20 for row in range(32)], 48),
    "wide": ((4, 1024, 16, 2816), [128] * 8, 128),
}


def measure(kind, autocast, compiled, repetitions):
    shape, prompts, response = KINDS[kind]
    prompts = torch.tensor(prompts)
    rows, length = len(prompts), int(prompts.max()) + response
    torch.manual_seed(1)
    model = Model(*shape, VOCABULARY)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def loss_of(tokens, targets):
        hidden = model.hidden(tokens)[torch.arange(rows)[:, None], prompts[:, None] + torch.arange(response)]
        return F.cross_entropy(model.head(hidden).flatten(0, 1).float(), targets.flatten())

    loss_of = torch.compile(loss_of) if compiled else loss_of

    def step():
        tokens = torch.randint(3, VOCABULARY, (rows, length))
        tokens[torch.arange(length) >= prompts[:, None] + response] = END
        targets = torch.randint(3, VOCABULARY, (rows, response))
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = loss_of(tokens, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    for _ in range(4 if kind == "mini" else 1):
        step()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return times


def main():
    torch.set_num_threads(THREADS)
    found = {}
    for name, autocast in [("float32", False), ("bfloat16", True)]:
        found[f"mini {name}"] = measure("mini", autocast, False, REPETITIONS)
        found[f"mini {name} compiled"] = measure("mini", autocast, True, REPETITIONS)
        found[f"wide {name}"] = measure("wide", autocast, False, max(2, REPETITIONS // 4))
    print(json.dumps(found))


main()
