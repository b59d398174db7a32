"""Hooks: commands that run when a run has ended."""
import contextlib
import json
import os
import pathlib
import time

import pytest

from harness import make_tree, stop, wait_for

pytestmark = pytest.mark.quick


def test_each_end_has_its_hook(sandbox):
    """The run is its input; its output goes into the log; the run's outcome stays."""
    make_tree(sandbox.source, {"a": "1", "b": "2"})
    seen = {end: f"cat > {end}.json; echo $SYNCLINE_JOB $SYNCLINE_OUTCOME > {end}.env; echo heard '{end}'; exit 7"
            for end in ("success", "failure", "halt")}
    sandbox.job(**{f"on_{end}": command for end, command in seen.items()})
    log = sandbox.directory / "the.log"
    sandbox.apply(sandbox.job_file, "--log-file", log)
    run = json.loads((sandbox.directory / "success.json").read_text())
    assert (run["event"], run["job"], run["outcome"], run["done"]["put"]) == ("run_finished", "copy", "success", 2)
    assert (sandbox.directory / "success.env").read_text() == "copy success\n"
    assert "copy: on_success: heard success" in log.read_text()
    assert "ended with exit status 7" in log.read_text()
    assert not (sandbox.directory / "failure.json").exists()

    (sandbox.source / "a").unlink()
    (sandbox.source / "b").unlink()
    sandbox.run("push", "copy", "-f", sandbox.job_file, check=3)
    assert json.loads((sandbox.directory / "halt.json").read_text())["halt"]["code"] == "root-emptied"
    assert (sandbox.directory / "halt.env").read_text() == "copy halted\n"

    make_tree(sandbox.source, {"a": "1"})
    sandbox.target.rename(sandbox.directory / "gone")
    sandbox.target.write_text("no directory")
    sandbox.apply(sandbox.job_file, check=1)
    assert json.loads((sandbox.directory / "failure.json").read_text())["outcome"] == "failed"


def test_a_push_through_an_engine_runs_each_hook_once(sandbox):
    """The engine does, in the directory of the job file; whoever asked for the push does not do it again."""
    make_tree(sandbox.source, {"a": "1", "b": "2"})
    ends = ("success", "failure", "halt")
    sandbox.job(interval="1h", on_start=False, **{f"on_{end}": f"cat >> {end}; echo >> {end}; echo done >> ends" for end in ends})
    sandbox.run("trust", sandbox.job_file)
    engine = sandbox.start_engine()

    def heard(end):
        path = sandbox.directory / end
        return [json.loads(line) for line in path.read_text().split("\n") if line] if path.exists() else []

    def push(status, *options):
        """Each waits for its hook, since one that still runs when the next ends would be left out."""
        before = all_ends()
        sandbox.run("push", "copy", *options, check=status)
        wait_for(lambda: all_ends() > before)

    def all_ends():
        path = sandbox.directory / "ends"
        return path.read_text().count("done") if path.exists() else 0

    push(0)
    make_tree(sandbox.source, {"c": "3"})
    push(0)
    for name in ("a", "b", "c"):
        (sandbox.source / name).unlink()
    push(3)
    make_tree(sandbox.source, {"a": "1"})
    sandbox.target.rename(sandbox.directory / "gone")
    sandbox.target.write_text("no directory")
    push(1)
    stop(engine)
    assert all_ends() == 4
    assert [(run["event"], run["job"], run["outcome"], run["done"]["put"]) for run in heard("success")] == [
        ("run_finished", "copy", "success", 2), ("run_finished", "copy", "success", 1)]
    assert [(run["outcome"], run["halt"]["code"]) for run in heard("halt")] == [("halted", "root-emptied")]
    assert [run["outcome"] for run in heard("failure")] == ["failed"]


def test_a_plan_runs_no_hook(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(on_success="touch ran")
    sandbox.run("plan", sandbox.job_file)
    sandbox.run("push", "copy", "--dry-run", "-f", sandbox.job_file)
    assert not (sandbox.directory / "ran").exists()


def test_a_found_file_that_is_not_trusted_runs_no_command(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(on_success="touch ran")
    (sandbox.directory / "below").mkdir()
    for args in (("apply", "--once"), ("push", "copy")):
        result = sandbox.run(*args, check=2)
        assert "on_success = touch ran" in result.err
    assert not (sandbox.directory / "ran").exists()
    sandbox.run("trust", sandbox.job_file)
    sandbox.apply()
    assert (sandbox.directory / "ran").exists()


def processes():
    """(pid, state, process group) of all there are."""
    for directory in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, group = (directory / "stat").read_text().rsplit(")", 1)[1].split()[:3]
            yield int(directory.name), state, int(group)


def test_an_engine_that_ends_ends_its_hooks(sandbox):
    """With all that they started; and until then no job waits for them."""
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1s", on_success="trap '' TERM; echo $$ > pid; sleep 300 & sleep 300; sleep 300")
    sandbox.run("trust", sandbox.job_file)
    process = sandbox.start("apply")
    pid_file = sandbox.directory / "pid"
    group = int(wait_for(lambda: pid_file.exists() and pid_file.read_text().strip()))
    make_tree(sandbox.source, {"b": "2"})
    wait_for(lambda: (sandbox.target / "b").exists())
    began = time.monotonic()
    stop(process)
    assert time.monotonic() - began < 10
    # Nothing of its process group runs; where no init reaps orphans, they stay as zombies.
    assert [state for pid, state, of in processes() if of == group and state != "Z"] == []


def test_a_hook_that_reads_nothing_and_leaves_something_behind(sandbox):
    """The shell's end is the hook's end; what it left in the background is no reason to wait."""
    make_tree(sandbox.source, {f"f{i}": "1" for i in range(300)})
    sandbox.job(on_success="sleep 20 & echo $! > pid; echo without a line feed at the end | tr -d '\\n'")
    result = sandbox.apply(sandbox.job_file, "--json")
    assert "without a line feed at the end" in result.out
    os.kill(int((sandbox.directory / "pid").read_text()), 9)


def heard_by_once(sandbox, check):
    """Which hooks one `apply --once` ran."""
    heard = sandbox.directory / "heard"
    heard.unlink(missing_ok=True)
    sandbox.apply(sandbox.job_file, check=check)
    return heard.read_text().split() if heard.exists() else []


def hooks(**more):
    return {f"on_{end}": f"echo {end} >> heard" for end in ("success", "failure", "halt")} | more


def test_hooks_run_when_the_outcome_changes(sandbox):
    """Each of these runs is a process of its own, as under a timer."""
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(**hooks())
    assert heard_by_once(sandbox, 0) == ["success"]
    assert heard_by_once(sandbox, 0) == []  # nothing was done
    away = sandbox.directory / "away"
    sandbox.source.rename(away)
    assert heard_by_once(sandbox, 3) == ["halt"]
    assert heard_by_once(sandbox, 3) == []
    away.rename(sandbox.source)
    assert heard_by_once(sandbox, 0) == ["success"]  # it is over, though nothing was done
    assert heard_by_once(sandbox, 0) == []
    make_tree(sandbox.source, {"b": "2"})
    assert heard_by_once(sandbox, 0) == ["success"]
    sandbox.target.rename(sandbox.directory / "gone")
    sandbox.target.write_text("no directory")
    assert heard_by_once(sandbox, 1) == ["failure"]
    assert heard_by_once(sandbox, 1) == []
    sandbox.target.unlink()
    (sandbox.directory / "gone").rename(sandbox.target)
    sandbox.source.rename(away)
    assert heard_by_once(sandbox, 3) == ["halt"]
    # Reminders, and the old way.
    sandbox.job(**hooks(remind="1s"))
    wait_for(lambda: heard_by_once(sandbox, 3) == ["halt"])
    sandbox.job(**hooks(hooks="every-run"))
    assert heard_by_once(sandbox, 3) == ["halt"]
    assert heard_by_once(sandbox, 3) == ["halt"]


def test_an_engine_does_not_flood(sandbox):
    sandbox.job(root=sandbox.directory / "none", interval="1s", **hooks())
    sandbox.run("trust", sandbox.job_file)
    engine = sandbox.start_engine()
    wait_for(lambda: engine.log().count("root-missing") >= 3)
    assert (sandbox.directory / "heard").read_text() == "halt\n"
    sandbox.run("trigger", "copy")
    sandbox.run("wait", "copy", check=3)
    assert (sandbox.directory / "heard").read_text() == "halt\n"
    stop(engine)


def test_no_hook_runs_where_others_may_write(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(on_success="touch ran")
    sandbox.directory.chmod(0o777)
    result = sandbox.apply("-f", sandbox.job_file)
    assert "not run: others may write to" in result.err and "chmod go-w" in result.err
    assert not (sandbox.directory / "ran").exists()
    sandbox.directory.chmod(0o755)
    make_tree(sandbox.source, {"b": "2"})
    sandbox.apply("-f", sandbox.job_file)
    assert (sandbox.directory / "ran").exists()


def test_the_control_socket_lies_only_where_nobody_else_may_write(sandbox):
    runtime = sandbox.directory / "runtime"
    runtime.chmod(0o777)
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1h")
    engine = sandbox.start_engine()
    assert not list(runtime.rglob("*.sock"))
    assert [path.parent for path in (sandbox.directory / "state").rglob("*.sock")] == [sandbox.state]
    stop(engine)
