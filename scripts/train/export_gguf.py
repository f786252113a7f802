#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write a trained model folder (see checkpoint.py) as one GGUF v3 file.

Every linear matrix is ternarised (t * mean|W|, one scale per tensor) and stored as TQ1_0; the
embedding, which is also the output head, is F16; the norms are F32. The SentencePiece tokenizer
goes into the metadata. The same input gives the same bytes.

After writing, the file is read back and compared: each trit, each block's scale and each float,
and the tokens against the tokenizer. The output appears under its name only if all of that holds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import gguf
import numpy as np
import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from checkpoint import (
    ARCHITECTURE,
    ModelConfig,
    ModelError,
    find_tokenizer,
    is_linear,
    load_config,
    load_weights,
    ternarise,
    write_atomically,
)

TQ1_0 = gguf.GGMLQuantizationType.TQ1_0
#: Elements and bytes of a TQ1_0 block; its last two bytes are the float16 scale.
BLOCK_ELEMENTS, BLOCK_BYTES = gguf.GGML_QUANT_SIZES[TQ1_0]

DEFAULT_NAME = "Tern demo"
DEFAULT_LICENSE = "Apache-2.0"
DEFAULT_DESCRIPTION = (
    "BitNet b1.58 language model of short English stories, trained from scratch on a subset of "
    "TinyStories. Squared ReLU, sub-norms, grouped-query attention, NEOX rope, tied head."
)


class Vocabulary(NamedTuple):
    """What GGUF stores of a SentencePiece tokenizer; the index in each list is the token id."""

    tokens: list[bytes]
    scores: list[float]
    types: list[int]
    unknown: int
    space_prefix: bool
    squeezes_spaces: bool


def read_vocabulary(path: Path, config: ModelConfig) -> Vocabulary:
    """Read a SentencePiece BPE model and check that it belongs to ``config``."""
    try:
        model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise ModelError(f"{path}: not a SentencePiece model: {error}") from error
    size = model.get_piece_size()
    if size != config.vocab:
        raise ModelError(f"{path}: has {size} pieces, the configuration says {config.vocab}")
    if (model.bos_id(), model.eos_id()) != (config.bos, config.eos):
        raise ModelError(
            f"{path}: bos and eos are {model.bos_id()} and {model.eos_id()}, the configuration "
            f"says {config.bos} and {config.eos}"
        )
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.serialized_model_proto())
    if proto.trainer_spec.model_type != sentencepiece_model_pb2.TrainerSpec.BPE:
        raise ModelError(f"{path}: only SentencePiece models of type BPE are supported")
    if proto.normalizer_spec.precompiled_charsmap:
        raise ModelError(f"{path}: only identity normalisation is supported")
    return Vocabulary(
        tokens=[piece.piece.encode("utf-8") for piece in proto.pieces],
        scores=[piece.score + 0.0 for piece in proto.pieces],  # turns -0.0 into 0.0
        types=[int(piece.type) for piece in proto.pieces],  # GGUF has SentencePiece's numbers
        unknown=model.unk_id(),
        space_prefix=proto.normalizer_spec.add_dummy_prefix,
        squeezes_spaces=proto.normalizer_spec.remove_extra_whitespaces,
    )


def encode_tq1_0(trits: np.ndarray, scale: np.float16) -> np.ndarray:
    """Pack int8 trits [rows, cols] as TQ1_0 bytes [rows, cols / 256 * 54].

    Every block carries ``scale``, also one whose trits are all zero: the quantiser of the gguf
    package derives a block's scale from its largest element and would store 0 there.
    """
    packed = gguf.quants.quantize(trits.astype(np.float32), TQ1_0)
    blocks = packed.reshape(trits.shape[0], -1, BLOCK_BYTES)
    blocks[:, :, -2:] = np.frombuffer(scale.astype("<f2").tobytes(), dtype=np.uint8)
    return blocks.reshape(packed.shape)


def encode_tensors(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The stored form of each tensor: uint8 for TQ1_0, float16 or float32 otherwise."""
    stored: dict[str, np.ndarray] = {}
    for name, weight in weights.items():
        if is_linear(name):
            if weight.shape[1] % BLOCK_ELEMENTS:
                raise ModelError(
                    f"{name}: TQ1_0 needs a multiple of {BLOCK_ELEMENTS} columns, has "
                    f"{weight.shape[1]}; choose hidden, ffn and heads * head_dim accordingly"
                )
            trits, scale = ternarise(weight)
            with np.errstate(over="ignore"):
                half = np.float16(scale)
            if not np.isfinite(half) or half < np.finfo(np.float16).tiny:
                raise ModelError(f"{name}: scale mean|W| = {scale:g} is not a normal float16")
            stored[name] = encode_tq1_0(trits, half)
        elif weight.ndim == 2:
            with np.errstate(over="ignore"):
                stored[name] = weight.astype(np.float16)
            if not np.isfinite(stored[name]).all():
                raise ModelError(f"{name}: a value is too large for float16")
        else:
            stored[name] = weight
    return stored


def write_gguf(
    path: Path,
    config: ModelConfig,
    vocabulary: Vocabulary,
    stored: dict[str, np.ndarray],
    name: str,
    description: str,
    license_name: str,
) -> None:
    """Write metadata and tensors to ``path``."""
    writer = gguf.GGUFWriter(path, ARCHITECTURE)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(name)
    writer.add_description(description)
    writer.add_license(license_name)
    writer.add_file_type(int(gguf.LlamaFileType.MOSTLY_TQ1_0))
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)

    writer.add_vocab_size(config.vocab)
    writer.add_context_length(config.context)
    writer.add_embedding_length(config.hidden)
    writer.add_block_count(config.layers)
    writer.add_feed_forward_length(config.ffn)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.kv_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_theta)

    writer.add_tokenizer_model("llama")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_scores(vocabulary.scores)
    writer.add_token_types(vocabulary.types)
    writer.add_bos_token_id(config.bos)
    writer.add_eos_token_id(config.eos)
    writer.add_unk_token_id(vocabulary.unknown)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(vocabulary.space_prefix)
    writer.add_remove_extra_whitespaces(vocabulary.squeezes_spaces)

    for tensor_name, data in stored.items():
        raw = TQ1_0 if data.dtype == np.uint8 else None
        writer.add_tensor(tensor_name, data, raw_dtype=raw)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def check_gguf(path: Path, weights: dict[str, np.ndarray], vocabulary: Vocabulary) -> None:
    """Read ``path`` back and compare it with what it was written from; raises ModelError."""
    reader = gguf.GGUFReader(path)
    found = {tensor.name: tensor for tensor in reader.tensors}
    if list(found) != list(weights):
        raise ModelError(f"{path}: read back other tensors than were written")
    for name, weight in weights.items():
        tensor = found[name]
        if tuple(int(n) for n in reversed(tensor.shape)) != weight.shape:
            raise ModelError(f"{path}: {name} read back as shape {tuple(tensor.shape)}")
        if not is_linear(name):
            want = weight.astype(np.float16) if weight.ndim == 2 else weight
            if tensor.data.dtype != want.dtype or not np.array_equal(tensor.data, want):
                raise ModelError(f"{path}: {name} read back with other values")
            continue
        trits, scale = ternarise(weight)
        half = np.float16(scale)
        blocks = np.ascontiguousarray(tensor.data).reshape(-1, BLOCK_BYTES)
        if not (np.ascontiguousarray(blocks[:, -2:]).view("<f2") == half).all():
            raise ModelError(f"{path}: {name} has a block whose scale is not {half}")
        values = gguf.quants.dequantize(tensor.data, TQ1_0)
        if not np.array_equal(values, trits.astype(np.float32) * np.float32(half)):
            raise ModelError(f"{path}: {name} read back with other trits")
    tokens = reader.fields["tokenizer.ggml.tokens"]
    if [bytes(tokens.parts[index]) for index in tokens.data] != vocabulary.tokens:
        raise ModelError(f"{path}: tokens read back differently")
    scores = reader.fields["tokenizer.ggml.scores"]
    if [float(scores.parts[index][0]) for index in scores.data] != vocabulary.scores:
        raise ModelError(f"{path}: token scores read back differently")


def export(
    folder: Path,
    output: Path,
    name: str = DEFAULT_NAME,
    description: str = DEFAULT_DESCRIPTION,
    license_name: str = DEFAULT_LICENSE,
) -> dict[str, np.ndarray]:
    """Convert the model folder ``folder`` to ``output``; returns the stored tensors."""
    config = load_config(folder)
    vocabulary = read_vocabulary(find_tokenizer(folder), config)
    weights = load_weights(folder, config)
    stored = encode_tensors(weights)

    def write(path: Path) -> None:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_gguf(path, config, vocabulary, stored, name, description, license_name)
        check_gguf(path, weights, vocabulary)

    write_atomically(output, write)
    return stored


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="model folder written by train.py")
    parser.add_argument("-o", "--output", type=Path, required=True, help="GGUF file to write")
    parser.add_argument("--name", default=DEFAULT_NAME, help="general.name")
    parser.add_argument("--description", default=DEFAULT_DESCRIPTION, help="general.description")
    parser.add_argument("--license", default=DEFAULT_LICENSE, help="general.license (SPDX)")
    parser.add_argument("--quiet", action="store_true", help="print nothing unless it fails")
    options = parser.parse_args(arguments)
    try:
        stored = export(
            options.folder, options.output, options.name, options.description, options.license
        )
    except ModelError as error:
        print(f"export_gguf: {error}", file=sys.stderr)
        return 1
    if not options.quiet:
        ternary = sum(data.dtype == np.uint8 for data in stored.values())
        print(
            f"{options.output}: {options.output.stat().st_size} bytes, {len(stored)} tensors, "
            f"{ternary} of them ternary; read back and compared"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
