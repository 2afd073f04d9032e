"""`python -m aurl`: the same as `aurl`."""

from __future__ import annotations

import sys

from aurl.cli import main

if __name__ == "__main__":
    sys.exit(main())
