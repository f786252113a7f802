#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains a tiny model on a generated text, exports it as GGUF and reads that back.

Run it with the project's Python environment (build/venv/bin/python tests/model/train_smoke.py).
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts" / "train"
DEMO = ROOT / "model" / "demo" / "tern-demo.gguf"
sys.path.insert(0, str(SCRIPTS))

import gguf  # noqa: E402
import numpy as np  # noqa: E402
import sentencepiece  # noqa: E402
from checkpoint import ternarise  # noqa: E402
from read_gguf import read_gguf  # noqa: E402
from safetensors.numpy import load_file, save_file  # noqa: E402

STEPS = 40
SIZES = (
    "--hidden 256 --layers 1 --heads 4 --kv-heads 2 --head-dim 64 --ffn 256 --vocab 320 "
    "--sequence 64 --batch 8 --eval-windows 16 --processes 2 --seed 7"
).split()


def generated_text() -> str:
    """Documents of simple sentences, the same ones in every run."""
    pick = random.Random(1).choice
    documents = []
    for _ in range(400):
        name, animal = pick(["Tim", "Mia", "Ben", "Sue"]), pick(["dog", "cat", "bird", "frog"])
        documents.append(
            f"{name} had a {pick(['big', 'small', 'red'])} {animal}. The {animal} was "
            f"{pick(['3', '12', '7'])} days old.\n{name} {pick(['liked', 'saw', 'fed'])} the "
            f"{animal} every day. They played in the {pick(['park', 'house', 'rain'])}."
        )
    return "\n<|endoftext|>\n".join(documents) + "\n<|endoftext|>\n"


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run one of the scripts under test, with at most two threads in all."""
    command = [sys.executable, str(SCRIPTS / script), *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=600, env=environment, check=False
    )


def decode_tq1_0(block: bytes) -> tuple[list[int], float]:
    """The 256 trits and the scale of one TQ1_0 block, from the format's definition."""

    def digit(byte: int, n: int) -> int:
        return (((byte * 3**n) & 0xFF) * 3) >> 8

    trits = [0] * 256
    for n in range(5):
        for m in range(32):
            trits[n * 32 + m] = digit(block[m], n) - 1
        for m in range(16):
            trits[160 + n * 16 + m] = digit(block[32 + m], n) - 1
    for n in range(4):
        for j in range(4):
            trits[240 + n * 4 + j] = digit(block[48 + j], n) - 1
    return trits, float(np.frombuffer(block[52:54], dtype="<f2")[0])


class TrainSmoke(unittest.TestCase):
    """One tiny training run, shared by the tests."""

    folder: Path
    model: Path
    first_loss: float
    last_loss: float

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(tempfile.mkdtemp(prefix="train_smoke."))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        (cls.folder / "text.txt").write_text(generated_text(), encoding="utf-8")
        cls.model = cls.folder / "straight"
        done = cls.train("straight")
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        cls.first_loss = float(re.search(r"step 0: held-out loss ([\d.]+)", done.stderr)[1])
        cls.last_loss = float(re.search(r"held-out loss ([\d.]+)", done.stdout)[1])

    @classmethod
    def train(cls, output: str, *more: object) -> subprocess.CompletedProcess[str]:
        """A run of STEPS steps into the folder ``output``."""
        files = ["--text", cls.folder / "text.txt", "--output", cls.folder / output]
        return run("train.py", *files, *SIZES, "--steps", STEPS, *more)

    def export(self, folder: Path, name: str) -> Path:
        """The GGUF file of a model folder."""
        path = self.folder / name
        done = run("export_gguf.py", folder, "-o", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        return path

    def check_ternary(self, path: Path, folder: Path) -> None:
        """Every trit and every block's scale in ``path`` against the master weights."""
        masters = load_file(str(folder / "model.safetensors"))
        seen = 0
        for tensor in gguf.GGUFReader(path).tensors:
            if tensor.tensor_type != gguf.GGMLQuantizationType.TQ1_0:
                continue
            seen += 1
            weight = masters[tensor.name]
            scale = np.abs(weight).mean()
            want = np.clip(np.round(weight / scale), -1, 1).astype(int).reshape(-1, 256)
            blocks = np.ascontiguousarray(tensor.data).reshape(-1, 54)
            self.assertEqual(len(blocks), len(want))
            for index, block in enumerate(blocks):
                trits, stored = decode_tq1_0(block.tobytes())
                self.assertEqual(stored, float(np.float16(scale)), f"{tensor.name} block {index}")
                self.assertEqual(trits, want[index].tolist(), f"{tensor.name} block {index}")
        self.assertEqual(seen, 7)

    def test_loss_goes_down(self) -> None:
        self.assertLess(self.last_loss, self.first_loss - 1.0)

    def test_resumed_run_equals_straight_run(self) -> None:
        done = self.train("resumed", "--stop-at", STEPS // 2)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.train("resumed")
        self.assertEqual(done.returncode, 1, "a run over a checkpoint needs --resume")
        done = self.train("resumed", "--resume", "--lr", 1e-3)
        self.assertEqual(done.returncode, 1, "a resumed run must not change the recipe")
        self.assertIn("another lr", done.stderr)
        done = self.train("resumed", "--resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        straight = (self.model / "model.safetensors").read_bytes()
        self.assertEqual((self.folder / "resumed/model.safetensors").read_bytes(), straight)

    def test_gguf_holds_the_ternarised_weights(self) -> None:
        path = self.export(self.model, "model.gguf")
        self.check_ternary(path, self.model)
        again = self.export(self.model, "again.gguf")
        self.assertEqual(path.read_bytes(), again.read_bytes())

    def test_zero_blocks_carry_the_scale(self) -> None:
        folder = self.folder / "zeros"
        shutil.copytree(self.model, folder)
        weights = load_file(str(folder / "model.safetensors"))
        weights["blk.0.ffn_up.weight"][3] = 0.0
        save_file(weights, str(folder / "model.safetensors"))
        self.check_ternary(self.export(folder, "zeros.gguf"), folder)

    def test_gguf_tokenizer_gives_the_same_ids(self) -> None:
        model = read_gguf(self.export(self.model, "tokenizer.gguf"))
        own = sentencepiece.SentencePieceProcessor(model_proto=model.tokenizer)
        trained = sentencepiece.SentencePieceProcessor(model_file=str(self.model / "tok320.model"))
        for text in ("Tim had a dog.", "  two  spaces ", "a\nb", "12 \u00e9\u20ac", ""):
            self.assertEqual(own.encode(text), trained.encode(text))
            self.assertEqual(own.decode(own.encode(text)), text)

    def test_gguf_and_folder_measure_alike(self) -> None:
        path = self.export(self.model, "measure.gguf")
        losses = []
        for source in (self.model, path):
            done = run(
                "train.py", "--eval-only", source, "--validation", self.folder / "text.txt",
                "--eval-windows", 16,
            )  # fmt: skip
            self.assertEqual(done.returncode, 0, done.stderr)
            losses.append(float(re.search(r"held-out loss ([\d.]+)", done.stdout)[1]))
        self.assertAlmostEqual(losses[0], losses[1], delta=0.01)

    def test_bad_input_is_one_line(self) -> None:
        folder = self.folder / "bad"
        shutil.copytree(self.model, folder)
        weights = folder / "model.safetensors"
        config = folder / "config.json"
        whole, good = weights.read_bytes(), config.read_text()
        cases = [
            (weights, whole[:-10], "safetensors"),
            (weights, b"", "safetensors"),
            (config, b"{", "JSON"),
            (config, good.replace("bitnet-b1.58", "gpt").encode(), "architecture"),
            (config, good.replace('"hidden": 256', '"hidden": 320').encode(), "shape"),
            (config, json.dumps({**json.loads(good), "vocab": 999}).encode(), "pieces"),
            (folder / "tok320.model", b"junk", "SentencePiece"),
        ]
        for path, content, word in cases:
            before = path.read_bytes()
            path.write_bytes(content)
            output = self.folder / "bad.gguf"
            done = run("export_gguf.py", folder, "-o", output)
            path.write_bytes(before)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(word, done.stderr)
            self.assertFalse(output.exists())
        done = run("train.py", "--text", self.folder / "none.txt", "--output", self.folder / "x")
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1), done.stderr)


class TernariseTest(unittest.TestCase):
    """The weight quantiser by itself."""

    def test_rounds_half_to_even_of_the_mean(self) -> None:
        trits, scale = ternarise(np.array([[1.0, -1.5, 0.25, 1.25]], dtype=np.float32))
        self.assertEqual(scale, 1.0)
        self.assertEqual(trits.tolist(), [[1, -1, 0, 1]])

    def test_zero_matrix_has_no_scale(self) -> None:
        trits, scale = ternarise(np.zeros((2, 3), dtype=np.float32))
        self.assertEqual((trits.any(), scale), (False, 0.0))


class DemoModel(unittest.TestCase):
    """The committed demo model."""

    def test_one_scale_holds_for_each_matrix(self) -> None:
        self.assertLess(DEMO.stat().st_size, 3_000_000)
        ternary = 0
        for tensor in gguf.GGUFReader(DEMO).tensors:
            if tensor.tensor_type == gguf.GGMLQuantizationType.TQ1_0:
                ternary += 1
                blocks = np.ascontiguousarray(tensor.data).reshape(-1, 54)
                self.assertEqual(len(np.unique(blocks[:, 52:], axis=0)), 1, tensor.name)
        self.assertEqual(ternary, 35)

    def test_tokenizer_decodes_what_it_encodes(self) -> None:
        model = read_gguf(DEMO)
        tokenizer = sentencepiece.SentencePieceProcessor(model_proto=model.tokenizer)
        text = "Once upon a time, there was a robot.\nIt was 12  years old \u20ac."
        self.assertEqual(tokenizer.decode(tokenizer.encode(text)), text)
        self.assertEqual((tokenizer.bos_id(), tokenizer.eos_id(), tokenizer.unk_id()), (1, 2, 0))


if __name__ == "__main__":
    unittest.main()
