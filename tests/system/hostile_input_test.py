# SPDX-License-Identifier: Apache-2.0
"""That no input crashes tern, steers a terminal or takes all memory: python hostile_input_test.py TERN DEMO_MODEL."""

import json
import os
import pty
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

TERN, DEMO = str(Path(sys.argv[1]).absolute()), Path(sys.argv[2]).absolute()
DEEP = 200_000
failures = 0


def check(what: str, good: bool, more: object = "") -> None:
    global failures
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {what}{'' if good else f': {more}'}", flush=True)


def run(*arguments: object, **how: object) -> subprocess.CompletedProcess:
    arguments = [a if isinstance(a, bytes) else str(a) for a in arguments]
    return subprocess.run([TERN, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=240, **how)


def is_error(done: subprocess.CompletedProcess) -> bool:
    """One line that says what is wrong."""
    return done.returncode == 1 and done.stdout == b"" and done.stderr.startswith(b"tern: error: ") and done.stderr.count(b"\n") == 1


def is_harmless(output: bytes) -> bool:
    """Nothing that steers a terminal: C0 but line feeds and tabs, DEL, C1, turned directions."""
    text = output.decode()  # valid, too
    return not any(c < " " and c not in "\n\t" or "\x7f" <= c <= "\x9f" or c in "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069" for c in text)


def deep_files(folder: Path) -> None:
    for name, text in {"lists": "[" * DEEP, "closed lists": "[" * DEEP + "]" * DEEP, "maps": '{"a":' * DEEP}.items():
        hugging = folder / name
        hugging.mkdir()
        for member in ("hidden_act", "rope_scaling", "vocab_size"):
            (hugging / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "%s": %s' % (member, text + ("}" if "closed" in name else "")))
            done = run("doctor", "--model", hugging, "--json")
            check(f"config.json with {member} of {name}", done.returncode == 1 and b"error" not in done.stderr, (done.returncode, done.stderr[:200]))
            check("  converts with an error", is_error(run("convert", "--model", hugging, "-o", folder / "x")))
        header = ('{"a": %s' % text).encode()
        (hugging / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
        (hugging / "config.json").write_text(json.dumps({
            "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "vocab_size": 300, "hidden_size": 256, "num_hidden_layers": 1,
            "num_attention_heads": 4, "num_key_value_heads": 4, "intermediate_size": 256, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 1e4}))
        for file in ("tokenizer.json", "model.safetensors.index.json", "tokenizer_config.json", "generation_config.json"):
            (hugging / file).write_text(text)
            done = run("convert", "--model", hugging, "-o", folder / "x")
            check(f"a folder with {file} of {name}", is_error(done), (done.returncode, done.stderr[:200]))
    for name, text in {"lists": "[" * DEEP, "maps": "{a: " * DEEP, "indented lists": "- " * DEEP}.items():
        (folder / "deep.yaml").write_text("models: " + text if name != "indented lists" else text)
        done = run("sweep", folder / "deep.yaml", "-o", folder / "points")
        check(f"a plan of {name}", is_error(done), (done.returncode, done.stderr[:200]))
        done = run("dram", folder / "deep.yaml")
        check(f"a memory of {name}", is_error(done), (done.returncode, done.stderr[:200]))


def named(folder: Path, name: bytes, template: bytes | None = None) -> Path:
    """The demo model with another name (and as the name of its file, as far as it can be one)."""
    data = DEMO.read_bytes()
    key = b"general.name"
    at = data.index(struct.pack("<Q", len(key)) + key) + 8 + len(key) + 4
    (length,) = struct.unpack_from("<Q", data, at)
    # The tensors behind are aligned: the new name is as long as the old one.
    path = folder / "named.gguf"
    assert len(name) <= length, (len(name), length)
    path.write_bytes(data[: at + 8] + name.ljust(length) + data[at + 8 + length :])
    return path


def names(folder: Path) -> None:
    evil = b"\x1b[2JP\x07\x7f"
    for what, name in {"escapes": evil, "C1": "a\u009b2J\u0085".encode(), "direction": "a\u202etxt".encode(), "bytes": b"\xff\xfe\x80a", "lines": b"a\nb\rc"}.items():
        model = named(folder, name)
        image = folder / "named.tern"
        check(f"a name with {what} converts", run("convert", "--model", model, "-o", image, "--quiet").returncode == 0)
        for command in (["info"], ["doctor"], ["perf", "--context", "10"], ["run", "--tokens", "2"], ["verify", "--backend", "golden:", "--tokens", "1"]):
            for file in (model, image):
                if command == ["doctor"] and file == image:
                    continue
                done = run(*command, "--model", file)
                check(f"  {command[0]} shows it without", done.returncode == 0 and is_harmless(done.stdout) and is_harmless(done.stderr), (done.returncode, done.stdout[:300], done.stderr[:200]))
                done = run(*command, "--model", file, "--json")
                check("    and as JSON", done.returncode == 0 and isinstance(json.loads(done.stdout.decode()), dict), (done.returncode, done.stderr[:200]))
        done = run("report", "--model", model, "--context", 10)
        check("  report, too", done.returncode == 0 and is_harmless(done.stdout) and is_harmless(done.stderr), (done.returncode, done.stderr[:200]))
        file = bytes(folder) + b"/" + name + b".gguf"
        missing = run("info", b"--model=" + file)
        check("  a file of that name that is missing is told on one line", is_error(missing) and is_harmless(missing.stderr), missing.stderr)
        shutil.copy(DEMO, file)
        for command in (["info"], ["doctor"], ["run", "--tokens", "1"], ["perf", "--context", "1"]):
            done = run(*command, b"--model=" + file, "--json")
            check(f"  {command[0]} of such a file is JSON", done.returncode == 0 and json.loads(done.stdout.decode()), (done.returncode, done.stderr[:200]))
            done = run(*command, b"--model=" + file)
            check("    and text", done.returncode == 0 and is_harmless(done.stdout) and is_harmless(done.stderr), (done.returncode, done.stdout, done.stderr[:200]))
        done = run("convert", b"--model=" + file, b"--output=" + file[:-5] + b".tern")
        check("  convert shows such an output", done.returncode == 0 and is_harmless(done.stdout), (done.returncode, done.stdout))


def generated_text() -> None:
    prompt = "a\x1b[2Jb\x9b\tc\n"
    arguments = [TERN, "run", "--prompt", prompt, "--tokens", "1", "--quiet"]
    piped = subprocess.run(arguments, stdout=subprocess.PIPE, check=True).stdout
    check("generated text goes into a pipe as it is", piped.startswith(prompt.encode()), piped)
    ours, terminal = pty.openpty()
    subprocess.run(arguments, stdout=terminal, check=True)
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    check("on a terminal it cannot steer", is_harmless(shown.replace(b"\r\n", b"\n")) and b"a\\x1b[2Jb\\xc2\\x9b\tc" in shown, shown)


def memory(folder: Path) -> None:
    # No chip takes so long a context; the golden model does, if there is memory for the cache.
    key, positions = b".context_length" + struct.pack("<I", 4), 1 << 20
    data = DEMO.read_bytes()
    at = data.index(key) + len(key)
    long = folder / "long.gguf"
    long.write_bytes(data[:at] + struct.pack("<I", positions) + data[at + 4 :])
    limit = 1400 << 20
    done = run("run", "--quiet", "--model", long, "--context", positions, "--tokens", 1, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    check("its cache is refused where memory has an end", is_error(done) and b"GB of memory" in done.stderr and b"positions" in done.stderr, (done.returncode, done.stderr[:300]))
    limit = 150 << 20
    done = run("convert", "-o", folder / "x.tern", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    check("whatever else needs more than there is says so", done.returncode == 0 or is_error(done) and b"bad_alloc" not in done.stderr, (done.returncode, done.stderr[:300]))


generated_text()
for part in (deep_files, names) if "sanitized" in sys.argv[3:] else (deep_files, names, memory):
    with tempfile.TemporaryDirectory() as directory:
        part(Path(directory))
sys.exit(failures != 0)
