"""What a push may delete and overwrite: `delete = "mirror" | "synced" | "never"`, conflicts, --force and --adopt."""
import os

import pytest

from harness import Link, make_tree, ops, read_tree, snapshot

pytestmark = pytest.mark.quick


def synced(sandbox, policy, tree):
    """A sandbox after one whole push of `tree` under this policy."""
    make_tree(sandbox.source, tree)
    sandbox.job(delete=policy)
    sandbox.apply()


def test_mirror_overwrites_what_differs_and_removes_what_is_extra(sandbox):
    synced(sandbox, "mirror", {"a": "1", "b": "1"})
    make_tree(sandbox.target, {"a": "edited there", "extra": "x", "dir/extra": "y"})
    sandbox.apply()
    assert read_tree(sandbox.target) == {"a": b"1", "b": b"1"}


def test_synced_removes_only_what_it_put_there(sandbox):
    synced(sandbox, "synced", {"a": "1", "gone": "1", "gone-but-edited": "1"})
    make_tree(sandbox.target, {"users-own": "x", "gone-but-edited": "edited there"})
    os.unlink(sandbox.source / "gone")
    os.unlink(sandbox.source / "gone-but-edited")
    sandbox.apply(check={0, 4})
    assert read_tree(sandbox.target) == {"a": b"1", "users-own": b"x", "gone-but-edited": b"edited there"}


@pytest.mark.parametrize("policy", ["synced", "never"])
def test_a_target_edit_alone_is_noted_and_left(sandbox, policy):
    synced(sandbox, policy, {"a": "1"})
    make_tree(sandbox.target, {"a": "edited there"})
    result = sandbox.apply()
    assert read_tree(sandbox.target) == {"a": b"edited there"}
    assert "a" in result.text


@pytest.mark.parametrize("policy", ["synced", "never"])
@pytest.mark.parametrize("switch", ["--force", "--adopt"])
def test_an_edit_on_both_sides_is_a_conflict(sandbox, policy, switch):
    synced(sandbox, policy, {"file": "1", "other": "1"})
    make_tree(sandbox.target, {"file": "edited there"})
    make_tree(sandbox.source, {"file": "edited here", "other": "2"})
    assert ops(sandbox.plan()) == {"file": "conflict", "other": "put"}
    result = sandbox.apply(check=4)
    assert "file" in result.text
    assert read_tree(sandbox.target) == {"file": b"edited there", "other": b"2"}
    sandbox.run("push", "copy", switch)
    assert read_tree(sandbox.target) == {"file": b"edited here", "other": b"2"}
    sandbox.apply()


@pytest.mark.parametrize("policy", ["synced", "never"])
def test_a_differing_file_that_was_never_synced_is_a_conflict(sandbox, policy):
    make_tree(sandbox.target, {"file": "was there before"})
    make_tree(sandbox.source, {"file": "mine"})
    sandbox.job(delete=policy)
    sandbox.apply(check=4)
    assert read_tree(sandbox.target) == {"file": b"was there before"}
    sandbox.apply("--adopt")
    assert read_tree(sandbox.target) == {"file": b"mine"}


@pytest.mark.parametrize("policy", ["synced", "never"])
def test_an_equal_file_that_was_there_before_is_no_conflict(sandbox, policy):
    make_tree(sandbox.target, {"file": "same"})
    make_tree(sandbox.source, {"file": "same"})
    sandbox.job(delete=policy)
    sandbox.apply()
    make_tree(sandbox.source, {"file": "changed since"})
    sandbox.apply()
    assert read_tree(sandbox.target) == {"file": b"changed since"}


def test_synced_keeps_what_the_target_had_before(sandbox):
    """It was there, equal, before the first sync: not the job's to delete, until the job wrote it itself."""
    tree = {"was-there": "same", "dir/was-there": "same", "dir/put": "1", "overwritten": "same"}
    make_tree(sandbox.target, {name: text for name, text in tree.items() if name != "dir/put"})
    synced(sandbox, "synced", {**tree, "stays": "1"})
    make_tree(sandbox.source, {"overwritten": "changed since"})
    sandbox.apply()
    for name in tree:
        os.unlink(sandbox.source / name)
    os.rmdir(sandbox.source / "dir")
    sandbox.apply()
    sandbox.apply("--adopt")
    assert read_tree(sandbox.target) == {"was-there": b"same", "dir/was-there": b"same", "stays": b"1"}


def test_a_run_that_only_removes_directories_says_so(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    (sandbox.source / "empty").mkdir()
    sandbox.job()
    sandbox.apply()
    os.rmdir(sandbox.source / "empty")
    assert "1 directory to remove" in sandbox.run("plan").text
    assert "1 directory removed" in sandbox.apply().text


def test_never_deletes_nothing(sandbox):
    synced(sandbox, "never", {"a": "1", "gone": "1", "dir/gone": "1"})
    os.unlink(sandbox.source / "gone")
    os.unlink(sandbox.source / "dir/gone")
    os.rmdir(sandbox.source / "dir")
    sandbox.apply()
    assert read_tree(sandbox.target) == {"a": b"1", "gone": b"1", "dir/gone": b"1"}


def test_never_does_not_replace_a_directory_by_a_file(sandbox):
    synced(sandbox, "never", {"d/inner": "1"})
    os.unlink(sandbox.source / "d/inner")
    os.rmdir(sandbox.source / "d")
    make_tree(sandbox.source, {"d": "a file now"})
    sandbox.apply(check=4)
    assert read_tree(sandbox.target) == {"d/inner": b"1"}


def test_the_first_mirror_onto_a_filled_directory_halts(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    make_tree(sandbox.target, {"strangers": "x"})
    sandbox.job()
    before = snapshot(sandbox.target)
    result = sandbox.apply(check=3)
    assert "no-baseline" in result.text
    assert snapshot(sandbox.target) == before
    sandbox.apply("--adopt")
    assert read_tree(sandbox.target) == {"a": b"1"}


def test_adopt_never_stands_for_later_runs(sandbox):
    make_tree(sandbox.source, {f"f{i}": "1" for i in range(40)})
    sandbox.job()
    sandbox.apply("--adopt")
    for i in range(39):
        os.unlink(sandbox.source / f"f{i}")
    assert "max-delete" in sandbox.apply(check=3).text


def test_delete_and_overwrite_in_a_pull_job_are_errors(sandbox):
    sandbox.job(direction="pull", delete="mirror", overwrite="always")
    text = sandbox.run("check", check=2).text
    assert "'delete'" in text and "'overwrite'" in text
    sandbox.job(overwrite="never")
    assert "always" in sandbox.run("check", check=2).text


def test_delete_and_overwrite_are_chosen_apart(sandbox):
    synced(sandbox, "mirror", {"a": "1", "b": "1"})
    sandbox.job(delete="mirror", overwrite="unchanged")
    make_tree(sandbox.target, {"a": "edited there", "extra": "x"})
    make_tree(sandbox.source, {"b": "2"})
    assert "a: changed on the target" in sandbox.apply().text
    assert read_tree(sandbox.target) == {"a": b"edited there", "b": b"2"}
    make_tree(sandbox.target, {"extra": "x"})
    sandbox.job(delete="never", overwrite="always")
    assert "1 put (1 of them had been changed there)" in sandbox.apply().text
    assert read_tree(sandbox.target) == {"a": b"1", "b": b"2", "extra": b"x"}


def test_the_command_line_says_more_or_less_for_one_run(sandbox):
    synced(sandbox, "never", {"a": "1", "gone": "1"})
    make_tree(sandbox.target, {"a": "edited there"})
    os.unlink(sandbox.source / "gone")
    sandbox.run("push", "copy", "--overwrite")
    assert read_tree(sandbox.target) == {"a": b"1", "gone": b"1"}
    sandbox.job(delete="mirror")
    sandbox.run("push", "copy", "--never-delete")
    assert read_tree(sandbox.target) == {"a": b"1", "gone": b"1"}
    sandbox.run("push", "copy", "--delete", "--never-delete", check=2)
    sandbox.run("push", "copy", "--delete")
    assert read_tree(sandbox.target) == {"a": b"1"}


def test_a_directory_with_a_file_that_must_be_kept_stays(sandbox):
    """The job's own directory went away in the source, but somebody put a file of theirs into it on the target."""
    synced(sandbox, "synced", {"d/mine": "1", "a": "1"})
    make_tree(sandbox.target, {"d/theirs": "x"})
    os.unlink(sandbox.source / "d/mine")
    os.rmdir(sandbox.source / "d")
    sandbox.apply(check={0, 4})
    assert read_tree(sandbox.target) == {"a": b"1", "d/theirs": b"x"}


def test_links_that_are_skipped_from_now_on_take_no_copies_away(sandbox):
    make_tree(sandbox.directory, {"elsewhere/1": "x"})
    make_tree(sandbox.source, {"a": "1", "to-directory": Link("../elsewhere"), "to-file": Link("../elsewhere/1")})
    sandbox.apply("-f", sandbox.job(symlinks="follow"))
    before = read_tree(sandbox.target)
    assert len(before) == 3
    sandbox.apply("-f", sandbox.job(symlinks="skip"))
    assert read_tree(sandbox.target) == before


@pytest.mark.parametrize("policy", ["synced", "never"])
def test_only_adopt_replaces_a_directory_that_others_filled(sandbox, policy):
    synced(sandbox, policy, {"thing/mine": "1", "stays": "1"})
    make_tree(sandbox.target, {"thing/theirs": "2"})
    os.unlink(sandbox.source / "thing/mine")
    os.rmdir(sandbox.source / "thing")
    make_tree(sandbox.source, {"thing": "a file now"})
    before = read_tree(sandbox.target)
    assert ops(sandbox.plan())["thing"] == "conflict"
    sandbox.apply(check=4)
    assert read_tree(sandbox.target) == before
    sandbox.apply("--adopt")
    assert read_tree(sandbox.target) == {"thing": b"a file now", "stays": b"1"}
