# SPDX-License-Identifier: Apache-2.0
"""Operands of the golden model, as tern_operands writes them, in the forms that blocks take."""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from core import Core

TRITS = 5
COLUMNS = 64  # of a tile of the stream


def trits(codes: np.ndarray) -> np.ndarray:
    """T5 codes [...] -> trits [5, ...], by the definition: code = sum (t[i] + 1) 3^i."""
    digits = codes.astype(np.int64)
    return np.stack([digits // 3**i % 3 - 1 for i in range(TRITS)])


@dataclass(frozen=True)
class Stream:
    """Beats of one matrix in stream order, with the activations of their tiles."""

    name: str
    layout: str
    tile: np.ndarray  # [beats]
    stripe: np.ndarray  # [beats]
    codes: np.ndarray  # [beats, 64]
    valid: np.ndarray  # [tiles], valid columns of a tile
    x: np.ndarray  # [activation columns, tiles, 64]

    @staticmethod
    def parse(raw: dict) -> "Stream":
        def unhex(text: str, dtype) -> np.ndarray:
            return np.frombuffer(bytes.fromhex(text), dtype)

        return Stream(
            name=raw["name"],
            layout=raw["layout"],
            tile=np.array([b[0] for b in raw["beats"]]),
            stripe=np.array([b[1] for b in raw["beats"]]),
            codes=np.array([unhex(b[2], np.uint8) for b in raw["beats"]]),
            valid=np.array(raw["columns"]),
            x=np.array([[unhex(t, np.int8) for t in column] for column in raw["inputs"]], np.int64),
        )

    def first(self, beats: int) -> "Stream":
        """The same with its first beats only."""
        return replace(
            self, tile=self.tile[:beats], stripe=self.stripe[:beats], codes=self.codes[:beats]
        )

    @cached_property
    def stripes(self) -> dict[int, np.ndarray]:
        """Codes [columns of the matrix] of each stripe of which all tiles are there."""
        rows: dict[int, dict[int, np.ndarray]] = {}
        for tile, stripe, codes in zip(self.tile, self.stripe, self.codes):
            rows.setdefault(int(stripe), {})[int(tile)] = codes[: self.valid[tile]]
        tiles = range(len(self.valid))
        return {
            s: np.concatenate([r[t] for t in tiles]) for s, r in rows.items() if len(r) == len(tiles)
        }

    def activations(self, column: int) -> np.ndarray:
        """int8 [columns of the matrix] of one activation column."""
        tiles = self.x[column % len(self.x)]
        return np.concatenate([tile[:n] for tile, n in zip(tiles, self.valid)])


@dataclass(frozen=True)
class Operands:
    streams: list[Stream]
    vectors: dict[str, np.ndarray]
    core: Core | None = None  # only where the controller's core is measured

    @staticmethod
    def read(path: Path, core: Path | None = None) -> "Operands":
        raw = json.loads(path.read_text())
        vectors = {k: np.array(v, np.int64) for k, v in raw["vectors"].items()}
        streams = [Stream.parse(s) for s in raw["streams"]]
        return Operands(streams, vectors, Core.read(core) if core else None)

    @property
    def weights(self) -> list[Stream]:
        return [s for s in self.streams if s.layout == "plane"]

    @property
    def values(self) -> list[Stream]:
        return [s for s in self.streams if s.layout == "value"]

    @cached_property
    def integer_rows(self) -> np.ndarray:
        """Rows of the output head as integers -121..121 [rows, hidden]: weights that were trained
        in full precision, one scale a row."""
        head = next(s for s in self.streams if s.name.endswith("head"))
        return np.array([codes.astype(np.int64) - 121 for codes in head.stripes.values()])
