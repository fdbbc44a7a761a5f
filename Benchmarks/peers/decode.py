"""dParallel's decoding in PyTorch, one prompt at a time as upstream does it: blocks left to right, every token whose
entropy is at most the threshold, always the best one; what follows a decoded end token is filled with end tokens."""
import json
import sys
import time

import torch
from safetensors.torch import load_file

from model import Model

THREADS, REPETITIONS = int(sys.argv[1]), int(sys.argv[2])
FOLDER, PROMPTS, THRESHOLD, DTYPE = sys.argv[3], sys.argv[4], float(sys.argv[5]), sys.argv[6]
GENERATED, BLOCK = 48, 8


def load():
    config = json.load(open(f"{FOLDER}/config.json"))
    model = Model(
        config["n_layers"], config["d_model"], config["n_heads"], config["mlp_hidden_size"], config["vocab_size"])
    names = {"attn_norm": "attention_norm", "ff_norm": "feed_forward_norm", "q_proj": "q", "k_proj": "k",
             "v_proj": "v", "attn_out": "o", "ff_proj": "gate", "up_proj": "up", "ff_out": "down"}
    state = {}
    for name, tensor in load_file(f"{FOLDER}/model.safetensors").items():
        name = name.removeprefix("model.transformer.")
        if name.startswith("blocks."):
            _, layer, kind, _ = name.split(".")
            state[f"blocks.{layer}.{names[kind]}.weight"] = tensor
        else:
            state[{"wte.weight": "embedding.weight", "ln_f.weight": "norm.weight", "ff_out.weight": "head.weight"}[name]] = tensor
    model.load_state_dict(state)
    return model.to(getattr(torch, DTYPE)), config


@torch.inference_mode()
def decode(model, prompt, mask, end, shift):
    x = torch.tensor([prompt + [mask] * GENERATED])
    forwards = 0
    for start in range(len(prompt), len(prompt) + GENERATED, BLOCK):
        stop = start + BLOCK
        while (x[0, start:stop] == mask).any():
            positions = (x[0, :stop] == mask).nonzero()[:, 0]
            logits = model.head(model.hidden(x))[0, positions - shift].to(torch.float64)
            forwards += 1
            p = torch.softmax(logits, -1)
            entropy = -(p * torch.log(p + 1e-10)).sum(-1)
            accepted = entropy <= THRESHOLD
            accepted[entropy.argmin()] = True
            x[0, positions[accepted]] = p.argmax(-1)[accepted]
            ends = (x[0, len(prompt):] == end).nonzero()
            if len(ends):
                x[0, len(prompt) + ends[0, 0]:] = end
        if not (x[0, len(prompt):] == mask).any():
            break
    return x[0, len(prompt):].tolist(), forwards


def main():
    torch.set_num_threads(THREADS)
    model, config = load()
    shift = int(config["d3llm"]["logit_shift"])
    prompts = json.load(open(PROMPTS))
    times, tokens, forwards = [], [], 0
    for repetition in range(REPETITIONS + 1):
        start = time.perf_counter()
        found = [decode(model, p, config["mask_token_id"], config["eos_token_id"], shift) for p in prompts]
        times.append(time.perf_counter() - start)
        tokens, forwards = [f[0] for f in found], sum(f[1] for f in found)
    print(json.dumps({"decode": times[1:], "tokens": tokens, "forwards": forwards}))


main()
