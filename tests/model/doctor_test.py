# SPDX-License-Identifier: Apache-2.0
"""tern doctor and tern run on models of every kind: python doctor_test.py TERN DEMO_MODEL."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np

import families_test
from llama_cpp_oracle import SHAPES, VOCABULARY, write_model

TERN, DEMO = sys.argv[1], Path(sys.argv[2])
failures = 0


def check(what: str, good: bool) -> None:
    global failures
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {what}")


def run(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([TERN, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)


def doctor(path: Path, *more: str) -> tuple[int, dict]:
    done = run("doctor", path, "--json", *more)
    return done.returncode, json.loads(done.stdout)


def write_i2s(path: Path) -> None:
    """One I2_S tensor alone: not a model, but enough for its order to be missing."""
    gguf.GGML_QUANT_SIZES[36] = (128, 64)
    writer = gguf.GGUFWriter(path, "bitnet-b1.58")
    writer.add_tensor("w", np.zeros((1, 64), np.uint8), raw_dtype=36)
    writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file(), writer.close()


def images(folder: Path) -> None:
    image = folder / "image.tern"
    run("synth", "--preset", "tiny-llama", "--context", 100, "-o", image, "--quiet")
    info = json.loads(run("info", "--model", image, "--json").stdout)
    status, report = doctor(image)
    facts = report["facts"]
    check("an image is described", status == 0 and report["runs"] and facts["context"] == 100 and facts["beat_bytes"] == 64 and facts["layers"] == 3 and facts["tokenizer"] == "SentencePiece BPE")
    for key in ("weight_bytes_per_token", "head_bytes_per_token", "kv_bytes_per_token_at_full_context"):
        check(f"  {key} is that of info", facts["chip"][key] == info[key])
    check("  with its memory and its checksum", facts["chip"]["memory_bytes_about"] == info["memory_bytes"] and len(facts["checksum"]) == 16)
    check("  and the configurations that take it", facts["configurations"] == "edge, k26")
    status, report = doctor(image, "--config", "nano")
    check("  not on a chip of other beats", status == 1 and any("beats of 64 bytes" in o for o in report["obstacles"]))
    image.write_bytes(image.read_bytes()[:-1])
    status, report = doctor(image)
    check("a damaged image is said to be one", status == 1 and "truncated" in report["obstacles"][0])


def scaled(tensor: str, factor: float):
    """One element of a norm, or the row of one token, that is so many times as large."""
    def change(name: str, values: np.ndarray) -> np.ndarray:
        if name == tensor:
            values[7] *= factor
        return values
    return change


def ranges_and_templates(folder: Path) -> None:
    path = folder / "wide.gguf"
    for tensor, what in (("blk.1.attn_norm.weight", "norms have an element"), ("token_embd.weight", "row of the embedding")):
        for factor, said in ((1, False), (16, False), (1000, True), (10000, True)):
            write_model(path, SHAPES[3], 1, change=scaled(tensor, factor))
            status, report = doctor(path, "--weights-trits", 5)
            check(f"{tensor} times {factor} is {'warned of' if said else 'not'}", status == 0 and any(what in note for note in report["unusual"]) == said)
    for template, fact in (("", "no template"), ("{{ messages[0].content }} and so on", "a template that is not known")):
        write_model(path, SHAPES[3], 1, more=lambda w: w.add_chat_template(template) if template else None)
        status, report = doctor(path, "--weights-trits", 5)
        notes = [note for note in report["unusual"] if "--chat" in note]
        check(f"chat: {fact}", status == 0 and report["facts"]["chat"] == fact and len(notes) == (1 if template else 0))


def all_at_once(folder: Path) -> None:
    """A type that cannot be read, a key, a pre-tokenizer and a context, in one file."""
    path = folder / "many.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    for key, value in (("context_length", 30000), ("embedding_length", 256), ("block_count", 1), ("feed_forward_length", 23040), ("attention.head_count", 4), ("attention.head_count_kv", 2), ("expert_count", 8)):
        writer.add_uint32(f"llama.{key}", value)
    writer.add_layer_norm_rms_eps(1e-5), writer.add_rope_freq_base(1e4)
    writer.add_tokenizer_model("gpt2"), writer.add_tokenizer_pre("no-such-pre")
    writer.add_token_list(["a", "b"]), writer.add_token_types([1, 1]), writer.add_token_merges(["a b"])
    writer.add_tensor("output_norm.weight", np.ones(256, np.float32))
    writer.add_tensor("token_embd.weight", np.ones((2, 256), np.float32))
    for name, rows, cols in (("attn_q", 256, 256), ("attn_k", 128, 256), ("attn_v", 128, 256), ("attn_output", 256, 256), ("ffn_gate", 23040, 256), ("ffn_up", 23040, 256), ("ffn_down", 256, 23040)):
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros((rows, cols // 256 * 110), np.uint8), raw_dtype=21)
    for name in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.0.{name}.weight", np.ones(256, np.float32))
    writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file(), writer.close()
    status, report = doctor(path)
    facts, obstacles = report["facts"], report["obstacles"]
    check("a file that cannot be opened is described", status == 1 and facts["architecture"] == "llama" and facts["layers"] == 1 and facts["context"] == 30000 and facts["tensor_types"]["IQ3_S"]["tensors"] == 7)
    for part in ("IQ3_S", "expert_count", "no-such-pre", "tiles of activations"):
        check(f"  one of its obstacles is {part}", any(part in o for o in obstacles))


def main() -> int:
    status, report = doctor(DEMO)
    info = json.loads(run("info", "--model", DEMO, "--json").stdout)
    chip = report["facts"]["chip"]
    check("the demo model runs", status == 0 and report["runs"] and not report["obstacles"])
    for key in ("weight_bytes_per_token", "head_bytes_per_token", "kv_bytes_per_token_at_full_context"):
        check(f"{key} is that of its image", chip[key] == info[key])
    check("memory is near that of its image", abs(chip["memory_bytes_about"] / info["memory_bytes"] - 1) < 0.05)
    check("trits are counted", report["facts"]["linear_weights"] == {"trits": info["ternary_weights"], "bits": 0, "other": 0})
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for seed, shape in enumerate(SHAPES):
            path = folder / f"{seed}.gguf"
            write_model(path, shape, seed)
            status, report = doctor(path)
            check(f"{shape[0]} {shape[1]} of floats cannot run on the chip, and says why", status == 1 and any("float weights" in o and "--weights-trits" in o for o in report["obstacles"]))
            done = run("convert", "--model", path, "-o", folder / "out.tern")
            check("  its conversion is refused", done.returncode == 1 and "blk.0." in done.stderr and not (folder / "out.tern").exists())
            done = run("run", "--backend", "reference:", "--model", path, "--tokens", 5, "--prompt", "t1", "--json")
            ids = json.loads(done.stdout)["ids"] if done.returncode == 0 else []
            check("  the reference runs it", 0 < len(ids) <= 5 and all(0 <= i < VOCABULARY for i in ids))
            status, report = doctor(path, "--weights-trits", 3)
            check("  with --weights-trits it can", status == 0 and "3 trits, a scale for 128 columns of a row" in report["facts"]["chip"]["linear_layers"])
        bits = folder / "bits.gguf"
        families_test.write_model(bits, families_test.SHAPES["qwen3"], 1, lambda part, layer: "Q1_0 several", "Q1_0 several")
        status, report = doctor(bits)
        chip = report["facts"]["chip"]
        info = json.loads(run("info", "--model", bits, "--json").stdout)
        check("a file of bits with scales of blocks runs", status == 0 and report["facts"]["linear_weights"]["other"] == 0 and list(chip["linear_layers"]) == ["1 bit, a scale for 128 columns of a row"])
        for key in ("weight_bytes_per_token", "head_bytes_per_token", "embedding", "head"):
            check(f"  {key} is that of its image", chip[key] == info[key])
        check("  memory is near that of its image", abs(chip["memory_bytes_about"] / info["memory_bytes"] - 1) < 0.05)
        status, report = doctor(bits, "--config", "ulx3s")
        check("  not on a chip without group scales, and it says so", status == 1 and any("ulx3s was built without group scales" in o for o in report["obstacles"]))
        write_i2s(folder / "i2s.gguf")
        status, report = doctor(folder / "i2s.gguf")
        check("an I2_S order that is not known is said", status == 1 and any("--i2s-order" in note for note in report["unusual"]))
        status, report = doctor(folder / "i2s.gguf", "--i2s-order", "x86")
        check("and one that was given", any("as --i2s-order says" in note for note in report["unusual"]))
        images(folder)
        ranges_and_templates(folder)
        all_at_once(folder)
        (folder / "cut.gguf").write_bytes(DEMO.read_bytes()[:100000])
        status, report = doctor(folder / "cut.gguf")
        check("a truncated file is said to be one", status == 1 and "truncated" in report["obstacles"][0])
        (folder / "empty").mkdir()
        status, report = doctor(folder / "empty")
        check("a folder without a model is said to be one", status == 1 and len(report["obstacles"]) == 1 and "neither config.json nor a GGUF file" in report["obstacles"][0])
    same = [run("run", "--backend", backend, "--model", DEMO, "--tokens", 12, "--temperature", 0, "--quiet").stdout for backend in ("reference:", f"reference:{DEMO}")]
    check("the reference tells the same story with and without an image", same[0] == same[1] and len(same[0]) > 20)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
