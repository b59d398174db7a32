"""Guards: each halts before the first change, says what it saw, and ends by both of its ways out."""
import os
import subprocess

import pytest

from harness import make_tree, ops, read_tree, snapshot

pytestmark = pytest.mark.quick


@pytest.fixture
def synced(sandbox):
    """A mirror of 30 files, synced once."""
    make_tree(sandbox.source, {f"f{i:02}": str(i) for i in range(30)})
    sandbox.job()
    sandbox.apply()
    return sandbox


def halted(sandbox, code, *also, target=None):
    """Asserts that a run halts with exactly these codes, in the plan's JSON too, and changes nothing."""
    target = target or sandbox.target
    before = snapshot(target) if target.exists() else None
    halt = sandbox.plan()["halt"]
    assert halt["code"] == code and halt["codes"] == [code, *also]
    assert halt["detail"] and halt["resolve"]
    result = sandbox.apply(check=3)
    for each in (code, *also):
        assert each in result.text
    assert (snapshot(target) if target.exists() else None) == before
    return result


def test_root_missing(synced):
    os.rename(synced.source, synced.directory / "away")
    halted(synced, "root-missing")
    os.rename(synced.directory / "away", synced.source)
    synced.apply()


def test_root_missing_stays_halted_even_with_adopt(synced):
    os.rename(synced.source, synced.directory / "away")
    before = snapshot(synced.target)
    assert synced.apply("--adopt", check=None).status != 0
    assert snapshot(synced.target) == before


def test_root_is_a_file(synced):
    os.rename(synced.source, synced.directory / "away")
    synced.source.write_text("no directory")
    before = snapshot(synced.target)
    assert synced.plan()["halt"]["code"] in ("root-missing", "root-changed")
    synced.apply(check=3)
    assert snapshot(synced.target) == before


@pytest.mark.parametrize("swap", ["directory", "symlink"])
@pytest.mark.parametrize("way_out", ["bring back", "--adopt"])
def test_root_changed(synced, swap, way_out):
    os.rename(synced.source, synced.directory / "away")
    other = synced.source if swap == "directory" else synced.directory / "other"
    make_tree(other, {f"f{i:02}": str(i) for i in range(30)})
    if swap == "symlink":
        os.symlink(other, synced.source)
    halted(synced, "root-changed")
    if way_out == "--adopt":
        synced.apply("--adopt")
    else:
        if swap == "symlink":
            os.unlink(synced.source)
        else:
            os.rename(synced.source, synced.directory / "swapped")
        os.rename(synced.directory / "away", synced.source)
    synced.apply()


@pytest.mark.parametrize("way_out", ["bring back", "--adopt"])
def test_root_emptied(synced, way_out):
    away = synced.directory / "away"
    away.mkdir()
    for name in os.listdir(synced.source):
        os.rename(synced.source / name, away / name)
    result = halted(synced, "root-emptied", "max-delete")
    assert result.text.index("root-emptied") < result.text.index("max-delete")
    if way_out == "--adopt":
        synced.apply("--adopt")
        assert read_tree(synced.target) == {}
    else:
        for name in os.listdir(away):
            os.rename(away / name, synced.source / name)
        synced.apply()
        assert len(read_tree(synced.target)) == 30


def test_root_emptied_by_a_filter(synced):
    synced.job(exclude=["**"], delete_excluded=True)
    assert synced.plan()["halt"]["code"] == "root-emptied"
    synced.apply(check=3)


@pytest.mark.parametrize("way_out", ["never", "--adopt"])
def test_no_baseline(sandbox, way_out):
    make_tree(sandbox.source, {"a": "1"})
    make_tree(sandbox.target, {"strangers": "x"})
    sandbox.job()
    halted(sandbox, "no-baseline")
    if way_out == "--adopt":
        sandbox.apply("--adopt")
        assert read_tree(sandbox.target) == {"a": b"1"}
    else:
        sandbox.job(delete="never")
        sandbox.apply()
        assert read_tree(sandbox.target) == {"a": b"1", "strangers": b"x"}


def test_another_destination_begins_a_new_baseline(synced):
    other = synced.directory / "other"
    make_tree(other, {"strangers": "x"})
    synced.job(remote=other)
    halted(synced, "no-baseline", target=other)


def test_a_partial_push_is_no_proof_of_a_sync(sandbox):
    make_tree(sandbox.source, {"a/x": "1", "b": "1"})
    make_tree(sandbox.target, {"strangers": "x"})
    sandbox.job()
    sandbox.run("push", "copy", "a", cwd=sandbox.source)
    halted(sandbox, "no-baseline")


def remove_files(sandbox, first, last):
    for i in range(first, last):
        os.unlink(sandbox.source / f"f{i:02}")


@pytest.mark.parametrize("way_out", ["raise", "--adopt"])
def test_max_delete_as_a_share(synced, way_out):
    remove_files(synced, 0, 16)
    halted(synced, "max-delete")
    if way_out == "raise":
        synced.job(max_delete="60%")
        synced.apply()
    else:
        synced.apply("--adopt")
    assert len(read_tree(synced.target)) == 14


def test_max_delete_allows_half(synced):
    remove_files(synced, 0, 15)
    synced.apply()


def test_max_delete_as_a_count(synced):
    synced.job(max_delete=3)
    remove_files(synced, 0, 4)
    halted(synced, "max-delete")


def test_up_to_ten_deletes_never_halt_under_a_share(sandbox):
    make_tree(sandbox.source, {f"f{i:02}": str(i) for i in range(11)})
    sandbox.job()
    sandbox.apply()
    remove_files(sandbox, 0, 10)
    sandbox.apply()
    assert len(read_tree(sandbox.target)) == 1


def test_deletes_of_several_runs_count_together(synced):
    remove_files(synced, 0, 12)
    synced.apply()
    remove_files(synced, 12, 18)
    halted(synced, "max-delete")


def test_replacing_a_directory_by_a_file_counts_as_its_deletes(sandbox):
    make_tree(sandbox.source, {f"d/f{i}": str(i) for i in range(30)})
    sandbox.job()
    sandbox.apply()
    subprocess.run(["rm", "-r", sandbox.source / "d"], check=True)
    make_tree(sandbox.source, {"d": "a file now"})
    halted(sandbox, "max-delete")


@pytest.mark.parametrize("way_out", ["bring back", "--adopt"])
def test_remote_changed(synced, way_out):
    os.rename(synced.target, synced.directory / "away")
    make_tree(synced.target, {"unrelated": "x"})
    before = snapshot(synced.target)
    assert "remote-changed" in synced.plan()["halt"]["codes"]
    synced.apply(check=3)
    assert snapshot(synced.target) == before
    if way_out == "--adopt":
        synced.apply("--adopt")
    else:
        os.rename(synced.target, synced.directory / "unrelated")
        os.rename(synced.directory / "away", synced.target)
        synced.apply()
    assert len(read_tree(synced.target)) == 30


def test_a_removed_target_is_made_again(synced):
    """Nothing is there that could be lost."""
    subprocess.run(["rm", "-r", synced.target], check=True)
    assert synced.apply(check=None).status in (0, 3)
    synced.apply("--adopt")
    assert len(read_tree(synced.target)) == 30


def test_unsafe_target(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(remote=sandbox.home)
    assert "unsafe-target" in sandbox.apply(check=3).text
    assert read_tree(sandbox.home) == {}


def test_the_file_system_root_is_no_target(sandbox):
    """It holds the job's own root, so the job file is refused already."""
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(remote="/")
    sandbox.apply("-f", sandbox.job_file, check={2, 3})


def test_unsafe_target_through_a_symlink(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    os.symlink(sandbox.home, sandbox.directory / "alias")
    sandbox.job(remote=sandbox.directory / "alias")
    assert "unsafe-target" in sandbox.apply(check=3).text
    assert read_tree(sandbox.home) == {}


def test_unmounted(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(mountpoint=sandbox.directory)
    halted(sandbox, "unmounted")
    sandbox.job(mountpoint="/proc")
    sandbox.apply()


def test_a_halted_job_does_not_stop_the_others(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    make_tree(sandbox.target, {"strangers": "x"})
    other = sandbox.directory / "other"
    sandbox.jobs(("halts", {"root": sandbox.source, "remote": sandbox.target}),
                 ("works", {"root": sandbox.source, "remote": other}))
    sandbox.apply(check=3)
    assert read_tree(other) == {"a": b"1"}


def test_an_unreadable_directory_in_the_source_deletes_nothing_below_it(synced, needs_root):
    make_tree(synced.source, {"d/a": "1", "d/sub/b": "1", "e": "1"})
    synced.apply()
    os.unlink(synced.source / "e")
    os.unlink(synced.source / "d/a")
    make_tree(synced.source, {"new": "2"})
    synced.become_nobody()
    (synced.source / "d").chmod(0)
    result = synced.apply(check=4)
    assert "d" in result.text
    tree = read_tree(synced.target)
    assert tree["d/a"] == b"1" and tree["d/sub/b"] == b"1" and tree["new"] == b"2" and "e" not in tree


def test_an_unreadable_directory_on_the_target_halts_a_mirror(synced, needs_root):
    make_tree(synced.source, {"d/a": "1"})
    synced.apply()
    os.unlink(synced.source / "d/a")
    synced.become_nobody()
    (synced.target / "d").chmod(0)
    assert "incomplete-listing" in synced.plan()["halt"]["codes"]
    synced.apply(check=3)
    (synced.target / "d").chmod(0o700)
    synced.apply()
    assert "d/a" not in read_tree(synced.target)


def test_a_vanished_mount_below_the_root_deletes_nothing(synced, needs_root):
    """A directory that was a mount point, and is none any more, is taken as unreadable."""
    make_tree(synced.source, {"data/": None})
    # In a mount namespace of its own: a tmpfs on `data` for the first run only.
    fill = f"mount -t tmpfs tmpfs {synced.source}/data && echo precious > {synced.source}/data/file"
    synced.apply(wrapper=["unshare", "-m", "sh", "-ec", f'{fill}; exec "$@"', "sh"])
    assert read_tree(synced.target)["data/file"] == b"precious\n"
    for _ in range(3):
        assert "data/file" not in ops(synced.plan())
        synced.apply(check=4)
        assert read_tree(synced.target)["data/file"] == b"precious\n"


@pytest.mark.parametrize("mode", ["missing", "update", "mirror"])
def test_after_a_whole_pull_a_push_may_delete(sandbox, mode):
    make_tree(sandbox.target, {"1": "x", "2": "x"})
    sandbox.job(pull=mode)
    sandbox.run("pull", "copy")
    os.unlink(sandbox.source / "1")
    sandbox.run("push", "copy")
    assert read_tree(sandbox.target) == {"2": b"x"}


def test_after_a_whole_push_a_pull_may_delete(synced):
    gone = sorted(read_tree(synced.target))[0]
    os.unlink(synced.target / gone)
    synced.run("pull", "copy", "--overwrite")
    assert gone not in read_tree(synced.source)


def test_a_pull_that_creates_nothing_is_no_proof_of_a_sync(sandbox):
    make_tree(sandbox.target, {"strangers": "x"})
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(pull="generated")
    sandbox.run("pull", "copy")
    halted(sandbox, "no-baseline")


def test_an_emptied_source_is_seen_whichever_way_the_last_sync_went(sandbox):
    make_tree(sandbox.source, {str(i): "x" for i in range(5)})
    sandbox.job()
    sandbox.apply()
    for i in range(5):
        os.unlink(sandbox.target / str(i))
    result = sandbox.run("pull", "copy", "--overwrite", check=3)
    assert "root-emptied" in result.text
    assert len(read_tree(sandbox.source)) == 5


def test_the_way_out_does_what_the_halted_command_would_have_done(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    make_tree(sandbox.directory, {"elsewhere/strangers": "x"})
    path = sandbox.job()
    result = sandbox.run("push", "copy", "-f", path, "-d", sandbox.directory / "elsewhere", check=3)
    assert "the same command with --adopt" in result.text and "push copy" not in result.text
