#!/usr/bin/env python3
"""Checks configs/schema/experiment.json with an independent validator.

Needs the package jsonschema (pip install jsonschema). Reads the schema, the recorded cases of Tests/Fixtures/schema and
all configurations, and says where the validator's verdict differs from what is recorded. The tests of the parser go by
the same records, so that parser and schema agree as far as a schema can tell.
"""
import json
import pathlib
import re
import sys

import jsonschema

root = pathlib.Path(__file__).resolve().parent.parent
schema = json.loads((root / "configs/schema/experiment.json").read_text())
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
text = r'"(?:\\.|[^"\\])*"'
comment = r"//[^\n]*|/\*.*?\*/"
count, wrong = 0, 0


def check(name, config, expected):
    global count, wrong
    count += 1
    if validator.is_valid(config) == expected:
        return
    wrong += 1
    error = jsonschema.exceptions.best_match(validator.iter_errors(config))
    print(f"{name}: recorded as {expected}, the schema says {error.message if error else 'valid'}")


cases = root / "Tests/Fixtures/schema"
for line in (cases / "cases.jsonl").read_text().splitlines():
    case = json.loads(line)
    config = json.loads((cases / case.get("of", "base.json")).read_text())
    for path, *value in case["edits"]:
        node = config
        for key in path[:-1]:
            node = node[key]
        if value:
            node[path[-1]] = value[0]
        else:
            del node[path[-1]]
    check(case["name"], config, case["schema"])
for path in sorted((root / "configs").rglob("*.json")):
    if path.parent.name in ("schema", "published"):
        continue
    plain = re.sub(f"({text})|{comment}", lambda match: match[1] or "", path.read_text(), flags=re.DOTALL)
    check(path.relative_to(root), json.loads(plain), True)
print(f"{count} verdicts, {wrong} of them wrong")
sys.exit(wrong > 0)
