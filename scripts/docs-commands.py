#!/usr/bin/env python3
"""Run the commands of README.md and docs/*.md as they stand there, offline, each page in a clean folder of its own.

    scripts/docs-commands.py D3LLM [--short] [--store STORE] [--page docs/commands.md] [--list] [--keep FOLDER] [--limit SECONDS]

Commands are the lines of ```sh blocks, and in other blocks the lines that begin with "$ ". A page is one story: its commands run
in order, in a folder with copies of configs, experiments, Tests/Fixtures and data.lock, and with the program on the path. What
isn't run is named in EXCEPTIONS with its reason; an exception that no page needs any more is an error, as a command that fails is.
With --store the pages find what `make smoke` made there, and don't make it again; --short leaves out what SLOW names.
"""
import argparse
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What holds for all pages: the beginning of a command, and why it isn't run.
EVERYWHERE = [
    (r"make( |$)", "compiles or needs the checkout: .ci/run makes what is quick"),
    (r"alias ", "for the reader's own shell"),
    (r"(sudo|eval|mpirun|srun|rsync|lm_eval|swift|podman) ", "needs another program: make slurm-check, lease-check, lm-eval-check"),
    (r"d3llm (serve|chat|browse)( |$)", "goes on until it is stopped: make browser-check"),
    (r"\S*d3llm launch slurm configs/mini/smoke.json( --store store)?$", "needs Slurm: make slurm-check"),
    (r"\S*d3llm launch status ", "tells of what was submitted to Slurm: make slurm-check"),
    (r"(d3llm fetch (gsm8k|llada-8b-instruct)|pip download)", "downloads"),
    (r"d3llm evaluate d3llm-llada ", "needs downloads"),
    (r"scripts/export-tracking.py", "needs the packages of TensorBoard or of Weights & Biases"),
    (r"d3llm run configs/(paper|small)/", "needs downloads, and takes years without a GPU or hours"),
    (r"\S*d3llm (run|decode|report|power) .*mini/table1", "of the main experiment, which takes minutes: make reproduce"),
]

# A word of a command that stands for something of the reader's.
PLACEHOLDER = re.compile(
    r"(?<![\w./-])(FILE|CONFIG|MODEL|RUN|CHECKPOINT|NAME|STAGE|FOLDER|DIGEST|STORE|bench\.json|sheet\.csv)(?![\w])|…|\.\.\.|NAME\.json")

# One page's own: the page, the beginning of the command, the reason.
EXCEPTIONS = [
    ("docs/benchmarks.md", "d3llm verify bench/gsm8k", "a run of bench.json, which the reader writes"),
    ("docs/benchmarks.md", "d3llm samples bench/gsm8k", "a run of bench.json, which the reader writes"),
    ("docs/fetching.md", "d3llm fetch --check --cache carry", "of the downloads above"),
    ("docs/fetching.md", "d3llm fetch smollm2-135m-instruct-q4 --from", "of the download above"),
    ("docs/fetching.md", "export HF_HOME", "for the reader's own shell"),
]


# What --short leaves out. What is behind it on a page can't need it.
SLOW = [
    (r"\S*d3llm determinism ", "makes every stage again"),
    (r"\S*d3llm run configs/own/chain.json", "trains two models"),
    (r"\S*d3llm report own/chain", "of that run"),
    (r"\S*d3llm compare ", "decodes with nine settings"),
]


def commands(path):
    """The commands of a page with their lines, from its blocks, continuation lines joined."""
    found = []
    block, joined = None, None
    for number, line in enumerate(path.read_text().split("\n"), 1):
        if line.startswith("```"):
            block = None if block is not None else line[3:].strip()
            continue
        if block is None:
            continue
        if joined is None:
            if block == "sh":
                text = line
            elif line.startswith("$ "):
                text = line[2:]
            else:
                continue
            start = number
        else:
            text = joined + "\n" + line
        if text.endswith("\\"):
            joined = text
            continue
        joined = None
        if text.strip() and not text.strip().startswith("#"):
            found.append((start, text.strip()))
    return found


def bare(command):
    """The command without the comment behind it."""
    return re.sub(r"\s+#\s.*$", "", command, flags=re.M).strip()


def reason(page, command, used, is_short):
    """Why a command isn't run; None where it is."""
    text = bare(command)
    for index, (where, start, why) in enumerate(EXCEPTIONS):
        if where == page and text.startswith(start):
            used.add(index)
            return why
    for pattern, why in EVERYWHERE:
        if re.match(pattern, text):
            return why
    if PLACEHOLDER.search(text):
        return "has a placeholder"
    for pattern, why in SLOW if is_short else []:
        if re.match(pattern, text):
            return f"{why}: make docs-check"
    return None


def make_targets():
    """The names that `make` knows."""
    text = (ROOT / "Makefile").read_text()
    names = set(re.findall(r"^([a-z0-9-]+):", text, re.M))
    return names | set(re.findall(r"([\w-]+):[\w-]+", re.search(r"^TABLES := (?:.*\\\n)*.*", text, re.M).group()))


def unknown_targets(page, targets):
    """The commands of a page that make what the Makefile doesn't have."""
    for line, command in commands(ROOT / page):
        words = bare(command).split()
        if words and words[0] == "make":
            for word in words[1:]:
                if "=" not in word and word not in targets and word not in ("&&", "\\"):
                    yield line, word


def clean_folder(folder, program, store):
    """A folder with what the pages' commands name, and what `make smoke` left in a store, if there is one."""
    if store:
        shutil.copytree(store / "mini/smoke", folder / "store/mini/smoke")
    for name in ["configs", "experiments", "data.lock"]:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    (folder / ".build/release").mkdir(parents=True)
    (folder / ".build/release/d3llm").symlink_to(program)
    (folder / "home").mkdir()


def run_page(page, folder, arguments, used):
    """Runs a page's commands; returns how many ran, weren't run, failed."""
    limit = arguments.limit
    clean_folder(folder, arguments.program.resolve(), arguments.store)
    # Where a "cd" led is where the page's next command is run.
    place = folder
    where = folder / "home/place"
    environment = dict(
        os.environ, D3LLM_DOCS_PLACE=str(where), PATH=f"{folder}/.build/release:{os.environ['PATH']}", HOME=str(folder / "home"), HF_HUB_OFFLINE="1",
        TERM="dumb")
    ran = skipped = failed = 0
    for line, command in commands(ROOT / page):
        why = reason(page, command, used, arguments.short)
        if why:
            skipped += 1
            print(f"  {page}:{line}: not run, {why}: {bare(command).splitlines()[0]}")
            continue
        start = time.monotonic()
        try:
            result = subprocess.run(
                ["bash", "-c", f'{command}\ncode=$?; pwd > "$D3LLM_DOCS_PLACE"; exit $code'], cwd=place, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=limit)
            code, output = result.returncode, result.stdout.decode(errors="replace")
        except subprocess.TimeoutExpired as error:
            code, output = None, (error.stdout or b"").decode(errors="replace")
        seconds = time.monotonic() - start
        if where.exists():
            place = pathlib.Path(where.read_text().strip())
        ran += 1
        print(f"  {page}:{line}: {seconds:5.1f} s  {bare(command).splitlines()[0]}", flush=True)
        if code != 0:
            failed += 1
            end = "\n    ".join(output.strip().split("\n")[-12:])
            print(f"    FAILED ({'no end after ' + str(limit) + ' s' if code is None else f'exit code {code}'})\n    {end}")
    return ran, skipped, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--page", action="append", help="only this page; can be repeated")
    parser.add_argument("--list", action="store_true", help="say what would be run, and run nothing")
    parser.add_argument("--short", action="store_true", help="leave out what takes more than a minute")
    parser.add_argument("--store", type=pathlib.Path, help="a store with a run of mini/smoke, which isn't made again then")
    parser.add_argument("--keep", type=pathlib.Path, help="leave the folders of the pages here")
    parser.add_argument("--limit", type=int, default=600, help="seconds that a command may take")
    arguments = parser.parse_args()
    if arguments.store and not list(arguments.store.glob("mini/smoke/runs/*/run.json")):
        parser.error(f"{arguments.store} has no run of mini/smoke: make smoke, or leave --store out")
    started = time.monotonic()
    pages = arguments.page or ["README.md"] + sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
    used = set()
    ran = skipped = failed = 0
    targets = make_targets()
    for page in pages:
        if not commands(ROOT / page):
            continue
        for line, word in unknown_targets(page, targets):
            print(f"  {page}:{line}: the Makefile has no target {word}")
            failed += 1
        if arguments.list:
            for line, command in commands(ROOT / page):
                why = reason(page, command, used, arguments.short)
                print(f"{page}:{line}: {'not run, ' + why if why else 'run'}: {bare(command).splitlines()[0]}")
            continue
        print(page)
        with tempfile.TemporaryDirectory(prefix="d3llm-docs-") as scratch:
            folder = pathlib.Path(scratch)
            if arguments.keep:
                folder = arguments.keep / page.replace("/", "-")
                folder.mkdir(parents=True)
            counts = run_page(page, folder, arguments, used)
        ran, skipped, failed = (a + b for a, b in zip((ran, skipped, failed), counts))
    stale = [] if arguments.page else [entry for index, entry in enumerate(EXCEPTIONS) if index not in used]
    for page, start, _ in stale:
        print(f"An exception that nothing needs: {page}: {start}")
    if not arguments.list:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(
            f"{ran} commands ran, {failed} failed, {skipped} weren't run. {time.monotonic() - started:.0f} s, of processors"
            f" {usage.ru_utime + usage.ru_stime:.0f} s.")
    sys.exit(1 if failed or stale else 0)


if __name__ == "__main__":
    main()
