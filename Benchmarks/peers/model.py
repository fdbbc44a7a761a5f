"""A LLaDA-shaped transformer in plain PyTorch: RMS norm, rotary positions, SwiGLU, no biases."""
import torch
from torch import nn
from torch.nn import functional as F


def rotary(positions, width, theta=10000.0):
    inverse = theta ** (-torch.arange(0, width, 2, dtype=torch.float32) / width)
    angles = torch.outer(torch.arange(positions, dtype=torch.float32), inverse)
    return torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)


def rotate(x, cosine, sine):
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], -1)
    return x * cosine + turned * sine


class Block(nn.Module):
    def __init__(self, width, heads, feed_forward):
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.RMSNorm(width, 1e-5)
        self.feed_forward_norm = nn.RMSNorm(width, 1e-5)
        self.q, self.k, self.v, self.o = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.gate, self.up = (nn.Linear(width, feed_forward, bias=False) for _ in range(2))
        self.down = nn.Linear(feed_forward, width, bias=False)

    def forward(self, x, cosine, sine, cache=None):
        b, t, d = x.shape
        h = self.attention_norm(x)
        split = lambda y: y.view(b, t, self.heads, d // self.heads).transpose(1, 2)
        q, k, v = split(self.q(h)), split(self.k(h)), split(self.v(h))
        q, k = rotate(q, cosine, sine), rotate(k, cosine, sine)
        if cache is not None:
            k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
        a = F.scaled_dot_product_attention(q, k, v)
        x = x + self.o(a.transpose(1, 2).reshape(b, t, d))
        h = self.feed_forward_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Model(nn.Module):
    def __init__(self, layers, width, heads, feed_forward, vocabulary):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(Block(width, heads, feed_forward) for _ in range(layers))
        self.norm = nn.RMSNorm(width, 1e-5)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head_width = width // heads

    def hidden(self, tokens, first=0, caches=None):
        cosine, sine = rotary(first + tokens.shape[1], self.head_width)
        x = self.embedding(tokens)
        cosine, sine = cosine[first:].to(x.dtype), sine[first:].to(x.dtype)
        for i, block in enumerate(self.blocks):
            x = block(x, cosine, sine, None if caches is None else caches[i])
        return self.norm(x)
