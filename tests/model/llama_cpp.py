# SPDX-License-Identifier: Apache-2.0
"""llama.cpp as the shared libraries of the npm package @node-llama-cpp/linux-x64, through ctypes.

The package has no headers. Parameter structures are passed as blocks of bytes that are larger than
they are (by value they lie on the stack, so the callee reads its part), and the few fields that
matter are found by their default values, which is checked.
"""

import ctypes
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

FETCH = Path(__file__).resolve().parents[2] / "scripts" / "fetch_llama_cpp.sh"
LLAMA, GGML = "libllama.v0.5.0.so", "libggml.v0.5.0.so"
F16, F32 = 1, 0  # ggml types


class Block(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint8 * 512)]


class Batch(ctypes.Structure):
    _fields_ = [("n_tokens", ctypes.c_int32), ("pointers", ctypes.c_void_p * 6)]


def fetch(folder: Path) -> Path:
    """The folder of the libraries; ends the program with status 77 where npm or its registry is missing."""
    done = subprocess.run([FETCH, folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print(f"skipped: {done.stdout.strip()}" if done.returncode == 77 else done.stdout)
        sys.exit(done.returncode)
    return folder


def _exact_parameters(words: list[int]) -> None:
    """Keys and values in float32, no flash attention."""
    minus = next(i for i in range(4, 16) if words[i : i + 4] == [-1, -1, -1, -1])  # rope, pooling, attention, flash
    words[minus + 3] = 0
    pairs = [i for i in range(minus + 4, 48) if words[i : i + 2] == [F16, F16] and words[i - 4 : i] == [0, 0, 0, 0]]
    if len(pairs) != 1:
        raise RuntimeError(f"llama.cpp's context parameters are not as expected: {words[:48]}")
    words[pairs[0] : pairs[0] + 2] = [F32, F32]


class LlamaCpp:
    def __init__(self, folder: Path):
        self._base = ctypes.CDLL(str(folder / "libggml-base.so"), ctypes.RTLD_GLOBAL)
        ggml = ctypes.CDLL(str(folder / GGML), ctypes.RTLD_GLOBAL)
        ggml.ggml_backend_load_all_from_path(str(folder).encode())
        self._lib = lib = ctypes.CDLL(str(folder / LLAMA))
        self._log = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(self._keep)
        self.messages: list[str] = []
        lib.llama_log_set(self._log, None)
        lib.llama_model_default_params.restype = lib.llama_context_default_params.restype = Block
        lib.llama_model_load_from_file.restype = ctypes.c_void_p
        lib.llama_model_load_from_file.argtypes = [ctypes.c_char_p, Block]
        lib.llama_init_from_model.restype = ctypes.c_void_p
        lib.llama_init_from_model.argtypes = [ctypes.c_void_p, Block]
        lib.llama_batch_get_one.restype = Batch
        lib.llama_batch_get_one.argtypes = [ctypes.c_void_p, ctypes.c_int32]
        lib.llama_decode.argtypes = [ctypes.c_void_p, Batch]
        lib.llama_set_n_threads.argtypes = [ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32]
        lib.llama_get_logits_ith.restype = ctypes.POINTER(ctypes.c_float)
        lib.llama_get_logits_ith.argtypes = [ctypes.c_void_p, ctypes.c_int32]
        lib.llama_get_memory.restype = ctypes.c_void_p
        lib.llama_get_memory.argtypes = [ctypes.c_void_p]
        lib.llama_memory_clear.argtypes = [ctypes.c_void_p, ctypes.c_bool]
        lib.llama_backend_init()

    def _keep(self, level: int, text: bytes, _: object) -> None:
        if level >= 3:  # warnings and errors
            self.messages.append(text.decode(errors="replace"))

    def dequantise(self, name: str, blocks: np.ndarray, count: int) -> np.ndarray:
        """Float32 values of blocks of the type that llama.cpp calls `name`."""
        out = np.empty(count, np.float32)
        function = getattr(self._base, f"dequantize_row_{name}")
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
        function(np.ascontiguousarray(blocks).ctypes.data, out.ctypes.data, count)
        return out

    def open(self, path: Path, context: int, exact: bool) -> "Session":
        return Session(self._lib, self.messages, path, context, exact)


class Session:
    """A model and a context of so many positions. exact: with keys, values and attention in float32; otherwise as llama.cpp
    does by default."""

    def __init__(self, lib: ctypes.CDLL, messages: list[str], path: Path, context: int, exact: bool):
        self._lib, self._messages = lib, messages
        model = lib.llama_model_load_from_file(str(path).encode(), lib.llama_model_default_params())
        if not model:
            raise RuntimeError("llama.cpp does not load it: " + "".join(messages[-4:]))
        block = lib.llama_context_default_params()
        words = list(struct.unpack("<128i", bytes(block.bytes)))
        if exact:
            _exact_parameters(words)
        words[0:3] = [context, context, context]  # one batch of the whole context
        block.bytes[:] = struct.pack("<128i", *words)
        self._context = lib.llama_init_from_model(model, block)
        if not self._context:
            raise RuntimeError("llama.cpp makes no context: " + "".join(messages[-4:]))
        self.set_threads(1)  # more would wait for each other on a busy machine

    def set_threads(self, threads: int) -> None:
        self._lib.llama_set_n_threads(self._context, threads, threads)

    def clear(self) -> None:
        """The next token has position 0."""
        self._lib.llama_memory_clear(self._lib.llama_get_memory(self._context), True)

    def decode(self, token: int) -> ctypes.POINTER(ctypes.c_float):
        """The logits behind one more token."""
        one = (ctypes.c_int32 * 1)(token)
        if self._lib.llama_decode(self._context, self._lib.llama_batch_get_one(ctypes.addressof(one), 1)):
            raise RuntimeError("llama.cpp does not decode: " + "".join(self._messages[-4:]))
        return self._lib.llama_get_logits_ith(self._context, -1)

    def logits(self, tokens: list[int], vocabulary: int) -> np.ndarray:
        """[tokens, vocabulary], one token at a time."""
        return np.stack([np.ctypeslib.as_array(self.decode(token), (vocabulary,)).copy() for token in tokens])
