"""Keeps the questions that have no number above a bound: what configs/own/command.json runs as a stage.

    python3 files/small.py BOUND

It reads inputs/questions and writes output/kept.jsonl, output/counts.json and output/report.txt.
"""
import json
import re
import sys

bound = int(sys.argv[1])
with open("inputs/questions/data", encoding="utf-8") as file:
    rows = [json.loads(line) for line in file]
kept = [row for row in rows if all(int(number) <= bound for number in re.findall("[0-9]+", row["question"]))]
with open("output/kept.jsonl", "w", encoding="utf-8") as file:
    for row in kept:
        print(json.dumps(row, ensure_ascii=False), file=file)
with open("output/counts.json", "w", encoding="utf-8") as file:
    json.dump({"read": len(rows), "kept": len(kept), "share": len(kept) / len(rows)}, file)
with open("output/report.txt", "w", encoding="utf-8") as file:
    print(f"{len(kept)} of {len(rows)} questions have no number above {bound}.", file=file)
print(f"read {len(rows)} questions", file=sys.stderr)
