"""The matrix products of `speed-bench products` in PyTorch, which leaves them to oneDNN."""
import json
import sys
import time

import torch
from torch.nn import functional as F

THREADS, REPETITIONS = int(sys.argv[1]), int(sys.argv[2])
SHAPES = [
    (32, 4096, 4096), (64, 4096, 4096), (128, 4096, 4096), (64, 12288, 4096), (64, 4096, 12288),
    (4096, 4096, 4096), (2560, 96, 96), (2560, 256, 96), (2560, 96, 256),
]


@torch.inference_mode()
def main():
    torch.set_num_threads(THREADS)
    found = {}
    for m, n, k in SHAPES:
        inner = max(1, 200_000_000 // (m * n * k))
        copies = 4 if n * k >= 1 << 22 and m < 4096 else 1
        for name, dtype in [("bfloat16", torch.bfloat16), ("float32", torch.float32)]:
            if dtype == torch.float32 and n * k >= 1 << 22:
                continue
            x = torch.rand(m, k).to(dtype)
            weights = [(torch.rand(n, k) - 0.5).to(dtype) for _ in range(copies)]
            times, step = [], 0
            for repetition in range(REPETITIONS + 1):
                start = time.perf_counter()
                for _ in range(inner):
                    F.linear(x, weights[step % copies])
                    step += 1
                times.append((time.perf_counter() - start) / inner)
            found[f"{name} {m}x{n}x{k}"] = times[1:]
    print(json.dumps(found))


main()
