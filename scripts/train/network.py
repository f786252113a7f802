# SPDX-License-Identifier: Apache-2.0
"""The BitNet b1.58 network in PyTorch, with quantisation in the loop.

    h = rms(x, attn_norm);  q, k, v = L(h);  rope on q, k (NEOX pairs i, i + d/2)
    a = softmax(q k / sqrt(d)) v;          x += Lo(rms(a, attn_sub_norm))
    h = rms(x, ffn_norm);                  x += Ldown(rms(relu(Lg h)^2 * (Lu h), ffn_sub_norm))
    logits = embedding * rms(x, output_norm)

Every L quantises its input per token to int8 by absmax and its weight per tensor to trits by
absmean (arXiv 2402.17764). Gradients pass both by the straight-through estimator. Parameters have
the GGUF names.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from checkpoint import ModelConfig, is_linear


def quantise_activation(x: Tensor) -> Tensor:
    """Round each token (last dimension) to the int8 grid of its largest magnitude.

    ``s = 127 / max(absmax, 1e-5)``, result ``clamp(round_half_even(x * s), -128, 127) / s``.
    """
    scale = 127.0 / x.detach().abs().amax(dim=-1, keepdim=True).clamp(min=1e-5)
    grid = (x.detach() * scale).round().clamp(-128, 127) / scale
    return x + (grid - x).detach()


def quantise_weight(weight: Tensor) -> Tensor:
    """``clamp(round(W / mean|W|), -1, 1) * mean|W|`` with one scale for the tensor."""
    value = weight.detach()
    scale = value.abs().mean().clamp(min=torch.finfo(value.dtype).tiny)
    return weight + ((value / scale).round().clamp(-1, 1) * scale - value)


class RmsNorm(nn.Module):
    """``x / sqrt(mean(x^2) + eps) * weight`` over the last dimension."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + self.eps) * self.weight


class TernaryLinear(nn.Module):
    """A linear layer of ternary weights; its input must have been quantised already.

    With ``exact`` set the weight is used as it is: it already holds trits times a scale.
    """

    def __init__(self, rows: int, cols: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, cols))
        self.exact = False

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight if self.exact else quantise_weight(self.weight))


class Block(nn.Module):
    """One transformer layer: attention and feed-forward, each added to the residual."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.attn_norm = RmsNorm(config.hidden, config.rms_eps)
        self.attn_q = TernaryLinear(config.q_dim, config.hidden)
        self.attn_k = TernaryLinear(config.kv_dim, config.hidden)
        self.attn_v = TernaryLinear(config.kv_dim, config.hidden)
        self.attn_sub_norm = RmsNorm(config.q_dim, config.rms_eps)
        self.attn_output = TernaryLinear(config.hidden, config.q_dim)
        self.ffn_norm = RmsNorm(config.hidden, config.rms_eps)
        self.ffn_gate = TernaryLinear(config.ffn, config.hidden)
        self.ffn_up = TernaryLinear(config.ffn, config.hidden)
        self.ffn_sub_norm = RmsNorm(config.ffn, config.rms_eps)
        self.ffn_down = TernaryLinear(config.hidden, config.ffn)

    def attention(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        """Causal grouped-query attention on [batch, time, hidden], without output projection."""
        batch, time, _ = x.shape
        shape = (batch, time, -1, self.config.head_dim)
        h = quantise_activation(self.attn_norm(x))
        q = rotate(self.attn_q(h).view(shape).transpose(1, 2), cos, sin)
        k = rotate(self.attn_k(h).view(shape).transpose(1, 2), cos, sin)
        v = self.attn_v(h).view(shape).transpose(1, 2)
        group = self.config.heads // self.config.kv_heads
        k = k.repeat_interleave(group, dim=1)
        v = v.repeat_interleave(group, dim=1)
        scores = q @ k.transpose(2, 3) / math.sqrt(self.config.head_dim) + mask
        return (scores.softmax(dim=-1) @ v).transpose(1, 2).reshape(batch, time, -1)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        a = self.attention(x, cos, sin, mask)
        x = x + self.attn_output(quantise_activation(self.attn_sub_norm(a)))
        h = quantise_activation(self.ffn_norm(x))
        g = functional.relu(self.ffn_gate(h)).square() * self.ffn_up(h)
        return x + self.ffn_down(quantise_activation(self.ffn_sub_norm(g)))


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of [..., time, d] by tables [time, d/2], NEOX pairs (i, i + d/2)."""
    low, high = x.chunk(2, dim=-1)
    return torch.cat((low * cos - high * sin, high * cos + low * sin), dim=-1)


class BitNet(nn.Module):
    """The whole network: token ids [batch, time] to logits [batch, time, vocab]."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embd = nn.Embedding(config.vocab, config.hidden)
        self.blk = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.output_norm = RmsNorm(config.hidden, config.rms_eps)

    def initialise(self, seed: int) -> None:
        """Normal 0.02 for matrices, those that write the residual by 1/sqrt(2 layers) less."""
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if parameter.dim() < 2:
                    parameter.fill_(1.0)
                    continue
                writes_residual = name.endswith(("attn_output.weight", "ffn_down.weight"))
                spread = 0.02 / math.sqrt(2 * self.config.layers) if writes_residual else 0.02
                parameter.normal_(0.0, spread, generator=generator)

    def use_exact_weights(self) -> None:
        """Take the matrices as already ternary, as those of a GGUF file are."""
        for module in self.modules():
            if isinstance(module, TernaryLinear):
                module.exact = True

    def forward(self, tokens: Tensor) -> Tensor:
        time = tokens.shape[1]
        half = self.config.head_dim // 2
        rates = self.config.rope_theta ** (-torch.arange(half, dtype=torch.float64) / half)
        angles = torch.arange(time, dtype=torch.float64)[:, None] * rates
        cos, sin = angles.cos().float(), angles.sin().float()
        mask = torch.full((time, time), -math.inf).triu(1)
        x = self.token_embd(tokens)
        for block in self.blk:
            x = block(x, cos, sin, mask)
        return functional.linear(self.output_norm(x), self.token_embd.weight)


def decay_groups(model: BitNet, weight_decay: float) -> list[dict]:
    """Optimiser groups: weight decay on matrices, none on norms."""
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    norms = [p for p in model.parameters() if p.dim() < 2]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": norms, "weight_decay": 0.0},
    ]


def count_parameters(model: BitNet) -> tuple[int, int]:
    """All parameters, and those that are ternary."""
    total = sum(p.numel() for p in model.parameters())
    return total, sum(p.numel() for name, p in model.named_parameters() if is_linear(name))
