# SPDX-License-Identifier: Apache-2.0
"""Tiny models of every architecture, from file to chip: python families_test.py TERN BACKEND...

Written by the package gguf with random weights: trits with one scale a matrix, with a scale for every block, and with
scales of row blocks, in every tensor type that can hold them; embeddings and heads of trits; and floats that the
conversion quantises. The golden model against the float32 reference, which shares the quantisation of inputs to int8
per token and nothing else: KL divergence and top-1 agreement have bars. The chip against the golden model: every
traced value.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

VOCABULARY, LAYERS, CONTEXT = 300, 2, 128


@dataclass
class Shape:
    arch: str
    hidden: int
    heads: int
    kv_heads: int
    head: int
    ffn: int
    tied: bool
    extra: tuple = ()  # norms besides the usual
    factors: bool = False


SHAPES = {
    "bitnet-b1.58": Shape("bitnet-b1.58", 256, 4, 2, 64, 512, True, ("attn_sub_norm", "ffn_sub_norm")),
    "bitnet": Shape("bitnet", 256, 4, 4, 64, 512, True, ("attn_sub_norm", "ffn_sub_norm"), True),
    "llama": Shape("llama", 256, 3, 1, 256, 512, False),
    "qwen3": Shape("qwen3", 256, 8, 2, 64, 768, True, ("attn_q_norm", "attn_k_norm")),
}
KL_BAR, TOP1_BAR = 0.002, 0.9
FEW_TOP1_BAR = 0.82  # of a hundred tokens, three standard deviations lower
failures = 0


def check(what: str, good: bool) -> None:
    global failures
    print(f"{'ok' if good else 'FAILED'}: {what}", flush=True)
    failures += not good


def in_blocks(scales: np.ndarray, payload: np.ndarray, scale_first: bool = True) -> np.ndarray:
    """Payload [rows, blocks, bytes] and scales [rows, blocks] in half precision, as [rows, bytes]."""
    half = scales.astype(np.float16)[..., None].view(np.uint8)
    parts = [half, payload] if scale_first else [payload, half]
    return np.concatenate(parts, axis=2).reshape(payload.shape[0], -1)


def bits(trits: np.ndarray) -> np.ndarray:
    return np.packbits(trits > 0, axis=2, bitorder="little")


def two_bits(trits: np.ndarray) -> np.ndarray:
    codes = (trits + 1).astype(np.uint8).reshape(*trits.shape[:2], -1, 4)
    return codes[..., 0] | codes[..., 1] << 2 | codes[..., 2] << 4 | codes[..., 3] << 6


def base_three(trits: np.ndarray) -> np.ndarray:
    """PTQ1_0: digit n of byte m of a part is element n * bytes + m, digit 0 the most significant of five."""
    digits, parts, at = trits + 1, [], 0
    for count, places in ((16, 5), (8, 5), (2, 4)):
        part = digits[..., at : at + count * places].reshape(*trits.shape[:2], places, count)
        value = sum(part[..., n, :] * 3 ** (4 - n) for n in range(places))
        parts.append((value * 256 + 242) // 243)
        at += count * places
    return np.concatenate(parts, axis=2).astype(np.uint8)


def i2_s(trits: np.ndarray, scale: float) -> np.ndarray:
    """In the order of x86: element 32 n + m of a block of 128 in bits 6 - 2 n of byte m."""
    codes = (trits + 1).astype(np.uint8).reshape(-1, 4, 32)
    packed = codes[:, 0] << 6 | codes[:, 1] << 4 | codes[:, 2] << 2 | codes[:, 3]
    return np.concatenate([packed.ravel(), np.float32([scale]).view(np.uint8), np.zeros(28, np.uint8)])


# elements of a block, its bytes, type number, how trits are packed, the scale's place
KINDS = {
    "Q1_0": (128, 18, 41, bits, True),
    "Q2_0": (64, 18, 42, two_bits, True),
    "Q2_0 of 128": (128, 34, 42, two_bits, True),
    "PQ2_0": (128, 34, 142, two_bits, True),
    "PTQ1_0": (128, 28, 143, base_three, False),
    "TQ1_0": (256, 54, 34, None, True),
    "TQ2_0": (256, 66, 35, None, True),
}


def add_trits(w: gguf.GGUFWriter, name: str, kind: str, rows: int, cols: int, random, several: bool) -> None:
    """A tensor of trits whose scales are one, or different from block to block."""
    trits = random.integers(0, 2, (rows, cols)) * 2 - 1 if kind == "Q1_0" else random.integers(-1, 2, (rows, cols))
    scale = cols**-0.5
    if kind == "I2_S":
        w.add_tensor_info(name, (rows, cols), np.dtype(np.float32), rows * cols // 4 + 32, raw_dtype=36)
        w.tensors[-1][name].tensor = i2_s(trits, scale)
        return
    block, size, number, pack, scale_first = KINDS[kind]
    scales = np.full((rows, cols // block), scale)
    if several:
        scales = scales * random.uniform(0.4, 1.6, scales.shape)
    if pack is None:
        wide = trits * np.repeat(scales.astype(np.float16).astype(np.float32), block, axis=1)
        number = gguf.GGMLQuantizationType(number)
        w.add_tensor(name, gguf.quants.quantize(wide.astype(np.float32), number), raw_dtype=number)
        return
    gguf.GGML_QUANT_SIZES[number] = (block, size)  # the package may not know the type
    w.add_tensor(name, in_blocks(scales, pack(trits.reshape(rows, -1, block)), scale_first), raw_dtype=number)


def add_row_blocks(w: gguf.GGUFWriter, name: str, rows: int, cols: int, random) -> None:
    """Half-precision floats that are trits times the scales of three blocks of rows, as in TriLM."""
    scales = np.repeat(cols**-0.5 * random.uniform(0.5, 1.5, 3), (rows + 2) // 3)[:rows]
    w.add_tensor(name, (random.integers(-1, 2, (rows, cols)) * scales[:, None]).astype(np.float16))


def add_column_blocks(w: gguf.GGUFWriter, name: str, rows: int, cols: int, random) -> None:
    """The same with scales of blocks of 64 columns, as tensor parallelism leaves them where it splits the inputs."""
    scales = np.repeat(cols**-0.5 * random.uniform(0.5, 1.5, cols // 64), 64)
    w.add_tensor(name, (random.integers(-1, 2, (rows, cols)) * scales).astype(np.float16))


def write_model(path: Path, shape: Shape, seed: int, kind_of, table: str = "") -> None:
    """kind_of(number of the part, layer): a tensor type with " several" behind it for scales that differ, "rows",
    "columns" or "floats". table: the same for embedding and head; empty: floats."""
    random = np.random.default_rng(seed)
    hidden, ffn, head = shape.hidden, shape.ffn, shape.head
    w = gguf.GGUFWriter(path, shape.arch)
    w.add_context_length(CONTEXT)
    w.add_embedding_length(hidden)
    w.add_block_count(LAYERS)
    w.add_feed_forward_length(ffn)
    w.add_head_count(shape.heads)
    w.add_head_count_kv(shape.kv_heads)
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

    def matrix(name: str, kind: str, rows: int, cols: int) -> None:
        if kind == "floats":
            floats(name, random.normal(0, cols**-0.5, (rows, cols)))
        elif kind == "rows":
            add_row_blocks(w, name, rows, cols, random)
        elif kind == "columns":
            add_column_blocks(w, name, rows, cols, random)
        else:
            add_trits(w, name, kind.removesuffix(" several"), rows, cols, random, kind.endswith(" several"))

    # Small, so that a tied head does not see its own token behind what the layers add.
    matrix("token_embd.weight", table or "floats", VOCABULARY, hidden)
    norm("output_norm.weight", hidden)
    if not shape.tied:
        matrix("output.weight", table or "floats", VOCABULARY, hidden)
    sizes = {"attn_sub_norm": shape.heads * head, "ffn_sub_norm": ffn, "attn_q_norm": head, "attn_k_norm": head}
    linears = {
        "attn_q": (shape.heads * head, hidden), "attn_k": (shape.kv_heads * head, hidden),
        "attn_v": (shape.kv_heads * head, hidden), "attn_output": (hidden, shape.heads * head),
        "ffn_gate": (ffn, hidden), "ffn_up": (ffn, hidden), "ffn_down": (hidden, ffn),
    }
    for layer in range(LAYERS):
        norm(f"blk.{layer}.attn_norm.weight", hidden)
        norm(f"blk.{layer}.ffn_norm.weight", hidden)
        for name in shape.extra:
            norm(f"blk.{layer}.{name}.weight", sizes[name])
        for i, (name, (rows, cols)) in enumerate(linears.items()):
            matrix(f"blk.{layer}.{name}.weight", kind_of(i, layer), rows, cols)
            if shape.factors:
                floats(f"blk.{layer}.{name}.scale", random.uniform(0.5, 2, 1))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


class Bench:
    def __init__(self, tern: str, backends: list[str], folder: Path) -> None:
        self.tern, self.backends, self.folder = tern, backends, folder
        random = np.random.default_rng(5)
        self.text = folder / "text"
        self.text.write_text("".join(f"t{i}" for i in random.integers(0, VOCABULARY - 3, 400)))
        self.prompt = "".join(f"t{i}" for i in random.integers(0, VOCABULARY - 3, 5))

    def run(self, *arguments: object) -> subprocess.CompletedProcess:
        return subprocess.run([self.tern, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def scores(self, name: str, model: Path, *more: object, tokens: int = 0) -> dict | None:
        """What golden and reference say, with its inputs in int8."""
        done = self.run("eval", "--model", model, "--text", self.text, "--tokens", tokens, "--int8-reference", "--json", "--quiet", *more)
        if done.returncode:
            check(f"{name}: {done.stdout.strip()}", False)
            return None
        return json.loads(done.stdout)

    def agree(self, name: str, model: Path, *more: object, tokens: int = 0) -> None:
        s = self.scores(name, model, *more, tokens=tokens)
        if s is None:
            return
        check(f"{name}: {s['tokens']} tokens, KL {s['kl_nats']:.6f} nat, top-1 agreement "
              f"{100 * s['top1_agreement']:.2f} %, {s['saturations']} saturations",
              s["tokens"] >= (tokens or 391) and s["kl_nats"] < KL_BAR and s["saturations"] == 0
              and s["top1_agreement"] > (TOP1_BAR if tokens == 0 else FEW_TOP1_BAR))

    def on_chips(self, name: str, model: Path, *more: object) -> None:
        for backend in self.backends:
            done = self.run("verify", "--backend", backend, "--model", model, "--prompt", self.prompt, "--tokens", 2, "--quiet", *more)
            check(f"{name}: {backend} computes what the golden model does {done.stdout.strip() if done.returncode else ''}",
                  done.returncode == 0)

    def info(self, model: Path, *more: object) -> dict:
        done = self.run("info", "--model", model, "--json", *more)
        return json.loads(done.stdout) if done.returncode == 0 else {"error": done.stdout}


def one_scale(bench: Bench) -> None:
    mixed = ("TQ1_0", "TQ2_0", "Q2_0", "Q1_0")
    for seed, (arch, shape) in enumerate(SHAPES.items()):
        model = bench.folder / f"{arch}.gguf"
        write_model(model, shape, seed, lambda i, layer: mixed[(i + layer) % 4])
        bench.agree(arch, model)
        bench.on_chips(arch, model)


def every_type(bench: Bench) -> None:
    """All linear layers of one type, with one scale and with a scale for each block; the embedding in that type too
    where the architecture's files have it so."""
    expected = {"Q1_0": "1 bit", "Q2_0": "64 columns"}
    for seed, (arch, shape) in enumerate(SHAPES.items()):
        for kind in (*KINDS, "I2_S"):
            for several in ("", " several"):
                if kind == "I2_S" and several:
                    continue  # it has one scale a tensor
                model = bench.folder / "type.gguf"
                table = kind + several if arch == "qwen3" and kind != "I2_S" else ""
                write_model(model, shape, 20 + seed, lambda i, layer: kind + several, table)
                order = ("--i2s-order", "x86") if kind == "I2_S" else ()
                name = f"{arch}, {kind}{several or ' one scale'}{', embedding too' if table else ''}"
                bench.agree(name, model, *order, tokens=100)
                info = bench.info(model, *order)
                form = info.get("linear_layers", str(info))
                check(f"{name}: {form}; head {info.get('head')}",
                      ("a scale for" in form) == bool(several) and ("1 bit" in form) == (kind == "Q1_0")
                      and (not several or expected.get(kind, "128 columns") in form)
                      and ("columns" in info["head"]) == bool(table) and ("trits" in info["embedding"]) == bool(table))


def several_scales(bench: Bench) -> None:
    kinds = [*KINDS]
    kinds.remove("Q2_0 of 128")  # one file has either
    for seed, (arch, shape) in enumerate(SHAPES.items()):
        model = bench.folder / f"{arch}-several.gguf"
        write_model(model, shape, 40 + seed, lambda i, layer: kinds[(i + seed) % len(kinds)] + " several")
        bench.agree(f"{arch}, several scales", model)
        bench.on_chips(f"{arch}, several scales", model)
    for kind in ("Q1_0", "PTQ1_0"):
        model = bench.folder / "bonsai.gguf"
        write_model(model, SHAPES["qwen3"], 50, lambda i, layer: kind + " several", kind + " several")
        bench.agree(f"qwen3, {kind} with embedding and head", model)
        bench.on_chips(f"qwen3, {kind} with embedding and head", model)
    model = bench.folder / "trilm.gguf"
    # The outputs of attention and feed-forward network are split by their inputs, the rest by its outputs.
    write_model(model, SHAPES["llama"], 60, lambda i, layer: "columns" if i in (3, 6) else "rows")
    bench.agree("llama, scales of blocks of rows and columns in floats", model)
    bench.on_chips("llama, scales of blocks of rows and columns in floats", model)
    done = bench.run("convert", "--model", model, "--config", "ulx3s", "-o", bench.folder / "out.tern")
    check("a chip without group scales is refused by name", done.returncode == 1 and "ulx3s was built without group scales" in done.stdout)


def floats(bench: Bench) -> None:
    """Quantised by the conversion: the more trits, the nearer to the float weights."""
    for arch in ("llama", "qwen3"):
        model = bench.folder / "floats.gguf"
        write_model(model, SHAPES[arch], 70, lambda i, layer: "floats")
        done = bench.run("convert", "--model", model, "-o", bench.folder / "out.tern")
        check(f"{arch}: floats are refused without --weights-trits", done.returncode == 1 and "--weights-trits" in done.stdout)
        kls = []
        for trits in range(1, 6):
            s = bench.scores(f"{arch}, {trits} trits", model, "--weights-trits", trits, tokens=200)
            kls.append(s["kl_nats"] if s else float("inf"))
        check(f"{arch}: KL with 1 to 5 trits a weight {', '.join(f'{kl:.5f}' for kl in kls)} nat",
              all(b < 0.5 * a for a, b in zip(kls, kls[1:])) and kls[0] < 1 and kls[4] < KL_BAR)
        for trits, group in ((2, 128), (5, 64)):
            bench.on_chips(f"{arch}, {trits} trits", model, "--weights-trits", trits, "--weights-group", group)


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(sys.argv[1], sys.argv[2:], Path(directory))
        for part in (one_scale, every_type, several_scales, floats):
            part(bench)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
