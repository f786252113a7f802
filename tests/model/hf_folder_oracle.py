# SPDX-License-Identifier: Apache-2.0
"""Hugging Face folders against GGUF: python hf_folder_oracle.py TERN REFERENCE_LOGITS DEMO_MODEL.

The demo model is written again as folders by the packages safetensors and sentencepiece: packed
(results multiplied or divided by weight_scale), unpacked (made ternary while it is read), in one
file and in shards. Every one must give the logits of the GGUF file in float32, and after conversion
the same story on the golden model. Then a model in float, whose q and k rows llama.cpp permutes, must give the logits of its GGUF file.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np
from safetensors import TensorSpec, serialize_file
from sentencepiece import sentencepiece_model_pb2

PARTS = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_sub_norm": "self_attn.attn_sub_norm", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_sub_norm": "mlp.ffn_sub_norm", "ffn_down": "mlp.down_proj",
}
TOKENS = ["1", "300", "301", "17", "400", "999"]


def bfloat16(values: np.ndarray) -> np.ndarray:
    """The upper halves of float32 values, which must have nothing in the lower ones."""
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def save_file(tensors: dict[str, np.ndarray], path: Path) -> None:
    """uint16 arrays are stored as BF16."""
    kept = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    specs = {name: TensorSpec(dtype="bfloat16" if array.dtype == np.uint16 else array.dtype.name, shape=array.shape,
                              data_ptr=array.ctypes.data, data_len=array.nbytes) for name, array in kept.items()}
    serialize_file(specs, str(path), {"format": "pt"})


def folder_name(name: str) -> str:
    other = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    if name in other:
        return other[name]
    _, layer, part, _ = name.split(".")
    return f"model.layers.{layer}.{PARTS[part]}.weight"


def write_tokenizer(reader: gguf.GGUFReader, path: Path) -> None:
    field = lambda name: reader.fields[f"tokenizer.ggml.{name}"].contents()
    model = sentencepiece_model_pb2.ModelProto()
    for piece, score, kind in zip(field("tokens"), field("scores"), field("token_type")):
        model.pieces.add(piece=piece, score=score, type=kind)
    model.trainer_spec.model_type = 2
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = field("add_space_prefix")
    model.normalizer_spec.remove_extra_whitespaces = False
    path.write_bytes(model.SerializeToString())


def pack(trits: np.ndarray) -> np.ndarray:
    """uint8 [rows/4, cols], as the release of BitNet 2B-4T: row r + i rows/4 in bits 2i and 2i + 1."""
    quarter = trits.shape[0] // 4
    codes = (trits + 1).astype(np.uint8).reshape(4, quarter, -1)
    return codes[0] | codes[1] << 2 | codes[2] << 4 | codes[3] << 6


def write_folder(reader: gguf.GGUFReader, folder: Path, kind: str, shards: int) -> None:
    folder.mkdir()
    tensors = {}
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(tuple(int(n) for n in tensor.shape[::-1]))
        name = folder_name(tensor.name)
        linear = tensor.name.startswith("blk.") and values.ndim == 2
        if not linear:
            tensors[name] = values.astype(np.float32)
            continue
        scale = np.abs(values).max()
        trits = np.rint(values / scale).astype(np.int8)
        if kind == "online":
            # Any weights whose mean magnitude is the scale and that round to the trits; the scale
            # is that of float64, up to the rounding of single weights.
            zero = (trits == 0).mean()
            tensors[name] = (trits * (scale / (1 - zero))).astype(np.float32)
        else:
            tensors[name] = pack(trits)
            stored = 1 / scale if kind == "divide" else scale
            tensors[f"{name}_scale"] = np.array([stored], np.float32)
    names = sorted(tensors)
    if shards == 1:
        save_file(tensors, folder / "model.safetensors")
    else:
        places = {name: f"model-{i % shards + 1:05}-of-{shards:05}.safetensors" for i, name in enumerate(names)}
        for shard in set(places.values()):
            save_file({name: tensors[name] for name in names if places[name] == shard}, folder / shard)
        (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    value = lambda key: reader.fields[f"{reader.fields['general.architecture'].contents()}.{key}"].contents()
    quantisation = {"quant_method": "bitnet", "linear_class": "bitlinear" if kind == "divide" else "autobitlinear",
                    "quantization_mode": "online" if kind == "online" else "offline"}
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["BitNetForCausalLM"], "model_type": "bitnet", "hidden_act": "relu2",
        "hidden_size": value("embedding_length"), "intermediate_size": value("feed_forward_length"),
        "num_hidden_layers": value("block_count"), "num_attention_heads": value("attention.head_count"),
        "num_key_value_heads": value("attention.head_count_kv"), "max_position_embeddings": value("context_length"),
        "rope_theta": value("rope.freq_base"), "rms_norm_eps": value("attention.layer_norm_rms_epsilon"),
        "vocab_size": len(reader.fields["tokenizer.ggml.tokens"].data), "tie_word_embeddings": True,
        "bos_token_id": 1, "eos_token_id": [2], "quantization_config": quantisation}))
    write_tokenizer(reader, folder / "tokenizer.model")


def logits(program: str, path: Path) -> np.ndarray:
    output = subprocess.run([program, path, *TOKENS], check=True, stdout=subprocess.PIPE).stdout
    return np.frombuffer(output, np.float32).astype(np.float64)


def relative_rms(have: np.ndarray, want: np.ndarray) -> float:
    return float(np.sqrt(((have - want) ** 2).mean() / (want**2).mean()))


def check_demo(tern: str, program: str, demo: Path, work: Path) -> int:
    reader = gguf.GGUFReader(demo)
    want = logits(program, demo)
    wrong = 0
    for kind, shards in (("multiply", 1), ("multiply", 3), ("divide", 1), ("online", 2)):
        folder = work / f"{kind}{shards}" / "demo"
        folder.parent.mkdir()
        write_folder(reader, folder, kind, shards)
        error = relative_rms(logits(program, folder), want)
        image = work / "folder.tern"
        subprocess.run([tern, "convert", "--model", folder, "--config", "nano", "-o", image, "--quiet"], check=True)
        story = lambda model: subprocess.run([tern, "run", "--model", model, "--config", "nano", "--tokens", "40", "--temperature", "0",
                                              "--quiet"], check=True, stdout=subprocess.PIPE, text=True).stdout
        same = story(image) == story(demo)
        print(f"demo model {kind}, {shards} file(s): logits of the reference differ by {error:.1e}, story {'the same' if same else 'DIFFERS'}")
        wrong += not error < 1e-5 or not same
    return wrong


def check_llama(program: str, work: Path) -> int:
    """A float model of arch llama: the folder has rope on halves, the GGUF file on neighbours."""
    random = np.random.default_rng(3)
    hidden, heads, kv_heads, head, ffn, vocab, layers = 64, 4, 2, 16, 96, 1000, 2
    folder = work / "llama"
    folder.mkdir()
    tensors, w = {}, gguf.GGUFWriter(work / "llama.gguf", "llama")
    w.add_context_length(64), w.add_embedding_length(hidden), w.add_block_count(layers), w.add_feed_forward_length(ffn)
    w.add_head_count(heads), w.add_head_count_kv(kv_heads), w.add_rope_freq_base(1e4), w.add_layer_norm_rms_eps(1e-6)
    w.add_tokenizer_model("llama"), w.add_token_list([f"t{i}" for i in range(vocab)])

    def both(name: str, other: str, shape: tuple, rope_heads: int = 0) -> None:
        values = random.normal(0, 0.125, shape).astype(np.float32) + (len(shape) == 1)
        stored = (values.view(np.uint32) & 0xFFFF0000).view(np.float32)
        tensors[other] = bfloat16(stored)
        if rope_heads:  # as llama.cpp's converter does
            stored = stored.reshape(rope_heads, 2, -1, shape[1]).swapaxes(1, 2).reshape(shape)
        w.add_tensor(name, np.ascontiguousarray(stored))

    both("token_embd.weight", "model.embed_tokens.weight", (vocab, hidden))
    both("output_norm.weight", "model.norm.weight", (hidden,))
    both("output.weight", "lm_head.weight", (vocab, hidden))
    shapes = {"attn_q": (heads * head, hidden), "attn_k": (kv_heads * head, hidden), "attn_v": (kv_heads * head, hidden),
              "attn_output": (hidden, heads * head), "ffn_gate": (ffn, hidden), "ffn_up": (ffn, hidden), "ffn_down": (hidden, ffn),
              "attn_norm": (hidden,), "ffn_norm": (hidden,)}
    for layer in range(layers):
        for part, shape in shapes.items():
            both(f"blk.{layer}.{part}.weight", f"model.layers.{layer}.{PARTS[part]}.weight", shape,
                 {"attn_q": heads, "attn_k": kv_heads}.get(part, 0))
    w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file(), w.close()
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": hidden, "intermediate_size": ffn,
        "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": kv_heads, "max_position_embeddings": 64,
        "rope_theta": 1e4, "rms_norm_eps": 1e-6, "vocab_size": vocab, "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2}))
    error = relative_rms(logits(program, folder), logits(program, work / "llama.gguf"))
    print(f"float model of arch llama: logits of folder and GGUF file differ by {error:.1e}")
    return 0 if error < 1e-5 else 1


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        total = check_demo(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(directory)) + check_llama(sys.argv[2], Path(directory))
    sys.exit(1 if total else 0)
