"""Innermost loops of a program: what they hold, how often they run, what a model says of them."""

import re
from collections import Counter

import programs

# Cores: the model of llvm-mca, and how many multiply-adds of 128 bits a cycle can begin.
MODELS = {
    "cortex-a53": ("cortex-a53", 1),
    "cortex-a72": ("cortex-a72", 1),
    "cortex-a76": ("neoverse-n1", 2),
}
BRANCH = re.compile(
    r"(?P<head>(?:b|b\.\w+|cbn?z|tbn?z) (?:\w+, )?(?:#\w+, )?)(?P<target>0x[0-9a-f]+)\b.*"
)
FLOATS = re.compile(r"fml[as] v\d+\.(?P<lanes>[24])s,")
ROOTS_AND_RECIPROCALS = ("fdiv", "fsqrt", "frecpe", "frsqrte")
# A kernel loop does at least so many multiply-adds an iteration, and so large a share of all.
LEAST_MULTIPLY_ADDS, LEAST_SHARE = 16, 0.01

ADDS = [f"fmla v{register}.4s, v30.4s, v31.s[0]" for register in range(16)]
LOADS = [f"ldr q{register % 4 + 26}, [x1, #{register * 16}]" for register in range(16)]
UNSCALED = [f"ldur q{register % 4 + 26}, [x1, #{register * 16 - 128}]" for register in range(16)]


def in_turn(size, loads):
    """Loads among the multiply-adds, one after so many."""
    return [
        text
        for start in range(0, 16, size)
        for text in (*ADDS[start : start + size], loads[start // size])
    ]


# Loops without the registers and addresses that a real one needs, what they show, and their core.
PROBES = (
    ("cortex-a53", "16 `fmla`", ADDS),
    ("cortex-a53", "16 `fmla`, then 1 `ldr`", ADDS + LOADS[:1]),
    ("cortex-a53", "16 `fmla`, then 4 `ldr`", ADDS + LOADS[:4]),
    ("cortex-a53", "16 `fmla`, a `ldr` after each 4", in_turn(4, LOADS)),
    ("cortex-a53", "16 `fmla`, then 16 `ldr`", ADDS + LOADS),
    ("cortex-a72", "16 `fmla`, a `ldr` after each", in_turn(1, LOADS)),
    ("cortex-a76", "16 `fmla`, a `ldr` after each", in_turn(1, LOADS)),
    ("cortex-a76", "16 `fmla`, a `ldur` after each", in_turn(1, UNSCALED)),
)


def loops(instructions, executions, cpu):
    """(kernels, activations) of a program, the ones that do most first.

    Kernels are the loops that multiply and add; activations are those that divide or take roots,
    or estimate either.
    """
    model, peak = MODELS[cpu]
    kernels, activations = [], []
    total = sum(executions.get(address, 0) * multiply_adds(text) for address, text in instructions)
    for begin, end in innermost(instructions):
        body = [text for _, text in instructions[begin : end + 1]]
        address = instructions[begin][0]
        iterations = executions.get(address, 0)
        if not iterations:
            continue
        names = Counter(text.split()[0] for text in body)
        loop = {
            "address": address,
            "iterations": iterations,
            "instructions": len(body),
            "multiply_adds": sum(map(multiply_adds, body)),
            "loads": sum(count for name, count in names.items() if name.startswith("ld")),
            "stack_accesses": sum("[sp" in text for text in body),
        }
        loop["share_of_multiply_adds"] = iterations * loop["multiply_adds"] / total
        if any(names[name] for name in ROOTS_AND_RECIPROCALS):
            loop["cycles"] = programs.llvm_mca(model, assembly(body))
            activations.append(loop)
        elif (
            loop["multiply_adds"] >= LEAST_MULTIPLY_ADDS
            and loop["share_of_multiply_adds"] >= LEAST_SHARE
        ):
            loop["cycles"] = programs.llvm_mca(model, assembly(body))
            loop["share_of_peak"] = loop["multiply_adds"] / peak / loop["cycles"]
            kernels.append(loop)
    for found in (kernels, activations):
        found.sort(key=lambda loop: -loop["iterations"] * loop["cycles"])
    return kernels, activations


def limits():
    """What the models allow: for a core, loops of `fmla` and loads alone, their cycles and share of
    the peak."""
    for cpu, what, body in PROBES:
        model, peak = MODELS[cpu]
        cycles = programs.llvm_mca(model, "\n".join(body) + "\n")
        adds = sum(map(multiply_adds, body))
        yield {"cpu": cpu, "loop": what, "cycles": cycles, "share_of_peak": adds / peak / cycles}


def weighted(kernels):
    """Share of the peak of all iterations of some loops together."""
    cycles = sum(loop["iterations"] * loop["cycles"] for loop in kernels)
    ideal = sum(loop["iterations"] * loop["cycles"] * loop["share_of_peak"] for loop in kernels)
    return ideal / cycles if cycles else None


def multiply_adds(text):
    """Vector multiply-adds of 128 bits that an instruction does: 1, 1/2 or 0."""
    match = FLOATS.match(text)
    return int(match["lanes"]) / 4 if match else 0


def innermost(instructions):
    """(first, last) index of each loop that has no other inside, its branch the last."""
    places = {address: index for index, (address, _) in enumerate(instructions)}
    found = []
    for index, (_, text) in enumerate(instructions):
        match = BRANCH.fullmatch(text)
        target = places.get(int(match["target"], 16)) if match else None
        if target is not None and target <= index:
            found.append((target, index))
    return [
        (begin, end)
        for begin, end in found
        if not any(
            other != (begin, end) and begin <= other[0] and other[1] <= end for other in found
        )
    ]


def assembly(body):
    """A loop as llvm-mca reads it: branches go to its head."""
    return "head:\n" + "\n".join(BRANCH.sub(r"\g<head>head", text) for text in body) + "\n"
