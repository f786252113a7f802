# SPDX-License-Identifier: Apache-2.0
"""Energy tables of a library's cells."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from errors import EnergyError
from liberty import Library, attribute, groups

LOAD = "total_output_net_capacitance"
POWERS = {"W": 1.0, "mW": 1e-3, "uW": 1e-6, "nW": 1e-9, "pW": 1e-12}


def numbers(text: str) -> list[float]:
    return [float(v) for v in re.findall(r"-?[\d.]+(?:[eE][-+]?\d+)?", text)]


@dataclass
class Table:
    """Values over slew and load, one of them or neither; linear between points, constant outside."""

    slews: list[float]
    loads: list[float]
    values: list[list[float]]  # [slew][load]

    def at(self, slew: float, load: float) -> float:
        i, a = place(self.slews, slew)
        j, b = place(self.loads, load)
        v = self.values
        low = v[i][j] if b == 0 else v[i][j] * (1 - b) + v[i][j + 1] * b
        if a == 0:
            return low
        high = v[i + 1][j] if b == 0 else v[i + 1][j] * (1 - b) + v[i + 1][j + 1] * b
        return low * (1 - a) + high * a


def place(points: list[float], x: float) -> tuple[int, float]:
    """(i, part): x lies that part of the way from point i to the next."""
    if len(points) < 2 or x <= points[0]:
        return 0, 0.0
    if x >= points[-1]:
        return len(points) - 1, 0.0
    i = bisect_right(points, x) - 1
    return i, (x - points[i]) / (points[i + 1] - points[i])


def mean(tables: list[Table]) -> Table:
    """Of tables over different points: at those of the first."""
    first = tables[0]
    values = [
        [sum(t.at(s, l) for t in tables) / len(tables) for l in first.loads or [0.0]]
        for s in first.slews or [0.0]
    ]
    return Table(first.slews, first.loads, values)


def read_table(library: Library, template: str, body: str) -> Table:
    variables = library.templates.get(template, [])
    index = {
        int(n): numbers(v) for n, v in re.findall(r"index_(\d)\s*\(\s*([^)]*)\)", body)
    }
    values = re.search(r"values\s*\(([^;]*)\)\s*;?", body, re.S)
    if not values:
        raise EnergyError(f"liberty: a table of {library.path} has no values")
    flat = numbers(values[1])
    if not variables or len(flat) == 1:
        return Table([], [], [[flat[0]]])
    axes = [index.get(i + 1, library.points[template][i]) for i in range(len(variables))]
    if len(axes) == 1:
        loads = variables[0] == LOAD
        return Table([], axes[0], [flat]) if loads else Table(axes[0], [], [[v] for v in flat])
    rows = [flat[i : i + len(axes[1])] for i in range(0, len(flat), len(axes[1]))]
    if variables[0] == LOAD:
        return Table(axes[1], axes[0], [list(row) for row in zip(*rows)])
    return Table(axes[0], axes[1], rows)


@dataclass
class Cell:
    """Of one cell, in the library's units: transition times and energies of the arcs to each output
    as (related pin, table), energies of each input; the mean of rise and fall everywhere. Leakage
    in watts. clock is the pin of a register's clock, None of other cells."""

    clock: str | None = None
    outputs: list[str] = field(default_factory=list)
    transitions: dict[str, list[tuple[str, Table]]] = field(default_factory=dict)
    arc_power: dict[str, list[tuple[str, Table]]] = field(default_factory=dict)
    pin_power: dict[str, Table] = field(default_factory=dict)
    leakage: float = 0.0


def both_edges(library: Library, body: str, what: str) -> list[Table]:
    return [
        read_table(library, template, table)
        for kind in what.split()
        for _, _, template, table in groups(body, kind)
    ]


def by_related(library: Library, body: str, group: str, tables: str) -> dict[str, Table]:
    """Of all groups of a pin with tables: the mean for each related pin, "" where there is none."""
    found: dict[str, list[Table]] = {}
    for _, _, _, inner in groups(body, group):
        if attribute(inner, "related_pg_pin") in ("VSS", "GND"):
            continue  # the same charge, seen from the ground
        for related in (attribute(inner, "related_pin") or "").split() or [""]:
            found.setdefault(related, []).extend(both_edges(library, inner, tables))
    return {related: mean(t) for related, t in found.items() if t}


def read_cell(library: Library, name: str) -> Cell:
    """Raises EnergyError if the library has no such cell."""
    if name not in library.bodies:
        raise EnergyError(f"liberty: {library.path} has no cell {name}")
    body = library.bodies[name]
    cell = Cell()
    unit = POWERS[library.leakage_unit[1]] * library.leakage_unit[0]
    leaks = [float(attribute(g, "value") or 0) for _, _, _, g in groups(body, "leakage_power")]
    given = attribute(body, "cell_leakage_power")
    cell.leakage = unit * (float(given) if given else sum(leaks) / max(len(leaks), 1))
    sequential = re.search(r"^[ \t]*ff[ \t]*\(", body, re.M) is not None
    for _, _, pin, pin_body in groups(body, "pin"):
        if sequential and attribute(pin_body, "clock") == "true":
            cell.clock = pin
        energies = by_related(library, pin_body, "internal_power", "rise_power fall_power power")
        if attribute(pin_body, "direction") == "output":
            cell.outputs.append(pin)
            arcs = by_related(library, pin_body, "timing", "rise_transition fall_transition")
            cell.transitions[pin] = list(arcs.items())
            cell.arc_power[pin] = list(energies.items())
        elif energies:
            cell.pin_power[pin] = mean(list(energies.values()))
    if sequential and cell.clock is None:
        clocked = re.search(r"clocked_on\s*:\s*\"?\(?(\w+)", body)
        cell.clock = clocked[1] if clocked else "CLK"
    return cell
