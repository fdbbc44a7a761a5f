#!/usr/bin/env python3
"""Compare this project's tokenizer with Hugging Face's `tokenizers`: speed on one thread, or results.

Speed   compare.py speed TOKENIZER.json TEXT...    encodes the texts of the files with both, in turns
Results compare.py check TOKENIZER.json [TEXT...]  ids, ranges and decoded text, on the files and on made-up text

TEXT is a .jsonl file (every string in every object is a text), or any other file (the whole of it is one).
Needs  swift build -c release (here), pip install tokenizers==0.21.4; speed takes seconds, check a minute.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

# One thread, as the Swift side: said before the library starts its pool.
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import tokenizers  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parent

PIECES = [
    "the", " the", "The", "coins", "don't", "I'LL", "we've", "it's", "'S", "'ſ", "x're", "##", "####", "...", "!!", "->", "/*",
    "0", "7", "42", "1234", "3.14", "1,000", "²", "½", "Ⅷ", "٤٢", "\U0001d7d8", "०१", " ", "  ", "   ", "\n", "\n\n", "\r\n",
    "\t", " \n ", "\u00a0", "\u0085", "\u2003", "\u2028", "\u3000", "\u1680", "\x0b", "\x0c", "\x1c", "\u200b", "\ufeff",
    "\u180e", "\u200d", "\u200c", "café", "cafe\u0301", "Å", "\u212b", "A\u030a", "e\u0323\u0302", "e\u0302\u0323", "ệ",
    "\u0301", "\u0345", "\u0f73", "가", "\u1100\u1161", "\u1100\u1161\u11a8", "각", "\u11a8", "Ω", "\u2126", "\u0958", "क\u093c",
    "\u09c7\u09be", "\u0b47\u0b57", "\u30ab\u3099", "\u304b\u3099", "\uf900", "\U0002f800", "\ufb01", "ﬁ", "你好", "世界", "漢字",
    "日本語", "カタカナ", "한국어", "привет", "Ελλάδα", "שלום", "مرحبا", "नमस्ते", "ไทย", "👍", "👍🏽", "👨\u200d👩\u200d👧", "🇩🇪", "🇨",
    "e\u20e3", "1\ufe0f\u20e3", "\U0001f600", "\U0010ffff", "\ue000", "\ufffd", "\x00", "\x7f", "_", "a_b", "word", "words",
    "Ġ", "Ċ", "\u0141", "ß", "ǅ", "ŉ", "İ", "<", "<|", "|>", "<|end", "s", "t", "\\n", "\"", "{", "}", "def f(x):\n    return x",
]


def texts_of(paths):
    texts = []
    for path in paths:
        content = pathlib.Path(path).read_text(encoding="utf-8")
        if not path.endswith(".jsonl"):
            texts.append(content)
            continue
        for line in content.splitlines():
            texts += [value for value in json.loads(line).values() if isinstance(value, str)]
    return texts


def random_texts(count, seed, specials):
    rng = random.Random(seed)
    texts = ["", " ", "a" * 3000, "ab" * 500, " " * 400, "\n" * 300, "你" * 500, "é" * 200, "e\u0301" * 200, "1" * 999]
    for index in range(count):
        kind = index % 4
        if kind == 0:
            text = "".join(rng.choices(PIECES + specials * 2, k=rng.randint(1, 12)))
        elif kind == 1:
            ranges = [(0, 0x300), (0x300, 0x370), (0, 0x3000), (0x1100, 0x1200), (0x900, 0xE00), (0, 0xD800), (0x1F000, 0x1FB00),
                      (0xE000, 0x110000), (0xAC00, 0xD7A4), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x2000, 0x2100)]
            low, high = rng.choice(ranges)
            text = "".join(chr(code) for code in (rng.randrange(low, high) for _ in range(rng.randint(1, 20)))
                           if not 0xD800 <= code < 0xE000)
        elif kind == 2:
            text = "".join(rng.choice(" \t\n\r\u00a0\u2003'.,-_<>|aZé0你") for _ in range(rng.randint(1, 40)))
        else:
            text = "".join(rng.choice(["a", "e", "o", "\u0301", "\u0323", "\u0302", "\u0327", "\u1161", "\u1100", "\u11a8", "가", "각",
                                       "\u3099", "か", "\u093c", "क", "\u0345", "α", " "]) for _ in range(rng.randint(1, 15)))
        texts.append(text)
    return texts


def scalar_ranges(text, ranges):
    """Byte ranges as ranges of scalars; both ends are at scalars."""
    starts, offset = {}, 0
    for index, character in enumerate(text):
        starts[offset] = index
        offset += len(character.encode())
    starts[offset] = len(text)
    return [(starts.get(low, -1), starts.get(high, -1)) for low, high in ranges]


class Swift:
    def __init__(self, tokenizer, texts, folder):
        path = folder / "texts.json"
        path.write_text(json.dumps(texts, ensure_ascii=False), encoding="utf-8")
        self.process = subprocess.Popen(
            [FOLDER / ".build/release/tokenizer-bench", tokenizer, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ready = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit("tokenizer-bench ended; see above.")
        return line.strip()

    def ask(self, command):
        print(command, file=self.process.stdin, flush=True)
        return self.answer()


def speed(arguments, folder):
    texts = texts_of(arguments.texts)
    size = sum(len(text.encode()) for text in texts) / 1e6
    peer = tokenizers.Tokenizer.from_file(arguments.tokenizer)
    swift = Swift(arguments.tokenizer, texts, folder)
    ways = {
        "Swift encode": lambda: float(swift.ask("encode").split()[0]),
        "tokenizers encode": lambda: timed(lambda: [peer.encode(text, add_special_tokens=False).ids for text in texts]),
        "tokenizers encode_batch_fast": lambda: timed(lambda: peer.encode_batch_fast(texts, add_special_tokens=False)),
    }
    seconds = {name: [] for name in ways}
    for turn in range(arguments.repeats + 1):
        for name, way in ways.items():
            taken = way()
            # The first turn fills the caches of all of them.
            if turn > 0:
                seconds[name].append(taken)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"{len(texts)} texts, {size:.2f} MB, {arguments.repeats} turns, load {os.getloadavg()[0]:.2f}, tokenizers {tokenizers.__version__}")
    for name, median in medians.items():
        print(f"{name:30} {median * 1000:8.1f} ms  {size / median:6.2f} MB/s  {median / medians['Swift encode']:5.2f}x the time of Swift"
              f"  (from {min(seconds[name]) * 1000:.1f} to {max(seconds[name]) * 1000:.1f} ms)")


def timed(body):
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


def check(arguments, folder):
    peer = tokenizers.Tokenizer.from_file(arguments.tokenizer)
    rng = random.Random(arguments.seed)
    specials = [token.content for token in peer.get_added_tokens_decoder().values()]
    specials = rng.sample(specials, min(len(specials), 12))
    texts = texts_of(arguments.texts) + random_texts(arguments.count, arguments.seed, specials)
    swift = Swift(arguments.tokenizer, texts, folder)
    swift.ask(f"dump {folder / 'out.jsonl'}")
    failures, tokens, panics = 0, 0, 0
    with open(folder / "out.jsonl", encoding="utf-8") as lines:
        for text, line in zip(texts, lines, strict=True):
            found = json.loads(line)
            try:
                plain = peer.encode(text, add_special_tokens=False)
            except BaseException:  # a panic of the library: nothing to compare with
                panics += 1
                continue
            tokens += len(plain.ids)
            expected = {"ids": plain.ids, "special": peer.encode(text).ids, "tokens": plain.ids, "texts": plain.tokens, "ranges": plain.offsets}
            found["ranges"] = scalar_ranges(text, found["ranges"])
            for key, value in expected.items():
                if found[key] != value:
                    failures += 1
                    if failures <= arguments.show:
                        place = next((i for i, (a, b) in enumerate(zip(found[key], value)) if a != b), "the end")
                        print(f"{key} of {text!a} differ at {place}:\n  found    {found[key]}\n  expected {value}")
                    break
    print(f"{len(texts)} texts, {tokens} tokens: {failures} differ" + (f", the library panics at {panics}" if panics else ""))

    size = peer.get_vocab_size()
    lists = [[rng.randrange(size + 3) for _ in range(rng.randint(0, 20))] for _ in range(arguments.count // 2)]
    (folder / "lists.json").write_text(json.dumps(lists))
    swift.ask(f"decode {folder / 'lists.json'} {folder / 'decoded.jsonl'}")
    wrong = 0
    with open(folder / "decoded.jsonl", encoding="utf-8") as lines:
        for ids, line in zip(lists, lines, strict=True):
            full, skipped, parts = json.loads(line)
            expected = peer.decode(ids, skip_special_tokens=False)
            if (full, skipped, "".join(parts)) != (expected, peer.decode(ids), expected):
                wrong += 1
                if wrong <= arguments.show:
                    print(f"decoding {ids}:\n  found    {full!a} {skipped!a} {parts!a}\n  expected {expected!a}")
    print(f"{len(lists)} lists of random ids: {wrong} decoded differently")
    return 1 if failures or wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "check"])
    parser.add_argument("tokenizer")
    parser.add_argument("texts", nargs="*")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--count", type=int, default=20000, help="made-up texts of `check`")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.exit({"speed": speed, "check": check}[arguments.what](arguments, pathlib.Path(folder)))


if __name__ == "__main__":
    main()
