#!/usr/bin/env python3
"""Count how the sources are built: sizes of files, types, visibility, modules and the arrows between their folders.

    scripts/figures.py            a table
    scripts/figures.py --json     the same for programs
    scripts/figures.py --check    fail where a wall between modules or folders gave way (make format-check)

The arrows inside a module are found by the names of top-level types, so that a use by a member alone is missed.
"""
import argparse
import collections
import json
import pathlib
import re
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ROOT / "Sources"

# What --check holds the sources to. FILES and TWO_WAY_FOLDERS are what they had when that was last written down: lower
# them with the sources. Raising one is a decision, and the commit that does so says why.
FILES = 440
MORE_FILES = 10
TWO_WAY_FOLDERS = {"Sessions": 1}
LARGEST_KNOT = 4
TARGET_LINES = 8000

ACCESS = r"(?:(?:public|package|internal|private|fileprivate|final|indirect|@\w+(?:\([^)]*\))?) )*"
TYPE = re.compile(rf"^({ACCESS})(?:struct|class|enum|protocol|actor|typealias) (\w+)", re.M)
PUBLIC = re.compile(r"^\s*(?:@\w+(?:\([^)]*\))? )*public (?!import)", re.M)


def code(text):
    """The text without comments and without what stands in literals."""
    text = re.sub(r'"""(.|\n)*?"""', '""', text)
    text = re.sub(r"//.*", "", text)
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def strongly_connected(edges):
    """Sets of nodes that reach one another (Tarjan)."""
    index, low, stack, on_stack, found = {}, {}, [], set(), []

    def visit(start):
        work = [(start, iter(edges.get(start, ())))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        while work:
            node, following = work[-1]
            for other in following:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(edges.get(other, ()))))
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    group = set()
                    while True:
                        other = stack.pop()
                        on_stack.discard(other)
                        group.add(other)
                        if other == node:
                            break
                    found.append(group)

    for node in list(edges):
        if node not in index:
            visit(node)
    return found


def module_figures(folder):
    """Lines, two-way pairs of folders and the largest knot of files of one module."""
    texts = {path.relative_to(folder): code(path.read_text()) for path in folder.rglob("*.swift")}
    declared = collections.defaultdict(set)
    for path, text in texts.items():
        for access, name in TYPE.findall(text):
            if "private" not in access:
                declared[name].add(path)
    edges = collections.defaultdict(set)
    for path, text in texts.items():
        for word in set(re.findall(r"\b[A-Z]\w+", text)):
            edges[path] |= {other for other in declared.get(word, ()) if other != path}
    folders = {(a.parts[0], b.parts[0]) for a in edges for b in edges[a]
               if len(a.parts) > 1 and len(b.parts) > 1 and a.parts[0] != b.parts[0]}
    pairs = sum(1 for a, b in folders if a < b and (b, a) in folders)
    # Files of one folder may know each other; a knot that spans folders says that they are folders in name only.
    knots = [group for group in strongly_connected(edges)
             if len({path.parts[0] for path in group if len(path.parts) > 1}) > 1]
    return {
        "lines": sum(text.count("\n") for text in (p.read_text() for p in folder.rglob("*.swift"))),
        "files": len(texts), "twoWayFolders": pairs, "largestKnot": max(map(len, knots), default=0),
    }


def all_modules():
    """The figures of every module by its name."""
    return {folder.name: module_figures(folder)
            for folder in sorted(SOURCES.iterdir()) if any(folder.rglob("*.swift"))}


def readers():
    """Who reads typed members of JSON, beside the one reader: files that check a value's type and throw by hand."""
    by_hand = re.compile(
        r"guard let \w+ = [^;{}]*?\.(?:string|int|double|bool|array|members)\b[^;{}]*? else \{\s*(?:throw|return reject)")
    named = re.compile(r"\bfunc (?:integer|int|number|flag|bool|string|strings)\((?:\s*_ \w+: String|\) throws)")
    found = {}
    for path in sorted(SOURCES.rglob("*.swift")):
        if path.relative_to(SOURCES).parts[0] in ("Documents", "JSON"):
            continue
        text = code(path.read_text())
        if len(by_hand.findall(text)) > 1 or len(named.findall(text)) > 1 and "DocumentValue" not in text and "JSON" in text:
            found[str(path.relative_to(ROOT))] = len(by_hand.findall(text))
    return found


def figures():
    paths = sorted(SOURCES.rglob("*.swift"))
    texts = [path.read_text() for path in paths]
    sizes = [text.count("\n") for text in texts]
    stripped = [code(text) for text in texts]
    lines = sum(sizes)
    documentation = sum(len(re.findall(r"^\s*///", text, re.M)) for text in texts)
    modules = all_modules()
    exits = (SOURCES / "d3llm" / "ExitCodes.swift").read_text() if (SOURCES / "d3llm" / "ExitCodes.swift").exists() else ""
    methods = re.compile(r'"(?:multi-block[\w-]*|d2f|vanilla|autoregressive|fast-dllm[\w-]*|dinfer|generationLength)"')
    named = [(path, number) for path, text in zip(paths, texts) if path.relative_to(SOURCES).parts[0] != "Decoding"
             for number, line in enumerate(text.split("\n"), 1)
             if methods.search(line.split("//")[0]) and ("==" in line or "!=" in line or "case \"" in line)]
    declared = "\n".join(stripped)
    errors = sum(len(re.findall(r"^(?:[\w@]+ )*(?:struct|enum|class) \w+(?:<.*>)?: [^{]*\bError\b", text, re.M))
                 for text in stripped)
    return {
        "files": len(paths), "median": statistics.median(sizes), "under40": sum(size < 40 for size in sizes),
        "lines": lines,
        "typesPerThousandLines": round(1000 * sum(len(TYPE.findall(t)) for t in stripped) / lines, 1),
        "public": sum(len(PUBLIC.findall(text)) for text in stripped),
        "package": sum(len(re.findall(r"^\s*(?:@\w+ )*package (?!import)", text, re.M)) for text in stripped),
        "documentationShare": round(100 * documentation / lines, 1),
        "largestModule": max(modules.items(), key=lambda item: item[1]["lines"])[0],
        "modules": modules, "errorTypes": errors,
        "exitCodeImports": len(re.findall(r"^\s*(?:internal |public |package )?import \w+", exits, re.M)),
        "methodNamesOutsideDecoding": [f"{p.relative_to(ROOT)}:{n}" for p, n in named],
        "readersByHand": readers(), "nearestNames": len(re.findall(r"\benum NearestName\b", declared)),
        "jsonTrees": len(re.findall(r"\bcase array\(\[(?:JSON|Config)\w+\]\)", declared)),
        "cLibraryPreludes": sum("canImport(Glibc)" in text for text in texts),
    }


def fallen_walls(modules):
    """Sentences on what the modules' figures have beyond the limits above."""
    found = []
    for name, facts in modules.items():
        pairs, allowed = facts["twoWayFolders"], TWO_WAY_FOLDERS.get(name, 0)
        if pairs > allowed:
            found.append(f"Sources/{name} has {pairs} pairs of folders that use each other instead of {allowed}: move what is "
                         "in the wrong folder, or make the two one.")
        if facts["largestKnot"] > LARGEST_KNOT:
            found.append(f"Sources/{name} has a knot of {facts['largestKnot']} files across folders, each of which needs the "
                         f"others; at most {LARGEST_KNOT} may be knotted.")
        if facts["lines"] > TARGET_LINES:
            found.append(f"Sources/{name} has {facts['lines']} lines; a target may have {TARGET_LINES}. Make two of it.")
    files = sum(facts["files"] for facts in modules.values())
    if files > FILES + MORE_FILES:
        found.append(f"Sources has {files} Swift files, more than {MORE_FILES} above the {FILES} that scripts/figures.py has "
                     "written down: put what is one idea into one file.")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--check", action="store_true", help="fail where a wall between modules or folders gave way")
    arguments = parser.parse_args()
    if arguments.check:
        modules = all_modules()
        found = fallen_walls(modules)
        for sentence in found:
            print(sentence, file=sys.stderr)
        files = sum(facts["files"] for facts in modules.values())
        if files < FILES - MORE_FILES:
            print(f"Sources has {files} Swift files; FILES in scripts/figures.py can be that number.")
        for name, allowed in TWO_WAY_FOLDERS.items():
            if name not in modules or modules[name]["twoWayFolders"] < allowed:
                print(f"Sources/{name} has fewer than {allowed} pairs of folders that use each other; lower TWO_WAY_FOLDERS.")
        sys.exit(1 if found else 0)
    result = figures()
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
        return print()
    for key, label in [
            ("files", "Swift files"), ("median", "median lines of a file"), ("under40", "files under 40 lines"),
            ("lines", "lines"), ("typesPerThousandLines", "top-level types per 1,000 lines"),
            ("public", "public declarations"), ("package", "package declarations"),
            ("documentationShare", "documentation comments, % of lines"), ("errorTypes", "error types"),
            ("exitCodeImports", "modules that the exit codes import"),
            ("cLibraryPreludes", "files that choose a C library")]:
        print(f"{label:40} {result[key]:>8}")
    by_hand = result["readersByHand"]
    print(f"{'files that check types of JSON by hand':40} {len(by_hand):>8}  {' '.join(list(by_hand)[:3])}")
    print(f"{'nearest names':40} {result['nearestNames']:>8}")
    print(f"{'JSON trees':40} {result['jsonTrees']:>8}")
    named = result["methodNamesOutsideDecoding"]
    print(f"{'methods named outside Decoding':40} {len(named):>8}  {' '.join(named[:4])}")
    print(f"\n{'module':16} {'lines':>7} {'files':>6} {'two-way folders':>16} {'largest knot':>13}")
    for name, facts in sorted(result["modules"].items(), key=lambda item: -item[1]["lines"]):
        print(f"{name:16} {facts['lines']:>7} {facts['files']:>6} {facts['twoWayFolders']:>16} {facts['largestKnot']:>13}")


if __name__ == "__main__":
    main()
