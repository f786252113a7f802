# SPDX-License-Identifier: Apache-2.0
"""The measuring flow of scripts/energy on OSU018: a circuit whose activity and switching power are
known, faults that must be noticed, and one block of the chip from end to end.

    flow_test.py [FOLDER_OF_THE_PROGRAMS]
"""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts" / "energy"))

import yaml  # noqa: E402

import gatesim  # noqa: E402
import merge_liberty  # noqa: E402
import power  # noqa: E402
import timing  # noqa: E402
import vectors  # noqa: E402
import workloads  # noqa: E402
from cells import Cell, Table, read_cell  # noqa: E402
from errors import EnergyError  # noqa: E402
from liberty import Library  # noqa: E402
from measure import Block, measure  # noqa: E402
from operands import Operands  # noqa: E402
from stimulus import Stimulus  # noqa: E402
from synthesis import synthesise  # noqa: E402

LIBERTY = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
PERIOD = 8000  # ps
COUNTER = Block("counter", "", "counter", ["tests/energy/counter.sv"], [])
PROGRAMS = Path(sys.argv.pop(1)) if len(sys.argv) > 1 else ROOT / "build"
OPERANDS = PROGRAMS / "tern_operands"


def counting(cycles: int) -> Stimulus:
    """Reset, then a count in every cycle; activity from a count of 0 on."""
    s = Stimulus(warmup=4)
    for i in range(cycles + 4):
        on = int(i >= 4)
        s.inputs.append({"rst_ni": int(i >= 2), "en_i": on})
        s.expected.append({"count_o": max(i - 4, 0) % 4})
    return s


class Flow(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.library = Library.read(LIBERTY)
        cls.path = Path(cls.folder.name) / "counter"
        cls.path.mkdir()
        cls.netlist = synthesise(COUNTER, cls.library, ROOT, cls.path, PERIOD)
        cls.slack = timing.timing(cls.netlist, cls.library, PERIOD * 1e-12)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_library_is_read_as_it_stands_in_the_file(self):
        self.assertEqual(self.library.voltage, 1.8)
        self.assertAlmostEqual(self.library.pins["INVX1", "A"] * 1e15, 9.32456, places=4)

    def test_counter_toggles_as_a_counter_does(self):
        activity = gatesim.simulate(self.netlist, counting(64), PERIOD)
        self.assertEqual(activity.cycles, 64)
        self.assertEqual(activity.toggles["clk_i"], 2 * 64 - 1)  # dumped from its first edge on
        # The first count shows a cycle after the enable.
        self.assertEqual(activity.toggles["count_o[0]"], 63)
        self.assertEqual(activity.toggles["count_o[1]"], 31)
        self.assertAlmostEqual(activity.high["count_o[0]"], 0.5, delta=0.05)
        self.assertEqual(self.netlist.flip_flops, 2)
        self.assertGreater(self.slack, 5e-9)

    def test_switching_power_is_half_c_v_squared_for_each_toggle(self):
        activity = gatesim.simulate(self.netlist, counting(64), PERIOD)
        watts = power.power(self.netlist, self.library, PERIOD * 1e-12, activity)["total"]
        joules = 0.0
        for net, pins in self.netlist.nets.items():
            if net in self.netlist.input_bits:
                continue
            loads = sum(self.library.pins[p.cell, p.pin] for p in pins if not p.output)
            joules += loads * 1.8**2 / 2 * activity.toggles[net]
        self.assertGreater(joules, 0)
        self.assertAlmostEqual(watts.switching * 64 * PERIOD * 1e-12 / joules, 1, delta=0.03)
        self.assertGreater(watts.internal, 0)
        self.assertGreater(watts.leakage, 0)

    def test_switching_agrees_with_opensta_where_every_net_toggles_once_a_cycle(self):
        script = self.path / "global.tcl"
        script.write_text(
            timing.setup(self.netlist, self.library, PERIOD * 1e-12)
            + "set_power_activity -global -activity 1 -duty 0.5\nreport_power -digits 8\n"
        )
        out = subprocess.run(["sta", "-no_splash", "-exit", script], capture_output=True, text=True)
        opensta = float(re.search(r"^Total\s+\S+\s+(\S+)", out.stdout, re.M)[1])
        every = gatesim.Activity(cycles=1, toggles={net: 1 for net in self.netlist.nets})
        ours = power.power(self.netlist, self.library, PERIOD * 1e-12, every)["total"]
        self.assertGreater(opensta, 0)
        self.assertAlmostEqual(ours.switching / opensta, 1, delta=0.03)

    def test_inputs_pay_for_the_pins_that_they_drive(self):
        activity = gatesim.simulate(self.netlist, counting(64), PERIOD)
        clock, others = power.port_energy(self.netlist, self.library, activity)
        pins = sum(self.library.pins[p.cell, p.pin] for p in self.netlist.nets["clk_i"])
        self.assertAlmostEqual(clock / (pins * 1.8**2), 1)
        enable = sum(self.library.pins[p.cell, p.pin] for p in self.netlist.nets["en_i"])
        self.assertLessEqual(others, enable * 1.8**2 / 2 / 64 * 1.001)  # one edge, at most

    def test_a_wrong_expectation_fails_with_its_cycle(self):
        stimulus = counting(16)
        stimulus.expected[9]["count_o"] ^= 1
        with self.assertRaisesRegex(EnergyError, "MISMATCH cycle 9"):
            gatesim.simulate(self.netlist, stimulus, PERIOD)

    def test_a_wrong_gate_fails(self):
        verilog = self.path / "netlist.v"
        good = verilog.read_text()
        self.assertIn("XOR2X1", good + "XOR2X1" * ("XNOR2X1" in good))
        cells = dict(self.netlist.cells)
        instance = next(i for i, c in cells.items() if c in ("XOR2X1", "XNOR2X1", "NAND2X1"))
        other = "NOR2X1"
        try:
            self.netlist.cells[instance] = other
            verilog.write_text(good.replace(f"{cells[instance]} {instance} ", f"{other} {instance} "))
            self.assertNotEqual(verilog.read_text(), good)
            with self.assertRaisesRegex(EnergyError, "differs from what is expected"):
                gatesim.simulate(self.netlist, counting(16), PERIOD)
        finally:
            verilog.write_text(good)
            self.netlist.cells = cells

    def test_a_clock_that_is_too_fast_fails(self):
        with self.assertRaisesRegex(EnergyError, "differs from what is expected"):
            gatesim.simulate(self.netlist, counting(16), 300)

    def test_nothing_compared_is_an_error(self):
        stimulus = counting(8)
        stimulus.expected = [{} for _ in stimulus.inputs]
        with self.assertRaisesRegex(EnergyError, "no output is compared"):
            gatesim.simulate(self.netlist, stimulus, PERIOD)

    def test_glitches_are_transitions_that_do_not_last(self):
        dump = self.path / "glitch.vcd"
        dump.write_text(
            "$var wire 1 ! a $end\n$var wire 2 % b [1:0] $end\n$enddefinitions $end\n"
            "#0\n$dumpvars\n0!\nb00 %\n$end\n#10\n1!\n#20\n0!\n#110\nb11 %\n#120\nb10 %\n#199\n"
        )
        activity = gatesim.read_activity(dump, 100)
        self.assertEqual(activity.cycles, 2)
        self.assertEqual((activity.toggles["a"], activity.settled["a"]), (2, 0))
        self.assertEqual((activity.toggles["b[0]"], activity.settled["b[0]"]), (2, 0))
        self.assertEqual((activity.toggles["b[1]"], activity.settled["b[1]"]), (1, 1))


class Tables(unittest.TestCase):
    """Energies of INVX1 of OSU018, by hand from its tables in the liberty file."""

    @classmethod
    def setUpClass(cls):
        cls.library = Library.read(LIBERTY)
        cls.cell = read_cell(cls.library, "INVX1")

    def test_table_is_linear_between_its_points_and_constant_outside(self):
        table = Table([1.0, 3.0], [10.0, 20.0], [[1.0, 2.0], [5.0, 10.0]])
        self.assertEqual(table.at(1, 10), 1)
        self.assertEqual(table.at(2, 15), (1.5 + 7.5) / 2)
        self.assertEqual(table.at(0, 100), 2)
        self.assertEqual(table.at(9, 0), 5)

    def test_inverter_arc_is_the_mean_of_its_edges(self):
        (related, table), = self.cell.arc_power["Y"]
        self.assertEqual(related, "A")
        # slew 0.06 ns, load 0.005 pF: fall 0.009213; load 0.0125 pF: see the file.
        body = self.library.bodies["INVX1"]
        first = [float(v) for v in re.findall(r"(?:rise|fall)_power.*?values \( \\\s*\"([-\d.]+)", body, re.S)]
        self.assertIn(0.009213, first)
        self.assertAlmostEqual(table.at(0.06, 0.005), sum(first) / 2, places=9)

    def test_energy_of_an_inverter_is_counted_once_a_transition(self):
        (_, table), = self.cell.arc_power["Y"]
        pins, toggles = {"A": "a", "Y": "y"}, {"a": 10, "y": 10}
        load, slews = {"a": 0.0, "y": 0.05}, {"a": 0.18, "y": 0.1}
        energy = power.internal_energy(self.cell, pins, load, slews, toggles, 0.18)
        self.assertAlmostEqual(energy, 10 * table.at(0.18, 0.05), places=9)

    def test_a_register_pays_for_clock_edges_that_change_nothing(self):
        cell = Cell(clock="C", outputs=["Q"], arc_power={"Q": [("C", Table([], [], [[7.0]]))]},
                    pin_power={"C": Table([], [], [[2.0]]), "D": Table([], [], [[1.0]])})
        pins = {"C": "c", "D": "d", "Q": "q"}
        energy = power.internal_energy(
            cell, pins, {"q": 0.0}, {}, {"c": 20, "d": 3, "q": 4}, 0.1
        )
        self.assertEqual(energy, 4 * 7 + (20 - 4) * 2 + 3 * 1)

    def test_a_gate_pays_for_inputs_that_no_output_follows(self):
        cell = Cell(outputs=["Y"], arc_power={"Y": [("A", Table([], [], [[4.0]])),
                                                    ("B", Table([], [], [[8.0]]))]},
                    pin_power={"A": Table([], [], [[1.0]]), "B": Table([], [], [[1.0]])})
        energy = power.internal_energy(
            cell, {"A": "a", "B": "b", "Y": "y"}, {"y": 0.0}, {}, {"a": 6, "b": 2, "y": 4}, 0.1
        )
        # Four transitions of Y, three by A; of eight of the inputs four moved Y.
        self.assertEqual(energy, 4 * (0.75 * 4 + 0.25 * 8) + (6 - 3) + (2 - 1))


class Chip(unittest.TestCase):
    def test_fifo_from_rtl_to_energy_of_a_word(self):
        table = yaml.safe_load((ROOT / "scripts/energy/blocks.yaml").read_text())
        block = Block(name="fifo", **table["blocks"]["fifo"])
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            subprocess.run([OPERANDS, "--beats", "16", "-o", folder / "operands.json"], check=True)
            operands = Operands.read(folder / "operands.json")
            library = Library.read(LIBERTY)
            result = measure(block, library, operands, ROOT, folder / "fifo", 125)
        self.assertEqual(result["flip_flops"]["value"], 8 * 32 + 32 + 2 * 3 + 4 + 1)
        queue, idle = result["workloads"]["queue"], result["workloads"]["idle"]
        self.assertGreater(queue["per_word"]["value"], idle["per_cycle"]["value"])
        self.assertEqual(idle["transitions_per_net"]["value"], 0)
        self.assertIn(queue["cells"]["tag"], ("measured", "derived", "projected"))

    def test_every_workload_of_every_block_can_be_built(self):
        table = yaml.safe_load((ROOT / "scripts/energy/blocks.yaml").read_text())
        with tempfile.TemporaryDirectory() as name:
            path, core = Path(name) / "operands.json", Path(name) / "core.json"
            subprocess.run([OPERANDS, "--beats", "160", "-o", path], check=True)
            subprocess.run([PROGRAMS / "tern_core_ports", "-o", core], check=True)
            operands = Operands.read(path, core)
        for block_name, entry in table["blocks"].items():
            block = Block(name=block_name, **entry)
            for workload in block.workloads:
                stimulus = workloads.build(block, workload, operands)
                self.assertEqual(len(stimulus.inputs), len(stimulus.expected), block_name)
                self.assertLess(stimulus.warmup, len(stimulus.inputs), block_name)
                self.assertTrue(any(stimulus.expected), f"{block_name} {workload}")

    def test_multiplier_of_a_quantisation_is_normalised(self):
        for largest in (1, 127, 128, 2417, 555779):
            m, k = vectors.multiplier(largest)
            self.assertTrue(2**30 <= m < 2**31)
            self.assertAlmostEqual(m * 2.0**-k * largest, 127, delta=0.01)


class Merge(unittest.TestCase):
    def part(self, template: str, cell: str) -> str:
        return (
            f"library (part) {{\n  lu_table_template ({template}) {{ variable_1 : x; }}\n"
            f"  cell ({cell}) {{\n    pin (A) {{ direction : input; }}\n  }}\n}}\n"
        )

    def test_parts_become_one_library(self):
        text = merge_liberty.merge([self.part("t1", "INV"), self.part("t2", "BUF")])
        for piece in ("(t1)", "(t2)", "cell (INV)", "cell (BUF)"):
            self.assertEqual(text.count(piece), 1, piece)
        self.assertEqual(text.count("{"), text.count("}"))

    def test_a_cell_in_two_parts_is_an_error(self):
        with self.assertRaisesRegex(EnergyError, "INV"):
            merge_liberty.merge([self.part("t1", "INV"), self.part("t2", "INV")])


if __name__ == "__main__":
    unittest.main()
