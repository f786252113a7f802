# SPDX-License-Identifier: Apache-2.0
"""Power of a netlist from the tables of its library and the activity of a simulation.

Switching: C V^2 / 2 for every transition of a net that a cell drives, C of the input pins on it.
Internal: the tables of internal_power at the edges' slew and the net's load. Leakage: as given.

OpenSTA 2.0.17 would do this, but not with activities of its user's: its own propagation overwrites
them at every pin that it reaches, and it charges rise and fall for each transition."""

from dataclasses import dataclass
from functools import lru_cache

from cells import Cell, read_cell
from gatesim import Activity
from liberty import Library
from synthesis import Netlist

ROUNDS = 3  # of slews through the netlist: they depend little on the slew before


@dataclass(frozen=True)
class Power:
    """Watts of the cells and the nets that they drive."""

    internal: float
    switching: float
    leakage: float

    @property
    def total(self) -> float:
        return self.internal + self.switching + self.leakage


@lru_cache
def cell_of(library: Library, name: str) -> Cell:
    return read_cell(library, name)


def net_capacitance(netlist: Netlist, library: Library, net: str) -> float:
    """Farads of the input pins on a net."""
    pins = netlist.nets.get(net, [])
    return sum(library.pins.get((p.cell, p.pin), 0.0) for p in pins if not p.output)


def port_energy(netlist: Netlist, library: Library, activity: Activity) -> tuple[float, float]:
    """Joules a cycle that drivers outside of the block spend on its input pins: (clock, others).

    C V^2 / 2 a toggle with the pins' capacitances. OpenSTA counts a net with its driver, and the
    block's inputs have none."""
    clock = others = 0.0
    for net in netlist.input_bits:
        energy = net_capacitance(netlist, library, net) * library.voltage**2 / 2
        if net == "clk_i":
            clock += 2 * energy
        else:
            others += energy * activity.toggles.get(net, 0) / activity.cycles
    return clock, others


class Instances:
    """The netlist by instance: the net of each pin."""

    def __init__(self, netlist: Netlist, library: Library):
        self.pins: dict[str, dict[str, str]] = {name: {} for name in netlist.cells}
        self.cells = {name: cell_of(library, cell) for name, cell in netlist.cells.items()}
        for net, pins in netlist.nets.items():
            for pin in pins:
                self.pins[pin.instance][pin.pin] = net
        self.load = {
            net: net_capacitance(netlist, library, net) / library.farads for net in netlist.nets
        }

    def slews(self, start: float) -> dict[str, float]:
        """Transition time of each net in the library's unit; `start` at the block's inputs."""
        slews = {net: start for net in self.load}
        for _ in range(ROUNDS):
            following = dict(slews)
            for name, pins in self.pins.items():
                for output, arcs in self.cells[name].transitions.items():
                    if output not in pins:
                        continue
                    net = pins[output]
                    times = [
                        table.at(slews.get(pins.get(related, ""), start), self.load[net])
                        for related, table in arcs
                    ]
                    following[net] = sum(times) / len(times) if times else start
            slews = following
        return slews


def internal_energy(cell: Cell, pins: dict[str, str], load, slews, toggles, start: float) -> float:
    """Energy of an instance in the library's unit, for all transitions of its pins.

    A transition of an output costs the mean of the arcs to it, each weighted with the transitions
    of its input. One of an input costs what its own table says where no output follows it."""
    energy, outputs = 0.0, 0
    for output, arcs in cell.arc_power.items():
        if output not in pins:
            continue
        net = pins[output]
        count = toggles.get(net, 0)
        outputs = max(outputs, count)
        weights = [toggles.get(pins.get(related, ""), 0) for related, _ in arcs]
        total = sum(weights)
        for (related, table), weight in zip(arcs, weights):
            share = weight / total if total else 0.0
            if count and share:
                slew = slews.get(pins.get(related, ""), start)
                energy += count * share * table.at(slew, load[net])
    inputs = {pin: toggles.get(net, 0) for pin, net in pins.items() if pin in cell.pin_power}
    total = sum(inputs.values())
    for pin, count in inputs.items():
        if cell.clock is None:
            alone = max(0.0, count - outputs * count / total) if total else 0.0
        else:  # an edge of the clock that moves an output is in the table of that output
            alone = max(0, count - outputs) if pin == cell.clock else count
        energy += alone * cell.pin_power[pin].at(slews.get(pins[pin], start), 0.0)
    return energy


def power(netlist: Netlist, library: Library, period: float, activity: Activity) -> dict[str, Power]:
    """Watts by kind of cell: sequential, combinational, total."""
    graph = Instances(netlist, library)
    start = library.slew
    slews = graph.slews(start)
    seconds = activity.cycles * period
    unit = library.farads * library.volts**2 / seconds
    sums = {"sequential": [0.0, 0.0, 0.0], "combinational": [0.0, 0.0, 0.0]}
    for name, pins in graph.pins.items():
        cell = graph.cells[name]
        into = sums["combinational" if cell.clock is None else "sequential"]
        into[0] += unit * internal_energy(cell, pins, graph.load, slews, activity.toggles, start)
        charge = sum(
            graph.load[pins[o]] * activity.toggles.get(pins[o], 0)
            for o in cell.outputs if o in pins
        )
        into[1] += charge * library.farads * library.voltage**2 / 2 / seconds
        into[2] += cell.leakage
    result = {kind: Power(*values) for kind, values in sums.items()}
    result["total"] = Power(*(a + b for a, b in zip(*sums.values())))
    return result
