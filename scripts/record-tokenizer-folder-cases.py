#!/usr/bin/env python3
"""Make two tokenizer folders and record what Hugging Face's `transformers` does with them.

Reads  Tests/Fixtures/golden/tokenizers, Tests/Fixtures/tokenizer/chat/*.jinja
Writes Tests/Fixtures/tokenizer/files (vocab.json and merges.txt, as Dream's repository has them),
       Tests/Fixtures/tokenizer/extended (a tokenizer.json, and tokens that only the configuration has; decoded texts
       without the spaces that clean_up_tokenization_spaces takes out)
Needs  pip install transformers==4.55.4 tokenizers==0.21.4 jinja2==3.1.6; takes a second.
"""

import json
import pathlib
import random

from transformers import PreTrainedTokenizerFast, Qwen2TokenizerFast

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures"
PIECES = ["the", " apples", "\n", "  ", "<|mask|>", "<|endoftext|>", "<|im_start|>", "<tool_call>", "<extra>", " <extra> ", "<late>", "cafe\u0301", "\u212b",
          "42", "don't", "你好", "👍🏽", "word", "words", "s", "the the", "hehe", "he"]
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " What is 2 + 2? <|mask|>\n"}]


def token(content, special=True, **flags):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": special, **flags}


def write(folder, name, value):
    folder.mkdir(parents=True, exist_ok=True)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1) + "\n"
    (folder / name).write_text(text, encoding="utf-8")


def record(folder, tokenizer):
    rng = random.Random(7)
    cases = []
    for text in PIECES + ["".join(rng.choices(PIECES, k=rng.randint(1, 9))) for _ in range(60)]:
        ids = tokenizer(text)["input_ids"]
        cases.append({"text": text, "ids": ids, "plain": tokenizer(text, add_special_tokens=False)["input_ids"],
                      "skipped": tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)})
    write(folder, "cases.json", {
        "roles": {name: getattr(tokenizer, name + "_token_id") for name in ["bos", "eos", "pad", "mask", "unk"]},
        "size": len(tokenizer), "cases": cases, "messages": MESSAGES,
        "chat": tokenizer.apply_chat_template(MESSAGES, tokenize=False, add_generation_prompt=True),
        "chat_ids": tokenizer.apply_chat_template(MESSAGES, tokenize=True, add_generation_prompt=True),
    })
    print(folder.name, len(cases), "cases,", len(tokenizer), "tokens")


def files():
    folder = FIXTURES / "tokenizer/files"
    base = json.loads((FIXTURES / "golden/tokenizers/qwen2/tokenizer.json").read_text(encoding="utf-8"))
    write(folder, "vocab.json", base["model"]["vocab"])
    write(folder, "merges.txt", "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in base["model"]["merges"]))
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|mask|>", "<tool_call>", "<extra>"]
    first = len(base["model"]["vocab"])
    write(folder, "tokenizer_config.json", {
        "added_tokens_decoder": {str(first + i): token(name, special=name != "<tool_call>", rstrip=name == "<extra>") for i, name in enumerate(names)},
        "bos_token": None, "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "mask_token": "<|mask|>", "unk_token": None,
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"], "errors": "replace", "add_prefix_space": False,
        "tokenizer_class": "Qwen2Tokenizer", "chat_template": (FIXTURES / "tokenizer/chat/dream.jinja").read_text(encoding="utf-8"),
    })
    record(folder, Qwen2TokenizerFast.from_pretrained(folder))


def extended():
    folder = FIXTURES / "tokenizer/extended"
    base = json.loads((FIXTURES / "golden/tokenizers/llama3/tokenizer.json").read_text(encoding="utf-8"))
    write(folder, "tokenizer.json", base)
    first = max(entry["id"] for entry in base["added_tokens"]) + 1
    decoder = {str(entry["id"]): token(entry["content"], entry["special"], **{k: entry[k] for k in ["lstrip", "rstrip", "single_word", "normalized"]})
               for entry in base["added_tokens"]}
    # Tokens that tokenizer.json lacks, and a role for an ordinary token of the model.
    decoder[str(first)] = token("<extra>", lstrip=True)
    decoder[str(first + 1)] = token("<late>", special=False, normalized=True)
    write(folder, "tokenizer_config.json", {
        "added_tokens_decoder": decoder, "bos_token": {"__type": "AddedToken", **token("<|im_start|>")}, "eos_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>", "mask_token": "<|mask|>", "sep_token": "he", "clean_up_tokenization_spaces": False,
        "tokenizer_class": "PreTrainedTokenizerFast",
    })
    write(folder, "chat_template.jinja", (FIXTURES / "tokenizer/chat/llada.jinja").read_text(encoding="utf-8"))
    record(folder, PreTrainedTokenizerFast.from_pretrained(folder))


def cleanup():
    """What is decoded where `clean_up_tokenization_spaces` is true."""
    folder = FIXTURES / "tokenizer/extended"
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, clean_up_tokenization_spaces=True)
    rng = random.Random(8)
    pieces = [" "] * 15 + [".", "?", "!", ",", "'", "n't", "'m", "'s", "'ve", "'re", "n", "t", "s", "v", "e", "a", "the", "\n", "你", "<|mask|>"]
    texts = ["Hello , world . Is n't it ? I 'm ' quoted ' !", "x  .", " ' 's", "  '  ", "do n' t", " 'v", " ", "' ' '", "[1 , 2 . 5] ... ,,", "a ' .b"]
    cases = []
    for text in texts + ["".join(rng.choices(pieces, k=rng.randint(1, 14))) for _ in range(150)]:
        ids = tokenizer(text)["input_ids"]
        cases.append({"ids": ids, "cleaned": tokenizer.decode(ids, skip_special_tokens=True), "all": tokenizer.decode(ids)})
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    (folder / "cleanup.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    files()
    extended()
    cleanup()
