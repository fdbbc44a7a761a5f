"""Writes the Llama models of this folder and of ../golden with what transformers computes of them: python make-llama.py

With transformers 4.57.1, torch 2.13.0 (CPU, one thread) and safetensors 0.8.0. index.json keeps its other models.
"""

import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
GOLDEN = HERE.parent / "golden"

LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
COMMON = dict(num_hidden_layers=2, max_position_embeddings=256, rms_norm_eps=1e-5, attn_implementation="eager")
MODELS = {
    "llama_a": (dict(vocab_size=80, hidden_size=24, intermediate_size=40, num_attention_heads=3, num_key_value_heads=1,
                     tie_word_embeddings=True, rope_theta=100000.0, eos_token_id=79), torch.bfloat16, "10GB"),
    "llama_b": (dict(vocab_size=96, hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2, head_dim=12,
                     rope_theta=500000.0, rope_scaling=LLAMA3, eos_token_id=[95, 94]), torch.float32, "40KB"),
    "llama_c": (dict(vocab_size=80, hidden_size=24, intermediate_size=40, num_attention_heads=2, num_key_value_heads=2, head_dim=10,
                     rope_theta=10000.0, rope_scaling={"rope_type": "linear", "factor": 2.5}, eos_token_id=None), torch.float32, "10GB"),
}
GREEDY = 64


def logits(model, tokens, causal):
    n = len(tokens)
    mask = torch.zeros(n, n)
    if causal:
        mask = torch.full((n, n), torch.finfo(torch.float32).min).triu(1)
    return model(torch.tensor([tokens]), attention_mask=mask[None, None], use_cache=False).logits[0]


def main():
    torch.set_num_threads(1)
    index = json.loads((HERE / "index.json").read_text())
    for seed, (name, (options, dtype, shard)) in enumerate(MODELS.items()):
        torch.manual_seed(20261001 + seed)
        model = LlamaForCausalLM(LlamaConfig(**COMMON, bos_token_id=None, **options)).eval()
        with torch.no_grad():
            for key, p in model.named_parameters():
                p.copy_(1 + 0.3 * torch.randn_like(p) if "norm" in key else 0.3 * torch.randn_like(p))
        model = model.to(dtype)
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        model.save_pretrained(folder, max_shard_size=shard)
        (folder / "generation_config.json").unlink(missing_ok=True)
        # Read again, because `to` rounded the rotary frequencies too.
        model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        model.generation_config.eos_token_id = model.config.eos_token_id
        vocabulary = model.config.vocab_size

        def random(count):
            return torch.randint(0, vocabulary - 2, (count,)).tolist()

        entry, tensors = {"prompts": [random(n) for n in (2, 7, 11)], "greedy": [], "margins": []}, {}
        for prompt in entry["prompts"]:
            out = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long), max_new_tokens=GREEDY,
                                 do_sample=False, pad_token_id=0, output_scores=True, return_dict_in_generate=True)
            best = torch.stack([s[0].topk(2).values for s in out.scores])
            entry["greedy"].append(out.sequences[0, len(prompt):].tolist())
            entry["margins"].append(round((best[:, 0] - best[:, 1]).min().item(), 4))
        entry["logits"] = [random(n) for n in (13, 1, 40)]
        for i, tokens in enumerate(entry["logits"]):
            for kind in ("causal", "bidirectional"):
                tensors[f"{kind}{i}"] = logits(model, tokens, kind == "causal").detach()
            plain = model(torch.tensor([tokens]), use_cache=False).logits[0]
            assert (plain - tensors[f"causal{i}"]).abs().max() < 1e-5
        if dtype == torch.float32:
            tokens = entry["logits"][0]
            for kind in ("causal", "bidirectional"):
                model.zero_grad()
                loss = torch.nn.functional.cross_entropy(logits(model, tokens, kind == "causal")[:-1], torch.tensor(tokens[1:]))
                loss.backward()
                entry[f"loss_{kind}"] = loss.item()
                for key, p in model.named_parameters():
                    if "layers.1." not in key:
                        tensors[f"gradient_{kind}.{key}"] = p.grad.clone()
        save_file({k: v.contiguous() for k, v in tensors.items()}, HERE / f"{name}.safetensors")
        index["models"][name] = entry
        print(name, entry["margins"], [len(g) for g in entry["greedy"]], [len(set(g)) for g in entry["greedy"]])
        if name == "llama_b":
            golden(name, model, folder, random)
    (HERE / "index.json").write_text(json.dumps(index, indent=1) + "\n")


def golden(name, model, folder, random):
    """Cases of `d3llm parity`: causal attention is block-causal attention over blocks of one token without a prompt."""
    target = GOLDEN / "models" / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    model.save_pretrained(target)
    (target / "generation_config.json").unlink(missing_ok=True)
    cases, tensors = [], {}
    for i, n in enumerate((1, 2, 7, 33, 80)):
        tokens = random(n)
        tensors[f"full{i}.input_ids"] = torch.tensor([tokens])
        tensors[f"full{i}.logits"] = logits(model, tokens, False)[None].detach()
        cases.append({"name": f"full{i}", "kind": "full", "shape": [1, n]})
    for i, n in enumerate((1, 9, 100)):
        tokens = random(n)
        tensors[f"causal{i}.ids"] = torch.tensor([tokens])
        tensors[f"causal{i}.logits"] = model(torch.tensor([tokens]), use_cache=False).logits.detach()
        cases.append({"name": f"causal{i}", "kind": "block_causal", "prompt_length": 0, "block_size": 1})
    save_file({k: v.contiguous() for k, v in tensors.items()}, GOLDEN / f"forward_{name}.safetensors")
    path = GOLDEN / "forward_index.json"
    index = json.loads(path.read_text())
    index["files"] = [f for f in index["files"] if f["model"] != name]
    index["files"].append({"model": name, "file": f"forward_{name}.safetensors", "compute_dtype": "float32", "cases": cases})
    path.write_text(json.dumps(index, separators=(",", ":")))


if __name__ == "__main__":
    main()
