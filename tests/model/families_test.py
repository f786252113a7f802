"""Tiny models of every architecture, from file to chip: python families_test.py TERN BACKEND...

Written by the package gguf with random trits of one scale a matrix, in every tensor type that can hold them.
The golden model against the float32 reference, which shares the quantisation to int8 per token and nothing
else: KL divergence and top-1 agreement have bars. The chip against the golden model: every traced value.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np

VOCABULARY, LAYERS, CONTEXT = 300, 2, 128
# architecture, hidden, heads, key-value heads, head width, feed-forward, tied, norms besides the usual, factors
SHAPES = [
    ("bitnet-b1.58", 256, 4, 2, 64, 512, True, ("attn_sub_norm", "ffn_sub_norm"), False),
    ("bitnet", 256, 4, 4, 64, 512, True, ("attn_sub_norm", "ffn_sub_norm"), True),
    ("llama", 256, 3, 1, 256, 512, False, (), False),
    ("qwen3", 256, 8, 2, 64, 768, True, ("attn_q_norm", "attn_k_norm"), False),
]
KL_BAR, TOP1_BAR = 0.002, 0.9
failures = 0


def check(what: str, good: bool) -> None:
    global failures
    print(f"{'ok' if good else 'FAILED'}: {what}")
    failures += not good


def blocks(scale: float, payload: np.ndarray) -> np.ndarray:
    """Blocks [rows, n, bytes] behind their scales in half precision, as [rows, bytes]."""
    half = np.full(payload.shape[:2] + (1,), scale, np.float16).view(np.uint8)
    return np.concatenate([half, payload], axis=2).reshape(payload.shape[0], -1)


def q1_0(trits: np.ndarray, scale: float) -> np.ndarray:
    bits = np.packbits(trits.reshape(len(trits), -1, 128) > 0, axis=2, bitorder="little")
    return blocks(scale, bits)


def q2_0(trits: np.ndarray, scale: float) -> np.ndarray:
    codes = (trits + 1).astype(np.uint8).reshape(len(trits), -1, 16, 4)
    return blocks(scale, codes[..., 0] | codes[..., 1] << 2 | codes[..., 2] << 4 | codes[..., 3] << 6)


def add_trits(w: gguf.GGUFWriter, name: str, kind: str, trits: np.ndarray, scale: float) -> None:
    if kind in ("TQ1_0", "TQ2_0"):
        number = gguf.GGMLQuantizationType[kind]
        w.add_tensor(name, gguf.quants.quantize(trits.astype(np.float32) * scale, number), raw_dtype=number)
        return
    number, per_block, pack = {"Q1_0": (41, 128, q1_0), "Q2_0": (42, 64, q2_0)}[kind]
    gguf.GGML_QUANT_SIZES[number] = (per_block, 18)  # the package may not know the type
    w.add_tensor(name, pack(trits, scale), raw_dtype=number)


def write_model(path: Path, shape: tuple, seed: int) -> None:
    arch, hidden, heads, kv_heads, head, ffn, tied, extra, factors = shape
    random = np.random.default_rng(seed)
    w = gguf.GGUFWriter(path, arch)
    w.add_context_length(CONTEXT)
    w.add_embedding_length(hidden)
    w.add_block_count(LAYERS)
    w.add_feed_forward_length(ffn)
    w.add_head_count(heads)
    w.add_head_count_kv(kv_heads)
    w.add_key_length(head)
    w.add_value_length(head)
    w.add_rope_dimension_count(head)
    w.add_rope_freq_base(1e4)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_vocab_size(VOCABULARY)
    w.add_tokenizer_model("llama")
    w.add_tokenizer_pre("default")
    w.add_token_list(["<unk>", "<s>", "</s>"] + [f"t{i}" for i in range(VOCABULARY - 3)])
    w.add_token_scores([0.0] * VOCABULARY)
    w.add_token_types([2, 3, 3] + [1] * (VOCABULARY - 3))
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)

    def floats(name: str, values: np.ndarray) -> None:
        w.add_tensor(name, values.astype(np.float32))

    def norm(name: str, size: int) -> None:
        floats(name, random.uniform(0.5, 1.5, size))

    # Small, so that a tied head does not see its own token behind what the layers add.
    floats("token_embd.weight", random.normal(0, hidden**-0.5, (VOCABULARY, hidden)))
    norm("output_norm.weight", hidden)
    if not tied:
        floats("output.weight", random.normal(0, hidden**-0.5, (VOCABULARY, hidden)))
    sizes = {"attn_sub_norm": heads * head, "ffn_sub_norm": ffn, "attn_q_norm": head, "attn_k_norm": head}
    linears = {
        "attn_q": (heads * head, hidden), "attn_k": (kv_heads * head, hidden), "attn_v": (kv_heads * head, hidden),
        "attn_output": (hidden, heads * head), "ffn_gate": (ffn, hidden), "ffn_up": (ffn, hidden), "ffn_down": (hidden, ffn),
    }
    for layer in range(LAYERS):
        norm(f"blk.{layer}.attn_norm.weight", hidden)
        norm(f"blk.{layer}.ffn_norm.weight", hidden)
        for name in extra:
            norm(f"blk.{layer}.{name}.weight", sizes[name])
        for i, (name, (rows, cols)) in enumerate(linears.items()):
            kind = ("TQ1_0", "TQ2_0", "Q2_0", "Q1_0")[(i + layer) % 4]
            trits = random.integers(0, 2, (rows, cols)) * 2 - 1 if kind == "Q1_0" else random.integers(-1, 2, (rows, cols))
            add_trits(w, f"blk.{layer}.{name}.weight", kind, trits, float(np.float16(cols**-0.5)))
            if factors:
                floats(f"blk.{layer}.{name}.scale", random.uniform(0.5, 2, 1))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def main() -> int:
    tern, backends = sys.argv[1], sys.argv[2:]

    def run(*arguments: object) -> subprocess.CompletedProcess:
        return subprocess.run([tern, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        random = np.random.default_rng(5)
        text = folder / "text"
        text.write_text("".join(f"t{i}" for i in random.integers(0, VOCABULARY - 3, 400)))
        prompt = "".join(f"t{i}" for i in random.integers(0, VOCABULARY - 3, 5))
        for seed, shape in enumerate(SHAPES):
            model = folder / f"{shape[0]}.gguf"
            write_model(model, shape, seed)
            done = run("eval", "--model", model, "--text", text, "--json", "--quiet")
            if done.returncode:
                check(f"{shape[0]}: {done.stdout.strip()}", False)
                continue
            scores = json.loads(done.stdout)
            check(f"{shape[0]}: {scores['tokens']} tokens, KL {scores['kl_nats']:.6f} nat, top-1 agreement "
                  f"{100 * scores['top1_agreement']:.2f} %, {scores['saturations']} saturations",
                  scores["tokens"] > 390 and scores["kl_nats"] < KL_BAR and scores["top1_agreement"] > TOP1_BAR
                  and scores["saturations"] == 0)
            for backend in backends:
                done = run("verify", "--backend", backend, "--model", model, "--prompt", prompt, "--tokens", 2, "--quiet")
                check(f"{shape[0]}: {backend} computes what the golden model does {done.stdout.strip() if done.returncode else ''}",
                      done.returncode == 0)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
