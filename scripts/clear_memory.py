#!/usr/bin/env python3
"""Deletes one user or everything, asking step by step, after a backup: `ingat clear`.

    python3 scripts/clear_memory.py

Options go to `ingat clear`, such as `--lang en`, `--store URL` or `--backup-dir DIR`. Needs nothing but the Python that
runs it: bin/run installs the rest on first use. Exit codes are those of `ingat clear`.
"""

import os
import sys

root = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
program = os.path.join(root, "bin", "run")
os.execv(program, [program, "clear", *sys.argv[1:]])
