#!/usr/bin/env python3
"""Finds places in Sources that end the process without saying why that can't happen.

    scripts/check-traps.py [FOLDER OR FILE…]      # Sources, unless something else is named

No file, flag or client may end the process: what they can make wrong is an error. What is left of preconditions is about the
program itself, and each says what its callers hold. So `precondition` and `preconditionFailure` have a message, and
`fatalError`, `try!`, `as!` and forced unwraps don't occur.

Exits with 1 where it finds something.
"""
import os
import re
import sys

RULES = [
    (re.compile(r"\b(?:fatalError|assertionFailure)\("), "throw an error, or use preconditionFailure with a message"),
    (re.compile(r"\btry!|\bas!"), "handle the other case"),
    (re.compile(r"(?:[\w\])])!(?=[.\[\s,)]|$)(?! *=)"), "handle the case without a value"),
]
TRAP = re.compile(r"\bprecondition(?:Failure)?\(")


def bare(line):
    """The line without comments and texts."""
    line = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)
    return line.split("//")[0]


def arguments(text, start):
    """What stands between the brackets that open before `start`."""
    depth, place, quoted = 1, start, False
    while place < len(text) and depth:
        sign = text[place]
        if quoted:
            if sign == "\\":
                place += 1
            elif sign == '"':
                quoted = False
        elif sign == '"':
            quoted = True
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
        place += 1
    return text[start:place - 1]


def problems(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    in_text = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.count('"""') == 1:
            in_text = not in_text
            continue
        if in_text or line.lstrip().startswith("//"):
            continue
        for pattern, hint in RULES:
            if pattern.search(bare(line)):
                yield number, hint
    for match in TRAP.finditer(text):
        start = text.rfind("\n", 0, match.start()) + 1
        if text[start:match.start()].lstrip().startswith("//"):
            continue
        if '"' not in arguments(text, match.end()):
            yield text.count("\n", 0, match.start()) + 1, "say in a message what callers hold"


def main():
    named = sys.argv[1:] or [os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Sources")]
    files = []
    for name in named:
        if os.path.isfile(name):
            files.append(name)
        for folder, _, names in os.walk(name):
            files += [os.path.join(folder, entry) for entry in names if entry.endswith(".swift")]
    found = 0
    for path in sorted(files):
        for number, hint in problems(path):
            print(f"{path}:{number}: {hint}")
            found += 1
    if found:
        return 1
    print(f"{len(files)} files end the process nowhere without a reason.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
