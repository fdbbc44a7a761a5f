"""Steps of masked-diffusion training of the mini model in PyTorch: float32, bfloat16 autocast, and both compiled.

Prompts have 18 to 37 tokens; the batch is padded to the longest with end tokens, without a mask, as upstream does it.
"""
import json
import sys
import time

import torch
from torch.nn import functional as F

from model import Model

THREADS, REPETITIONS = int(sys.argv[1]), int(sys.argv[2])
ROWS, RESPONSE, VOCABULARY, END = 32, 48, 87, 2
PROMPTS = torch.tensor([18 + row * 7 % 20 for row in range(ROWS)])
LENGTH = int(PROMPTS.max()) + RESPONSE


def measure(autocast, compiled):
    torch.manual_seed(1)
    model = Model(4, 96, 4, 256, VOCABULARY)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def loss_of(tokens, targets):
        hidden = model.hidden(tokens)[torch.arange(ROWS)[:, None], PROMPTS[:, None] + torch.arange(RESPONSE)]
        return F.cross_entropy(model.head(hidden).flatten(0, 1).float(), targets.flatten())

    loss_of = torch.compile(loss_of) if compiled else loss_of

    def step():
        tokens = torch.randint(3, VOCABULARY, (ROWS, LENGTH))
        tokens[torch.arange(LENGTH) >= PROMPTS[:, None] + RESPONSE] = END
        targets = torch.randint(3, VOCABULARY, (ROWS, RESPONSE))
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = loss_of(tokens, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    for _ in range(4):
        step()
    times = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return times


def main():
    torch.set_num_threads(THREADS)
    kinds = {"float32": (False, False), "bfloat16": (True, False)}
    kinds |= {"float32 compiled": (False, True), "bfloat16 compiled": (True, True)}
    print(json.dumps({name: measure(*kind) for name, kind in kinds.items()}))


main()
