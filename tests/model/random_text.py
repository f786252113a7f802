# SPDX-License-Identifier: Apache-2.0
"""Random lines of mixed scripts, digits, spaces, emoji and code, for comparing tokenizers."""

import random
import unicodedata

SCRIPTS = [
    (0x21, 0x7F), (0xA1, 0x180), (0x370, 0x400), (0x400, 0x530), (0x530, 0x590), (0x590, 0x600), (0x600, 0x700),
    (0x900, 0x980), (0xE00, 0xE80), (0x10A0, 0x1100), (0x1100, 0x1200), (0x1E00, 0x1F00), (0x2000, 0x2070),
    (0x2070, 0x20D0), (0x2190, 0x2200), (0x2200, 0x2300), (0x2460, 0x2500), (0x3040, 0x3100), (0x4E00, 0x5200),
    (0xAC00, 0xAE00), (0xFB00, 0xFB50), (0xFF00, 0xFFF0), (0x10400, 0x10450), (0x1D400, 0x1D500), (0x1F300, 0x1F650),
    (0x20000, 0x20100),
]
WORDS = """the and of to in is Once upon time hello world Hello WORLD tokenizer ternary accelerator isn't I'm we'll you've
they're he'd it's IT'S WE'LL YOU'RE don't Tim's 'tis o'clock naïve Ärger façade Привет мир こんにちは 世界 日本語 안녕하세요 مرحبا
שלום नमस्ते สวัสดี e\u0301 Å A\u030a ﬁ ſ 'ſ ½ ² Ⅷ ٣٤ 零 0 7 42 123 1234 12345 3.14 1e-9 0x1F 2026-01-31 $9.99 100%""".split()
CODE = ["for (int i = 0; i < n; ++i) {", "    return x[i] * 2;", "}", "\t\tif x != y:", "def f(a, b=None):", "a->b.c();", "<div>",
        "</div>", "#include <vector>", "\\n\\t", "/* ... */", "// ----------", "x += 1;;;", "===", "&&", "::", "{{}}", "[[0]]"]
SPACES = [" ", " ", " ", "  ", "   ", "        ", "\t", "\n", "\n\n", "\r\n", " \n", "\n  ", "\u00a0", "\u3000", "\u2009", "\x0b", "\x0c",
          "\x85", "\u2028", "\u200b", "\ufeff", "\x1c"]
EMOJI = ["😀", "👍🏽", "👩\u200d👩\u200d👧", "🇩🇪", "❤️", "1️⃣", "🏴\U000e0067\U000e0062\U000e007f"]


def _character(source: random.Random) -> str:
    """A character that is assigned, so that tables of different Unicode versions agree on it."""
    while True:
        low, high = source.choice(SCRIPTS)
        character = chr(source.randrange(low, high))
        # U+2581 is how SentencePiece spells a space.
        if unicodedata.category(character) not in ("Cn", "Cs") and character != "\u2581":
            return character


def line(source: random.Random) -> str:
    """One text of up to some hundred characters; may hold line ends."""
    parts = []
    for _ in range(source.randrange(1, 16)):
        kind = source.random()
        if kind < 0.45:
            parts.append(source.choice(WORDS))
        elif kind < 0.6:
            parts.append("".join(_character(source) for _ in range(source.randrange(1, 9))))
        elif kind < 0.7:
            parts.append(source.choice(CODE))
        elif kind < 0.76:
            parts.append(str(source.randrange(10 ** source.randrange(1, 14))))
        elif kind < 0.82:
            parts.append(source.choice(EMOJI))
        else:
            parts.append(source.choice(SPACES) * source.randrange(1, 4))
        if source.random() < 0.6:
            parts.append(source.choice(SPACES))
    return "".join(parts)


def lines(seed: int, count: int) -> list[str]:
    source = random.Random(seed)
    return [line(source) for _ in range(count)]
