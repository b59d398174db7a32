"""Runs clang-tidy over src/, two files at a time, with the checks of .clang-tidy. usage: tidy.py BUILD_DIRECTORY

GCC wrote the compilation database, so what only GCC understands (its warnings, its precompiled headers) is taken out first.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

build = pathlib.Path(sys.argv[1]).resolve()
root = build.parent
entries = [
    entry
    for entry in json.loads((build / "compile_commands.json").read_text())
    if (build / entry["file"]).resolve().is_relative_to(root / "src")
]
for entry in entries:
    entry["command"] = re.sub(r"-include \S+|-Winvalid-pch|-fpch-preprocess|^ccache ", "", entry["command"])
    entry["command"] += " -Wno-unknown-warning-option -Wno-deprecated-declarations -DASIO_HAS_CO_AWAIT=1 -DASIO_HAS_STD_COROUTINE=1"
with tempfile.TemporaryDirectory() as database:
    pathlib.Path(database, "compile_commands.json").write_text(json.dumps(entries))
    jobs = str(os.cpu_count())
    command = ["run-clang-tidy-19", "-quiet", "-j", jobs, "-p", database, "-header-filter", f"{root}/src/.*"]
    sys.exit(subprocess.run(command, check=False).returncode)
