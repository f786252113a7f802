# SPDX-License-Identifier: Apache-2.0
"""The files that the commands of README.md and docs/ name."""

import re
from pathlib import Path

import gguf
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
HIDDEN, FFN, HEAD, CONTEXT, LAYERS = 256, 512, 64, 512, 2
CONTROL = ["<|bos|>", "<|eos|>", "<|im_start|>", "<|im_end|>"]
CHATML = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
          "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")


def byte_characters() -> list[str]:
    """The character that stands for each byte in vocabularies of GPT-2's kind."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(b) if b in plain else chr(next(others)) for b in range(256)]


def write_chat_model(path: Path) -> None:
    """A model of random trits that has the format chatml."""
    random = np.random.default_rng(1)
    pieces = [*byte_characters(), "he", "th", *CONTROL]
    w = gguf.GGUFWriter(path, "bitnet")
    w.add_name("example"), w.add_context_length(CONTEXT), w.add_embedding_length(HIDDEN), w.add_block_count(LAYERS)
    w.add_feed_forward_length(FFN), w.add_head_count(HIDDEN // HEAD), w.add_head_count_kv(1), w.add_layer_norm_rms_eps(1e-5)
    w.add_tokenizer_model("gpt2"), w.add_tokenizer_pre("gpt-2"), w.add_token_list(pieces)
    w.add_token_types([1] * (len(pieces) - len(CONTROL)) + [3] * len(CONTROL)), w.add_token_merges(["h e", "t h"])
    w.add_bos_token_id(pieces.index("<|bos|>")), w.add_eos_token_id(pieces.index("<|eos|>")), w.add_chat_template(CHATML)
    floats = lambda *shape: random.normal(0, 1, shape).astype(np.float32)
    trits = lambda rows, columns: (random.integers(-1, 2, (rows, columns)) * 0.05).astype(np.float32)
    w.add_tensor("token_embd.weight", floats(len(pieces), HIDDEN).astype(np.float16))
    w.add_tensor("output_norm.weight", floats(HIDDEN))
    for layer in range(LAYERS):
        for part, size in {"attn_norm": HIDDEN, "attn_sub_norm": HIDDEN, "ffn_norm": HIDDEN, "ffn_sub_norm": FFN}.items():
            w.add_tensor(f"blk.{layer}.{part}.weight", floats(size))
        for part, shape in {"attn_q": (HIDDEN, HIDDEN), "attn_k": (HEAD, HIDDEN), "attn_v": (HEAD, HIDDEN), "attn_output": (HIDDEN, HIDDEN),
                            "ffn_gate": (FFN, HIDDEN), "ffn_up": (FFN, HIDDEN), "ffn_down": (HIDDEN, FFN)}.items():
            w.add_tensor(f"blk.{layer}.{part}.weight", trits(*shape))
    w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file(), w.close()


def plan() -> str:
    """The plan that docs/report.md shows."""
    text = (ROOT / "docs/report.md").read_text()
    return next(block for block in re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL) if block.startswith("models: "))


def write(folder: Path) -> None:
    write_chat_model(folder / "model.gguf")
    (folder / "FILE").write_text((ROOT / "tests/data/sampled.txt").read_text()[:4000])
    (folder / "stories.txt").write_text((ROOT / "tests/data/sampled.txt").read_text()[:4000])
    (folder / "plan.yaml").write_text(plan())
