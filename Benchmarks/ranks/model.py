#!/usr/bin/env python3
"""What a stage takes on R ranks, by the model of cost of docs/cluster.md; prints a table for 1 to 512 ranks."""

import math

RANKS = [1, 2, 4, 8, 64, 512]


def samples(ranks, threads, groups, group_seconds, dispatch, start):
    """Seconds of a stage of equal groups: rounds of groups, what rank 0 can hand out, and the beginning."""
    rounds = math.ceil(groups / (ranks * threads))
    return start + max(rounds * group_seconds, groups * dispatch if ranks > 1 else 0)


def training(ranks, threads, lane_seconds, own_seconds, parameters, bandwidth, latency, phases):
    """Seconds of a step: rank 0's own part, rounds of lanes, parameters to and lanes from the others."""
    best = None
    # Rank 0 gives lanes to as many ranks as pay.
    for used in range(1, min(ranks, 4) + 1):
        lanes = math.ceil(4 / used)
        rounds = math.ceil(lanes / threads)
        remote = 4 - lanes
        bytes_moved = 4 * parameters * ((used - 1) + remote)
        seconds = own_seconds + rounds * lane_seconds
        if used > 1:
            seconds += bytes_moved / bandwidth + 2 * phases * latency
        best = seconds if best is None else min(best, seconds)
    return best


def row(name, times):
    cells = " | ".join(f"{t:.3g} s ({times[0] / t:.3g})" for t in times)
    print(f"| {name} | {cells} |")


def main():
    print("| seconds (times faster than 1 rank) | " + " | ".join(str(r) for r in RANKS) + " |")
    print("|---|" + "---|" * len(RANKS))
    node = {"dispatch": 2e-4, "start": 1}
    row("evaluation, mini model, 512 problems in groups of 16, 0.32 s each, 1 thread a rank",
        [samples(r, 1, 32, 0.32, **node) for r in RANKS])
    row("evaluation, 8B model, 1,319 problems one by one, 56 s each, 1 slot a rank",
        [samples(r, 1, 1319, 56, **node) for r in RANKS])
    row("the same in groups of 16, 900 s each",
        [samples(r, 1, 83, 900, **node) for r in RANKS])
    row("training step, mini model, 0.46 million parameters, lanes of 29 ms",
        [training(r, 1, 0.029, 0.005, 460_000, 3e9, 5e-5, 2) for r in RANKS])
    row("training step, 8B model, lanes of 100 s, 10 GB/s",
        [training(r, 1, 100, 20, 8e9, 1e10, 2e-6, 2) for r in RANKS])


if __name__ == "__main__":
    main()
