# SPDX-License-Identifier: Apache-2.0
"""Text files, the SentencePiece tokenizer and the token stream that training reads.

A text file holds documents separated by lines ``<|endoftext|>``. In the token stream a document is
bos, its text, eos; documents follow each other and are cut into windows of equal length.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import sentencepiece

from checkpoint import ModelError

SEPARATOR = "<|endoftext|>"


def read_documents(path: Path) -> list[str]:
    """The non-empty documents of a text file, without surrounding white space."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError(f"{path}: cannot read the text: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: not UTF-8 at byte {error.start}") from error
    documents: list[str] = []
    lines: list[str] = []
    for line in [*text.split("\n"), SEPARATOR]:
        if line.strip() != SEPARATOR:
            lines.append(line)
            continue
        document = "\n".join(lines).strip()
        if document:
            documents.append(document)
        lines = []
    if not documents:
        raise ModelError(f"{path}: holds no text")
    return documents


def train_tokenizer(documents: Iterable[str], vocab: int, bos: int, eos: int) -> bytes:
    """Train SentencePiece BPE with byte fallback; returns the serialised model.

    Identity normalisation, dummy prefix, spaces kept as they are, digits split. Id 0 is unknown.
    """
    lines = [line for document in documents for line in document.split("\n") if line.strip()]
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            model_type="bpe",
            vocab_size=vocab,
            byte_fallback=True,
            character_coverage=1.0,
            max_sentence_length=20000,
            max_sentencepiece_length=16,
            allow_whitespace_only_pieces=True,
            normalization_rule_name="identity",
            add_dummy_prefix=True,
            remove_extra_whitespaces=False,
            split_digits=True,
            unk_id=0,
            bos_id=bos,
            eos_id=eos,
            pad_id=-1,
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"tokenizer of {vocab} pieces: SentencePiece refuses: {reason}") from error
    return model.getvalue()


def load_tokenizer(model: bytes, origin: str) -> sentencepiece.SentencePieceProcessor:
    """A tokenizer from its serialised model; ``origin`` names it in errors."""
    try:
        return sentencepiece.SentencePieceProcessor(model_proto=model)
    except (RuntimeError, OSError) as error:
        raise ModelError(f"{origin}: not a SentencePiece model") from error


def vocabulary_listing(tokenizer: sentencepiece.SentencePieceProcessor) -> str:
    """The ``.vocab`` text: one piece and its score per line, in the order of the ids."""
    return "".join(
        f"{tokenizer.id_to_piece(token)}\t{tokenizer.get_score(token):g}\n"
        for token in range(tokenizer.get_piece_size())
    )


def encode_documents(
    tokenizer: sentencepiece.SentencePieceProcessor, documents: Sequence[str]
) -> np.ndarray:
    """The token stream of ``documents`` as int32 ids."""
    bos, eos = tokenizer.bos_id(), tokenizer.eos_id()
    stream: list[int] = []
    for ids in tokenizer.encode(list(documents)):
        stream.append(bos)
        stream.extend(ids)
        stream.append(eos)
    return np.asarray(stream, dtype=np.int32)


def evaluation_windows(stream: np.ndarray, length: int, limit: int) -> np.ndarray:
    """The first ``limit`` windows as [windows, length + 1]: inputs and, shifted by one, targets.

    Window i starts at token i * length of the stream, so each token is predicted once.
    """
    count = min(limit, (len(stream) - 1) // length)
    if count < 1:
        raise ModelError(
            f"the held-out text has {len(stream)} tokens, one window needs {length + 1}; "
            "give more text or a smaller --sequence"
        )
    return np.stack([stream[i * length : i * length + length + 1] for i in range(count)])


class WindowSampler:
    """Windows of a token stream in random order, each once an epoch.

    The content of a batch depends only on the seed and on its step, so that a resumed run goes on
    exactly as the uninterrupted one would have. Each epoch cuts the stream at another offset.
    """

    def __init__(self, stream: np.ndarray, length: int, batch: int, seed: int) -> None:
        if len(stream) <= length:
            raise ModelError(
                f"the training text has {len(stream)} tokens, one window needs {length + 1}; "
                "give more text or a smaller --sequence"
            )
        self._stream = stream
        self._length = length
        self._batch = batch
        self._seed = seed
        self._windows = max(1, (len(stream) - length) // length)
        self._epoch = -1
        self._offset = 0
        self._order = np.zeros(0, dtype=np.int64)

    @property
    def windows(self) -> int:
        """Windows in an epoch."""
        return self._windows

    def batch(self, step: int) -> np.ndarray:
        """The batch of ``step`` as [batch, length + 1] token ids."""
        rows = []
        for index in range(step * self._batch, (step + 1) * self._batch):
            epoch, position = divmod(index, self._windows)
            if epoch != self._epoch:
                generator = np.random.default_rng([self._seed, epoch])
                slack = len(self._stream) - 1 - self._windows * self._length
                self._offset = int(generator.integers(0, min(slack, self._length - 1) + 1))
                self._order = generator.permutation(self._windows)
                self._epoch = epoch
            start = self._offset + int(self._order[position]) * self._length
            rows.append(self._stream[start : start + self._length + 1])
        return np.stack(rows)
