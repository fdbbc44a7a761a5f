#!/usr/bin/env python3
"""Record what Hugging Face's `tokenizers` does with the word-level fixture.

Reads  Tests/Fixtures/tokenizer/wordlevel/tokenizer.json (written by WordLevelTests with RECORD_SNAPSHOTS=1)
Writes Tests/Fixtures/tokenizer/wordlevel/cases.json
Needs  pip install tokenizers==0.23.3; takes a second.
"""

import json
import pathlib
import random

import tokenizers

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/tokenizer/wordlevel"

HAND_MADE = [
    "", " ", "\t\n\r\x0b\x0c", "coins", " coins ", "coins.", "42", "4 2", "a1b22c", "<|mask|>", "<|mask|><|mask|>",
    "<|mask|<|mask|>", "<|mask|>coins<|sep|>", "<|unk|>", "<|endoftext|>coins 4<|endoftext|>", "< |mask|>", "<|MASK|>",
    "<|mask|>|>", "<<|sep|>>", "café", "cafe\u0301", "CAFÉ", "Å \u212b A\u030a", "가 \u1100\u1161", "Ω \u2126",
    "x²", "½", "Ⅷ", "٤٢", "一二三", "\U0001d7d8\U0001d7d9", "①②", "a\u0660b", "\u0966\u0967", "\u3007\u3021", "\u0bf0",
    "👨\u200d👩\u200d👧", "🇩🇪", "👍🏽", "👍", "שלום", "مرحبا 5", "a\u00a0b", "a\u0085b", "a\u2003b", "a\u2028b\u2029c",
    "a\u3000b", "a\u200bb", "a\ufeffb", "a\u180eb", "a\u2060b", "a\x00b", "\x1c\x1d\x1e\x1f", "a\u1680b", "a\u202fb",
    "a\u205fb", "1\u0301", "1\u20e3", "e\u03011", "\u0301", "\ufffd", "\U0010ffff", "\ue000", "quote\" back\\slash /slash",
    "tab\tend", "\r\n", "coins\r\n4", "naïve nai\u0308ve", "ﬁ ﬀ", "ß SS ẞ", "İ i̇",
]

PIECES = [
    "coins", "cards", "stamps", "Frank", "David", "On", "####", ".", ":", "+", "-", "=", "?", "café", "cafe\u0301", "Å",
    "\u212b", "A\u030a", "가", "\u1100\u1161", "Ω", "\u2126", "0", "1", "7", "42", "190", "²", "½", "Ⅷ", "٤", "\U0001d7d8",
    "<|mask|>", "<|sep|>", "<|endoftext|>", "<|unk|>", "<|", "|>", "<|mask", "mask|>", " ", " ", " ", "  ", "\t", "\n",
    "\r\n", "\u00a0", "\u0085", "\u2009", "\u3000", "\u200b", "\ufeff", "\u200d", "\u0301", "👍🏽", "🇩🇪", "שלום", "مرحبا", "x",
    "unheard", "naïve", "\x00", "\x1f",
]


def byte_offsets(text, offsets):
    return [[len(text[:start].encode()), len(text[:end].encode())] for start, end in offsets]


def main():
    tokenizer = tokenizers.Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    rng = random.Random(20260107)
    texts = HAND_MADE + ["".join(rng.choices(PIECES, k=rng.randint(1, 14))) for _ in range(250)]
    cases = []
    for text in texts:
        encoding = tokenizer.encode(text)
        cases.append({
            "text": text,
            "ids": encoding.ids,
            "byte_ranges": byte_offsets(text, encoding.offsets),
            "decoded": tokenizer.decode(encoding.ids, skip_special_tokens=False),
            "decoded_skip_special": tokenizer.decode(encoding.ids, skip_special_tokens=True),
        })
    size = tokenizer.get_vocab_size()
    decode_only = []
    for _ in range(30):
        ids = [rng.randrange(size + 10) for _ in range(rng.randint(0, 8))]
        decode_only.append({
            "ids": ids,
            "decoded": tokenizer.decode(ids, skip_special_tokens=False),
            "decoded_skip_special": tokenizer.decode(ids, skip_special_tokens=True),
        })
    document = {
        "library": f"tokenizers {tokenizers.__version__}", "vocabulary_size": size,
        "cases": cases, "decode_only": decode_only,
    }
    (FOLDER / "cases.json").write_text(json.dumps(document, indent=0) + "\n")


if __name__ == "__main__":
    main()
