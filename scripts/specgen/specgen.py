# SPDX-License-Identifier: Apache-2.0
"""Generates the facts that RTL and C++ share from model/spec/tern.yaml, model/spec/layer.yaml and
model/spec/registers.rdl.

Writes the SystemVerilog package, the C++ headers and the documentation page; with --check it writes
nothing and fails if a committed file differs from what it would write.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from decimal import Decimal, getcontext

import jinja2
import yaml
from systemrdl import RDLCompiler
from systemrdl.node import RegNode

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEMPLATES = pathlib.Path(__file__).resolve().parent
TARGETS = {
    "tern_pkg.sv.j2": "rtl/pkg/tern_pkg.sv",
    "tern_tables_pkg.sv.j2": "rtl/pkg/tern_tables_pkg.sv",
    "tern_configs.sv.j2": "rtl/chip/tern_configs.sv",
    "parts.hpp.j2": "model/spec/generated/parts.hpp",
    "spec.hpp.j2": "model/spec/generated/spec.hpp",
    "layer.hpp.j2": "model/spec/generated/layer.hpp",
    "registers.hpp.j2": "model/spec/generated/registers.hpp",
    "tables.hpp.j2": "model/spec/generated/tables.hpp",
    "registers.md.j2": "docs/registers.md",
    "memories.ld.j2": "firmware/chip/memories.ld",
}
# What every command has.
OPCODE = {"word": 0, "lsb": 0, "width": 8}
WAITS = {"word": 1, "lsb": 0, "width": 32}
SCALARS = {"u32": ("uint32_t", 4), "i32": ("int32_t", 4), "u64": ("uint64_t", 8)}
LAYER_SIZES = ("hidden", "heads", "kv_heads", "head_dim", "ffn")
TABLE_SEGMENTS = 256
SILU_SEGMENTS, SILU_OCTAVES = 64, 4  # below 1, and of each octave from 1 to 16


def fail(message: str) -> None:
    sys.exit(f"specgen: {message}")


def load_layer(path: pathlib.Path) -> dict[str, list[dict]]:
    """The norms, parts and caches of a layer, with all that their rows leave to a default."""
    layer = yaml.safe_load(path.read_text())
    norms, parts = layer["norms"], layer["parts"]
    first_use = {part["input"]: part["name"] for part in reversed(parts)}
    for norm in norms:
        norm.setdefault("before", first_use.get(norm["name"]))
        norm["shape"] = f"[{'*'.join(norm['count'])}]"
        if norm["before"] not in [part["name"] for part in parts]:
            fail(f"{path.name}: {norm['name']} comes before no part")
    for part in parts:
        part["shape"] = f"[{'*'.join(part['rows'])}, {'*'.join(part['columns'])}]"
        if part["input"] not in [norm["name"] for norm in norms]:
            fail(f"{path.name}: {part['name']} has no input {part['input']}")
    for item in norms + parts:
        item.setdefault("hf_bitnet", item["hf"])
        for size in [size for key in ("count", "rows", "columns") for size in item.get(key, [])]:
            if size not in LAYER_SIZES:
                fail(f"{path.name}: {item['name']}: {size} is none of {', '.join(LAYER_SIZES)}")
    return layer


def layout_structs(structs: list[dict], layer: dict[str, list[dict]]) -> None:
    """Gives every field its C++ type and offset, every struct its size; refuses hidden padding.

    A field with `by` is an array with an element for each norm or part. `flat` has every element as
    a field of its own.
    """
    known = {name: (ctype, size, size) for name, (ctype, size) in SCALARS.items()}
    for struct in structs:
        fields = struct["fields"]
        for i in reversed([i for i, field in enumerate(fields) if "each" in field]):
            fields[i : i + 1] = [fields[i] | item for item in layer[fields[i]["each"]]]
        offset = align = 0
        struct["flat"] = []
        for field in fields:
            if field["type"] not in known:
                fail(f"{struct['name']}.{field['name']}: unknown type {field['type']}")
            ctype, size, field_align = known[field["type"]]
            if offset % field_align:
                fail(f"{struct['name']}.{field['name']}: offset {offset} is not a multiple of {field_align}")
            field.update(ctype=ctype, offset=offset, size=size, path=field["name"])
            elements = [field]
            if by := field.get("by"):
                field.update(ctype=f"By{by}<{ctype}>", element=size)
                elements = [
                    field | {"name": snake(item["name"]), "path": f"{field['name']}[{item['name']}]",
                             "offset": offset + i * size, "doc": f"{item['shape']}: {item['doc']}"}
                    for i, item in enumerate(layer[by.lower() + "s"])
                ]
            struct["flat"] += elements
            offset += size * len(elements)
            align = max(align, field_align)
        if offset % align:
            fail(f"{struct['name']}: size {offset} is not a multiple of {align}")
        struct["size"] = offset
        known[struct["name"]] = (struct["name"], offset, align)


def fill_gaps(name: str, fields: list[dict], bits: int) -> list[dict]:
    """The fields by their first bit, with reserved ones in the gaps, none of which crosses a word; refuses fields that overlap."""
    position, out, gaps = 0, [], 0
    for field in sorted(fields, key=lambda f: f["bit"]) + [{"bit": bits, "width": 0}]:
        if field["bit"] < position:
            fail(f"{name}.{field.get('name', 'last field')}: overlaps its neighbour, or leaves the word")
        while position < field["bit"]:
            width = min(field["bit"], (position // 32 + 1) * 32) - position
            out.append({"name": f"reserved{gaps}", "word": position // 32, "lsb": position % 32, "width": width, "doc": "0.", "reserved": True})
            gaps += 1
            position += width
        if field["width"]:
            out.append(field)
        position += field["width"]
    return out


def complete_words(words: list[dict], mmio: list[dict], constants: dict[str, int]) -> None:
    """Fills the gaps of words and of the controller's registers, and sizes the controller's windows."""
    for word in words + mmio:
        word.setdefault("width", 32)
        for field in word.setdefault("fields", []):
            field.update(word=0, bit=field["lsb"])
        word["used"] = max((field["lsb"] + field["width"] for field in word["fields"]), default=word["width"])
        word["all_fields"] = fill_gaps(word["name"], word["fields"], word["width"])
    for window in mmio:
        entries = window.setdefault("entries", None)
        if entries:
            entries["stride"] = 4 * len(entries["words"])
            entries["bytes"] = entries["stride"] * constants[entries["count"]] if "count" in entries else None


def count_message_words(enums: list[dict], structs: list[dict]) -> None:
    """Gives each kind of message the number of its words."""
    sizes = {struct["name"]: struct["size"] for struct in structs}
    for enum in enums:
        enum.setdefault("words", None)
        for value in enum["values"]:
            words = value.setdefault("words", 0)
            value["words"] = words if isinstance(words, int) else sizes[words] // 4


def complete_commands(commands: list[dict], words: int) -> list[dict]:
    """Adds opcode and waits to every command's fields, fills the gaps with reserved ones, and checks that none overlap."""
    for command in commands:
        fields = [{"name": "opcode", "doc": "ChipOpcode."} | OPCODE]
        for i, unit in enumerate(("load", "matmul", "vector", "store")):
            fields.append({"name": f"wait_{unit}", "word": WAITS["word"], "lsb": 8 * i, "width": 8, "doc": f"Completed {unit} commands to wait for, modulo 256."})
        fields += command["fields"]
        for field in fields:
            field["bit"] = 32 * field["word"] + field["lsb"]
            if field["lsb"] + field["width"] > 32:
                fail(f"{command['name']}.{field['name']}: crosses a word")
        command["fields"] = fill_gaps(command["name"], fields, 32 * words)
    return commands


def complete_parameters(parameters: list[dict], configs: list[dict]) -> None:
    """Says in words what a parameter takes, and checks that every configuration gives values that it takes."""
    for parameter in parameters:
        parameter.setdefault("type", "u32")
        if parameter["type"] == "bool":
            continue
        low, high = parameter["low"], parameter.setdefault("high", 2**32 - 1)
        multiple, power = parameter.setdefault("multiple", 1), parameter.setdefault("power_of_two", False)
        kind = "a power of two, " if power else f"a multiple of {multiple}, " if multiple > 1 else ""
        parameter.setdefault("takes", kind + (f"{low} to {high}" if high < 2**32 - 1 else f"at least {low}"))
        for config in configs:
            value = config.get(parameter["name"], parameter.get("default"))
            if value is None or not low <= value <= high or value % multiple or (power and value & (value - 1)):
                fail(f"configuration {config['name']}: {parameter['name']} is {value}: {parameter['takes']}")
    for config in configs:
        unknown = set(config) - {"name", "doc"} - {parameter["name"] for parameter in parameters}
        if unknown:
            fail(f"configuration {config['name']}: there is no parameter {', '.join(sorted(unknown))}")


def complete_enums(enums: list[dict]) -> None:
    """Checks the values, gives every property the values that have it, and says where the values have no gaps."""
    for enum in enums:
        values = [value["value"] for value in enum["values"]]
        if len(set(values)) != len(values):
            fail(f"enum {enum['name']}: two names share a value")
        if max(values) >= 1 << enum["width"]:
            fail(f"enum {enum['name']}: a value needs more than {enum['width']} bits")
        enum["dense"] = sorted(values) == list(range(len(values)))
        properties = enum.setdefault("properties", [])
        for value in enum["values"]:
            unknown = set(value.setdefault("has", [])) - {prop["name"] for prop in properties}
            if unknown:
                fail(f"enum {enum['name']}: {value['name']} has {', '.join(sorted(unknown))}, which is no property")
        for prop in properties:
            prop["of"] = [value["name"] for value in enum["values"] if prop["name"] in value["has"]]
            if not prop["of"]:
                fail(f"enum {enum['name']}: no value has {prop['name']}")


def load_registers(path: pathlib.Path) -> list[dict]:
    """Flattens the SystemRDL address map to a list of registers with fields."""
    compiler = RDLCompiler()
    compiler.compile_file(str(path))
    registers = []
    for node in compiler.elaborate().top.children(unroll=False):
        if not isinstance(node, RegNode):
            fail(f"{path}: {node.inst_name} is not a register")
        fields = [
            {
                "name": field.inst_name,
                "lsb": field.lsb,
                "width": field.width,
                "reset": field.get_property("reset") or 0,
                "access": field.get_property("sw").name,
                "desc": field.get_property("desc") or "",
            }
            for field in node.fields()
        ]
        registers.append(
            {
                "name": node.inst_name,
                "offset": node.raw_address_offset,
                "count": node.array_dimensions[0] if node.is_array else 1,
                "desc": node.get_property("desc") or "",
                "access": fields[0]["access"],
                "reset": sum(field["reset"] << field["lsb"] for field in fields),
                "fields": fields,
            }
        )
    return registers


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.lower().split("_"))


def snake(name: str) -> str:
    return "".join(("_" if c.isupper() and i else "") + c.lower() for i, c in enumerate(name))


def tables() -> dict[str, list[int]]:
    """Interpolation tables, one entry more than segments."""
    getcontext().prec = 50
    segments = range(TABLE_SEGMENTS + 1)
    exp2 = [int(((1 << 30) * Decimal(2) ** (Decimal(i) / TABLE_SEGMENTS)).to_integral_value()) for i in segments]
    ends = [Decimal(i) / SILU_SEGMENTS for i in range(SILU_SEGMENTS)]
    for octave in range(SILU_OCTAVES):
        ends += [(1 << octave) * (1 + Decimal(i) / SILU_SEGMENTS) for i in range(SILU_SEGMENTS)]
    ends.append(Decimal(1 << SILU_OCTAVES))
    silu = [int((-(1 << 24) * t / (1 + t.exp())).to_integral_value()) for t in ends]
    return {"Exp2": exp2, "Silu": silu}


def least(parameters: list[dict], configs: list[dict]) -> dict[str, int]:
    """The smallest value of every numeric parameter over the configurations."""
    numbers = [p for p in parameters if p.get("type", "u32") == "u32"]
    return {p["name"]: min(c.get(p["name"], p.get("default", 0)) for c in configs) for p in numbers}


def render() -> dict[str, str]:
    spec = yaml.safe_load((ROOT / "model/spec/tern.yaml").read_text())
    layer = load_layer(ROOT / "model/spec/layer.yaml")
    for item in spec["constants"]:
        if item["value"] == "layer.yaml":
            item["value"] = layer["image_version"]
    constants = {item["name"]: item["value"] for item in spec["constants"]}
    layout_structs(spec["structs"], layer)
    complete_parameters(spec["parameters"], spec["configs"])
    complete_enums(spec["enums"])
    count_message_words(spec["enums"], spec["structs"])
    complete_commands(spec["commands"], constants["CommandWords"])
    complete_words(spec["words"], spec["mmio"], constants)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["camel"] = camel
    environment.filters["snake"] = snake
    context = spec | {
        "layer": layer,
        "registers": load_registers(ROOT / "model/spec/registers.rdl"),
        "tables": tables(),
        "least": least(spec["parameters"], spec["configs"]),
        "data_base": constants["DataBase"],
        "opcode": OPCODE,
        "waits": WAITS,
        "banner": "Generated by scripts/specgen.sh from model/spec/tern.yaml and model/spec/registers.rdl; do not edit.",
        "layer_banner": "Generated by scripts/specgen.sh from model/spec/layer.yaml; do not edit.",
    }
    return {target: environment.get_template(name).render(context) for name, target in TARGETS.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is stale")
    check = parser.parse_args().check
    stale = []
    for target, text in render().items():
        path = ROOT / target
        if path.exists() and path.read_text() == text:
            continue
        stale.append(target)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(path.name + ".new")
            temporary.write_text(text)
            temporary.replace(path)
    if check and stale:
        fail(f"stale: {', '.join(stale)}; run scripts/specgen.sh and commit the result")
    print(f"specgen: {len(TARGETS)} files up to date" + (f", rewrote {', '.join(stale)}" if stale else ""))


if __name__ == "__main__":
    main()
