"""PEFT reads an adapter that `distill` wrote, goes on from it for one step of SGD, and saves it.

    make.py ours peft gradients.safetensors      # torch, peft, safetensors

Linear modules of the names that the adapter's tensors have stand for the model. Fails unless PEFT finds every tensor's values in
a module that is trained, and trains nothing else.
"""
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file

source, target, gradients = sys.argv[1:]
tensors = load_file(f"{source}/adapter_model.safetensors")
root = torch.nn.Module()
torch.manual_seed(0)
for name, a in tensors.items():
    if not name.endswith(".lora_A.weight"):
        continue
    path = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight").split(".")
    b = tensors[name.replace("lora_A", "lora_B")]
    place = root
    for part in path[:-1]:
        if not hasattr(place, part):
            place.add_module(part, torch.nn.Module())
        place = getattr(place, part)
    place.add_module(path[-1], torch.nn.Linear(a.shape[1], b.shape[0], bias=False))
# The head, whose name ends as that of a block's module does.
root.model.transformer.add_module("ff_out", torch.nn.Linear(128, 8, bias=False))
root.config = type("Config", (), {"to_dict": lambda self: {}, "get": lambda self, *a: None})()
root.prepare_inputs_for_generation = lambda *a, **k: None
model = PeftModel.from_pretrained(root, source, is_trainable=True)
named = dict(model.named_parameters())
trained = {name for name, parameter in named.items() if parameter.requires_grad}
assert trained == {name.replace(".weight", ".default.weight") for name in tensors}, trained
draw = torch.Generator().manual_seed(3)
saved = {}
for name, value in sorted(tensors.items()):
    parameter = named[name.replace(".weight", ".default.weight")]
    assert torch.equal(parameter, value), name
    parameter.grad = saved[name] = torch.randn(parameter.shape, generator=draw)
torch.optim.SGD([named[name] for name in sorted(trained)], lr=0.5).step()
model.save_pretrained(target)
save_file(saved, gradients)
