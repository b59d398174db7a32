"""What the program is like to use: statuses, streams, terminals, signals and the log file."""
import json
import os
import pty
import signal
import subprocess

import pytest

from harness import Link, make_tree, read_tree, wait_for

pytestmark = pytest.mark.quick

SLOW = '[engine]\nbandwidth_limit = "64 KiB/s"\n'


def on_terminal(sandbox, *args, columns=80, env=None):
    """Runs the program on a terminal and returns (status, everything that was shown)."""
    import fcntl
    import struct
    import termios
    master, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(sandbox.command(args), cwd=sandbox.directory, env={**sandbox.env, "TERM": "xterm", **(env or {})},
                               stdin=inner, stdout=inner, stderr=inner)
    os.close(inner)
    shown = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(master)
    return process.wait(timeout=60), shown.decode(errors="surrogateescape")


def test_colours_on_a_terminal_and_none_where_they_are_not_wanted(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    path = sandbox.job()
    status, shown = on_terminal(sandbox, "plan", "-f", path)
    assert status == 0 and "\x1b[32m+" in shown
    assert "\x1b[32m" not in on_terminal(sandbox, "plan", "-f", path, env={"NO_COLOR": "1"})[1]
    assert "\x1b" not in on_terminal(sandbox, "plan", "-f", path, env={"TERM": "dumb"})[1]
    assert "\x1b" not in sandbox.run("plan", "-f", path).text


@pytest.mark.parametrize("columns", [5, 20, 40, 80])
def test_progress_stays_in_one_line(sandbox, columns):
    make_tree(sandbox.source, {f"file-{i}": os.urandom(200_000) for i in range(400)})
    path = sandbox.job()
    status, shown = on_terminal(sandbox, "push", "copy", "-f", path, columns=columns)
    assert status == 0
    for drawn in shown.split("\r"):
        line = drawn.split("\x1b[K")[0]
        if drawn.endswith("\x1b[K") and line:
            assert len(line) < columns
    assert "copy" in shown


def test_hostile_names_reach_no_terminal(sandbox):
    make_tree(sandbox.source, {b"esc\x1b[2J\n\xff": "1"})
    path = sandbox.job()
    for args in (["plan"], ["plan", "--json"], ["push", "copy", "-v"], ["explain", b"source/esc\x1b[2J\n\xff"]):
        shown = subprocess.run([sandbox.binary, *args, "-f", path], cwd=sandbox.directory, env=sandbox.env, capture_output=True,
                               check=True).stdout
        assert b"\x1b" not in shown and b"\xff" not in shown and b"esc" in shown


def test_results_and_errors_have_their_streams(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    path = sandbox.job()
    done = sandbox.run("push", "copy", "-f", path)
    assert "1 put" in done.out and done.err == ""
    wrong = sandbox.run("push", "copi", "-f", path, check=2)
    assert wrong.out == "" and "did you mean 'copy'" in wrong.err
    assert sandbox.run("push", "copy", "-q", "-f", path).text == ""


def test_a_reader_that_goes_away_and_a_full_disk(sandbox):
    make_tree(sandbox.source, {f"{i:05}-{'x' * 100}": "" for i in range(3000)})
    path = sandbox.job()
    piped = subprocess.run(f"'{sandbox.binary}' plan -f '{path}' | head -1", shell=True, cwd=sandbox.directory, env=sandbox.env,
                           capture_output=True, check=True)
    assert piped.stdout.startswith(b"copy: push") and piped.stderr == b""
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sandbox.binary, "plan", "-f", path], cwd=sandbox.directory, env=sandbox.env, stdout=full,
                              stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and b"No space left" in done.stderr


@pytest.mark.parametrize("args,word", [
    (["push", "--exlude", "x"], "--exclude"), (["aply"], "apply"), (["apply", "a", "b"], "'b'"), (["apply", "--job"], "--job"),
    (["explain"], "PATH"), ([], "command"), (["buckets", "x"], "is not known"),
    (["completion", "tcsh"], "tcsh"),
])
def test_bad_usage_exits_with_2_and_says_what_is_wrong(sandbox, args, word):
    assert word in sandbox.run(*args, check=2).err


def test_a_found_job_file_must_be_trusted_before_it_reaches_out(sandbox, tmp_path):
    make_tree(sandbox.source, {"a": "1"})
    target = tmp_path / "outside"
    path = sandbox.job(remote=target)
    refused = sandbox.run("push", "copy", check=2)
    assert "syncline trust" in refused.err and not target.exists()
    sandbox.run("trust", path)
    sandbox.run("push", "copy")
    assert read_tree(target) == {"a": b"1"}
    path.write_text(path.read_text() + "exclude = ['*.o']  # edited\n")
    sandbox.run("push", "copy")
    path.write_text(path.read_text() + "on_halt = 'true'\n")
    refused = sandbox.run("push", "copy", check=2).err
    assert "on_halt = true" in refused and "remote" not in refused
    path.chmod(0o666)
    assert "written by others" in sandbox.run("push", "copy", check=2).err


def test_check_counts_jobs_or_lists_every_error(sandbox):
    path = sandbox.job()
    assert sandbox.run("check").out == "jobs.toml: 1 job, no errors\n"
    path.write_text(path.read_text() + "exlude = []\nmax_delete = '200%'\n")
    wrong = sandbox.run("check", check=2)
    assert "did you mean 'exclude'" in wrong.err and "max_delete" in wrong.err
    events = [json.loads(line) for line in sandbox.run("check", "--json", check=2).out.splitlines()]
    assert [event["event"] for event in events] == ["diagnostic", "diagnostic", "checked"]
    assert events[0]["line"] > 0 and events[-1]["errors"] == 2


def test_init_writes_a_valid_file_and_keeps_one_that_is_there(sandbox):
    sandbox.run("init")
    sandbox.run("check")
    assert sandbox.job_file.name == "jobs.toml"
    before = sandbox.job_file.read_bytes()
    sandbox.run("init", check=2)
    assert sandbox.job_file.read_bytes() == before


def test_a_stop_in_the_middle_of_apply_is_a_good_end(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    path = sandbox.job(interval="1h")
    process = sandbox.start("apply", path)
    wait_for(lambda: "1 put" in process.log())
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0


def test_a_standard_output_that_was_closed_is_an_error(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    path = sandbox.job()
    status = sandbox.run("plan", path, wrapper=("sh", "-c", 'exec "$@" >&-', "sh"), check=1)
    assert "cannot write standard output" in status.err
    assert not sandbox.target.exists()


def test_the_log_file_is_private(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    log = sandbox.directory / "log"
    sandbox.run("push", "copy", "-f", sandbox.job(), "--log-file", log)
    assert log.stat().st_mode & 0o777 == 0o600
    assert "copy" in log.read_text()
    for impossible in (sandbox.directory / "missing/log", sandbox.source):
        assert str(impossible) in sandbox.run("check", "--log-file", impossible, check=2).err
    assert not (sandbox.directory / "missing").exists()
    assert "no regular file" in sandbox.run("check", "--log-file", "/dev/null", check=2).err


def test_explain_names_rule_and_last_run(sandbox):
    make_tree(sandbox.source, {"a": "1", "x.o": "2", ".gitignore": "\n\n*.o\n"})
    path = sandbox.job()
    explain = lambda name: sandbox.run("explain", sandbox.source / name, "-f", path).out
    assert "copy: x.o is ignored by .gitignore:3: '*.o'" in explain("x.o")
    assert "has not run yet" in explain("a")
    sandbox.run("push", "copy", "-f", path)
    assert "success) put it on the target: not on the target; both sides held it when" in explain("a")
    assert "success) left it as it was; it is not known to be on both sides" in explain("x.o")
    sandbox.run("push", "copy", "-f", path)
    assert "success) left it as it was; that of " in explain("a")
    (sandbox.source / "a").unlink()
    make_tree(sandbox.source, {"b": "2"})
    sandbox.run("push", "copy", "-f", path)
    assert "success) deleted it from the target: not in the source" in explain("a")
    (sandbox.source / "b").unlink()
    (sandbox.source / ".gitignore").unlink()
    (sandbox.source / "x.o").unlink()
    sandbox.run("push", "copy", "-f", path, check=3)
    assert "halted) wrote nothing: root-emptied" in explain("b")
    assert "copy: . is selected: it is the root" in explain("")
    sandbox.run("explain", sandbox.directory, "-f", path, check=2)


def test_a_bad_name_of_a_job_hides_no_other_error(sandbox):
    sandbox.job_file.write_text('version = 1\n[jobs."-x"]\nroot = "~foo/x"\nexlude = []\n')
    text = sandbox.run("check", sandbox.job_file, check=2).text
    assert "cannot name a job" in text and "exlude" in text and "remote" in text


def test_explain_tells_what_cannot_be_synced_or_is_not_there(sandbox):
    os.mkfifo(sandbox.source / "pipe")
    make_tree(sandbox.source, {"link": Link("pipe")})
    path = sandbox.job(symlinks="skip")
    explain = lambda name: sandbox.run("explain", sandbox.source / name, "-f", path).out
    assert "pipe is not selected: sockets, FIFOs and devices" in explain("pipe")
    assert "link is not selected: it is a symlink" in explain("link")
    assert "nothing is there now" in explain("missing")


def test_advised_commands_name_the_job_file_that_was_named(sandbox):
    make_tree(sandbox.source, {"a": "1", "b": "2"})
    make_tree(sandbox.target, {"other": "3"})
    path = sandbox.job()
    assert f"push copy -f {path} --adopt" in sandbox.run("push", "copy", "-f", path, check=3).err
    assert "-f" not in sandbox.run("push", "copy", check=3).err


def test_patterns_that_can_never_match_are_refused(sandbox):
    sandbox.job()
    for pattern in ("a/../b", "..", "a//b"):
        assert "never matches" in sandbox.run("push", "copy", "-x", pattern, check=2).err


def test_doctor_finds_what_stands_in_the_way(sandbox):
    path = sandbox.job()
    assert "will be created" in sandbox.run("doctor", path).out
    assert not sandbox.target.exists()
    sandbox.source.rmdir()
    assert "is not there" in sandbox.run("doctor", path, check=1).out
    levels = {json.loads(line).get("level") for line in sandbox.run("doctor", path, "--json", check=1).out.splitlines()}
    assert "error" in levels and "ok" in levels


def test_a_timeout_holds_for_push_too(sandbox):
    make_tree(sandbox.source, {"big": os.urandom(600_000)})
    sandbox.jobs(("copy", {"root": sandbox.source, "remote": sandbox.target, "fsync": False, "timeout": "1s"}), head=SLOW)
    assert "copy: failed: timed out after" in sandbox.run("push", "copy", check=1).err
    assert ", failed)" in sandbox.run("explain", sandbox.source / "big").out


def test_a_hangup_ends_what_does_not_reload_and_is_answered_by_what_does(sandbox):
    make_tree(sandbox.source, {"big": os.urandom(600_000)})
    sandbox.jobs(("copy", {"root": sandbox.source, "remote": sandbox.target, "fsync": False}),
                 head=SLOW)
    process = sandbox.start("push", "copy")
    wait_for(lambda: sandbox.target.exists() and os.listdir(sandbox.target))
    os.killpg(process.pid, signal.SIGHUP)
    assert process.wait(30) == 1 and "stopping" in process.log()
    path = sandbox.job(interval="1h")
    process = sandbox.start("apply")
    wait_for(lambda: "unchanged" in process.log())
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: "no job changed" in process.log())
    path.write_text("version = 1\nx = 1\n")
    wait_for(lambda: process.log().count("not taken up") == 1)
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: process.log().count("not taken up") == 2)


def test_a_halted_dry_run_agrees_with_its_exit_status(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    make_tree(sandbox.target, {"other": "2"})
    sandbox.job()
    event = json.loads(sandbox.run("push", "copy", "--dry-run", "--json").out.splitlines()[-1])
    assert event["outcome"] == "halted" and event["exit_status"] == 0


@pytest.mark.parametrize("words", [
    ["push", "copy", ""], ["push", ""], ["push", "copy", "--root", ""], ["push", "copy", "-d", ""],
    ["push", "--remote", ""], ["pull", "--remote", ""], ["apply", "--once", "-f", ""], ["explain", ""]])
def test_an_empty_word_never_widens_a_run(sandbox, words):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job()
    assert "empty" in sandbox.run(*words, check=2, cwd=sandbox.source).err
    assert not sandbox.target.exists()


def test_a_path_may_be_on_the_other_side_only(sandbox):
    make_tree(sandbox.source, {"a": "1", "bee": "2"})
    sandbox.job()
    sandbox.apply()
    os.unlink(sandbox.source / "bee")
    sandbox.run("pull", "bee", "-f", sandbox.job_file, cwd=sandbox.source)
    assert read_tree(sandbox.source) == {"a": b"1", "bee": b"2"}
    assert "neither side" in sandbox.run("push", "nowhere", "-f", sandbox.job_file, cwd=sandbox.source, check=2).err
