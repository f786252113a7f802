# SPDX-License-Identifier: Apache-2.0
"""Compares the decoder of GGUF tensors with the package gguf: python gguf_oracle.py DUMP_TENSORS.

Writes a file with every type that both know, once from quantised random numbers and once from
random bytes, and expects the same float32 to the bit.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np

# Where the half-precision scales of a block are, in bytes.
SCALES = {"F32": (), "F16": (), "BF16": (), "Q4_0": (0,), "Q4_1": (0, 2), "Q5_0": (0,), "Q5_1": (0, 2), "Q8_0": (0,), "Q2_K": (80, 82),
          "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,), "TQ1_0": (52,), "TQ2_0": (64,)}
TYPES = [gguf.GGMLQuantizationType[name] for name in SCALES]
SHAPE = (5, 768)


def random_blocks(kind: gguf.GGMLQuantizationType, random: np.random.Generator) -> np.ndarray:
    """Any bytes are codes; the half-precision scales must be finite."""
    per_block, block_bytes = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (SHAPE[0], SHAPE[1] // per_block, block_bytes), dtype=np.uint8)
    for scale_at in SCALES[kind.name]:
        scales = random.normal(0, 10, blocks.shape[:2]).astype(np.float16)
        blocks[..., scale_at : scale_at + 2] = scales[..., None].view(np.uint8)
    return blocks.reshape(SHAPE[0], -1)


def main() -> int:
    random = np.random.default_rng(1)
    expected = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "types.gguf"
        writer = gguf.GGUFWriter(path, "oracle")

        def add(name: str, data: np.ndarray, kind: gguf.GGMLQuantizationType) -> None:
            writer.add_tensor(name, data, raw_dtype=kind)
            expected.append((name, gguf.quants.dequantize(data, kind)))

        for kind in TYPES:
            values = random.normal(0, 1, SHAPE).astype(np.float32)
            if not kind.name.endswith("_K"):  # these the package only decodes
                add(f"{kind.name}.values", gguf.quants.quantize(values, kind), kind)
            if gguf.GGML_QUANT_SIZES[kind][0] > 1:
                add(f"{kind.name}.bytes", random_blocks(kind, random), kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        dump = subprocess.run([sys.argv[1], path], check=True, stdout=subprocess.PIPE).stdout

    found = np.frombuffer(dump, np.float32).reshape(-1, *SHAPE)
    if len(found) != len(expected):
        print(f"gguf_oracle: {len(found)} tensors read, {len(expected)} written")
        return 1
    wrong = 0
    for (name, want), have in zip(expected, found):
        same = want.astype(np.float32).reshape(SHAPE) == have
        if not same.all():
            row, column = np.argwhere(~same)[0]
            print(f"gguf_oracle: {name}[{row}, {column}] is {have[row, column]}, gguf says {want[row, column]}; "
                  f"{(~same).sum()} of {same.size} differ")
            wrong += 1
    print(f"gguf_oracle: {len(expected)} tensors of {same.size} values compared, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
