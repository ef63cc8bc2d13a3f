"""``python -m mempaper`` is the command ``mempaper``."""

from mempaper.cli import main

main()
