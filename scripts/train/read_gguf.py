# SPDX-License-Identifier: Apache-2.0
"""Read a GGUF file that export_gguf.py wrote back into configuration, weights and tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import gguf
import numpy as np
from sentencepiece import sentencepiece_model_pb2

from checkpoint import ARCHITECTURE, ModelConfig, ModelError


class GgufModel(NamedTuple):
    """A model from a GGUF file: float32 weights (matrices are trits times scale), tokenizer."""

    config: ModelConfig
    weights: dict[str, np.ndarray]
    tokenizer: bytes


def read_gguf(path: Path) -> GgufModel:
    """Read ``path``; raises ModelError if it is not such a file."""
    try:
        return _read(path)
    except ModelError:
        raise
    except Exception as error:  # the reader raises whatever a damaged field leads to
        reason = " ".join(str(error).split())
        raise ModelError(f"{path}: not a readable GGUF file: {reason}") from error


def _read(path: Path) -> GgufModel:
    reader = gguf.GGUFReader(path)

    def value(key: str) -> Any:
        field = reader.get_field(key)
        if field is None:
            raise ModelError(f"{path}: metadata key {key} is missing")
        return field.contents()

    def size(key: str) -> Any:
        return value(f"{ARCHITECTURE}.{key}")

    if value("general.architecture") != ARCHITECTURE:
        raise ModelError(f"{path}: architecture {value('general.architecture')!r} is unknown here")
    config = ModelConfig(
        hidden=size("embedding_length"),
        layers=size("block_count"),
        heads=size("attention.head_count"),
        kv_heads=size("attention.head_count_kv"),
        head_dim=size("attention.key_length"),
        ffn=size("feed_forward_length"),
        vocab=size("vocab_size"),
        context=size("context_length"),
        rope_theta=size("rope.freq_base"),
        rms_eps=size("attention.layer_norm_rms_epsilon"),
        bos=value("tokenizer.ggml.bos_token_id"),
        eos=value("tokenizer.ggml.eos_token_id"),
    )
    weights = {
        tensor.name: np.array(gguf.quants.dequantize(tensor.data, tensor.tensor_type), np.float32)
        for tensor in reader.tensors
    }
    shapes = {name: weight.shape for name, weight in weights.items()}
    if shapes != config.tensor_shapes():
        raise ModelError(f"{path}: the tensors are not those of its configuration")

    proto = sentencepiece_model_pb2.ModelProto()
    tokens, scores, types = (
        value(f"tokenizer.ggml.{key}") for key in ("tokens", "scores", "token_type")
    )
    if not len(tokens) == len(scores) == len(types) == config.vocab:
        raise ModelError(f"{path}: tokens, scores and types differ in number from the vocabulary")
    for token, score, kind in zip(tokens, scores, types):
        proto.pieces.add(piece=token, score=score, type=kind)
    proto.trainer_spec.model_type = sentencepiece_model_pb2.TrainerSpec.BPE
    proto.trainer_spec.vocab_size = config.vocab
    proto.trainer_spec.byte_fallback = True
    proto.trainer_spec.unk_id = value("tokenizer.ggml.unknown_token_id")
    proto.trainer_spec.bos_id = config.bos
    proto.trainer_spec.eos_id = config.eos
    proto.trainer_spec.pad_id = -1
    proto.normalizer_spec.name = "identity"
    proto.normalizer_spec.add_dummy_prefix = value("tokenizer.ggml.add_space_prefix")
    squeeze = value("tokenizer.ggml.remove_extra_whitespaces")
    proto.normalizer_spec.remove_extra_whitespaces = squeeze
    proto.normalizer_spec.escape_whitespaces = True
    return GgufModel(config, weights, proto.SerializeToString())
