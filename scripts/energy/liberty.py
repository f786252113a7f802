# SPDX-License-Identifier: Apache-2.0
"""What the measurements need from a liberty file beside what yosys and OpenSTA read themselves."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from errors import EnergyError

GROUP = r"^[ \t]*{kind}[ \t]*\([ \t]*\"?([\w$]*)\"?[ \t]*\)[ \t]*\{{"
UNITS = {"pf": 1e-12, "ff": 1e-15}


def groups(text: str, kind: str):
    """(start, end, name, body) of each group `kind (name) {...}`, in order; nested braces included."""
    pattern = re.compile(GROUP.format(kind=kind), re.M)
    at = 0
    while match := pattern.search(text, at):
        depth, at = 1, match.end()
        while depth:
            close = text.find("}", at)
            if close < 0:
                raise EnergyError(f"liberty: the group {kind} ({match[1]}) does not end")
            opening = text.find("{", at, close)
            depth += 1 if opening >= 0 else -1
            at = (opening if opening >= 0 else close) + 1
        yield match.start(), at, match[1], text[match.end() : at - 1]


def attribute(text: str, name: str) -> str | None:
    match = re.search(rf"^[ \t]*{name}[ \t]*:[ \t]*\"?([^\";\n]+?)\"?[ \t]*;?[ \t]*$", text, re.M)
    return match and match[1]


def read_templates(text: str):
    """(variables, default indices) of every table template."""
    templates, points = {}, {}
    for kind in ("lu_table_template", "power_lut_template"):
        for _, _, name, body in groups(text, kind):
            templates[name] = re.findall(r"variable_\d\s*:\s*\"?(\w+)", body)
            points[name] = [
                [float(v) for v in re.findall(r"[\d.eE+-]+", index)]
                for index in re.findall(r"index_\d\s*\(\s*([^)]*)\)", body)
            ]
    return templates, points


def typical_slew(bodies: dict[str, str]) -> float:
    """The middle of the transition times that the library's first rise_transition table gives."""
    for body in bodies.values():
        for _, _, _, table in groups(body, "rise_transition"):
            values = re.search(r"values\s*\(([^;]*)\)", table, re.S)
            if values:
                found = sorted(float(v) for v in re.findall(r"[\d.]+(?:[eE][-+]?\d+)?", values[1]))
                return found[len(found) // 4]
    return 0.0


@dataclass(eq=False)  # hashed by identity: one file, one library
class Library:
    """A liberty file: its conditions, the capacitance of every input pin in farads, the area of every
    cell."""

    path: Path
    sha256: str
    library: str
    voltage: float
    temperature: float
    corner: str
    farads: float  # the unit of capacitance
    pins: dict[tuple[str, str], float] = field(repr=False)
    areas: dict[str, float] = field(repr=False)
    bodies: dict[str, str] = field(repr=False)  # text of each cell
    templates: dict[str, list[str]] = field(repr=False)  # variables of each table template
    points: dict[str, list[list[float]]] = field(repr=False)  # and its default indices
    leakage_unit: tuple[float, str] = (1.0, "nW")
    volts: float = 1.0  # the unit of voltage
    slew: float = 0.0  # at a block's inputs, in the unit of time: the middle of the tables

    @staticmethod
    def read(path: Path) -> "Library":
        try:
            text = path.read_text(errors="replace")
        except OSError as error:
            raise EnergyError(f"liberty: cannot read {path}: {error.strerror}") from error
        head = re.search(r"library[ \t]*\([ \t]*\"?([\w$]+)", text)
        unit = re.search(r"capacitive_load_unit\s*\(\s*\"?([\d.]+)\"?\s*,\s*\"?(\w+)", text)
        voltage = attribute(text, "nom_voltage")
        if not head or not unit or unit[2].lower() not in UNITS or not voltage:
            raise EnergyError(
                f"liberty: {path} has no library name, nom_voltage or capacitive_load_unit; "
                "give a whole liberty file (parts: see scripts/energy/merge_liberty.py)"
            )
        scale = float(unit[1]) * UNITS[unit[2].lower()]
        pins, areas, bodies = {}, {}, {}
        templates, points = read_templates(text)
        leak = re.search(r"leakage_power_unit\s*:\s*\"?([\d.]+)(\w+)", text)
        volts = re.search(r"voltage_unit\s*:\s*\"?([\d.]+)(m?)V", text)
        for _, _, cell, body in groups(text, "cell"):
            bodies[cell] = body
            areas[cell] = float(attribute(body, "area") or 0)
            for _, _, pin, pin_body in groups(body, "pin"):
                value = attribute(pin_body, "capacitance")
                if value and attribute(pin_body, "direction") == "input":
                    pins[cell, pin] = float(value) * scale
        return Library(
            path=path,
            sha256=hashlib.sha256(text.encode(errors="replace")).hexdigest(),
            library=head[1],
            voltage=float(voltage),
            temperature=float(attribute(text, "nom_temperature") or "nan"),
            corner=attribute(text, "default_operating_conditions") or "typical",
            farads=scale,
            pins=pins,
            areas=areas,
            bodies=bodies,
            templates=templates,
            points=points,
            leakage_unit=(float(leak[1]), leak[2]) if leak else (1.0, "nW"),
            volts=float(volts[1]) * (1e-3 if volts[2] else 1.0) if volts else 1.0,
            slew=typical_slew(bodies),
        )
