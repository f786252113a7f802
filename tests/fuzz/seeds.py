# SPDX-License-Identifier: Apache-2.0
"""First inputs of the fuzzers: python seeds.py TERN FOLDER.

FOLDER/gguf, /safetensors, /tokenizer_json and /image get small whole files, written by the packages
gguf, safetensors and tokenizers, and images that `tern convert` makes of them; /tokenizer_block that of
an image, /chat_template those of the test of chats, /plan the plan of docs/report.md and a memory of
sim/dram/presets.yaml, /command_line the commands of README.md and docs/.
"""

import json
import re
import shlex
import struct
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import tokenizers
from safetensors.numpy import save, save_file
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "model"), str(TESTS / "docs")]
import chat_oracle
import docs_test
import example_files

SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
CORPUS = ["the tin hen then thinned ten teeth in the tent"] * 8
PIECES = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256)), "\u2581", "t", "h", "e", "th", "the", "\u2581the"]
TYPES = [2, 3, 3, *[6] * 256, *[1] * 7]
FFN, HIDDEN, HEAD = 24, 16, 8


def linears() -> dict[str, tuple[int, int]]:
    return {"attn_q": (HIDDEN, HIDDEN), "attn_k": (HEAD, HIDDEN), "attn_v": (HEAD, HIDDEN), "attn_output": (HIDDEN, HIDDEN),
            "ffn_gate": (FFN, HIDDEN), "ffn_up": (FFN, HIDDEN), "ffn_down": (HIDDEN, FFN)}


def norms() -> dict[str, int]:
    return {"attn_norm": HIDDEN, "attn_sub_norm": HIDDEN, "ffn_norm": HIDDEN, "ffn_sub_norm": FFN}


def write_gguf(path: Path, arch: str, tokenizer: dict | None) -> None:
    """A model with one layer, or one tensor of every type."""
    random = np.random.default_rng(1)
    w = gguf.GGUFWriter(path, arch)
    w.add_name("seed"), w.add_context_length(8), w.add_embedding_length(HIDDEN), w.add_block_count(1), w.add_feed_forward_length(FFN)
    w.add_head_count(2), w.add_head_count_kv(1), w.add_layer_norm_rms_eps(1e-5)
    w.add_bos_token_id(1), w.add_eos_token_id(2)
    vocab = len(PIECES)
    if tokenizer is None:
        w.add_tokenizer_model("llama"), w.add_token_list(PIECES), w.add_token_scores([-float(i) for i in range(vocab)])
        w.add_token_types(TYPES)
    else:
        vocab = len(tokenizer["model"]["vocab"]) + 1
        pieces = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get) + ["<extra>"]
        w.add_tokenizer_model("gpt2"), w.add_tokenizer_pre("llama-bpe"), w.add_token_list(pieces)
        w.add_token_types([3] + [1] * (vocab - 2) + [4]), w.add_token_merges([" ".join(m) for m in tokenizer["model"]["merges"]])
        w.add_chat_template("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' "
                            "+ '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
    floats = lambda *shape: random.normal(0, 1, shape).astype(np.float32)
    w.add_tensor("token_embd.weight", floats(vocab, HIDDEN).astype(np.float16))
    w.add_tensor("output_norm.weight", floats(HIDDEN))
    for part, size in norms().items():
        w.add_tensor(f"blk.0.{part}.weight", floats(size))
    for part, shape in linears().items():
        w.add_tensor(f"blk.0.{part}.weight", floats(*shape))
    w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file(), w.close()


def write_types(path: Path) -> None:
    w = gguf.GGUFWriter(path, "bitnet")
    types = gguf.GGMLQuantizationType
    sizes = {types.F32: 4, types.F16: 2, types.BF16: 2, types.Q8_0: 34, types.TQ1_0: 54, types.TQ2_0: 66}
    for kind, size in sizes.items():
        w.add_tensor(kind.name, np.arange(size * 2, dtype=np.uint8).reshape(2, size) % 3, raw_dtype=kind)
    w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file(), w.close()
    # Types that the package does not write, by patching the number of one that it does.
    whole = path.read_bytes()
    for number in (36, 41, 42, 142, 143):
        path.with_name(f"type{number}.gguf").write_bytes(whole.replace(bytes([35, 0, 0, 0]), bytes([number, 0, 0, 0])))


def trained(byte_level: bool) -> tokenizers.Tokenizer:
    if byte_level:
        t = tokenizers.Tokenizer(models.BPE(ignore_merges=True))
        t.normalizer = normalizers.NFC()
        t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(tokenizers.Regex(SPLIT), "isolated"),
                                                   pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
        t.decoder = decoders.ByteLevel()
        t.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=268, show_progress=False, special_tokens=["<|end|>"],
                                                          initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
        return t
    vocabulary = {piece: i for i, piece in enumerate(PIECES)}
    t = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=[("t", "h"), ("th", "e"), ("\u2581", "the")], unk_token="<unk>",
                                        byte_fallback=True, fuse_unk=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    t.add_special_tokens(["<unk>", "<s>", "</s>"])
    return t


def write_folder(folder: Path, tokenizer: tokenizers.Tokenizer, vocab: int) -> None:
    """A bitnet-b1.58 folder of master weights."""
    random = np.random.default_rng(2)
    names = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
             "attn_sub_norm": "self_attn.attn_sub_norm", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
             "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_sub_norm": "mlp.ffn_sub_norm", "ffn_down": "mlp.down_proj"}
    folder.mkdir(exist_ok=True)
    floats = lambda *shape: random.normal(0, 1, shape).astype(np.float32)
    tensors = {"model.embed_tokens.weight": floats(vocab, HIDDEN), "model.norm.weight": floats(HIDDEN)}
    for part, shape in {**linears(), **norms()}.items():
        tensors[f"model.layers.0.{names[part]}.weight"] = floats(*shape) if isinstance(shape, tuple) else floats(shape)
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["BitNetForCausalLM"], "model_type": "bitnet", "hidden_act": "relu2", "hidden_size": HIDDEN,
        "intermediate_size": FFN, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
        "max_position_embeddings": 8, "rms_norm_eps": 1e-5, "vocab_size": vocab, "tie_word_embeddings": True, "bos_token_id": 1,
        "eos_token_id": 2, "quantization_config": {"quant_method": "bitnet", "quantization_mode": "online"}}))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"bos_token": "<s>", "eos_token": "</s>"}')


def write_tokenizer_block(tern: str, root: Path, folder: Path) -> None:
    image = root / "synth.tern"
    subprocess.run([tern, "synth", "--preset", "tiny-qwen3", "--layers", "1", "--config", "nano", "-o", image, "--quiet"], check=True)
    whole = image.read_bytes()
    offset, size = struct.unpack_from("<QQ", whole, 40)  # of struct ImageHeader
    (folder / "sentencepiece").write_bytes(whole[offset:offset + size])


def write_texts(folders: dict[str, Path]) -> None:
    for name in ("BITNET", "CHATML", "FALCON3"):
        (folders["chat_template"] / name.lower()).write_text(getattr(chat_oracle, name))
    (folders["plan"] / "docs.yaml").write_text(example_files.plan())
    presets = (TESTS.parent / "sim/dram/presets.yaml").read_text().split("presets:\n")[1]
    one = re.split(r"^(?=  [\w.-]+:\n)", presets, flags=re.MULTILINE)[1]
    (folders["plan"] / "memory.yaml").write_text("presets:\n" + one)
    commands = {c.text for page in docs_test.PAGES for c in docs_test.commands_of(page)}
    for i, text in enumerate(sorted(commands)):
        program, *words = shlex.split(text)
        if program.endswith("tern"):
            (folders["command_line"] / str(i)).write_text("\n".join(words))


def main(tern: str, root: Path) -> None:
    folders = {name: root / name for name in ("gguf", "safetensors", "tokenizer_json", "image", "tokenizer_block", "chat_template", "plan", "command_line")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer_block(tern, root, folders["tokenizer_block"])
    write_texts(folders)
    byte_level, pieces = trained(True), trained(False)
    for name, tokenizer in (("bytes", byte_level), ("pieces", pieces)):
        tokenizer.save(str(folders["tokenizer_json"] / f"{name}.json"))
        work = root / f"model-{name}"
        write_folder(work, tokenizer, tokenizer.get_vocab_size())
        for config in ("nano", "edge"):
            subprocess.run([tern, "convert", "--model", work, "--config", config, "-o", folders["image"] / f"{name}-{config}.tern", "--quiet"],
                           check=True)
    write_gguf(folders["gguf"] / "pieces.gguf", "bitnet-b1.58", None)
    write_gguf(folders["gguf"] / "bytes.gguf", "bitnet", json.loads(byte_level.to_str()))
    write_types(folders["gguf"] / "types.gguf")
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    (folders["safetensors"] / "floats.safetensors").write_bytes(
        save({"a": a, "b": a.astype(np.float16), "c": a.astype(np.uint8)}, {"format": "pt"}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
