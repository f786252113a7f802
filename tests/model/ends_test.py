# SPDX-License-Identifier: Apache-2.0
"""Where generation ends, and what is kept when it fails: python ends_test.py TERN [CHIP...].

Models whose next token is a function of the last one: embedding of unit vectors, layers of zeros, and a head
with a one at [next(t)][t]. "hello" is followed by " world", that by an end token, that by "hello" again.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import save_file

HIDDEN, FFN = 512, 256
CHATML = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
          "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
MERGES = ["h e", "l l", "he ll", "hell o", "\u0120 w", "o r", "l d", "or ld", "\u0120w orld", "\u0120 \u0120", "\u010a \u010a", "\u0120 t",
          "\u0120t he", "i n", "1 2", "12 3"]
NORMAL, CONTROL, USER_DEFINED = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL, gguf.TokenType.USER_DEFINED


def byte_pieces() -> list[str]:
    """GPT-2's spelling of the 256 bytes."""
    own = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in own]
    return [chr(byte) if byte in own else chr(256 + others.index(byte)) for byte in range(256)]


class Model:
    def __init__(self, more: list[tuple[str, int]]):
        """`more`: spelling and type of the tokens behind <|bos|> and <|eos|>, 272 and 273."""
        self.pieces = byte_pieces() + [merge.replace(" ", "") for merge in MERGES] + ["<|bos|>", "<|eos|>"] + [piece for piece, _ in more]
        self.types = [NORMAL] * 272 + [CONTROL] * 2 + [kind for _, kind in more]
        self.hello, self.world = self.pieces.index("hello"), self.pieces.index("\u0120world")
        assert (self.hello, self.world) == (259, 264)
        self.last = len(self.pieces) - 1
        self.follows = {self.world: self.last}

    def tensors(self) -> dict[str, np.ndarray]:
        vocab = len(self.pieces)
        head = np.zeros((vocab, HIDDEN), np.float32)
        for token in range(vocab):
            head[self.follows.get(token, self.world if token == self.hello else self.hello), token] = 1
        shapes = {"attn_q": (256, HIDDEN), "attn_k": (128, HIDDEN), "attn_v": (128, HIDDEN), "attn_output": (HIDDEN, 256),
                  "ffn_gate": (FFN, HIDDEN), "ffn_up": (FFN, HIDDEN), "ffn_down": (HIDDEN, FFN)}
        layer = {f"blk.0.{part}.weight": np.zeros(shape, np.float32) for part, shape in shapes.items()}
        norms = {name: np.ones(HIDDEN, np.float32) for name in ("blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight")}
        return {"token_embd.weight": np.eye(vocab, HIDDEN, dtype=np.float32), "output.weight": head, **layer, **norms}

    def write_gguf(self, path: Path, context: int = 64, keys: dict[str, int] = {}) -> Path:
        w = gguf.GGUFWriter(path, "llama")
        w.add_context_length(context), w.add_embedding_length(HIDDEN), w.add_block_count(1), w.add_feed_forward_length(FFN)
        w.add_head_count(4), w.add_head_count_kv(2), w.add_key_length(64), w.add_value_length(64), w.add_rope_dimension_count(64)
        w.add_rope_freq_base(1e4), w.add_layer_norm_rms_eps(1e-5)
        w.add_tokenizer_model("gpt2"), w.add_tokenizer_pre("gpt-2"), w.add_token_list(self.pieces), w.add_token_types(self.types)
        w.add_token_merges(MERGES), w.add_bos_token_id(272), w.add_eos_token_id(273), w.add_add_bos_token(False)
        w.add_chat_template(CHATML)
        for key, value in keys.items():
            w.add_uint32(f"tokenizer.ggml.{key}", value)
        for name, values in self.tensors().items():
            # The layers are trits, as the chip wants them.
            if name.startswith("blk.") and values.ndim == 2:
                kind = gguf.GGMLQuantizationType.TQ2_0
                w.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
            else:
                w.add_tensor(name, values)
        w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file(), w.close()
        return path

    def write_folder(self, folder: Path, config: dict, generation: dict = {}) -> Path:
        folder.mkdir()
        parts = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
                 "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm",
                 "ffn_norm": "post_attention_layernorm"}
        names = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight", "output.weight": "lm_head.weight"}
        place = lambda name: names.get(name) or f"model.layers.0.{parts[name.split('.')[2]]}.weight"
        save_file({place(name): values for name, values in self.tensors().items()}, folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps({
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN, "intermediate_size": FFN, "head_dim": 64,
            "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
            "vocab_size": len(self.pieces), "bos_token_id": 272, **config}))
        if generation:
            (folder / "generation_config.json").write_text(json.dumps(generation))
        vocab = {piece: number for number, piece in enumerate(self.pieces[:272])}
        (folder / "tokenizer.json").write_text(json.dumps({
            "normalizer": None, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}, "post_processor": None,
            "added_tokens": [{"id": number, "content": self.pieces[number], "special": True, "normalized": False}
                             for number in range(272, len(self.pieces))],
            "model": {"type": "BPE", "vocab": vocab, "merges": MERGES}}))
        return folder


def run(tern: str, *arguments, text: bytes = b"", status: int = 0) -> dict:
    done = subprocess.run([tern, "run", "--json", "--quiet", "--temperature", "0", *map(str, arguments)], input=text, capture_output=True)
    assert done.returncode == status, (arguments, done.returncode, done.stderr)
    result = json.loads(done.stdout)
    if status:
        assert done.stderr.count(b"\n") == 1 and result["error"].encode() in done.stderr, done.stderr
    return result


def check_stop(tern: str, model: Path, backends: list[str], ids: list[int], ended: bool, what: str) -> None:
    for backend in backends:
        found = run(tern, "--model", model, "--backend", backend, "--prompt", "hello", "--tokens", 12)
        assert (found["ids"][:len(ids)], found["ended"]) == (ids, ended), (what, backend, found["ids"])
        assert len(found["ids"]) == (len(ids) if ended else 12), (what, backend, found["ids"])
        if ended:
            assert found["text"] == "hello world", (what, backend, found["text"])
    print(f"{what}: {ids}, {'ends' if ended else 'goes on'} on {', '.join(backends)}", flush=True)


def check_ends(tern: str, work: Path, chips: list[str]) -> None:
    host = ["golden:", "reference:"]
    known = Model([("<|eot_id|>", CONTROL)])
    check_stop(tern, known.write_gguf(work / "eot.gguf"), [*host, *chips], [264, 274], True, "<|eot_id|>")
    image = work / "eot.tern"
    subprocess.run([tern, "convert", "--model", work / "eot.gguf", "--config", "nano", "-o", image, "--quiet"], check=True)
    check_stop(tern, image, ["golden:"], [264, 274], True, "<|eot_id|> of an image")
    for kind in (NORMAL, USER_DEFINED):
        check_stop(tern, Model([("<|im_end|>", kind)]).write_gguf(work / "im_end.gguf"), host, [264, 274], True, f"<|im_end|> of type {kind.name}")
    other = Model([("<|over|>", CONTROL)])
    check_stop(tern, other.write_gguf(work / "none.gguf"), host, [264, 274, 259, 264, 274], False, "<|over|>, of which nothing is said")
    for key in ("eot_token_id", "eom_token_id"):
        check_stop(tern, other.write_gguf(work / f"{key}.gguf", keys={key: 274}), host, [264, 274], True, f"<|over|> as {key}")
    check_stop(tern, other.write_gguf(work / "far.gguf", keys={"eot_token_id": 1 << 20}), host, [264, 274, 259], False, "an end beyond the vocabulary")
    trits = ["--weights-trits", "1"]
    for number, (config, generation, ended) in enumerate([({"eos_token_id": [273, 274]}, {}, True), ({"eos_token_id": 273}, {}, False),
                                                          ({"eos_token_id": 273}, {"eos_token_id": 274}, True),
                                                          ({"eos_token_id": 273}, {"eos_token_id": [5, 274]}, True)]):
        folder = other.write_folder(work / f"folder{number}", config, generation)
        check_stop(tern, folder, ["reference:"], [264, 274], ended, f"folder with {config}, {generation}")
        image = work / f"folder{number}.tern"
        subprocess.run([tern, "convert", "--model", folder, "-o", image, "--quiet", *trits], capture_output=True)
        if image.exists():
            check_stop(tern, image, ["golden:"], [264, 274], ended, "its image")


def check_chat(tern: str, work: Path) -> None:
    # "<0x0A>" behind the role is followed by hello, which is followed by world, and that by <|im_end|>.
    for kind in (CONTROL, NORMAL, USER_DEFINED):
        model = Model([("<|im_start|>", CONTROL), ("<|im_end|>", kind)])
        path = model.write_gguf(work / f"chat{kind}.gguf")
        for ending in (b"\n", b"\r\n"):
            found = run(tern, "--chat", "--model", path, text=b"\xef\xbb\xbfa\xffb" + ending + b"2" + ending)
            assert [exchange["user"] for exchange in found["exchanges"]] == ["a\ufffdb", "2"], found
            for exchange in found["exchanges"]:
                assert (exchange["ids"], exchange["text"], exchange["ended"]) == ([259, 264, 275], "hello world", True), exchange
    lines = b"".join(b"question %d\n" % number for number in range(12))
    found = run(tern, "--chat", "--model", path, text=lines, status=1)
    assert len(found["exchanges"]) > 0 and "context 64" in found["error"], found
    assert all(exchange["text"] == "hello world" for exchange in found["exchanges"])
    found = run(tern, "--chat", "--model", path, "--prompt", "x" * 100, status=1)
    assert found["exchanges"] == [], found
    print("chat: answers end, and those before an error are kept")


def check_texts(tern: str, work: Path) -> None:
    model = work / "eot.gguf"
    text = "hello world\nhello\n\n<|endoftext|>\nworld hello\n"
    scores = []
    for name, data in {"lf": text.encode(), "crlf": text.replace("\n", "\r\n").encode(), "mark": b"\xef\xbb\xbf" + text.encode()}.items():
        (work / name).write_bytes(data)
        done = subprocess.run([tern, "eval", "--model", model, "--text", work / name, "--json", "--quiet"], stdout=subprocess.PIPE, check=True)
        score = json.loads(done.stdout)
        scores.append((score["tokens"], score["golden_nats"], score["reference_nats"]))
    assert scores[0] == scores[1] == scores[2], scores
    # A CR alone is no line end of Windows.
    (work / "cr").write_bytes(text.replace("\n", "\r").encode())
    done = subprocess.run([tern, "eval", "--model", model, "--text", work / "cr", "--json", "--quiet"], stdout=subprocess.PIPE, check=True)
    assert json.loads(done.stdout)["tokens"] != 0
    print(f"texts with LF, with CR LF and with a byte order mark: {scores[0][0]} tokens, the same score")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        check_ends(sys.argv[1], Path(directory), [chip for chip in sys.argv[2:] if chip])
        check_chat(sys.argv[1], Path(directory))
        check_texts(sys.argv[1], Path(directory))
