#!/usr/bin/env python3
"""Erases test users that nobody used for a while: `ingat cleanup --yes`, for a crontab.

    0 2 * * 0 cd PROJECT && python3 scripts/scheduled_cleanup.py

Options go to `ingat cleanup`, such as `--older-than-days 30`, `--prefix demo_` or `--dry-run`. Needs nothing but the
Python that runs it: bin/run installs the rest on first use. Exit codes are those of `ingat cleanup`.
"""

import os
import sys

root = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
program = os.path.join(root, "bin", "run")
os.execv(program, [program, "cleanup", "--yes", *sys.argv[1:]])
