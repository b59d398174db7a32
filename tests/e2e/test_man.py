"""The examples of syncline(1) do what the manual says: each runs, in a sandbox with the job that they speak of."""
import os
import pathlib
import subprocess

import pytest

from harness import make_tree, read_tree

MANUAL = pathlib.Path(__file__).resolve().parents[2] / "man/syncline.1"


def examples():
    return [line.removeprefix(".Dl ").replace("\\(aq", "'") for line in MANUAL.read_text().splitlines() if line.startswith(".Dl ")]


def test_no_part_of_a_manual_stands_there_twice():
    for page in MANUAL.parent.glob("*.[15]"):
        headings = [line for line in page.read_text().splitlines() if line.startswith((".Sh ", ".Ss "))]
        assert len(headings) == len(set(headings)), page


@pytest.fixture
def shell(sandbox, binary):
    """Runs a command line of the manual as a user would type it."""
    env = {**sandbox.env, "PATH": f"{binary.parent}:{os.environ['PATH']}"}

    def run(command):
        return subprocess.run(["sh", "-c", command], cwd=sandbox.directory / "work", env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)

    return run


def test_the_examples_run_in_their_order(sandbox, shell):
    work = sandbox.directory / "work"
    work.mkdir()
    commands = examples()
    assert len(commands) > 10
    first = [command for command in commands if command == "syncline init"]
    assert first and shell(first[0]).returncode == 0
    assert (work / "jobs.toml").exists()
    make_tree(work, {"thesis/chapters/one.tex": "1", "thesis/chapters/one.o": "2", "thesis/notes.log": "3"})
    make_tree(sandbox.directory, {"backup/only-there": "4"})
    written = sandbox.jobs(("thesis", {"root": "thesis", "remote": "../backup", "delete": "never", "exclude": ["*.log"]}))
    written.rename(work / "jobs.toml")
    for command in commands:
        if command == "syncline init":
            continue
        done = shell(command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    assert read_tree(sandbox.directory / "backup") == {
        "chapters/one.tex": b"1", "chapters/one.o": b"2", "only-there": b"4"}
    assert read_tree(work / "thesis")["only-there"] == b"4"
    assert "*.log" in shell("syncline explain thesis/notes.log").stdout


def test_the_synopsis_has_every_command(sandbox):
    synopsis = MANUAL.read_text().partition(".Sh SYNOPSIS")[2].partition(".Sh DESCRIPTION")[0]
    named = {word for line in synopsis.splitlines() if line.startswith(".Cm ") for word in line.split()[1:]}
    commands = [line.split()[0] for line in sandbox.run("help").out.split("Commands:")[1].splitlines() if line.startswith("  ")]
    assert len(commands) > 15 and set(commands) - named == set()


def test_what_is_quoted_can_be_typed(tmp_path):
    """An apostrophe of the source comes out of the formatter as a typographical one, which no shell takes for a quote."""
    for page in MANUAL.parent.glob("*.[15]"):
        for line in page.read_text().splitlines():
            if line.startswith((".Ql ", ".Dl ", ".Li ")):
                assert "'" not in line, (page.name, line)


def test_the_manual_names_every_command_and_option(sandbox):
    """--help is made from the same table as the parser."""
    manual = MANUAL.read_text().replace("\\-", "-")
    commands = [line.split()[0] for line in sandbox.run("--help").out.splitlines() if line.startswith("  ") and "  " in line.strip()]
    for command in (name for name in commands if not name.startswith("-")):
        assert command in manual
    for command in ("apply", "plan", "check", "push", "pull", "sync", "run", "clean", "auto", "explain", "init", "trust", "doctor", "completion"):
        for line in sandbox.run(command, "--help").out.splitlines():
            if not line.startswith("  -"):
                continue
            for name in line.split()[0].split(","):
                assert f"Fl {name.removeprefix('-')}" in manual or f", {name.removeprefix('-')}" in manual, (command, name)
