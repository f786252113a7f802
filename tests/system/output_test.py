# SPDX-License-Identifier: Apache-2.0
"""That no output of tern is lost without a word: python output_test.py TERN DEMO_MODEL [rtl]."""

import contextlib
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TERN, DEMO, RTL = str(Path(sys.argv[1]).absolute()), Path(sys.argv[2]).absolute(), "rtl" in sys.argv[3:]
failures = 0


def check(what: str, good: bool, more: object = "") -> None:
    global failures
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {what}{'' if good else f': {more}'}", flush=True)


def run(*arguments: object, **how: object) -> subprocess.CompletedProcess:
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "timeout": 240} | how
    done = subprocess.run([TERN, *map(str, arguments)], **how)
    done.text = (done.stderr or b"").decode(errors="replace")
    return done


def file_limit(size: int):
    """For preexec_fn: no file grows over `size` bytes, as on a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def full_stdout(folder: Path) -> None:
    (folder / "text.txt").write_text("Once upon a time, there was a little cat.\n")
    small = ["--tokens", "3"]
    commands = [
        ["info"], ["info", "--json"], ["doctor", "--model", DEMO], ["doctor", "--model", DEMO, "--json"], ["run", *small], ["run", *small, "--json"],
        ["eval", "--text", folder / "text.txt", *small], ["eval", "--text", folder / "text.txt", *small, "--json"],
        ["perf", "--preset", "demo", "--context", "10"], ["perf", "--preset", "demo", "--context", "10", "--json"],
        ["dram", "ddr4-2400", "--requests", "1000"], ["dram", "ddr4-2400", "--requests", "1000", "--json"],
        ["verify", "--backend", "golden:", "--tokens", "1"], ["verify", "--backend", "golden:", "--tokens", "1", "--json"],
        ["report", "--preset", "demo", "--context", "10"], ["report", "--preset", "demo", "--context", "10", "--json"],
        ["convert", "-o", folder / "full.tern"], ["synth", "--preset", "demo", "-o", folder / "full.tern", "--json"],
        ["bench", "--only", "golden:", "--seconds", "0.02"], ["bench", "--only", "golden:", "--seconds", "0.02", "--json"],
        ["--help"], ["--version"], ["run", "--help"],
    ]
    for command in commands:
        plain = run(*command)
        with open("/dev/full", "wb") as full:
            done = run(*command, stdout=full)
        name = " ".join(map(str, command[:3])).replace(str(folder), "")
        check(f"{name}: a full standard output is told", plain.returncode == 0 and plain.stdout and done.returncode == 1 and "standard output" in done.text,
              (plain.returncode, plain.text, done.returncode, done.text))
    read, write = os.pipe()
    os.close(read)
    done = run("info", stdout=write)
    os.close(write)
    check("a closed pipe does not end with status 0", done.returncode != 0, done.returncode)
    done = run("info", preexec_fn=lambda: os.close(1), stdout=None)
    check("nor does a standard output that is closed", done.returncode == 1 and "standard output" in done.text, (done.returncode, done.text))
    image = folder / "closed.tern"
    run("convert", "-o", image, preexec_fn=lambda: os.close(1), stdout=None)
    check("  and nothing goes into a file in its place", run("info", "--model", image).returncode == 0)


def outputs_onto_inputs(folder: Path) -> None:
    model = folder / "a.gguf"
    shutil.copy(DEMO, model)
    (folder / "link.gguf").symlink_to("a.gguf")
    os.link(model, folder / "hard.gguf")
    (folder / "below").mkdir()
    for name in ("a.gguf", "./a.gguf", "below/../a.gguf", str(model), "link.gguf", "hard.gguf"):
        done = run("convert", "--model", "a.gguf", "-o", name, cwd=folder)
        check(f"convert onto its input as {name.replace(str(folder), '...')} is refused", done.returncode == 1 and "which is read" in done.text, done.text)
    check("  and the model is as it was", model.read_bytes() == DEMO.read_bytes() and (folder / "link.gguf").is_symlink())
    hugging = folder / "hf"
    hugging.mkdir()
    (hugging / "config.json").write_text("{}")
    done = run("convert", "--model", hugging, "-o", hugging / "config.json")
    check("convert onto a file of its input folder is refused", done.returncode == 1 and "which is read" in done.text, done.text)
    if RTL:
        done = run("run", "--model", model, "--backend", "rtl:nano", "--tokens", 1, "--prompt", "a", "--timeline", folder / "link.gguf")
        check("a timeline onto the model is refused", done.returncode == 1 and "which is read" in done.text, done.text)
        done = run("run", "--backend", "rtl:nano", "--tokens", 1, "--prompt", "a", "--timeline", folder / "w", "--trace", folder / "below/../w")
        check("so are a trace and a timeline of one name", done.returncode == 1 and "two names" in done.text, done.text)
    done = run("report", "--preset", model, "--context", 10, "-o", folder / "hard.gguf")
    check("so is a report's page onto its model", done.returncode == 1 and model.read_bytes() == DEMO.read_bytes(), done.text)


def links_and_modes(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "l.tern").symlink_to("real/m.tern")
    check("convert writes where a link points to", run("convert", "-o", folder / "l.tern").returncode == 0)
    check("  which stays a link", (folder / "l.tern").is_symlink() and (folder / "real/m.tern").is_file())
    (folder / "real/m.tern").chmod(0o600)
    check("again, onto a file of mode 600", run("convert", "-o", folder / "l.tern").returncode == 0)
    check("  which keeps it", stat.S_IMODE((folder / "real/m.tern").stat().st_mode) == 0o600)
    old = os.umask(0o027)
    run("convert", "-o", folder / "new.tern")
    os.umask(old)
    check("a new file has the mode that the umask leaves", stat.S_IMODE((folder / "new.tern").stat().st_mode) == 0o640)


def full_disk(folder: Path) -> None:
    limit = {"preexec_fn": file_limit(100_000), "cwd": folder}
    commands = [["convert", "-o", "x.out"], ["synth", "--preset", "demo", "-o", "x.out"], ["report", "--preset", "demo", "--context", 10, "-o", "x.out"]]
    short = ["run", "--backend", "rtl:nano", "--prompt", "a", "--tokens", "1", "--quiet"]
    if RTL:
        commands += [[*short, "--timeline", "x.out"], [*short, "--trace", "x.out"]]
    for command in commands:
        done = run(*command, **limit)
        check(f"{' '.join(map(str, command[-4:]))}: a full disk is told and leaves nothing", done.returncode == 1 and done.text.startswith("tern: error: ")
              and "cannot write" in done.text and not list(folder.iterdir()), (done.returncode, done.text, list(folder.iterdir())))
    if RTL:
        # The list of signals fits, the trace does not: noticed long before the end of the run.
        done = run(*short[:4], "b" * 200, *short[5:], "--trace", "x.out", preexec_fn=file_limit(1_000_000), cwd=folder)
        check("a trace that finds no more room stops the run", done.returncode == 1 and "cannot write the trace" in done.text and not list(folder.iterdir()), done.text)


def fst_blocks(path: Path) -> list[int]:
    """Kinds of the blocks of an FST file, each of which says its length; fails when they do not end with the file."""
    data, at, kinds = path.read_bytes(), 0, []
    while at < len(data):
        kinds.append(data[at])
        at += 1 + int.from_bytes(data[at + 1 : at + 9], "big")
    assert at == len(data), (at, len(data))
    return kinds


def recordings(folder: Path) -> None:
    both = ["run", "--backend", "rtl:nano", "--prompt", "a", "--quiet", "--trace", "w.fst", "--timeline", "t.json"]
    header, geometry, hierarchy = 0, 3, {4, 6, 7}
    done = run(*both, "--tokens", "1", cwd=folder)
    whole = fst_blocks(folder / "w.fst")
    check("a trace has all its blocks", done.returncode == 0 and whole[0] == header and geometry in whole and hierarchy & set(whole), (done.text, whole))
    check("a timeline is JSON", len(json.loads((folder / "t.json").read_text())["traceEvents"]) > 100)
    check("nothing lies beside them", sorted(p.name for p in folder.iterdir()) == ["t.json", "w.fst"])
    for path in folder.iterdir():
        path.unlink()
    with subprocess.Popen([TERN, *both, "--tokens", "100"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.read(1)  # the prompt is read: the chip is at work
        time.sleep(1)
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=60)
    check("an interrupted run ends by the signal", child.returncode == -signal.SIGINT, child.returncode)
    cut = fst_blocks(folder / "w.fst")
    check("  its trace is whole until then", cut[0] == header and geometry in cut and hierarchy & set(cut), cut)
    check("  so is its timeline", len(json.loads((folder / "t.json").read_text())["traceEvents"]) > 10)
    check("  and nothing lies beside them", sorted(p.name for p in folder.iterdir()) == ["t.json", "w.fst"], list(folder.iterdir()))


NO_TMPFILE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/types.h>
static int opened(const char* name, const char* path, int flags, mode_t mode) {
  if ((flags & O_TMPFILE) == O_TMPFILE) return errno = EOPNOTSUPP, -1;
  return ((int (*)(const char*, int, ...))dlsym(RTLD_NEXT, name))(path, flags, mode);
}
int open(const char* path, int flags, ...) { va_list a; va_start(a, flags); return opened("open", path, flags, va_arg(a, mode_t)); }
int open64(const char* path, int flags, ...) { va_list a; va_start(a, flags); return opened("open64", path, flags, va_arg(a, mode_t)); }
"""


def file_systems_without_nameless_files(folder: Path) -> None:
    (folder / "shim.c").write_text(NO_TMPFILE)
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", folder / "shim.so", folder / "shim.c", "-ldl"], check=True)
    place = folder / "place"
    place.mkdir()
    environment = os.environ | {"LD_PRELOAD": str(folder / "shim.so")}
    for how in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen([TERN, "synth", "--preset", "bitnet-2b4t", "--layers", "4", "-o", place / "s.tern", "--quiet"], env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            while child.poll() is None and not list(place.iterdir()):
                time.sleep(0.01)
            names = [p.name for p in place.iterdir()]
            child.send_signal(how)
            child.communicate(timeout=60)
        check(f"{how.name} removes a temporary file that has a name", names and names[0].startswith(".s.tern") and child.returncode == -how and not list(place.iterdir()),
              (names, child.returncode, list(place.iterdir())))
    done = run("convert", "-o", place / "m.tern", env=environment)
    check("without one, files come whole too", done.returncode == 0 and [p.name for p in place.iterdir()] == ["m.tern"], done.text)


def small_tmpfs(folder: Path) -> None:
    """As a file limit, but a file system that is full: as root alone."""
    if not RTL or os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder], stderr=subprocess.DEVNULL).returncode != 0:
        return
    try:
        for flag in ("--trace", "--timeline"):
            done = run("run", "--backend", "rtl:nano", "--prompt", "a", "--tokens", "1", "--quiet", flag, folder / "x.out")
            check(f"{flag} into a full tmpfs is told and leaves nothing", done.returncode == 1 and "cannot write" in done.text and not list(folder.iterdir()), (done.returncode, done.text))
    finally:
        subprocess.run(["umount", folder], check=True)


for part in (full_stdout, outputs_onto_inputs, links_and_modes, full_disk, file_systems_without_nameless_files, small_tmpfs, *([recordings] if RTL else [])):
    with tempfile.TemporaryDirectory() as directory, contextlib.suppress(KeyboardInterrupt):
        part(Path(directory))
sys.exit(failures != 0)
