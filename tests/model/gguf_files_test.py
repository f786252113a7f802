# SPDX-License-Identifier: Apache-2.0
"""GGUF files as published programs write them: python gguf_files_test.py TERN REFERENCE_LOGITS.

Models whose weights come from a formula, of the architectures llama and qwen3. The expected logits were computed by llama.cpp and by
numpy in float64; they are compared with the float32 reference, and the golden model with the reference.
"""

import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np

TERN, REFERENCE_LOGITS = sys.argv[1], sys.argv[2]
HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD, FFN, VOCABULARY, CONTEXT = 256, 2, 4, 2, 64, 512, 276, 64
TOKENS = [1, 5, 9, 13, 2, 7, 100, 42, 3, 11, 250, 8]
SPACE, NEWLINE = "\u0120", "\u010a"
LINEARS = {
    "attn_q": (HEADS * HEAD, HIDDEN), "attn_k": (KV_HEADS * HEAD, HIDDEN), "attn_v": (KV_HEADS * HEAD, HIDDEN),
    "attn_output": (HIDDEN, HEADS * HEAD), "ffn_gate": (FFN, HIDDEN), "ffn_up": (FFN, HIDDEN), "ffn_down": (HIDDEN, FFN),
}
# The likeliest token at each position, and the first four logits at the last.
LLAMA = ([97, 23, 89, 177, 234, 210, 47, 99, 222, 123, 210, 23], [-1.16091, -3.14754, -2.44212, -0.36513])
LLAMA_BY_4 = ([97, 23, 14, 219, 234, 210, 183, 99, 5, 123, 210, 23], [-1.05095, -2.27811, -2.75074, -1.42377])
QWEN3 = ([97, 23, 14, 41, 20, 210, 47, 125, 222, 81, 210, 23], [-0.35567, -2.21361, -2.79164, -1.29395])
QWEN3_BY_4 = ([97, 23, 14, 41, 234, 210, 47, 47, 222, 123, 210, 198], [-0.68441, -2.12252, -2.48531, -1.62090])
LLAMA_TIED = ([95, 183, 87, 175, 232, 208, 45, 123, 220, 241, 208, 21], [-2.43866, -0.36167, -1.32046, -2.41664])
failures = 0


def check(what: str, good: bool, more: object = "") -> None:
    global failures
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {what}{'' if good else f': {more}'}")


def matrix(number: int, rows: int, cols: int) -> np.ndarray:
    n = np.arange(rows * cols, dtype=np.int64)
    return (((n * 2654435761 + number * 40503) % 65536) / 65536 - 0.5).reshape(rows, cols)


def tensors(arch: str, tied: bool = False, norm_shape: tuple = ()) -> dict[str, np.ndarray]:
    """By their names, float32; norms have dimensions of one behind them where norm_shape has."""
    def norm(size: int) -> np.ndarray:
        return np.ones((*norm_shape, size), np.float32)

    found = {"token_embd.weight": matrix(0, VOCABULARY, HIDDEN)}
    if not tied:
        found["output.weight"] = matrix(1, VOCABULARY, HIDDEN)
    found["output_norm.weight"] = norm(HIDDEN)
    for layer in range(LAYERS):
        for j, (name, (rows, cols)) in enumerate(LINEARS.items()):
            found[f"blk.{layer}.{name}.weight"] = matrix(10 + 10 * layer + j, rows, cols) * 4 / np.sqrt(cols)
        found[f"blk.{layer}.attn_norm.weight"] = norm(HIDDEN)
        found[f"blk.{layer}.ffn_norm.weight"] = norm(HIDDEN)
        if arch == "qwen3":
            found[f"blk.{layer}.attn_q_norm.weight"] = norm(HEAD)
            found[f"blk.{layer}.attn_k_norm.weight"] = norm(HEAD)
    return {name: values.astype(np.float32) for name, values in found.items()}


def vocabulary() -> tuple[list[str], list[str], list[int]]:
    """Pieces, merges and types: 256 bytes, some words, four control tokens."""
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(256, 512))
    pieces = [chr(byte) if byte in own else chr(next(others)) for byte in range(256)]
    merges = [f"h e", "l l", "he ll", "hell o", f"{SPACE} w", "o r", "l d", "or ld", f"{SPACE}w orld", f"{SPACE} {SPACE}",
              f"{NEWLINE} {NEWLINE}", f"{SPACE} t", f"{SPACE}t he", "i n", "1 2", "12 3"]
    pieces += [merge.replace(" ", "") for merge in merges] + ["<|bos|>", "<|eos|>", "<|im_start|>", "<|im_end|>"]
    return pieces, merges, [gguf.TokenType.NORMAL] * 272 + [gguf.TokenType.CONTROL] * 4


def add_metadata(w: gguf.GGUFWriter, arch: str, keys: dict) -> None:
    """keys: more of them, or values in place of the usual; None leaves one out."""
    pieces, merges, types = vocabulary()
    usual = {
        f"{arch}.context_length": CONTEXT, f"{arch}.embedding_length": HIDDEN, f"{arch}.block_count": LAYERS,
        f"{arch}.feed_forward_length": FFN, f"{arch}.attention.head_count": HEADS, f"{arch}.attention.head_count_kv": KV_HEADS,
        f"{arch}.attention.key_length": HEAD, f"{arch}.attention.value_length": HEAD, f"{arch}.rope.dimension_count": HEAD,
        f"{arch}.rope.freq_base": 1e4, f"{arch}.attention.layer_norm_rms_epsilon": 1e-5, f"{arch}.vocab_size": VOCABULARY,
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2", "tokenizer.ggml.bos_token_id": 272,
        "tokenizer.ggml.eos_token_id": 273, "tokenizer.ggml.add_bos_token": False,
    }
    for key, value in (usual | keys).items():
        add = {bool: w.add_bool, int: w.add_uint32, float: w.add_float32, str: w.add_string}
        if isinstance(value, tuple):  # a method and what it takes
            getattr(w, value[0])(key, value[1])
        elif value is not None:
            add[type(value)](key, value)
    w.add_token_list(pieces)
    w.add_token_merges(merges)
    w.add_token_types(types)


def write(path: Path, arch: str, keys: dict | None = None, values: dict | None = None, names: list | None = None,
          metadata: bool = True) -> Path:
    """names: which tensors go into this file, in the place of all."""
    w = gguf.GGUFWriter(path, arch)
    if metadata:
        add_metadata(w, arch, keys or {})
    else:
        for key, value in (keys or {}).items():
            getattr(w, value[0])(key, value[1])
    for name, data in (values if values is not None else tensors(arch)).items():
        if names is None or name in names:
            kind = data[1] if isinstance(data, tuple) else None
            w.add_tensor(name, data[0] if kind is not None else data, raw_dtype=kind)
    w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file(), w.close()
    return path


def logits(path: Path) -> tuple[np.ndarray | None, str]:
    done = subprocess.run([REFERENCE_LOGITS, path, *map(str, TOKENS)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        return None, done.stderr.decode()
    return np.frombuffer(done.stdout, np.float32).reshape(len(TOKENS), VOCABULARY), ""


def expect(what: str, path: Path, expected: tuple) -> None:
    found, error = logits(path)
    if found is None:
        check(what, False, error)
        return
    close = np.abs(found[-1, :4] - expected[1]).max() < 1e-4
    check(what, list(found.argmax(1)) == expected[0] and close, f"{list(found.argmax(1))} {found[-1, :4]}")


def refused(what: str, path: Path, *parts: str) -> None:
    found, error = logits(path)
    check(f"{what} is refused", found is None and all(part in error for part in parts) and error.count("\n") == 1,
          error or "it runs")


def tern(*arguments: object, status: int = 0) -> str:
    done = subprocess.run([TERN, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    if done.returncode != status:
        check(f"tern {' '.join(map(str, arguments[:2]))} ends with status {status}", False, done.stderr)
    return done.stdout if status == 0 else done.stderr


def test_rope(folder: Path) -> None:
    path = folder / "rope.gguf"
    for arch, plain, scaled in (("llama", LLAMA, LLAMA_BY_4), ("qwen3", QWEN3, QWEN3_BY_4)):
        rope = f"{arch}.rope."
        for keys, expected in (
                ({}, plain),
                ({"scaling.factor": 4.0}, scaled),
                ({"scale_linear": 4.0}, scaled),
                ({"scaling.factor": 4.0, "scaling.type": "linear"}, scaled),
                ({"scaling.factor": 1.0, "scaling.type": "linear"}, plain),
                ({"scaling.factor": 4.0, "scaling.type": "none"}, plain)):
            write(path, arch, {rope + key: value for key, value in keys.items()})
            expect(f"{arch} with rope {keys}", path, expected)
    write(path, "llama", values=tensors("llama") | {"rope_freqs.weight": np.full(HEAD // 2, 4, np.float32)})
    expect("llama with a factor of 4 for every pair", path, LLAMA_BY_4)
    write(path, "qwen3", values=tensors("qwen3") | {"rope_freqs.weight": np.ones(HEAD // 2, np.float32)})
    refused("qwen3 with factors for rope", path, "rope_freqs.weight", "scales rope")
    write(path, "llama", {"llama.rope.scaling.type": "longrope"})
    refused("longrope", path, "llama.rope.scaling.type", "longrope")
    write(path, "llama", {"llama.attention.sliding_window": 4})
    refused("a sliding window", path, "llama.attention.sliding_window")
    # The chip's tables are made from the same angles.
    write(path, "llama", {"llama.rope.scaling.factor": 4.0})
    text = folder / "text.txt"
    text.write_text("hello world, hello the world in 123\n" * 2)
    report = json.loads(tern("eval", "--model", path, "--text", text, "--weights-trits", 5, "--weights-group", 64, "--json"))
    check("the golden model is near the reference with scaled rope", report["kl_nats"] < 0.02, report)


def test_splits(folder: Path) -> None:
    names = list(tensors("llama"))
    head = ["output.weight"]
    count = len(names)

    def part_keys(number: int, of: int = 2, total: int = count) -> dict:
        first = {"split.count": ("add_uint16", of), "split.tensors.count": ("add_int32", total)} if number == 0 else {}
        return {"split.no": ("add_uint16", number)} | first

    def deal(first: list, second: list) -> tuple[Path, Path]:
        one, two = folder / "t-00001-of-00002.gguf", folder / "t-00002-of-00002.gguf"
        write(one, "llama", part_keys(0), names=first)
        write(two, "llama", part_keys(1), names=second, metadata=False)
        return one, two

    one, two = deal([name for name in names if name not in head], head)
    expect("a split model by its first part", one, LLAMA)
    expect("a split model by its second part", two, LLAMA)
    doctor = json.loads(tern("doctor", one, "--weights-trits", 5, "--json"))
    check("doctor reads all parts", doctor["runs"], doctor["obstacles"])
    two.unlink()
    refused("a part without the other", one, "part 1 of 2", "t-00002-of-00002.gguf", "missing")
    alone = folder / "alone.gguf"
    one.rename(alone)
    refused("a renamed part", alone, "part 1 of 2")
    half = len(names) // 2
    one, two = deal(names[:half], names[half:])
    expect("a model split in the middle", one, LLAMA)
    one, two = deal([], names)
    expect("a model whose first part has no tensors", one, LLAMA)
    one, two = deal(names[: half + 1], names[half:])
    refused("a tensor in two parts", one, "occurs in", names[half])
    one, two = deal(names[:half], names[half + 1 :])
    refused("a tensor in no part", one, "split.tensors.count")
    write(folder / "tied.gguf", "llama", values=tensors("llama", tied=True))
    expect("a tied model", folder / "tied.gguf", LLAMA_TIED)


def quantised(name: str, values: np.ndarray) -> tuple:
    """Random blocks of a type; the package does not quantise to most of them."""
    kind = gguf.GGMLQuantizationType[name]
    per_block, size = gguf.GGML_QUANT_SIZES[kind]
    random = np.random.default_rng(7)
    blocks = random.integers(0, 256, (values.shape[0], values.shape[1] // per_block, size), dtype=np.uint8)
    unit = np.array([2e-4], np.float16).view(np.uint8)
    for at in {"Q4_K": (0, 2), "Q6_K": (208,), "Q4_0": (0,)}[name]:
        blocks[..., at : at + 2] = unit
    return blocks.reshape(values.shape[0], -1), kind


def test_tables(folder: Path) -> None:
    """Embedding and head as llama-quantize writes them beside ternary layers."""
    for embedding, head in (("Q4_K", "Q6_K"), ("Q6_K", "Q4_0")):
        values = tensors("llama")
        stored = values | {"token_embd.weight": quantised(embedding, values["token_embd.weight"]),
                           "output.weight": quantised(head, values["output.weight"])}
        floats = values | {name: gguf.quants.dequantize(*stored[name]).astype(np.float32) for name in ("token_embd.weight", "output.weight")}
        with_blocks, _ = logits(write(folder / "blocks.gguf", "llama", values=stored))
        with_floats, _ = logits(write(folder / "floats.gguf", "llama", values=floats))
        check(f"{embedding} and {head} are their values", with_blocks is not None and (with_blocks == with_floats).all())
        tern("convert", "--model", folder / "blocks.gguf", "--weights-trits", 3, "-o", folder / "a.tern")
        tern("convert", "--model", folder / "floats.gguf", "--weights-trits", 3, "-o", folder / "b.tern")
        check("  and make the same image", (folder / "a.tern").read_bytes() == (folder / "b.tern").read_bytes())
    values = {name: quantised("Q6_K", data) if data.ndim == 2 else data for name, data in tensors("llama").items()}
    write(folder / "all.gguf", "llama", values=values)
    check("a whole model of Q6_K runs", logits(folder / "all.gguf")[0] is not None)
    iq = values | {"blk.1.ffn_up.weight": (np.zeros((FFN, 256 // 256 * 50), np.uint8), gguf.GGMLQuantizationType.IQ1_S)}
    write(folder / "iq.gguf", "llama", values=iq)
    refused("a type that cannot be decoded", folder / "iq.gguf", "blk.1.ffn_up.weight", "IQ1_S")


def test_tokens(folder: Path) -> None:
    path = folder / "tokens.gguf"
    flags = ("--weights-trits", 4, "--json")

    def run(model: Path, *more: object) -> dict:
        return json.loads(tern("run", "--model", model, "--prompt", "hello", "--tokens", 5, "--temperature", 0, *flags, *more))

    write(path, "qwen3", {"tokenizer.ggml.bos_token_id": None})
    without = run(path)
    check("qwen3 without bos runs on the golden model", without["prompt_tokens"] == 1, without)
    write(folder / "bos.gguf", "qwen3")
    check("  and as with a bos that it does not use", without["ids"] == run(folder / "bos.gguf")["ids"])
    tern("convert", "--model", path, "--weights-trits", 4, "-o", folder / "image.tern")
    check("  and as an image", json.loads(tern("run", "--model", folder / "image.tern", "--prompt", "hello", "--tokens", 5,
                                               "--temperature", 0, "--json"))["ids"] == without["ids"])
    write(path, "qwen3", {"tokenizer.ggml.bos_token_id": None, "tokenizer.ggml.eos_token_id": None})
    check("qwen3 without bos and eos runs", len(run(path)["ids"]) == 5)
    write(path, "llama", {"tokenizer.ggml.pre": None})
    error = tern("run", "--model", path, "--prompt", "hello", "--weights-trits", 4, status=1)
    check("a file without a pre-tokenizer names the option", "--pre" in error and "tokenizer.ggml.pre" in error, error)
    for command in (("run", "--prompt", "hello", "--weights-trits", 4), ("convert", "--weights-trits", 4, "-o", folder / "pre.tern"),
                    ("doctor", "--weights-trits", 4), ("run", "--prompt", "hello", "--backend", "reference:")):
        tern(*command, "--model", path, "--pre", "gpt-2")
    write(path, "llama", {"tokenizer.ggml.pre": "falcon_e"})
    check("falcon_e runs", len(run(path)["ids"]) > 0)
    write(folder / "norms.gguf", "llama", values=tensors("llama", norm_shape=(1,)))
    expect("norms of shape [256, 1]", folder / "norms.gguf", LLAMA)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        for test in (test_rope, test_splits, test_tables, test_tokens):
            test(Path(folder))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
