# SPDX-License-Identifier: Apache-2.0
"""Writes a GGUF file of the shape of BitNet b1.58 2B-4T with random weights, block by block."""

import json
from pathlib import Path

import gguf
import numpy as np

HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD, FFN, VOCABULARY = 2560, 30, 20, 5, 128, 6912, 128256
LINEARS = {
    "attn_q": (HEADS * HEAD, HIDDEN), "attn_k": (KV_HEADS * HEAD, HIDDEN), "attn_v": (KV_HEADS * HEAD, HIDDEN),
    "attn_output": (HIDDEN, HEADS * HEAD), "ffn_gate": (FFN, HIDDEN), "ffn_up": (FFN, HIDDEN), "ffn_down": (HIDDEN, FFN),
}
NORMS = {"attn_norm": HIDDEN, "attn_sub_norm": HEADS * HEAD, "ffn_norm": HIDDEN, "ffn_sub_norm": FFN}
ROWS = 4096  # written at a time
TYPES = gguf.GGMLQuantizationType


def random_rows(random: np.random.Generator, kind: TYPES, rows: int, cols: int) -> np.ndarray:
    """Valid blocks as bytes [rows, bytes of a row]: trits, or values of about 1 / sqrt(cols)."""
    if kind == TYPES.F16:
        return random.normal(0, cols**-0.5, (rows, cols)).astype(np.float16).view(np.uint8)
    block, size = gguf.GGML_QUANT_SIZES[kind]
    out = random.integers(0, 256, (rows, cols // block, size), dtype=np.uint8)
    scale = np.array([cols**-0.5], np.float16).view(np.uint8)
    if kind == TYPES.TQ2_0:  # four weights a byte, 3 is none
        trits = np.array([sum(n // 3**i % 3 << 2 * i for i in range(4)) for n in range(81)], np.uint8)
        out[..., :-2] = trits[random.integers(0, 81, out[..., :-2].shape, dtype=np.uint8)]
        out[..., -2:] = scale
    elif kind == TYPES.Q6_K:  # values to 31 times scales to 127 times the last factor
        out[..., -2:] = np.array([cols**-0.5 / 1000], np.float16).view(np.uint8)
    elif kind == TYPES.Q8_0:
        out[..., :2] = np.array([cols**-0.5 / 64], np.float16).view(np.uint8)
    else:
        raise ValueError(f"no random blocks of {kind.name}")
    return out.reshape(rows, -1)


def add_vocabulary(w: gguf.GGUFWriter, folder: Path) -> None:
    """That of a tokenizer.json of Llama 3's kind."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    added = {token["id"]: token["content"] for token in tokenizer["added_tokens"]}
    pieces = {index: piece for piece, index in tokenizer["model"]["vocab"].items()} | added
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("llama-bpe")
    w.add_token_list([pieces[i] for i in range(VOCABULARY)])
    w.add_token_types([gguf.TokenType.CONTROL if i in added else gguf.TokenType.NORMAL for i in range(VOCABULARY)])
    w.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in tokenizer["model"]["merges"]])
    w.add_bos_token_id(128000)
    w.add_eos_token_id(128001)


def write_2b4t(path: Path, head: TYPES, layers: int = LAYERS, vocabulary: Path | None = None) -> int:
    """Linear layers in TQ2_0, embedding and tied head in `head`; vocabulary: a folder for add_vocabulary(), or none. Returns the bytes
    that a token reads: matrices and head."""
    random = np.random.default_rng(1)
    w = gguf.GGUFWriter(path, "bitnet")
    w.add_context_length(4096)
    w.add_embedding_length(HIDDEN)
    w.add_block_count(layers)
    w.add_feed_forward_length(FFN)
    w.add_head_count(HEADS)
    w.add_head_count_kv(KV_HEADS)
    w.add_rope_dimension_count(HEAD)
    w.add_rope_freq_base(5e5)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_vocab_size(VOCABULARY)
    if vocabulary:
        add_vocabulary(w, vocabulary)
    else:
        w.add_tokenizer_model("none")
    tensors = [("token_embd", VOCABULARY, HIDDEN, head), ("output_norm", 1, HIDDEN, TYPES.F32)]
    for layer in range(layers):
        tensors += [(f"blk.{layer}.{name}", 1, size, TYPES.F32) for name, size in NORMS.items()]
        tensors += [(f"blk.{layer}.{name}", *shape, TYPES.TQ2_0) for name, shape in LINEARS.items()]
    streamed = 0
    for name, rows, cols, kind in tensors:
        block, size = gguf.GGML_QUANT_SIZES[kind]
        bytes_of_row = cols // block * size
        shape = [cols] if kind == TYPES.F32 else [rows, bytes_of_row]
        w.add_tensor_info(f"{name}.weight", shape, np.dtype(np.float32 if kind == TYPES.F32 else np.uint8), rows * bytes_of_row,
                          raw_dtype=None if kind == TYPES.F32 else kind)
        if kind != TYPES.F32:
            streamed += rows * bytes_of_row
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_ti_data_to_file()
    file = w.fout[0]
    w.write_padding(file, file.tell())
    for name, rows, cols, kind in tensors:
        at = file.tell()
        if kind == TYPES.F32:
            file.write(np.ones(cols, np.float32).tobytes())
        else:
            for first in range(0, rows, ROWS):
                file.write(random_rows(random, kind, min(ROWS, rows - first), cols).tobytes())
        w.write_padding(file, file.tell() - at)
    w.close()
    return streamed
