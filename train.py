"""Train from a checkout: `python train.py [overrides]`, the same as `aurl train [overrides]`."""

from __future__ import annotations

import sys

from aurl.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
