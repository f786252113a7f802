# SPDX-License-Identifier: Apache-2.0
"""Converts a folder of the shape of BitNet b1.58 2B-4T and measures memory: python convert_memory.py TERN WORK VOCABULARIES.

The folder is a file of zeros (packed weights, so -1 everywhere), which takes no room on disk; the
tokenizer is Llama 3's, from scripts/fetch_vocabularies.sh (exit status 77, skipped, without it). The
image takes 1.4 GB in WORK.
"""

import json
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT = 1.5e9  # bytes
HIDDEN, LAYERS, KEYS, FFN, VOCABULARY = 2560, 30, 640, 6912, 128256
LINEARS = {"self_attn.q_proj": (HIDDEN, HIDDEN), "self_attn.k_proj": (KEYS, HIDDEN), "self_attn.v_proj": (KEYS, HIDDEN),
           "self_attn.o_proj": (HIDDEN, HIDDEN), "mlp.gate_proj": (FFN, HIDDEN), "mlp.up_proj": (FFN, HIDDEN), "mlp.down_proj": (HIDDEN, FFN)}
NORMS = {"input_layernorm": HIDDEN, "post_attention_layernorm": HIDDEN, "self_attn.attn_sub_norm": HIDDEN, "mlp.ffn_sub_norm": FFN}


def write_model(folder: Path) -> int:
    """Returns the bytes of the tensors."""
    header, scales, at = {}, [], 0

    def tensor(name: str, dtype: str, shape: list[int], size: int) -> None:
        nonlocal at
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size

    tensor("model.embed_tokens.weight", "BF16", [VOCABULARY, HIDDEN], 2 * VOCABULARY * HIDDEN)
    tensor("model.norm.weight", "BF16", [HIDDEN], 2 * HIDDEN)
    for layer in range(LAYERS):
        for name, size in NORMS.items():
            tensor(f"model.layers.{layer}.{name}.weight", "BF16", [size], 2 * size)
        for name, (rows, cols) in LINEARS.items():
            tensor(f"model.layers.{layer}.{name}.weight", "U8", [rows // 4, cols], rows * cols // 4)
            scales.append(at)
            tensor(f"model.layers.{layer}.{name}.weight_scale", "BF16", [1], 2)
    text = json.dumps(header).encode()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        begin = file.tell()
        for scale in scales:
            file.seek(begin + scale)
            file.write(b"\x80\x3f")  # 1
        file.truncate(begin + at)
    (folder / "config.json").write_text(json.dumps({
        "model_type": "bitnet", "hidden_act": "relu2", "hidden_size": HIDDEN, "intermediate_size": FFN, "num_hidden_layers": LAYERS,
        "num_attention_heads": 20, "num_key_value_heads": 5, "max_position_embeddings": 4096, "rope_theta": 500000.0, "rms_norm_eps": 1e-5,
        "vocab_size": VOCABULARY, "tie_word_embeddings": True, "bos_token_id": 128000, "eos_token_id": 128001,
        "quantization_config": {"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "offline"}}))
    return at


def main() -> int:
    tern, work, vocabularies = map(Path, sys.argv[1:])
    fetch = Path(__file__).resolve().parents[2] / "scripts" / "fetch_vocabularies.sh"
    done = subprocess.run([fetch, vocabularies], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print(f"skipped: {done.stdout.strip()}" if done.returncode == 77 else done.stdout)
        return done.returncode
    with tempfile.TemporaryDirectory(dir=work) as directory:
        folder = Path(directory) / "zeros-2b"
        folder.mkdir()
        size = write_model(folder)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(vocabularies / "llama3" / name, folder / name)
        image = Path(directory) / "model.tern"
        run = subprocess.run([tern, "convert", "--model", folder, "--config", "edge", "-o", image, "--json"],
                             check=True, stdout=subprocess.PIPE, text=True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        seconds = json.loads(run.stdout)["seconds"]
        print(f"{size} bytes of tensors into {image.stat().st_size} bytes of image: {used / 1e6:.0f} MB of memory at most, {seconds:.0f} s")
    return 0 if used < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
