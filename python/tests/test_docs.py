"""The quick start of docs/python.md does what it says."""

import os
import pathlib
import shutil
import tempfile
import unittest

from networks import DIGITS, ROOT


def blocks(heading):
    """The Python of a section of the page."""
    page = (ROOT / "docs" / "python.md").read_text()
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [block.split("\n```")[0] for block in section.split("```python\n")[1:]]


def run(heading):
    """Runs the Python of a section in a folder with the digits; returns what it defined."""
    names = {}
    before = pathlib.Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        for path in DIGITS.glob("t*-*"):
            shutil.copy(path, folder)
        os.chdir(folder)
        try:
            for block in blocks(heading):
                exec(compile(block, f"docs/python.md, {heading}", "exec"), names)
            names["files"] = sorted(str(path) for path in pathlib.Path().rglob("*") if path.is_file())
        finally:
            os.chdir(before)
    return names


class QuickStart(unittest.TestCase):
    def test_the_quick_start_runs(self):
        names = run("Quick start")
        right = names["y"].probabilities.argmax(1) == names["labels"][300:]
        self.assertGreater(right.mean(), 0.8)
        for name in ["out/net.o", "out/net.h", "out/net.json"]:
            self.assertIn(name, names["files"])


if __name__ == "__main__":
    unittest.main()
