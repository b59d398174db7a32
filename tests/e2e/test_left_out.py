"""What a run leaves out is said, and how a conflict ends."""
import os
import signal

import pytest

from harness import make_tree, read_tree, wait_for

pytestmark = pytest.mark.quick


def test_a_push_says_what_it_does_not_remove_or_overwrite(sandbox):
    make_tree(sandbox.source, {"a": "1", "b": "1"})
    sandbox.job(delete="never")
    sandbox.apply()
    make_tree(sandbox.target, {"b": "edited there", "extra": "x"})
    left = (f"1 file is only in {sandbox.target}, 1 differs: delete = never and overwrite = unchanged "
            "leave them (see --delete, --overwrite)")
    for text in (sandbox.apply().text, sandbox.run("plan").text, sandbox.run("push", "copy").text):
        assert "nothing to do; " + left in text
    assert sandbox.plan()["summary"]["left_alone"] == left


def test_the_summary_counts_what_is_left_out(sandbox):
    make_tree(sandbox.source, {".gitignore": "*.o\nbuild/\n", "a.o": "1", "build/x": "1", "build/y": "1", "b.log": "1",
                               ".git/HEAD": "x", "c": "1"})
    sandbox.job(exclude=["*.log"])
    assert "2 put, 0 unchanged, 3 ignored, .git left out" in sandbox.apply().text
    assert "nothing to do (2 entries, 3 ignored, .git left out" in sandbox.apply().text
    assert sandbox.plan()["summary"]["ignored"] == 3


def test_a_stop_says_what_is_kept(sandbox):
    make_tree(sandbox.source, {f"f{i}": os.urandom(1 << 20) for i in range(8)})
    sandbox.job()
    process = sandbox.start("push", "copy", "--bwlimit", "1MiB/s")
    wait_for(lambda: sandbox.target.exists() and os.listdir(sandbox.target))
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 1
    assert "what was done is verified and recorded, and the next run goes on from there" in process.log()


def test_a_conflict_names_the_way_out(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    make_tree(sandbox.target, {"a": "2"})
    sandbox.job(delete="never")
    assert "to overwrite it: syncline push copy --overwrite" in sandbox.apply(check=4).text
    sandbox.run("push", "copy", "--overwrite")
    assert read_tree(sandbox.target) == {"a": b"1"}
