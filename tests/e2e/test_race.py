"""Somebody writes to the target at the very moment in which a run replaces what stands there."""
import os

import pytest

from harness import DEADLINE_S, make_tree, read_tree, wait_for

WINDOW_US = 3_000_000


@pytest.mark.parametrize("there", ["old", None])
def test_what_comes_between_the_last_look_and_the_rename_survives(sandbox, needs_root, there):
    """strace holds the run up just before its rename, when it has looked for the last time."""
    make_tree(sandbox.source, {"other": "1"} if there is None else {"f": there, "other": "1"})
    sandbox.job()
    sandbox.apply()
    make_tree(sandbox.source, {"f": "new"})
    trace = sandbox.directory / "strace"
    process = sandbox.start("apply", "--once", wrapper=[
        "strace", "-f", "-qq", "-o", trace, "-e", "trace=renameat2", "-e", f"inject=renameat2:delay_enter={WINDOW_US}:when=1"])
    wait_for(lambda: trace.exists() and "renameat2(" in trace.read_text())
    assert process.poll() is None, process.log()
    make_tree(sandbox.directory, {"edit": "somebody's"})
    os.rename(sandbox.directory / "edit", sandbox.target / "f")
    assert process.wait(DEADLINE_S) == 4, process.log()
    assert ("RENAME_EXCHANGE" if there else "RENAME_NOREPLACE") in trace.read_text()
    assert "changed on the target" in process.log()
    assert read_tree(sandbox.target) == {"f": b"somebody's", "other": b"1"}
    sandbox.apply()
    assert read_tree(sandbox.target) == {"f": b"new", "other": b"1"}


@pytest.mark.parametrize("edit", ["other content", "another file"])
def test_what_comes_between_the_last_look_and_the_delete_survives(sandbox, needs_root, edit):
    make_tree(sandbox.source, {"f": "old", "other": "1"})
    sandbox.job()
    sandbox.apply()
    os.unlink(sandbox.source / "f")
    trace = sandbox.directory / "strace"
    process = sandbox.start("apply", "--once", wrapper=[
        "strace", "-f", "-qq", "-o", trace, "-e", "trace=renameat2", "-e", f"inject=renameat2:delay_enter={WINDOW_US}:when=1"])
    wait_for(lambda: trace.exists() and "renameat2(" in trace.read_text())
    assert process.poll() is None, process.log()
    if edit == "another file":
        make_tree(sandbox.directory, {"edit": "somebody's"})
        os.rename(sandbox.directory / "edit", sandbox.target / "f")
    else:
        make_tree(sandbox.target, {"f": "somebody's"})
    assert process.wait(DEADLINE_S) == 4, process.log()
    assert "changed on the target" in process.log()
    assert read_tree(sandbox.target) == {"f": b"somebody's", "other": b"1"}


def test_what_is_written_between_the_rename_and_the_look_is_not_believed(sandbox, needs_root):
    make_tree(sandbox.source, {"f": "old"})
    sandbox.job()
    sandbox.apply()
    make_tree(sandbox.source, {"f": "newer"})
    process = sandbox.start("apply", "--once", wrapper=[
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2", "-e", f"inject=renameat2:delay_exit={WINDOW_US}:when=1"])
    wait_for(lambda: (sandbox.target / "f").read_text() == "newer")
    assert process.poll() is None, process.log()
    (sandbox.target / "f").write_text("other")
    assert process.wait(DEADLINE_S) == 0, process.log()
    assert read_tree(sandbox.target) == {"f": b"other"}
    sandbox.apply()
    assert read_tree(sandbox.target) == {"f": b"newer"}
