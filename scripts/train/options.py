# SPDX-License-Identifier: Apache-2.0
"""The command line of train.py."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def positive(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """An argparse type: a positive number of ``kind``."""

    def parse(text: str) -> Any:
        value = kind(text)
        if not math.isfinite(value) or value <= 0:
            raise argparse.ArgumentTypeError(f"must be positive: {text}")
        return value

    parse.__name__ = kind.__name__
    return parse


def parse_options(arguments: Sequence[str] | None, description: str) -> argparse.Namespace:
    """Parse and cross-check the command line of train.py, which `description` describes."""

    class Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
        """Keeps the description's lines and shows defaults."""

    count, number = positive(int), positive(float)
    parser = argparse.ArgumentParser(description=description, formatter_class=Formatter)
    files = parser.add_argument_group("files")
    files.add_argument("--text", type=Path, help="training text")
    files.add_argument("--output", type=Path, help="model folder to write")
    files.add_argument("--validation", type=Path, help="held-out text (same form)")
    files.add_argument(
        "--holdout",
        type=number,
        default=0.02,
        help="without --validation: the last documents of the text, as a fraction, are held out",
    )
    files.add_argument("--tokenizer", type=Path, help="SentencePiece model to use as it is")
    files.add_argument(
        "--resume",
        action="store_true",
        help="go on from the checkpoint in --output, if there is one",
    )
    files.add_argument(
        "--eval-only",
        type=Path,
        metavar="MODEL",
        help="measure this model folder or .gguf file on --validation and exit",
    )
    sizes = parser.add_argument_group("sizes")
    sizes.add_argument("--hidden", type=count, default=256, help="width of the residual")
    sizes.add_argument("--layers", type=count, default=5, help="transformer layers")
    sizes.add_argument("--heads", type=count, default=4, help="query heads")
    sizes.add_argument("--kv-heads", type=count, default=2, help="key and value heads")
    sizes.add_argument("--head-dim", type=count, default=64, help="width of a head")
    sizes.add_argument("--ffn", type=count, default=512, help="width of the feed-forward")
    sizes.add_argument("--vocab", type=count, default=1024, help="pieces of a new tokenizer")
    sizes.add_argument("--sequence", type=count, default=512, help="tokens a window, context")
    sizes.add_argument("--rope-theta", type=number, default=10000.0, help="rope base")
    recipe = parser.add_argument_group("recipe")
    recipe.add_argument("--steps", type=count, default=4538, help="optimiser steps")
    recipe.add_argument("--batch", type=count, default=8, help="windows a step, all processes")
    recipe.add_argument("--lr", type=number, default=4e-3, help="peak learning rate")
    recipe.add_argument("--min-lr", type=number, default=2e-4, help="final learning rate")
    recipe.add_argument("--warmup", type=count, default=100, help="warm-up steps")
    recipe.add_argument("--weight-decay", type=float, default=0.1, help="on matrices")
    recipe.add_argument("--clip", type=number, default=1.0, help="gradient norm limit")
    recipe.add_argument("--seed", type=int, default=1, help="of weights and order of windows")
    running = parser.add_argument_group("running")
    running.add_argument("--processes", type=count, default=2, help="data-parallel processes")
    running.add_argument(
        "--eval-every", type=count, default=250, help="steps between held-out measurements"
    )
    running.add_argument("--eval-windows", type=count, default=96, help="held-out windows")
    running.add_argument(
        "--checkpoint-every", type=count, default=250, help="steps between checkpoints"
    )
    running.add_argument("--stop-at", type=count, help="stop after this step (to be resumed)")
    running.add_argument(
        "--log-every",
        type=count,
        default=10,
        help="steps between progress lines when stderr is not a terminal",
    )
    options = parser.parse_args(arguments)
    if options.eval_only:
        if not options.validation:
            parser.error("--eval-only needs --validation")
    elif not options.text or not options.output:
        parser.error("training needs --text and --output")
    if options.batch % options.processes:
        parser.error("--batch must be a multiple of --processes")
    if options.seed < 0 or options.weight_decay < 0:
        parser.error("--seed and --weight-decay must not be negative")
    return options
