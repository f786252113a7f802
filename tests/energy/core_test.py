# SPDX-License-Identifier: Apache-2.0
"""The controller's core at gate level on OSU018: a recording of the firmware is replayed on the
netlist, and a recording that is not the core's is noticed.

    core_test.py [FOLDER_OF_THE_PROGRAMS]
"""

import copy
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts" / "energy"))

import yaml  # noqa: E402

import gatesim  # noqa: E402
import timing  # noqa: E402
from core import Core, jump, load_immediate  # noqa: E402
from errors import EnergyError  # noqa: E402
from liberty import Library  # noqa: E402
from measure import Block  # noqa: E402
from synthesis import synthesise  # noqa: E402

LIBERTY = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
PERIOD = 24000  # ps
CYCLES = 120  # that are replayed
PROGRAMS = Path(sys.argv.pop(1)) if len(sys.argv) > 1 else ROOT / "build"


class Encodings(unittest.TestCase):
    """As the GNU assembler encodes them."""

    def test_immediates(self):
        self.assertEqual(load_immediate(10, 0x12345000), [0x12345537, 0x00050513])
        self.assertEqual(load_immediate(1, 0xFFFFFFFD), [0x000000B7, 0xFFD08093])
        self.assertEqual(load_immediate(31, 0x80000800), [0x80001FB7, 0x800F8F93])

    def test_jumps(self):
        self.assertEqual(jump(0x800), 0x0010006F)
        self.assertEqual(jump(-4), 0xFFDFF06F)
        with self.assertRaisesRegex(EnergyError, "does not fit"):
            jump(1 << 20)


class Replay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        folder = Path(cls.folder.name)
        subprocess.run([PROGRAMS / "tern_core_ports", "-o", folder / "core.json"], check=True)
        cls.core = Core.read(folder / "core.json")
        table = yaml.safe_load((ROOT / "scripts/energy/blocks.yaml").read_text())
        block = Block(name="controller", **table["blocks"]["controller"])
        library = Library.read(LIBERTY)
        (folder / "core").mkdir()
        cls.netlist = synthesise(block, library, ROOT, folder / "core", PERIOD)
        cls.slack = timing.timing(cls.netlist, library, PERIOD * 1e-12)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def replay(self, name: str, spoil=lambda stretch, ports: None):
        stretch = copy.deepcopy(self.core.stretches[name])
        end = stretch["lead"] + CYCLES
        stretch["ports"] = {p: values[:end] for p, values in stretch["ports"].items()}
        spoil(stretch, stretch["ports"])
        return gatesim.simulate(self.netlist, Core({name: stretch}).stimulus(name), PERIOD)

    def test_the_netlist_does_what_the_chip_did(self):
        self.assertGreater(self.slack, 0)
        rates = {}
        for name in self.core.stretches:
            activity = self.replay(name)
            self.assertEqual(activity.cycles, CYCLES, name)
            rates[name] = sum(activity.toggles.values()) - activity.toggles["clk_i"]
        # A core that a device lets wait keeps still, but for what the tape reads from its memory.
        self.assertLess(rates["stall"], rates["work"] / 20)

    def test_every_output_is_compared_from_the_second_cycle_on(self):
        stimulus = self.core.stimulus("work")
        outputs = {n for n, (d, _) in self.netlist.ports.items() if d == "output"}
        first = next(i for i, row in enumerate(stimulus.expected) if row)
        self.assertLess(first, stimulus.warmup)
        for row in stimulus.expected[first:]:
            self.assertEqual(set(row), outputs - {"trap_info_o"})

    def test_a_device_that_answered_otherwise_is_noticed(self):
        def spoil(stretch, ports):
            reads = [
                i for i, ready in enumerate(ports["mmio_ready_i"])
                if ready and ports["mmio_valid_o"][i] and not ports["mmio_write_o"][i]
            ]
            ports["mmio_data_i"][reads[0]] ^= 0x80808080  # counts, of which one is waited for

        with self.assertRaisesRegex(EnergyError, "differs from what is expected"):
            self.replay("poll", spoil)

    def test_an_instruction_that_was_another_is_noticed(self):
        def spoil(stretch, ports):
            ports["fetch_data_i"][stretch["lead"] + 10] = 0x00100073  # EBREAK

        with self.assertRaisesRegex(EnergyError, "differs from what is expected"):
            self.replay("work", spoil)

    def test_registers_that_were_others_are_noticed(self):
        def spoil(stretch, ports):
            stretch["registers"] = [value ^ 4 for value in stretch["registers"]]

        with self.assertRaisesRegex(EnergyError, "differs from what is expected"):
            self.replay("work", spoil)


if __name__ == "__main__":
    unittest.main()
