# SPDX-License-Identifier: Apache-2.0
"""Compares with llama.cpp: python llama_cpp_oracle.py REFERENCE_LOGITS DUMP_TENSORS FOLDER.

The decoder of tensors: Q1_0 and Q2_0, which the package gguf cannot decode, to the bit.
The float32 reference:
tiny models of random float32 weights, written by the package gguf, for every architecture that
both know; the relative RMS of the logits must stay under 1e-5. With other weights the two programs
quantise activations differently, and cannot agree.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np

from llama_cpp import LlamaCpp, fetch

BAR = 1e-5
VOCABULARY, TOKENS = 64, [1, 5, 9, 33, 60, 2, 17, 17, 40, 3, 21, 8]
# architecture, hidden, heads, key-value heads, head width, feed-forward, tied, norms besides the usual, factors
SHAPES = [
    ("bitnet", 96, 4, 4, 24, 160, True, ("attn_sub_norm", "ffn_sub_norm"), True),
    ("bitnet", 100, 1, 1, 100, 64, True, ("attn_sub_norm", "ffn_sub_norm"), False),
    ("llama", 128, 4, 2, 32, 224, False, (), False),
    ("llama", 96, 3, 1, 32, 128, True, (), False),
    ("qwen3", 80, 4, 2, 32, 144, True, ("attn_q_norm", "attn_k_norm"), False),
    ("qwen3", 128, 2, 2, 64, 96, False, ("attn_q_norm", "attn_k_norm"), False),
]


# rope, for the shape of that number: metadata under rope., and whether there are factors for each pair
ROPES = [
    (2, {"scaling.factor": 4.0}, False),
    (4, {"scale_linear": 4.0, "scaling.type": "linear"}, False),
    (2, {"scaling.factor": 4.0, "scaling.type": "none"}, False),
    (2, {}, True),
    (2, {"scaling.factor": 2.0}, True),
    (2, {"scaling.factor": 4.0, "scaling.type": "yarn", "scaling.original_context_length": 16}, False),
    (5, {"scaling.factor": 4.0, "scaling.type": "yarn", "scaling.original_context_length": 4096}, False),
    (5, {"scaling.factor": 8.0, "scaling.type": "yarn"}, False),
    (0, {"scaling.factor": 1.5, "scaling.attn_factor": 1.25}, False),
    (5, {"scaling.factor": 3.0, "scaling.type": "yarn", "scaling.original_context_length": 512, "scaling.attn_factor": 0.5}, False),
]


def write_model(path: Path, shape: tuple, seed: int, context: int = 64, rope: dict | None = None, rope_factors: bool = False,
                change=lambda name, values: values, more=lambda writer: None) -> None:
    """`change` gives the values that a tensor gets in place of others, `more` adds metadata."""
    arch, hidden, heads, kv_heads, head, ffn, tied, extra, factors = shape
    random = np.random.default_rng(seed)
    layers = 3
    w = gguf.GGUFWriter(path, arch)
    w.add_context_length(context)
    w.add_embedding_length(hidden)
    w.add_block_count(layers)
    w.add_feed_forward_length(ffn)
    w.add_head_count(heads)
    w.add_head_count_kv(kv_heads)
    w.add_key_length(head)
    w.add_value_length(head)
    w.add_rope_dimension_count(head)
    w.add_rope_freq_base(5e5 if arch == "llama" else 1e4)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_vocab_size(VOCABULARY)
    pieces = ["<unk>", "<s>", "</s>"] + [f"t{i}" for i in range(VOCABULARY - 3)]
    w.add_tokenizer_model("llama")
    w.add_tokenizer_pre("default")
    w.add_token_list(pieces)
    w.add_token_scores([0.0] * VOCABULARY)
    w.add_token_types([2, 3, 3] + [1] * (VOCABULARY - 3))
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    more(w)

    def matrix(name: str, rows: int, cols: int) -> None:
        w.add_tensor(name, change(name, random.normal(0, cols**-0.5, (rows, cols)).astype(np.float32)))

    def norm(name: str, size: int) -> None:
        w.add_tensor(name, change(name, random.uniform(0.5, 1.5, size).astype(np.float32)))

    for key, value in (rope or {}).items():
        {str: w.add_string, float: w.add_float32, int: w.add_uint32}[type(value)](f"{arch}.rope.{key}", value)
    if rope_factors:
        w.add_tensor("rope_freqs.weight", np.linspace(1, 8, head // 2, dtype=np.float32))
    matrix("token_embd.weight", VOCABULARY, hidden)
    norm("output_norm.weight", hidden)
    if not tied:
        matrix("output.weight", VOCABULARY, hidden)
    sizes = {"attn_sub_norm": heads * head, "ffn_sub_norm": ffn, "attn_q_norm": head, "attn_k_norm": head}
    linears = {
        "attn_q": (heads * head, hidden), "attn_k": (kv_heads * head, hidden), "attn_v": (kv_heads * head, hidden),
        "attn_output": (hidden, heads * head), "ffn_gate": (ffn, hidden), "ffn_up": (ffn, hidden), "ffn_down": (hidden, ffn),
    }
    for layer in range(layers):
        norm(f"blk.{layer}.attn_norm.weight", hidden)
        norm(f"blk.{layer}.ffn_norm.weight", hidden)
        for name in extra:
            norm(f"blk.{layer}.{name}.weight", sizes[name])
        for name, (rows, cols) in linears.items():
            matrix(f"blk.{layer}.{name}.weight", rows, cols)
            if factors:
                w.add_tensor(f"blk.{layer}.{name}.scale", random.uniform(0.5, 2, 1).astype(np.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def compare_types(llama: LlamaCpp, dump_tensors: str, folder: Path) -> int:
    """Random blocks with finite scales; returns the number of types that differ."""
    random = np.random.default_rng(1)
    wrong = 0
    for kind, name, per_block in ((41, "q1_0", 128), (42, "q2_0", 64)):
        gguf.GGML_QUANT_SIZES[kind] = (per_block, 18)  # the package knows no type 42
        blocks = random.integers(0, 256, (7, 1024 // per_block, 18), dtype=np.uint8)
        scales = random.normal(0, 10, blocks.shape[:2]).astype(np.float16)
        blocks[..., :2] = scales[..., None].view(np.uint8)
        path = folder / f"{name}.gguf"
        writer = gguf.GGUFWriter(path, "oracle")
        writer.add_tensor("w", blocks.reshape(7, -1), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        want = llama.dequantise(name, blocks, 7 * 1024)
        have = np.frombuffer(subprocess.run([dump_tensors, path], check=True, stdout=subprocess.PIPE).stdout, np.float32)
        differ = (want != have).sum()
        print(f"{name}: {want.size} values compared, {differ} differ")
        wrong += differ != 0
    return wrong


def main() -> int:
    llama = LlamaCpp(fetch(Path(sys.argv[3])))
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        wrong += compare_types(llama, sys.argv[2], Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        cases = [(shape, {}, False) for shape in SHAPES] + [(SHAPES[number], rope, factors) for number, rope, factors in ROPES]
        for seed, (shape, rope, factors) in enumerate(cases):
            path = Path(folder) / f"{seed}.gguf"
            write_model(path, shape, seed, rope=rope, rope_factors=factors)
            want = llama.open(path, 64, exact=True).logits(TOKENS, VOCABULARY).astype(np.float64)
            output = subprocess.run([sys.argv[1], path, *map(str, TOKENS)], check=True, stdout=subprocess.PIPE).stdout
            have = np.frombuffer(output, np.float32).reshape(want.shape)
            error = np.sqrt(((have - want) ** 2).mean() / (want**2).mean())
            print(f"{shape[0]:7} hidden {shape[1]}, {shape[2]} heads of {shape[4]}{', rope ' if rope or factors else ''}"
                  f"{', '.join(f'{key} {value}' for key, value in rope.items())}{' with factors' * factors}: {want.size} logits of RMS "
                  f"{np.sqrt((want**2).mean()):.3f}, relative RMS error {error:.2e}")
            wrong += not error < BAR
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
