#!/usr/bin/env python3
"""Makes first corpora for the readers out of Tests/Fixtures: seed.py [FOLDER]. Later runs keep what a corpus has."""
import hashlib
import json
import pathlib
import re
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
FIXTURES = ROOT / "Tests" / "Fixtures"
FOLDER = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "corpus"


def add(reader, data):
    """Gives a reader an input, named by its content."""
    folder = FOLDER / reader
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def files(pattern, limit):
    """Files of the fixtures that aren't longer than a limit: short inputs are tried more often."""
    for path in sorted(FIXTURES.rglob(pattern)):
        if path.stat().st_size <= limit:
            yield path.read_bytes()


def literals(path):
    """Texts between #\"\"\" and \"\"\"# in a file of tests."""
    return re.findall(r'#"""\n(.*?)"""#', (ROOT / path).read_text(), re.S)


for data in files("*.json", 6000):
    add("json", data)
for line in (FIXTURES / "schema" / "cases.jsonl").read_bytes().splitlines():
    add("json", line)
for number in [b"[1e5, -0.0, 1E-400, 12345678901234567890, NaN, -Infinity]", b'"\\u00e9\\ud83d\\ude00\\n" // x', b"/* x */{}"]:
    add("json", number)

for data in files("*.jinja", 6000):
    add("template", data)
for name in ("TemplateTests", "HostileTemplateTests", "ChatTemplateTests"):
    for path in (ROOT / "Tests" / "TokenizersTests").rglob(name + ".swift"):
        for text in re.findall(r'#?"([^"\n]*\{[%{][^\n]*?[%}]\}[^"\n]*)"#?', path.read_text()):
            add("template", text.encode())

for data in files("tokenizer.json", 6000):
    add("tokenizer", data)
for text in literals("Tests/TokenizersTests/TokenizerFuzzTests.swift"):
    add("tokenizer", text.encode())

for path in sorted(FIXTURES.rglob("*.safetensors")):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    tensors = [(name, value) for name, value in header.items() if name != "__metadata__"]
    tensors.sort(key=lambda item: item[1]["data_offsets"])
    kept = {name: value for name, value in tensors if value["data_offsets"][1] <= 2048}
    if kept:
        text = json.dumps(kept).encode()
        end = max(value["data_offsets"][1] for value in kept.values())
        add("safetensors", struct.pack("<Q", len(text)) + text + data[8 + size : 8 + size + end])
        add("safetensors", text)

for path in sorted((FIXTURES / "gguf").rglob("*.gguf")):
    data = path.read_bytes()
    # Whole where it is short, else the header with its counts.
    add("gguf", data if len(data) <= 16_384 else data[:8192])

def gguf(*tensors):
    """A small file in GGUF: of each tensor name, length of rows, type, bytes."""
    def text(value):
        return struct.pack("<Q", len(value)) + value
    values = [(b"general.architecture", 8, text(b"llama")), (b"llama.block_count", 4, struct.pack("<I", 1)),
              (b"tokenizer.ggml.model", 8, text(b"gpt2")), (b"tokenizer.ggml.pre", 8, text(b"smollm")),
              (b"tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 3) + text(b"a") + text(b"b") + text(b"ab")),
              (b"tokenizer.ggml.token_type", 9, struct.pack("<IQiii", 5, 3, 1, 1, 3)),
              (b"tokenizer.ggml.merges", 9, struct.pack("<IQ", 8, 1) + text(b"a b"))]
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    for key, kind, data in values:
        header += text(key) + struct.pack("<I", kind) + data
    body = b""
    for name, columns, kind, data in tensors:
        header += text(name) + struct.pack("<IQIQ", 1, columns, kind, len(body))
        body += data + bytes(-len(data) % 32)
    return header + bytes(-len(header) % 32) + body

add("gguf", gguf())
for kind, columns, size in [(0, 4, 16), (1, 4, 8), (8, 32, 34), (2, 32, 18), (3, 32, 20), (12, 256, 144), (13, 256, 176), (14, 256, 210)]:
    add("gguf", gguf((b"token_embd.weight", columns, kind, bytes(range(size))), (b"rope_freqs.weight", 2, 0, bytes(8))))

for data in files("*.parquet", 10_000):
    add("parquet", data)
for data in files("*.arrow", 16_000):
    add("arrow", data)

for text in [
    "POST /v1/completions?a=b HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: application/json\r\n"
    "Content-Length: 12\r\nOrigin: http://[::1]:80\r\nExpect: 100-continue",
    "GET / HTTP/1.0\r\nhost:127.0.0.1\r\nConnection: keep-alive, x\r\nX:\r\nX: \t y \t",
    "POST / HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\nOrigin: https://localhost",
]:
    add("http", text.encode())

for text in ["a/b/c.txt", "./x/../y", "é/e\u0301/你.bin", "C:/x", "folder/", "/\u0301/..", "..", "a//b\\c"]:
    add("entry", text.encode())

lock = json.loads((ROOT / "data.lock").read_text())
for name, value in lock["inputs"].items():
    text = json.dumps({"format": lock["format"], "inputs": {name: value}}).encode()
    if len(text) <= 4000:
        add("lock", text)

for folder in sorted(FOLDER.iterdir()):
    print(f"{folder.name}: {len(list(folder.iterdir()))}")
