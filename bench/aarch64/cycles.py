"""Cycles of a call by the model of a core: those of every block, times its executions."""

import re

import loops
import programs

# Blocks below so much of all instructions get the cycles per instruction of the others.
LEAST_SHARE = 0.0005

# What the assembler does not take as the disassembler writes it.
PLACE = re.compile(r"0x[0-9a-f]+ <[^>]*>|<[^>]*>")


def blocks(code, executions):
    """[(executions, [texts])] of what runs through from one end to the other."""
    targets = set()
    for _, text in code:
        if match := loops.BRANCH.fullmatch(text):
            targets.add(int(match["target"], 16))
    found, body, previous = [], [], None
    for address, text in code:
        count = executions.get(address, 0)
        goes_on = previous == (address - 4, count) and address not in targets
        if body and not goes_on:
            found.append(body)
            body = []
        body = [*body, (count, text)] if body else [(count, text)]
        is_branch = text.split()[0] in ("ret", "bl", "blr", "br") or loops.BRANCH.fullmatch(text)
        previous = None if is_branch else (address, count)
    if body:
        found.append(body)
    return [(block[0][0], [text for _, text in block]) for block in found if block[0][0]]


def assembly(body):
    """A block as llvm-mca reads it. Calls and returns are left out: what they lead to is counted apart."""
    lines = []
    for text in body:
        name = text.split()[0]
        if name in ("ret", "bl", "blr", "br"):
            continue
        text = loops.BRANCH.sub(r"\g<head>head", text).split("//")[0]
        lines.append(PLACE.sub("head", text).strip())
    return "\n".join(lines) + "\n"


def of_call(code, executions, cpu):
    """Cycles of a call, and the share of its instructions that the model saw."""
    model, _ = loops.MODELS[cpu]
    total = sum(executions.values())
    seen = [
        (count, body)
        for count, body in blocks(code, executions)
        if count * len(body) >= LEAST_SHARE * total and assembly(body).strip()
    ]
    bodies = [assembly(body) for _, body in seen]
    cycles = programs.llvm_mca_of_each(model, bodies)
    instructions = sum(count * len(body) for count, body in seen)
    spent = sum(count * of_block for (count, _), of_block in zip(seen, cycles, strict=True))
    return spent * total / instructions, instructions / total
