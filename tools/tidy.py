"""Runs clang-tidy over src/, one process a core, with the checks of .clang-tidy. usage: tidy.py BUILD_DIRECTORY

Nearly all of its time goes into the headers of libraries, so it is given the sources of a library several at a time, as one
that includes them: the same ones as a unity build with that size (.ci/run), so that their private names do not meet.

GCC wrote the compilation database, so what only GCC understands (its warnings, its precompiled headers) is taken out first.
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TOGETHER = 8

build = pathlib.Path(sys.argv[1]).resolve()
root = build.parent


def commands():
    """The command of each source of src/, by its path."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = (build / entry["file"]).resolve()
        if source.is_relative_to(root / "src"):
            command = re.sub(r"-include \S+|-Winvalid-pch|-fpch-preprocess|^ccache ", "", entry["command"]).removesuffix(entry["file"])
            command += "-Wno-unknown-warning-option -Wno-deprecated-declarations -DASIO_HAS_CO_AWAIT=1 -DASIO_HAS_STD_COROUTINE=1 "
            found[source] = command.replace("-I../", f"-I{root}/")
    return found


def groups(sources):
    """Of the same library, and a few at a time."""
    by_library = collections.defaultdict(list)
    for source in sources:
        by_library[source.parent].append(source)
    for members in by_library.values():
        for first in range(0, len(members), TOGETHER):
            yield members[first:first + TOGETHER]


def look(number, members, command, directory):
    """What was found in them, "" for nothing."""
    source = pathlib.Path(directory, f"{number}.cpp")
    source.write_text("".join(f'#include "{member}"  // NOLINT\n' for member in members))
    database = pathlib.Path(directory, str(number))
    database.mkdir()
    entry = {"directory": str(build), "file": str(source), "command": command + str(source)}
    (database / "compile_commands.json").write_text(json.dumps([entry]))
    done = subprocess.run(
        ["clang-tidy-19", "-quiet", "-p", database, f"--config-file={root}/.clang-tidy", f"-header-filter={root}/src/.*", source],
        capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode != 0 else ""


def main():
    found = commands()
    failed = False
    with tempfile.TemporaryDirectory() as directory, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        looks = [pool.submit(look, number, members, found[members[0]], directory) for number, members in enumerate(groups(found))]
        for done in concurrent.futures.as_completed(looks):
            failed = failed or done.result() != ""
            print(done.result(), end="", flush=True)
    print(f"clang-tidy: {len(found)} sources, {'faults found' if failed else 'nothing found'}")
    return failed


sys.exit(main())
