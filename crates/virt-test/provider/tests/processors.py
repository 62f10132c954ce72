#!/usr/bin/env python3
"""The guest has the processors its machine was given, under each number of them (see processors.cfg)."""

import json
import os
import subprocess

with open(os.environ["VIRT_TEST_PARAMS"], encoding="utf-8") as file:
    params = json.load(file)

run = subprocess.run(["vt", "vm1", "exec", "--", "nproc"], check=True, capture_output=True, text=True)
given, seen = int(params["smp"]), int(run.stdout)
print(f"of {given} processors the guest sees {seen}")
assert seen == given
