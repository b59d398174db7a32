"""What a run leaves out is said, and how a conflict ends."""
import pytest

from harness import make_tree, read_tree

pytestmark = pytest.mark.quick


def test_the_summary_counts_what_is_left_out(sandbox):
    make_tree(sandbox.source, {".gitignore": "*.o\nbuild/\n", "a.o": "1", "build/x": "1", "build/y": "1", "b.log": "1",
                               ".git/HEAD": "x", "c": "1"})
    sandbox.job(exclude=["*.log"])
    assert "2 put, 0 unchanged, 3 ignored, .git left out" in sandbox.apply().text
    assert "nothing to do (2 entries, 3 ignored, .git left out" in sandbox.apply().text
    assert sandbox.plan()["summary"]["ignored"] == 3


def test_a_conflict_names_the_way_out(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    make_tree(sandbox.target, {"a": "2"})
    sandbox.job(delete="never")
    assert "to overwrite it: syncline push copy --overwrite" in sandbox.apply(check=4).text
    sandbox.run("push", "copy", "--overwrite")
    assert read_tree(sandbox.target) == {"a": b"1"}
