# SPDX-License-Identifier: Apache-2.0
"""Programs that check themselves, in assembler, for every instruction of RV32IM and every trap.

    programs.py CROSS_COMPILER_PREFIX DIRECTORY

writes DIRECTORY/NAME.bin, to be run at BOOT, and DIRECTORY/manifest.txt, a line a program: name,
cause of its end, pc of its end, value of the trap. What is expected is computed here, with Python's
numbers; encodings are the assembler's. A program that finds a wrong value ends with EBREAK and the
number of the case in gp; one that finds none ends with ECALL.
"""

import concurrent.futures
import itertools
import os
import pathlib
import subprocess
import sys

BOOT, DATA, DEVICE = 0x10040, 0x20000000, 0x80000000  # as tests/cpu/CMakeLists.txt has them
INSTRUCTIONS, DATA_BYTES, DEVICE_ERROR = 16384, 4096, 0x800
MASK = 0xFFFFFFFF

EDGES = [0, 1, 2, 3, 7, 0x7FF, 0x8000, 0xFFFF, 0x33333333, 0x7FFFFFFF,
         0x80000000, 0x80000001, 0xCCCCCCCC, 0xFFFF8000, 0xFFFFFFFE, 0xFFFFFFFF]
IMMEDIATES = [0, 1, -1, 2, 7, 0x7FF, -0x800, 0x0F0, -0x555]
SHIFTS = [0, 1, 7, 14, 30, 31]


def signed(x):
    return x - (1 << 32) if x >> 31 else x


def quotient(a, b):
    """Rounded towards 0."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def divide(a, b):
    return -1 if b == 0 else quotient(signed(a), signed(b))


def remainder(a, b):
    return a if b == 0 else signed(a) - signed(b) * quotient(signed(a), signed(b))


REGISTER = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b,
    "and": lambda a, b: a & b, "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b,
    "sll": lambda a, b: a << b % 32, "srl": lambda a, b: a >> b % 32,
    "sra": lambda a, b: signed(a) >> b % 32,
    "slt": lambda a, b: signed(a) < signed(b), "sltu": lambda a, b: a < b,
    "mul": lambda a, b: a * b, "mulh": lambda a, b: signed(a) * signed(b) >> 32,
    "mulhsu": lambda a, b: signed(a) * b >> 32, "mulhu": lambda a, b: a * b >> 32,
    "div": divide, "divu": lambda a, b: MASK if b == 0 else a // b,
    "rem": remainder, "remu": lambda a, b: a if b == 0 else a % b,
}
IMMEDIATE = {
    "addi": "add", "andi": "and", "ori": "or", "xori": "xor", "slti": "slt", "sltiu": "sltu",
    "slli": "sll", "srli": "srl", "srai": "sra",
}
BRANCH = {
    "beq": lambda a, b: a == b, "bne": lambda a, b: a != b,
    "blt": lambda a, b: signed(a) < signed(b), "bge": lambda a, b: signed(a) >= signed(b),
    "bltu": lambda a, b: a < b, "bgeu": lambda a, b: a >= b,
}
LOADS = {"lb": (1, True), "lh": (2, True), "lw": (4, False), "lbu": (1, False), "lhu": (2, False)}
STORES = {"sb": 1, "sh": 2, "sw": 4}


class Program:
    """Assembler text of numbered cases."""

    def __init__(self):
        self.lines, self.cases = [], 0

    def add(self, *lines):
        self.lines += lines

    def case(self, expected, *lines, register="x14"):
        """The lines leave `expected` in the register."""
        self.cases += 1
        self.add(f"li gp, {self.cases}", *lines, f"li x31, {expected & MASK:#x}",
                 f"beq {register}, x31, 1f", "ebreak", "1:")

    def text(self):
        return "\n".join(self.lines + ["end: ecall"])


def nops(n):
    return ["nop"] * n


def register_program(op, compute):
    p = Program()
    for a, b in itertools.product(EDGES, EDGES):
        p.case(compute(a, b), f"li x11, {a:#x}", f"li x12, {b:#x}", f"{op} x14, x11, x12")
    a, b = 0xCCCCCCCC, 0x00000013
    # The result over an operand, x0 as each operand and as the result.
    p.case(compute(a, b), f"li x11, {a:#x}", f"li x12, {b}", f"{op} x11, x11, x12", register="x11")
    p.case(compute(a, b), f"li x11, {a:#x}", f"li x12, {b}", f"{op} x12, x11, x12", register="x12")
    p.case(compute(a, a), f"li x11, {a:#x}", f"{op} x11, x11, x11", register="x11")
    p.case(compute(0, b), f"li x12, {b}", f"{op} x14, x0, x12")
    p.case(compute(a, 0), f"li x11, {a:#x}", f"{op} x14, x11, x0")
    p.case(0, f"li x11, {a:#x}", f"li x12, {b}", f"{op} x0, x11, x12", register="x0")
    # Operands that are none to two instructions old, and a result that is used so soon.
    for first, second, later in itertools.product(range(3), repeat=3):
        for lines in ([f"li x11, {a:#x}", *nops(first), f"li x12, {b}"],
                      [f"li x12, {b}", *nops(first), f"li x11, {a:#x}"]):
            p.case(compute(a, b), *lines, *nops(second), f"{op} x13, x11, x12", *nops(later),
                   "addi x14, x13, 0")
    return p.text()


def immediate_program(op, compute):
    p = Program()
    values = SHIFTS if op in ("slli", "srli", "srai") else IMMEDIATES
    for a, i in itertools.product(EDGES, values):
        p.case(compute(a, i & MASK), f"li x11, {a:#x}", f"{op} x14, x11, {i}")
    p.case(compute(0xCCCCCCCC, 7), "li x11, 0xcccccccc", f"{op} x11, x11, 7", register="x11")
    p.case(compute(0, 7), f"{op} x14, x0, 7")
    p.case(0, "li x11, 0xcccccccc", f"{op} x0, x11, 7", register="x0")
    for before, later in itertools.product(range(3), repeat=2):
        p.case(compute(0xCCCCCCCC, 7), "li x11, 0xcccccccc", *nops(before), f"{op} x13, x11, 7",
               *nops(later), "addi x14, x13, 0")
    return p.text()


def branch_program(op, compute):
    p = Program()
    for a, b in itertools.product(EDGES[::2], EDGES[::2]):
        taken = bool(compute(a, b))
        # Forwards, and backwards over the case's beginning.
        p.case(taken, f"li x11, {a:#x}", f"li x12, {b:#x}", "li x14, 1", f"{op} x11, x12, 2f",
               "li x14, 0", "2:")
        p.case(taken, "j 3f", "2: li x14, 1", "j 4f", f"3: li x11, {a:#x}", f"li x12, {b:#x}",
               "li x14, 0", f"{op} x11, x12, 2b", "4:")
    for first, second in itertools.product(range(3), repeat=2):
        p.case(bool(compute(5, 5)), "li x14, 1", "li x11, 5", *nops(first), "li x12, 5",
               *nops(second), f"{op} x11, x12, 2f", "li x14, 0", "2:")
    return p.text()


def jump_program(op):
    p = Program()
    for distance in (0, 1, 5, 100):
        skipped = ["li x14, 9"] * distance
        if op == "jal":
            p.case(3, "li x14, 3", "jal x1, 2f", "8:", *skipped, "2:")
            p.case(0, "li x14, 0", "jal x1, 2f", "8:", *skipped, "2: la x2, 8b", "sub x14, x1, x2")
        else:
            p.case(3, "li x14, 3", "la x5, 2f", "jalr x1, x5, 0", *skipped, "2:")
            p.case(0, "la x5, 2f + 17", "jalr x5, -16(x5)", "8:", *skipped, "2: la x2, 8b",
                   "sub x14, x5, x2")
    p.case(7, "li x14, 7", f"{'j 2f' if op == 'jal' else 'la x5, 2f; jr x5'}", "li x14, 1",
           "li x14, 2", "2:")
    return p.text()


def upper_program(op):
    p = Program()
    for value in (0, 1, 0x7FFFF, 0x80000, 0xFFFFF, 0x12345):
        if op == "lui":
            p.case(value << 12, f"lui x14, {value:#x}")
        else:
            p.case(value << 12, f"2: auipc x13, {value:#x}", "la x12, 2b", "sub x14, x13, x12")
    p.case(0, f"{op} x0, 0x80000", register="x0")
    return p.text()


def load_program(op, size, extend):
    p = Program()
    data = [0x00FF00FF, 0xFF00FF00, 0x0FF00FF0, 0xF00FF00F, 0x80017FFE]
    memory = b"".join(word.to_bytes(4, "little") for word in data)
    p.add(f"li x10, {DATA + 0x400:#x}")
    for i, word in enumerate(data):
        p.add(f"li x11, {word:#x}", f"sw x11, {4 * i}(x10)")
    for at in range(0, len(memory), size):
        value = int.from_bytes(memory[at:at + size], "little", signed=extend)
        p.case(value, f"{op} x14, {at}(x10)")
        p.case(value, f"addi x11, x10, {at - 12}", f"{op} x14, 12(x11)")
        p.case(value, f"addi x11, x10, {at + 12}", f"{op} x14, -12(x11)")
        p.case(value, f"li x11, {DATA + 0x400 + at - 0x7FF:#x}", f"{op} x14, 0x7ff(x11)")
        for later in range(3):
            p.case(value, f"addi x11, x10, {at}", *nops(later), f"{op} x11, 0(x11)", *nops(later),
                   "addi x14, x11, 0")
    p.case(0, f"{op} x0, 4(x10)", register="x0")
    return p.text()


def store_program(op, size):
    p = Program()
    p.add(f"li x10, {DATA + 0x400:#x}")
    for at in range(0, 16, size):
        for value in (0x12345678, 0x89ABCDEF, 0):
            # The bytes around stay as they were.
            before = at // 4 * 4
            memory = bytearray(b"\xa5" * 4)
            memory[at - before:at - before + size] = (value % 256 ** size).to_bytes(size, "little")
            expected = int.from_bytes(memory, "little")
            fill = ["li x11, 0xa5a5a5a5", f"sw x11, {before}(x10)"]
            p.case(expected, *fill, f"li x12, {value:#x}", f"{op} x12, {at}(x10)",
                   f"lw x14, {before}(x10)")
            for gap in range(3):
                p.case(expected, *fill, f"addi x11, x10, {at + 32}", *nops(gap),
                       f"li x12, {value:#x}", *nops(gap), f"{op} x12, -32(x11)", *nops(gap),
                       f"lw x14, {before}(x10)")
    return p.text()


def simple_program():
    p = Program()
    p.case(0, "addi x0, x0, 5", "add x14, x0, x0")
    p.case(1, "fence", "li x14, 1", "fence rw, rw")
    # Counters go up, their high halves are 0.
    for counter in ("mcycle", "cycle", "minstret", "instret"):
        p.case(1, f"csrr x11, {counter}", "nop", f"csrr x12, {counter}", "sltu x14, x11, x12")
        p.case(0, f"csrr x14, {counter}h")
        p.case(0, f"csrrc x14, {counter}h, x0")
    p.case(3, "csrr x11, instret", "nop", "nop", "csrr x12, instret", "sub x14, x12, x11")
    return p.text()


# What ends a program: its instruction, the cause's code, the trap's value. x5 is a place in the data
# memory, x6 the devices, x7 is 3; PC stands for the instruction's own address. x8 must not change.
ILLEGAL, PC = 2, "pc"
WORDS = {
    "zeros": 0, "ones": MASK, "compressed_nop": 0x00000001, "compressed_add": 0x9002,
    "mret": 0x30200073, "sret": 0x10200073, "uret": 0x00200073, "wfi": 0x10500073,
    "sfence_vma": 0x12000073, "fence_i": 0x0000100F, "dret": 0x7B200073,
    "ecall_with_rd": 0x000000F3, "ebreak_with_rs1": 0x00108073,
    "csrr_mstatus": 0x30002473, "csrr_misa": 0x30102473, "csrr_mtvec": 0x30502473,
    "csrr_mepc": 0x34102473, "csrr_mcause": 0x34202473, "csrr_time": 0xC0102473,
    "csrr_hpmcounter3": 0xC0302473, "csrr_mhartid": 0xF1402473,
    "csrw_mcycle": 0xB0029473, "csrs_mcycle": 0xB002A473, "csrc_minstret": 0xB022B473,
    "csrwi_cycle": 0xC0005473, "csrsi_cycle": 0xC000E473, "csrci_cycle": 0xC000F473,
    "csr_funct3_4": 0xB0004473,
    "amoadd": 0x0062A42F, "lr": 0x1002A42F, "flw": 0x0002A407, "fsw": 0x0082A027, "fadd": 0x00000453,
    "ld": 0x0002B403, "lwu": 0x0002E403, "sd": 0x0082B023, "store_funct3_7": 0x0082F023,
    "branch_funct3_2": 0x00002463, "branch_funct3_3": 0x00003463, "jalr_funct3_1": 0x00029467,
    "slli_32": 0x02029413, "srai_32": 0x42029413 | 4 << 12, "addw": 0x0072843B, "addiw": 0x0002841B,
    "add_funct7_2": 0x04728433, "sub_funct3_4": 0x4072C433, "mul_funct7_3": 0x06728433,
    "fence_tso_funct3_2": 0x0000200F, "custom_0": 0x0000000B, "opcode_64": 0x0000001F,
}
TRAPS = {
    "ecall": ("ecall", 11, 0), "ebreak": ("ebreak", 3, PC),
    **{f"illegal_{name}": (f".word {word:#x}", ILLEGAL, word) for name, word in WORDS.items()},
    **{f"{op}_at_{at}": (f"{op} x8, {at}(x5)", 4, DATA + 0x100 + at)
       for op, at in [("lh", 1), ("lh", 3), ("lhu", 1), ("lhu", -1), ("lw", 1), ("lw", 2), ("lw", 3)]},
    **{f"{op}_at_{at}": (f"{op} x8, {at}(x5)", 6, DATA + 0x100 + at)
       for op, at in [("sh", 1), ("sh", 3), ("sw", 1), ("sw", 2), ("sw", 3)]},
    "device_lh_odd": ("lh x8, 1(x6)", 4, DEVICE + 1),
    "device_sw_half": ("sw x8, 2(x6)", 6, DEVICE + 2),
    **{f"{op}_{name}": (f"li x9, {place:#x}; {op} x8, 0(x9)", 5 if op[0] == "l" else 7, place)
       for op, (name, place) in itertools.product(
           ["lb", "lw", "sb", "sw"],
           {"null": 0, "below_data": DATA - 4, "above_data": DATA + DATA_BYTES,
            "code": BOOT, "below_devices": DEVICE - 4}.items())},
    "device_load_error": (f"li x9, {DEVICE + DEVICE_ERROR + 4:#x}; lw x8, 0(x9)", 5,
                          DEVICE + DEVICE_ERROR + 4),
    "device_store_error": (f"li x9, {DEVICE + DEVICE_ERROR + 9:#x}; sb x8, 0(x9)", 7,
                           DEVICE + DEVICE_ERROR + 9),
    "jal_misaligned": ("trap: .word 0x0060046f", 0, 6),
    "branch_misaligned": ("trap: .word 0x00000363", 0, 6),
    "jalr_misaligned": ("jalr x8, 3(x7)", 0, 6),
}


def trap_program(text):
    *before, last = text.removeprefix("trap: ").split("; ")
    return "\n".join([f"li x5, {DATA + 0x100:#x}", f"li x6, {DEVICE:#x}", "li x7, 3",
                      "li x8, 0x1234", *before, f"end: {last}", "sw x7, 0(x5)", "li x8, 1", "ecall"])


def programs():
    """Pairs of a name and (text, cause, value, whether the value counts from the end's pc on)."""
    def passing(text):
        return text, 11, 0, False
    for op, compute in REGISTER.items():
        yield op, passing(register_program(op, compute))
    for op, register in IMMEDIATE.items():
        yield op, passing(immediate_program(op, REGISTER[register]))
    for op, compute in BRANCH.items():
        yield op, passing(branch_program(op, compute))
    for op in ("jal", "jalr"):
        yield op, passing(jump_program(op))
    for op in ("lui", "auipc"):
        yield op, passing(upper_program(op))
    for op, (size, extend) in LOADS.items():
        yield op, passing(load_program(op, size, extend))
    for op, size in STORES.items():
        yield op, passing(store_program(op, size))
    yield "simple", passing(simple_program())
    for name, (text, cause, value) in TRAPS.items():
        relative = value == PC or text.startswith("trap: ")
        yield f"trap_{name}", (trap_program(text), cause, 0 if value == PC else value, relative)


def assemble(prefix, directory, name, text):
    """Writes NAME.bin and returns the address of `end`."""
    source, elf, binary = (directory / f"{name}.{kind}" for kind in ("S", "elf", "bin"))
    source.write_text(f".option norelax\n.globl _start\n_start:\n{text}\n")
    subprocess.run([f"{prefix}gcc", "-march=rv32im_zicsr", "-mabi=ilp32", "-nostdlib", "-static",
                    f"-Wl,-Ttext={BOOT:#x},--build-id=none,-N,--no-warn-rwx-segments",
                    "-o", elf, source], check=True)
    subprocess.run([f"{prefix}objcopy", "-O", "binary", "-j", ".text", elf, binary], check=True)
    if (size := binary.stat().st_size) > INSTRUCTIONS - (BOOT & 0xFFFF):
        sys.exit(f"{name} takes {size} bytes")
    symbols = subprocess.run([f"{prefix}nm", elf], check=True, capture_output=True, text=True)
    return next(int(line.split()[0], 16) for line in symbols.stdout.splitlines()
                if line.endswith(" end"))


def main():
    prefix, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)

    def line(program):
        name, (text, cause, value, relative) = program
        end = assemble(prefix, directory, name, text)
        return f"{name} {cause} {end} {(value + (end if relative else 0)) & MASK}\n"

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        (directory / "manifest.txt").write_text("".join(pool.map(line, programs())))


if __name__ == "__main__":
    main()
