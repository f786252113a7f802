#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train a BitNet b1.58 model from a plain text file, on CPU, with quantisation in the loop.

The text holds documents separated by lines <|endoftext|>. The script trains a SentencePiece
tokenizer (or takes one), then the network, and writes a model folder: config.json,
model.safetensors (float32 master weights), tok<N>.model, tok<N>.vocab. export_gguf.py turns the
folder into a GGUF file. The defaults are the recipe of the demo model.

A run that is interrupted goes on from its last checkpoint when the same command is given with
--resume. With --eval-only the script measures the held-out loss of a model folder or GGUF file.

    train.py --text stories.txt --output folder
    train.py --eval-only folder --validation held_out.txt
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed, multiprocessing
from torch.nn import functional

from checkpoint import (
    ModelConfig,
    ModelError,
    find_tokenizer,
    load_config,
    load_weights,
    save_folder,
    write_atomically,
)
from corpus import (
    WindowSampler,
    encode_documents,
    evaluation_windows,
    load_tokenizer,
    read_documents,
    train_tokenizer,
    vocabulary_listing,
)
from network import BitNet, count_parameters, decay_groups
from options import parse_options
from read_gguf import read_gguf

#: Windows in one forward pass of an evaluation.
EVALUATION_BATCH = 8
#: Below so many operations a second the linear algebra library is not an optimised one.
SLOW_BLAS = 15e9
CHECKPOINT_NAME = "checkpoint.pt"
#: Options that must not change between a run and its continuation.
RECIPE = ("seed", "steps", "batch", "sequence", "lr", "min_lr", "warmup", "weight_decay", "clip")


class Progress:
    """The progress line on stderr: rewritten in place on a terminal, one line a report else."""

    def __init__(self, steps: int, first: int, tokens_per_step: int, every: int) -> None:
        self._steps = steps
        self._first = first
        self._tokens = tokens_per_step
        self._every = every
        self._terminal = sys.stderr.isatty()
        self._begin = time.monotonic()
        self._paused = 0.0

    def pause(self, seconds: float) -> None:
        """Leave ``seconds`` (an evaluation, a checkpoint) out of the rate."""
        self._paused += seconds

    def report(self, step: int, loss: float, held_out: float, lr: float) -> None:
        """Report after ``step`` steps, if it is time to."""
        if not self._terminal and step % self._every and step != self._steps:
            return
        elapsed = max(time.monotonic() - self._begin - self._paused, 1e-9)
        rate = (step - self._first) / elapsed
        left = int((self._steps - step) / max(rate, 1e-9))
        line = (
            f"step {step}/{self._steps}  loss {loss:.4f}  held-out {held_out:.4f}  lr {lr:.2e}  "
            f"{rate * self._tokens:.0f} tokens/s  "
            f"ETA {left // 3600}:{left // 60 % 60:02}:{left % 60:02}"
        )
        end = "\n" if not self._terminal or step == self._steps else ""
        print(f"\r{line}" if self._terminal else line, end=end, file=sys.stderr, flush=True)


def learning_rate(step: int, options: argparse.Namespace) -> float:
    """Linear warm-up, then a half cosine from ``lr`` down to ``min_lr`` at the last step.

    The warm-up never takes more than a tenth of the run.
    """
    warmup = min(options.warmup, options.steps // 10)
    if step < warmup:
        return options.lr * (step + 1) / warmup
    progress = (step - warmup) / max(1, options.steps - 1 - warmup)
    swing = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return options.min_lr + (options.lr - options.min_lr) * swing


def window_loss(model: BitNet, windows: np.ndarray) -> torch.Tensor:
    """Mean cross entropy in nat over windows [n, length + 1]."""
    tokens = torch.from_numpy(windows.astype(np.int64))
    logits = model(tokens[:, :-1])
    return functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def evaluate(model: BitNet, windows: np.ndarray, rank: int = 0, processes: int = 1) -> float:
    """Mean loss over all windows; each process takes its share of them."""
    total = torch.zeros(2, dtype=torch.float64)
    with torch.no_grad():
        share = windows[rank::processes]
        for begin in range(0, len(share), EVALUATION_BATCH):
            batch = share[begin : begin + EVALUATION_BATCH]
            total += torch.tensor([float(window_loss(model, batch)) * len(batch), len(batch)])
    if processes > 1:
        distributed.all_reduce(total)
    return float(total[0] / total[1])


def average_gradients(model: BitNet, processes: int) -> None:
    """Replace each gradient by its mean over the processes, in one exchange."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    distributed.all_reduce(flat)
    flat /= processes
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients])):
        gradient.copy_(part.view_as(gradient))


def recipe_of(options: argparse.Namespace, config: ModelConfig, tokens: int) -> dict[str, Any]:
    """What a checkpoint must agree on with the run that resumes it."""
    fixed = {name: getattr(options, name) for name in RECIPE}
    return {**fixed, **asdict(config), "text": tokens}


def save_checkpoint(
    path: Path, model: BitNet, optimiser: torch.optim.Optimizer, step: int, recipe: dict[str, Any]
) -> None:
    """Write weights, optimiser and step to a temporary file and rename it."""
    state = {
        "recipe": recipe,
        "step": step,
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    write_atomically(path, lambda temporary: torch.save(state, temporary))


def load_checkpoint(
    path: Path, model: BitNet, optimiser: torch.optim.Optimizer, recipe: dict[str, Any]
) -> int:
    """Restore a checkpoint into ``model`` and ``optimiser``; returns the steps done."""
    try:
        state = torch.load(path, map_location="cpu")
        different = [key for key, value in recipe.items() if state["recipe"].get(key) != value]
        if different:
            raise ModelError(
                f"{path}: was written with another {', '.join(different)}; give the same options "
                "or start without --resume"
            )
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        return int(state["step"])
    except ModelError:
        raise
    except Exception as error:  # torch.load raises whatever its unpickler meets
        raise ModelError(f"{path}: not a readable checkpoint: {error}") from error


def train(
    rank: int,
    options: argparse.Namespace,
    config: ModelConfig,
    stream: np.ndarray,
    held_out: np.ndarray,
    rendezvous: str,
) -> None:
    """One training process. Process 0 reports, writes checkpoints and the final weights."""
    processes = options.processes
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // processes))
    if processes > 1:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        distributed.init_process_group(
            "gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=processes
        )
    model = BitNet(config)
    model.initialise(options.seed)
    optimiser = torch.optim.AdamW(
        decay_groups(model, options.weight_decay), lr=options.lr, betas=(0.9, 0.95)
    )
    recipe = recipe_of(options, config, len(stream))
    checkpoint = options.output / CHECKPOINT_NAME
    first = 0
    if options.resume and checkpoint.exists():
        first = load_checkpoint(checkpoint, model, optimiser, recipe)
    last = min(options.steps, options.stop_at or options.steps)
    sampler = WindowSampler(stream, options.sequence, options.batch, options.seed)
    share = options.batch // processes
    measured = evaluate(model, held_out, rank, processes)
    if rank == 0:
        print(f"step {first}: held-out loss {measured:.4f} nat", file=sys.stderr, flush=True)
    progress = Progress(options.steps, first, options.batch * options.sequence, options.log_every)
    for step in range(first, last):
        rate = learning_rate(step, options)
        for group in optimiser.param_groups:
            group["lr"] = rate
        batch = sampler.batch(step)[rank * share : (rank + 1) * share]
        optimiser.zero_grad(set_to_none=True)
        loss = window_loss(model, batch)
        loss.backward()
        if processes > 1:
            average_gradients(model, processes)
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), options.clip)
        if not math.isfinite(float(norm)):
            raise ModelError(f"step {step}: the gradient is not finite; try a smaller --lr")
        optimiser.step()
        done = step + 1
        pause = time.monotonic()
        if done % options.eval_every == 0 or done == last:
            measured = evaluate(model, held_out, rank, processes)
        if rank == 0 and (done % options.checkpoint_every == 0 or done == last):
            save_checkpoint(checkpoint, model, optimiser, done, recipe)
        progress.pause(time.monotonic() - pause)
        if rank == 0:
            progress.report(done, float(loss), measured, rate)
    if rank == 0:
        weights = {name: p.detach().numpy() for name, p in model.named_parameters()}
        save_folder(options.output, config, weights)
        state = "" if last == options.steps else f" after {last} of {options.steps} steps"
        print(
            f"{options.output}: held-out loss {measured:.4f} nat per token, "
            f"perplexity {math.exp(measured):.3f}{state}"
        )
    if processes > 1:
        distributed.destroy_process_group()


def warn_of_slow_blas() -> None:
    """Say on stderr if matrix products run far below what a core can do."""
    left, right = torch.ones(1024, 256), torch.ones(256, 512)
    left @ right
    begin = time.monotonic()
    left @ right
    rate = 2 * left.numel() * right.shape[1] / max(time.monotonic() - begin, 1e-9)
    if rate < SLOW_BLAS:
        print(
            f"hint: matrix products run at {rate / 1e9:.0f} GFLOP/s only; Debian's package "
            "libopenblas0-pthread makes them many times faster",
            file=sys.stderr,
            flush=True,
        )


def prepare_tokenizer(options: argparse.Namespace, documents: list[str]) -> bytes:
    """The tokenizer of the run: given, left by the run that is resumed, or trained on the text."""
    source = options.tokenizer
    if source is None and options.resume and list(options.output.glob("tok*.model")):
        source = find_tokenizer(options.output)
    if source is None:
        print(f"tokenizer: training {options.vocab} pieces", file=sys.stderr, flush=True)
        return train_tokenizer(documents, options.vocab, bos=1, eos=2)
    try:
        return source.read_bytes()
    except OSError as error:
        raise ModelError(f"{source}: cannot read the tokenizer: {error.strerror}") from error


def run_training(options: argparse.Namespace) -> None:
    """Prepare text and tokenizer, then train in the number of processes asked for."""
    documents = read_documents(options.text)
    if options.validation:
        held_out_documents = read_documents(options.validation)
    else:
        count = max(1, round(len(documents) * options.holdout))
        if count >= len(documents):
            raise ModelError(
                f"{options.text}: has {len(documents)} documents, too few to hold some out; "
                "give --validation"
            )
        documents, held_out_documents = documents[:-count], documents[-count:]

    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"{options.output}: cannot create: {error.strerror}") from error
    if not options.resume and (options.output / CHECKPOINT_NAME).exists():
        raise ModelError(
            f"{options.output}: holds the checkpoint of another run; give --resume or another "
            "--output"
        )
    serialised = prepare_tokenizer(options, documents)
    tokenizer = load_tokenizer(serialised, str(options.tokenizer or options.output))
    config = ModelConfig(
        hidden=options.hidden,
        layers=options.layers,
        heads=options.heads,
        kv_heads=options.kv_heads,
        head_dim=options.head_dim,
        ffn=options.ffn,
        vocab=tokenizer.get_piece_size(),
        context=options.sequence,
        rope_theta=options.rope_theta,
        bos=tokenizer.bos_id(),
        eos=tokenizer.eos_id(),
    )
    stem = options.output / f"tok{config.vocab}"
    write_atomically(stem.with_suffix(".model"), lambda path: path.write_bytes(serialised))
    listing = vocabulary_listing(tokenizer)
    write_atomically(
        stem.with_suffix(".vocab"), lambda path: path.write_text(listing, encoding="utf-8")
    )
    warn_of_slow_blas()
    stream = encode_documents(tokenizer, documents)
    held_out = evaluation_windows(
        encode_documents(tokenizer, held_out_documents), options.sequence, options.eval_windows
    )
    sampler = WindowSampler(stream, options.sequence, options.batch, options.seed)
    total, ternary = count_parameters(BitNet(config))
    print(
        f"{len(documents)} documents, {len(stream)} tokens, {sampler.windows} windows of "
        f"{options.sequence}; {total} parameters, {ternary} of them ternary; "
        f"{options.steps} steps of {options.batch * options.sequence} tokens",
        file=sys.stderr,
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = (options, config, stream, held_out, str(Path(folder) / "rendezvous"))
        if options.processes == 1:
            train(0, *arguments)
            return
        try:
            multiprocessing.spawn(train, arguments, nprocs=options.processes)
        except (
            multiprocessing.ProcessRaisedException,
            multiprocessing.ProcessExitedException,
        ) as e:
            reason = str(e).strip().splitlines()[-1].split("ModelError: ")[-1]
            raise ModelError(f"a training process failed: {reason}") from e


def run_evaluation(options: argparse.Namespace) -> None:
    """Print the held-out loss of a model folder or a GGUF file."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    source: Path = options.eval_only
    if source.suffix == ".gguf":
        config, weights, serialised = read_gguf(source)
    else:
        config = load_config(source)
        weights = load_weights(source, config)
        serialised = find_tokenizer(source).read_bytes()
    tokenizer = load_tokenizer(serialised, str(source))
    model = BitNet(config)
    model.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()})
    if source.suffix == ".gguf":
        model.use_exact_weights()
    length = min(options.sequence, config.context)
    documents = read_documents(options.validation)
    stream = encode_documents(tokenizer, documents)
    windows = evaluation_windows(stream, length, options.eval_windows)
    loss = evaluate(model, windows)
    characters = sum(map(len, documents)) / (len(stream) - 2 * len(documents))
    print(
        f"{source}: held-out loss {loss:.4f} nat per token, perplexity {math.exp(loss):.3f} "
        f"over {len(windows)} windows of {length} tokens; {characters:.2f} characters a token"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    options = parse_options(arguments, __doc__)
    try:
        if options.eval_only:
            run_evaluation(options)
        else:
            run_training(options)
    except ModelError as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ntrain: interrupted; --resume goes on from the last checkpoint", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
