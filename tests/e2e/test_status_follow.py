"""`status --follow`: a table that keeps itself up to date, on a terminal and into a pipe."""
import json
import os
import re
import signal
import subprocess

import pytest

from harness import make_tree, read_tree, wait_for
from terminal import Terminal

SLOW = '[engine]\nbandwidth_limit = "64 KiB/s"\n'


def start_engine(sandbox, *jobs, head=""):
    """An engine that can be asked, with the job `copy` or with those given."""
    keys = {"root": sandbox.source, "remote": sandbox.target, "fsync": False, "interval": "1h"}
    sandbox.jobs(*(jobs or [("copy", keys)]), head=head)
    return sandbox.start_engine()


def test_the_table_follows_a_run(sandbox):
    """One table, which shows the run going on and its end; ^C leaves the terminal as it was."""
    make_tree(sandbox.source, {f"f{i}": os.urandom(30_000) for i in range(15)})
    start_engine(sandbox, head=SLOW)
    with Terminal(sandbox, "status", "-f", sandbox.job_file, "--follow") as terminal:
        def done(screen):
            row = re.search(r"^copy +transferring .* (\d+)/15 files, ", screen.text, re.MULTILINE)
            return row and int(row[1])

        first = terminal.wait_for(done)
        terminal.wait_for(lambda screen: (done(screen) or 0) > first)
        terminal.wait_for(lambda screen: re.search(r"^copy +idle +\d\d:\d\d:\d\d", screen.text, re.MULTILINE))
        sandbox.run("pause", "copy")
        shown = terminal.wait_for(lambda screen: re.search("^copy +paused", screen.text, re.MULTILINE) and screen.text)
        assert shown.count("copy") == shown.count("LAST SUCCESS") == 1, shown
        assert terminal.process.poll() is None
        terminal.type(b"\x03")
        assert terminal.process.wait(30) in (-signal.SIGINT, 128 + signal.SIGINT)
        assert terminal.is_as_it_was()


def test_the_table_fits_the_window(sandbox):
    """However small somebody makes it: no line goes on in the next one, and the first one stays."""
    jobs = [(f"job-{i}", {"root": sandbox.directory / f"a directory that is not there {i}", "interval": "1h",
                          "remote": sandbox.directory / f"target-{i}"}) for i in range(12)]
    start_engine(sandbox, *jobs)
    wait_for(lambda: sandbox.run("status", check=None).out.count("root-missing") == 12)
    with Terminal(sandbox, "status", "-f", sandbox.job_file, "--follow", rows=40, columns=300) as terminal:
        terminal.wait_for(lambda screen: screen.cleared >= 2)
        assert "job-11" in terminal.screen.text and not terminal.screen.wrapped
        for rows, columns in ((40, 60), (8, 200), (6, 30), (40, 300)):
            terminal.resize(rows, columns)
            # The first one or two may have been made for the window before.
            terminal.wait_for(lambda screen: screen.fitted)
            assert "job-0" in terminal.screen.text
        assert "job-11" in terminal.screen.text
        terminal.type(b"\x03")
        assert terminal.process.wait(30) in (-signal.SIGINT, 128 + signal.SIGINT)


@pytest.mark.quick
def test_into_a_file_tables_follow_each_other(sandbox):
    start_engine(sandbox)
    follower = sandbox.start("status", "--follow")
    wait_for(lambda: follower.log().count("LAST SUCCESS") >= 3)
    assert "\x1b" not in follower.log() and follower.log().count("\ncopy ") >= 2
    follower.send_signal(signal.SIGINT)
    assert follower.wait(10) in (-signal.SIGINT, 128 + signal.SIGINT)
    documents = sandbox.start("status", "--follow", "--json")
    wait_for(lambda: documents.log().count("\n") >= 2)
    assert {json.loads(line)["jobs"][0]["name"] for line in documents.log().splitlines()[:2]} == {"copy"}


@pytest.mark.quick
def test_it_ends_with_its_reader_and_with_the_engine(sandbox):
    engine = start_engine(sandbox)
    command = sandbox.command(["status", "--follow"])
    done = subprocess.run(["sh", "-c", '{ "$@"; echo "status $?" >&2; } | head -n 1', "sh", *command], cwd=sandbox.directory,
                          env=sandbox.env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True, text=True)
    assert f"engine {engine.pid}" in done.stdout and done.stderr == "status 1\n"
    follower = sandbox.start("status", "--follow")
    wait_for(lambda: "LAST SUCCESS" in follower.log())
    sandbox.run("stop")
    assert follower.wait(10) == 1
    assert "engine" in follower.log().splitlines()[-1], follower.log()


def test_progress_goes_on_where_ctrl_c_cut_it(sandbox):
    """What a batch brought over before is done, for who looks on."""
    make_tree(sandbox.source, {f"d{i % 10}/f{i}": "x" * 100 for i in range(6000)})
    sandbox.jobs(("copy", {"root": sandbox.source, "remote": sandbox.target, "fsync": False}),
                 head='[engine]\nbandwidth_limit = "128 KiB/s"\n')

    def done(screen):
        shown = re.search(r"copy: ([\d,]+)/6,000 files", screen.text)
        return shown and int(shown[1].replace(",", ""))

    with Terminal(sandbox, "push", "copy", "-f", sandbox.job_file) as terminal:
        terminal.wait_for(lambda screen: (done(screen) or 0) > 4200)
        terminal.type(b"\x03")
        assert terminal.process.wait(30) == 1
    brought = len(read_tree(sandbox.target))
    assert 4000 < brought < 6000
    with Terminal(sandbox, "push", "copy", "-f", sandbox.job_file) as terminal:
        assert terminal.wait_for(done) >= brought
        terminal.wait_for(lambda screen: "unchanged" in screen.text)
    assert len(read_tree(sandbox.target)) == 6000
