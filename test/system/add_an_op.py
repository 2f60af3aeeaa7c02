#!/usr/bin/env -S python3 -B
"""docs/add-an-op.md is true: its activation, gauss.cube, is added to a copy of the tree by the snippets of
the page, and passes the tests of activations.

    add_an_op.py TARGET_DIR

TARGET_DIR is that of Cargo, after `cargo test --release --no-run`: what it holds of other crates is not
built again. The copy and its own artifacts go to TARGET_DIR/add-an-op.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "add-an-op.md"

# The crates that the test needs; all others of the workspace stay out of it.
MEMBERS = ("llvm-config", "runtime", "dialect")
FAMILY = Path("dialect/src/ops/activation.rs")
TABLEGEN = Path("dialect/td/Gauss.td")
TEST = Path("dialect/tests/activations.rs")

# Artifacts of the workspace: built from other sources here.
OWN = re.compile(r"(lib)?(pfp|gauss|llvm[-_]config|fuzz)")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    target = Path(sys.argv[1]).resolve()
    folder = target / "add-an-op"
    tree = folder / "tree"
    shutil.rmtree(folder, ignore_errors=True)
    copy(tree)
    for path, text in edits(PAGE.read_text(), tree).items():
        (tree / path).write_text(text)
    share(target / "release", folder / "target" / "release")
    command = ["cargo", "test", "--quiet", "--offline", "--release"]
    command += ["--package", "gauss-dialect", "--test", "activations"]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(folder / "target")}
    done = subprocess.run(command, cwd=tree, env=environment, check=False)
    shutil.rmtree(folder, ignore_errors=True)
    if done.returncode:
        sys.exit("add_an_op.py: the op of docs/add-an-op.md does not pass the test that the page names")


def copy(tree):
    """The crates, in a workspace of their own."""
    for name in (*MEMBERS, ".cargo"):
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, tree / name)
    shutil.copy(ROOT / "Cargo.lock", tree)
    manifest = (ROOT / "Cargo.toml").read_text()
    members = ", ".join(f'"{name}"' for name in MEMBERS)
    for key in ("members", "default-members"):
        manifest = re.sub(rf"^{key} = \[.*?\]", f"{key} = [{members}]", manifest, flags=re.M | re.S)
    (tree / "Cargo.toml").write_text(manifest)


def edits(page, tree):
    """The files that the page adds or changes, by path."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", page, flags=re.M | re.S)

    def block(language, text):
        return only([body for name, body in blocks if name == language and text in body], text)

    def inline(pattern):
        return only(re.findall(pattern, page), pattern)

    file = Path(inline(r"\*\*The file\*\*, `([^`]+)`"))
    module = inline(r"`(mod \w+;)`")
    arm = inline(r'`("\w+" => [^`]+)`')
    inserted = {
        FAMILY: [("mod clip;\n", f"{module}\n"), ("    /// `gauss.exp`.\n", block("rust", "Cube(cube::Cube)"))],
        TABLEGEN: [("def Gauss_AbsOp ", block("tablegen", "Gauss_CubeOp") + "\n")],
        TEST: [('        "exp" =>', f"        {arm}\n")],
    }
    texts = {file: block("rust", "impl Pointwise for Cube")}
    for path, places in inserted.items():
        text = (tree / path).read_text()
        for place, snippet in places:
            before, found, after = text.partition(place)
            if not found:
                sys.exit(f"add_an_op.py: {path} has no '{place.strip()}', before which a snippet would go")
            text = before + snippet + found + after
        texts[path] = text
    return texts


def only(found, what):
    if len(found) != 1:
        sys.exit(f"add_an_op.py: {PAGE} has {len(found)} snippets with '{what}', not one")
    return found[0]


def share(source, target):
    """What Cargo has built of crates that are not of the workspace."""
    for folder in ("build", ".fingerprint"):
        for entry in (source / folder).glob("*"):
            if not OWN.match(entry.name):
                shutil.copytree(entry, target / folder / entry.name)
    (target / "deps").mkdir(parents=True, exist_ok=True)
    for entry in (source / "deps").glob("*.*"):
        if not OWN.match(entry.name):
            os.link(entry, target / "deps" / entry.name)


if __name__ == "__main__":
    main()
