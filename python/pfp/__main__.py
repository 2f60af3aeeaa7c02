"""The command line: `pfp`, or `python -m pfp`."""

import sys

from ._pfp import main as _main


def main():
    _main(["pfp", *sys.argv[1:]])


if __name__ == "__main__":
    main()
