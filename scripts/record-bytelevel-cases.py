#!/usr/bin/env python3
"""Record what Hugging Face's `tokenizers` does with changed versions of the tokenizers in Tests/Fixtures/golden.

Each variant replaces some members of a tokenizer.json: other splits, added tokens, templates, normalizers, decoders.
Reads  Tests/Fixtures/golden/tokenizers/*/tokenizer.json
Writes Tests/Fixtures/tokenizer/bytelevel/variants.json
Needs  pip install tokenizers==0.21.4; takes seconds.
"""

import copy
import json
import pathlib
import random

import tokenizers

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures"
BASES = {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in FIXTURES.glob("golden/tokenizers/*/tokenizer.json")}

PIECES = [
    "the", " the", "The", "apples", "don't", "I'LL", "we've", "'S", "'ſ", "##", "...", "->", "0", "7", "42", "1234", "3.14", "²", "Ⅷ", "٤٢",
    " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n ", "\u00a0", "\u0085", "\u2003", "\u3000", "\u200b", "\ufeff", "\u200d", "café",
    "cafe\u0301", "Å", "\u212b", "A\u030a", "e\u0323\u0302", "e\u0302\u0323", "\u0301", "가", "\u1100\u1161", "\u1100\u1161\u11a8", "Ω", "\u2126",
    "क\u093c", "\u30ab\u3099", "\uf900", "ﬁ", "你好", "世界", "日本語", "한국어", "привет", "שלום", "👍🏽", "👨\u200d👩\u200d👧", "🇩🇪", "1\ufe0f\u20e3",
    "\U0010ffff", "\ufffd", "\x00", "_", "a_b", "word", "words", "Ġ", "\u0141", "ß", "<", "<|", "<a>", "<ab>", "x y", "tok en", "{", "def f(x):\n    return x",
    "\u06df\u07fd", "\u0345\u0898\u0301",
]
HAND_MADE = ["", " ", "a", "  a  ", "a" * 70, "ab" * 60, " " * 90, "你" * 60, "e\u0301" * 20, "\n\n\n\n", "word", "words word_ word", " <a> <ab>\t<a>\n", "ÅÅ\u212bA\u030a"]


def byte_level(prefix=False, regex=False, trim=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": trim, "use_regex": regex}


def sequence(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


def split(pattern, behavior="Isolated", invert=False, literal=False):
    return {"type": "Split", "pattern": {"String" if literal else "Regex": pattern}, "behavior": behavior, "invert": invert}


def template(*pieces, special):
    def piece(name):
        return {"Sequence": {"id": "A", "type_id": 0}} if name == "$A" else {"SpecialToken": {"id": name, "type_id": 0}}
    pair = [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}]
    return {"type": "TemplateProcessing", "single": [piece(name) for name in pieces], "pair": pair,
            "special_tokens": {name: {"id": name, "ids": ids, "tokens": [str(i) for i in ids]} for name, ids in special.items()}}


def added(base, rng):
    """Some added tokens with random flags, their ids as the library gives them."""
    vocabulary = base["model"]["vocab"]
    largest = len(vocabulary) - 1
    tokens = []
    for content in rng.sample(["<a>", "<ab>", "word", "é", "e\u0301", "Å", "  ", "\n", "x y", "你好", "Ġ", "s", "<", "42", " the", "ß", "가", "ÅÅ"], 7):
        if content in vocabulary:
            number = vocabulary[content]
        else:
            largest += 1
            number = largest
        flags = {name: rng.random() < 0.4 for name in ["single_word", "lstrip", "rstrip", "normalized", "special"]}
        tokens.append({"id": number, "content": content, **flags})
    return tokens


def variants():
    for behavior in ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
        for invert in [False, True]:
            yield "bytelevel", {"pre_tokenizer": sequence(split(r"\s+", behavior, invert), byte_level(regex=not invert))}
        yield "bytelevel", {"pre_tokenizer": sequence(split(".", behavior, literal=True), split("a*", behavior), byte_level())}
    # Patterns of Ling (LLaDA's tokenizer), DeepSeek and GPT-4o.
    yield "qwen2", {"pre_tokenizer": sequence(split(
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"), byte_level())}
    yield "qwen2", {"pre_tokenizer": sequence(split(r"\p{N}{1,3}"), split(r"[一-龥぀-ゟ゠-ヿ]+"), split(
        r"[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), byte_level())}
    yield "llama3", {"pre_tokenizer": sequence(split(
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s+(?!\S)|\s+"), byte_level())}
    yield "bytelevel", {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": True}, byte_level(regex=True))}
    yield "bytelevel", {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": False}, byte_level(prefix=True, regex=True))}
    yield "bytelevel", {"pre_tokenizer": byte_level(prefix=True)}
    yield "qwen2", {"pre_tokenizer": sequence(split(r"\d+"), byte_level(prefix=True, regex=True)), "post_processor": byte_level(prefix=True)}
    for form in ["NFD", "NFKC", "NFKD"]:
        yield "qwen2", {"normalizer": {"type": form}}
    yield "qwen2", {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "NFC"}]}}
    for prefix in [False, True]:
        yield "gpt2_prefix", {"post_processor": byte_level(prefix=prefix)}
        yield "llama3", {"post_processor": {"type": "Sequence", "processors": [
            byte_level(prefix=prefix), template("B", "$A", "E", special={"B": [406, 5], "E": [7]})]}}
    yield "bytelevel", {"post_processor": template("$A", "X", special={"X": [400, 5]})}
    yield "qwen2", {"model": {"ignore_merges": True}}
    yield "llama3", {"model": {"ignore_merges": False}}
    yield "bytelevel", {"decoder": None}
    yield "qwen2", {"decoder": {"type": "Sequence", "decoders": [byte_level()]}}
    rng = random.Random(20260107)
    for index in range(12):
        name = sorted(BASES)[index % 4]
        patch = {"added_tokens": added(BASES[name], rng)}
        if name == "llama3":
            patch["post_processor"] = None
        if rng.random() < 0.5:
            patch["normalizer"] = {"type": "NFC"}
        if rng.random() < 0.5:
            patch["post_processor"] = byte_level(prefix=rng.random() < 0.5)
        yield name, patch


def byte_ranges(text, offsets):
    return [[len(text[:start].encode()), len(text[:end].encode())] for start, end in offsets]


def main():
    rng = random.Random(1)
    entries, count = [], 0
    for base, patch in variants():
        document = copy.deepcopy(BASES[base])
        for key, value in patch.items():
            if key == "model":
                document["model"].update(value)
            else:
                document[key] = value
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps(document))
        cases = []
        for text in HAND_MADE + ["".join(rng.choices(PIECES, k=rng.randint(1, 10))) for _ in range(16)]:
            encoding = tokenizer.encode(text, add_special_tokens=False)
            cases.append({
                "text": text, "ids": encoding.ids, "special": tokenizer.encode(text).ids, "tokens": encoding.tokens,
                "ranges": byte_ranges(text, encoding.offsets), "decoded": tokenizer.decode(encoding.ids, skip_special_tokens=False),
                "skipped": tokenizer.decode(encoding.ids),
            })
        count += len(cases)
        entries.append({"base": base, "patch": patch, "cases": cases})
    folder = FIXTURES / "tokenizer/bytelevel"
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    (folder / "variants.json").write_text(text + "\n", encoding="utf-8")
    print(f"{len(entries)} variants, {count} cases, {len(text.encode())} bytes")


if __name__ == "__main__":
    main()
