# SPDX-License-Identifier: Apache-2.0
"""The folder form of a trained model: configuration, tensor names and shapes, ternarisation.

A model folder holds

* ``config.json``        the architecture (:class:`ModelConfig`),
* ``model.safetensors``  float32 master weights under their GGUF names, matrices as [out, in],
* ``tok<N>.model``       the SentencePiece tokenizer, and its ``.vocab`` listing beside it.

``train.py`` writes this form and ``export_gguf.py`` reads it. Nothing here needs PyTorch.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

ARCHITECTURE = "bitnet-b1.58"
CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"

#: Suffixes of the matrices that become ternary; every other matrix stays float.
LINEAR_SUFFIXES = (
    "attn_q.weight",
    "attn_k.weight",
    "attn_v.weight",
    "attn_output.weight",
    "ffn_gate.weight",
    "ffn_up.weight",
    "ffn_down.weight",
)

#: Facts of the architecture that a configuration must state and that have one legal value.
_FIXED: dict[str, Any] = {
    "architecture": ARCHITECTURE,
    "rope": "neox",
    "activation": "relu2",
    "tied_embeddings": True,
    "sub_norms": True,
    "weight_quant": "absmean per tensor",
    "activation_quant": "absmax int8 per token",
}


class ModelError(Exception):
    """A model folder, a text file or an option is unusable; the message says what and where."""


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of a BitNet b1.58 network with squared ReLU, sub-norms and tied embeddings."""

    hidden: int = 256
    layers: int = 5
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64
    ffn: int = 512
    vocab: int = 1024
    context: int = 512
    rope_theta: float = 10000.0
    rms_eps: float = 1e-5
    bos: int = 1
    eos: int = 2

    def __post_init__(self) -> None:
        for name in (
            "hidden",
            "layers",
            "heads",
            "kv_heads",
            "head_dim",
            "ffn",
            "vocab",
            "context",
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ModelError(f"configuration: {name} must be a positive integer, got {value!r}")
        for name in ("rope_theta", "rms_eps"):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
                raise ModelError(f"configuration: {name} must be a positive number, got {value!r}")
        if self.heads % self.kv_heads:
            raise ModelError(
                f"configuration: heads ({self.heads}) must be a multiple of kv_heads "
                f"({self.kv_heads})"
            )
        if self.head_dim % 2:
            raise ModelError(f"configuration: head_dim must be even for rope, got {self.head_dim}")
        for name in ("bos", "eos"):
            value = getattr(self, name)
            if not isinstance(value, int) or not 0 <= value < self.vocab:
                raise ModelError(
                    f"configuration: {name} must be a token id below vocab ({self.vocab}), "
                    f"got {value!r}"
                )

    @property
    def q_dim(self) -> int:
        """Width of all query heads together."""
        return self.heads * self.head_dim

    @property
    def kv_dim(self) -> int:
        """Width of all key (or value) heads together."""
        return self.kv_heads * self.head_dim

    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every tensor, in the order in which the network uses them."""
        shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (self.vocab, self.hidden)}
        for layer in range(self.layers):
            block = {
                "attn_norm": (self.hidden,),
                "attn_q": (self.q_dim, self.hidden),
                "attn_k": (self.kv_dim, self.hidden),
                "attn_v": (self.kv_dim, self.hidden),
                "attn_sub_norm": (self.q_dim,),
                "attn_output": (self.hidden, self.q_dim),
                "ffn_norm": (self.hidden,),
                "ffn_gate": (self.ffn, self.hidden),
                "ffn_up": (self.ffn, self.hidden),
                "ffn_sub_norm": (self.ffn,),
                "ffn_down": (self.hidden, self.ffn),
            }
            shapes.update({f"blk.{layer}.{name}.weight": s for name, s in block.items()})
        shapes["output_norm.weight"] = (self.hidden,)
        return shapes

    def to_json(self) -> dict[str, Any]:
        """The content of ``config.json``."""
        return {
            "architecture": ARCHITECTURE,
            "hidden": self.hidden,
            "layers": self.layers,
            "heads": self.heads,
            "kv_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "ffn": self.ffn,
            "vocab": self.vocab,
            "context": self.context,
            "rope_theta": self.rope_theta,
            "rope": "neox",
            "rms_eps": self.rms_eps,
            "activation": "relu2",
            "tied_embeddings": True,
            "sub_norms": True,
            "bos": self.bos,
            "eos": self.eos,
            "weight_quant": "absmean per tensor",
            "activation_quant": "absmax int8 per token",
        }


def is_linear(name: str) -> bool:
    """Whether the tensor of this name is a matrix that becomes ternary."""
    return name.endswith(LINEAR_SUFFIXES)


def ternarise(weight: np.ndarray) -> tuple[np.ndarray, float]:
    """Absmean quantisation of one matrix, as BitNet b1.58 defines it.

    Returns int8 trits ``clamp(round_half_even(W / s), -1, 1)`` of the shape of ``weight`` and the
    scale ``s = mean|W|``. The mean is the correctly rounded float32 of the exact sum, so that the
    result does not depend on the order of summation. A zero matrix has scale 0 and zero trits.
    """
    flat = np.abs(weight.astype(np.float64)).ravel()
    scale = np.float32(math.fsum(flat) / flat.size)
    if scale == 0:
        return np.zeros(weight.shape, dtype=np.int8), 0.0
    trits = np.clip(np.rint(weight.astype(np.float32) / scale), -1, 1)
    return trits.astype(np.int8), float(scale)


def load_config(folder: Path) -> ModelConfig:
    """Read ``config.json`` of a model folder; raises :class:`ModelError`."""
    path = folder / CONFIG_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot read the configuration: {error.strerror}") from error
    except ValueError as error:
        raise ModelError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path}: expected a JSON object")
    for key, legal in _FIXED.items():
        if content.get(key) != legal:
            raise ModelError(f"{path}: {key} must be {legal!r}, got {content.get(key)!r}")
    fields = ModelConfig.__dataclass_fields__
    missing = [key for key in fields if key not in content]
    if missing:
        raise ModelError(f"{path}: missing {', '.join(missing)}")
    try:
        return ModelConfig(**{key: content[key] for key in fields})
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def load_weights(folder: Path, config: ModelConfig) -> dict[str, np.ndarray]:
    """Read ``model.safetensors`` and check names, shapes, type and finiteness of every tensor.

    The result is in the order of :meth:`ModelConfig.tensor_shapes`.
    """
    path = folder / WEIGHTS_NAME
    if not path.is_file():
        raise ModelError(f"{path}: no such file")
    try:
        tensors = load_file(str(path))
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path}: not a readable safetensors file: {error}") from error
    shapes = config.tensor_shapes()
    missing = sorted(set(shapes) - set(tensors))
    unknown = sorted(set(tensors) - set(shapes))
    if missing:
        raise ModelError(f"{path}: {len(missing)} tensors are missing, the first is {missing[0]}")
    if unknown:
        raise ModelError(f"{path}: {len(unknown)} unknown tensors, the first is {unknown[0]}")
    for name, shape in shapes.items():
        tensor = tensors[name]
        if tensor.dtype != np.float32:
            raise ModelError(f"{path}: {name} must be float32, is {tensor.dtype}")
        if tensor.shape != shape:
            raise ModelError(f"{path}: {name} must have shape {shape}, has {tensor.shape}")
        if not np.isfinite(tensor).all():
            raise ModelError(f"{path}: {name} holds infinities or NaN")
    return {name: tensors[name] for name in shapes}


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then rename it to ``path``."""
    temporary = path.with_name(path.name + ".part")
    try:
        write(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise ModelError(f"{path}: cannot write: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def save_folder(folder: Path, config: ModelConfig, weights: dict[str, np.ndarray]) -> None:
    """Write ``config.json`` and ``model.safetensors`` of a model folder."""
    content = json.dumps(config.to_json(), indent=1) + "\n"
    ordered = {name: np.ascontiguousarray(weights[name]) for name in config.tensor_shapes()}
    write_atomically(folder / CONFIG_NAME, lambda path: path.write_text(content, encoding="utf-8"))
    write_atomically(folder / WEIGHTS_NAME, lambda path: save_file(ordered, str(path)))


def find_tokenizer(folder: Path) -> Path:
    """The one ``tok*.model`` file of a model folder."""
    found = sorted(folder.glob("tok*.model"))
    if len(found) != 1:
        raise ModelError(f"{folder}: expected one tokenizer file tok*.model, found {len(found)}")
    return found[0]
