# SPDX-License-Identifier: Apache-2.0
"""What goes into a block and what must come out, cycle by cycle."""

from dataclasses import dataclass, field


@dataclass
class Stimulus:
    """inputs[i] is applied after rising edge i, expected[i] is what the named outputs show just
    before edge i + 1; outputs that are not named may be anything. Activity is counted from cycle
    `warmup` on, and `operations` says what was done in the cycles that are counted."""

    inputs: list[dict[str, int]] = field(default_factory=list)
    expected: list[dict[str, int]] = field(default_factory=list)
    warmup: int = 0
    operations: dict[str, int] = field(default_factory=dict)
