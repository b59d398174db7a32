"""`watch = true`: what is saved is on the target a moment later, whatever else happens."""
import os
import shutil
import subprocess

import pytest

from harness import expected_tree, make_tree, read_tree, wait_for

pytestmark = pytest.mark.quick


def watch(sandbox, **keys):
    """An engine that watches the source, once its first run is over."""
    sandbox.job(watch=True, **keys)
    return start(sandbox)


def start(sandbox):
    process = sandbox.start("apply", "-v")
    arrives(sandbox)
    return process


def holds(target, tree):
    """Whether the target holds just that; not while files are in the making there."""
    try:
        return read_tree(target) == tree
    except FileNotFoundError:
        return False


def arrives(sandbox):
    """The target comes to be as the source is."""
    wait_for(lambda: holds(sandbox.target, read_tree(sandbox.source)))


def stop(process):
    process.terminate()
    assert process.wait(10) == 0, process.log()


def test_what_is_saved_created_renamed_and_removed_arrives(sandbox):
    make_tree(sandbox.source, {"a/b/file": "1", "a/other": "2", "top": "3", "stays": "4"})
    process = watch(sandbox)
    make_tree(sandbox.source, {"a/b/file": "in place"})
    arrives(sandbox)
    make_tree(sandbox.source, {"a/b/file.new": "over"})
    os.rename(sandbox.source / "a/b/file.new", sandbox.source / "a/b/file")
    arrives(sandbox)
    os.rename(sandbox.source / "a", sandbox.source / "moved")
    arrives(sandbox)
    make_tree(sandbox.source, {"moved/b/deeper/still/new": "5", "moved/empty/": None})
    arrives(sandbox)
    os.unlink(sandbox.source / "top")
    shutil.rmtree(sandbox.source / "moved/b")
    arrives(sandbox)
    os.symlink("stays", sandbox.source / "link")
    os.chmod(sandbox.source / "stays", 0o755)
    arrives(sandbox)
    stop(process)
    assert not any(name.startswith("watch-") for name in os.listdir(sandbox.directory / "runtime/syncline"))


def test_a_run_looks_only_at_what_changed(sandbox):
    make_tree(sandbox.source, {"a/file": "1", "b/file": "1"})
    process = watch(sandbox)
    (sandbox.target / "b/file").write_text("changed over there, where nobody looks")
    make_tree(sandbox.source, {"a/file": "2"})
    wait_for(lambda: (sandbox.target / "a/file").read_text() == "2")
    assert (sandbox.target / "b/file").read_text() != "1"
    make_tree(sandbox.source, {"b/file": "3"})
    wait_for(lambda: (sandbox.target / "b/file").read_text() == "3")
    stop(process)


def test_what_ignore_files_say_now_counts(sandbox):
    make_tree(sandbox.source, {".gitignore": "*.o\n", "x.c": "1", "x.o": "2"})
    sandbox.job(watch=True)
    process = sandbox.start("apply", "-v")
    wait_for(lambda: (sandbox.target / "x.c").exists())
    make_tree(sandbox.source, {"y.o": "3", "y.c": "4"})
    wait_for(lambda: (sandbox.target / "y.c").exists())
    assert not (sandbox.target / "y.o").exists()
    make_tree(sandbox.source, {".gitignore": "*.tmp\n"})
    arrives(sandbox)
    make_tree(sandbox.source, {"z.o": "5"})
    arrives(sandbox)
    stop(process)


def test_thousands_of_files_at_once(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    process = watch(sandbox, fsync=False)
    make_tree(sandbox.source, {f"new/{i % 20}/{i}": str(i) for i in range(5000)})
    arrives(sandbox)
    shutil.rmtree(sandbox.source / "new/3")
    arrives(sandbox)
    stop(process)


def test_a_branch_is_checked_out(sandbox):
    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@y", *arguments], cwd=sandbox.source, check=True,
                       env=sandbox.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    git("init", "-b", "main")
    make_tree(sandbox.source, {f"src/{i % 10}/{i}.c": f"main {i}" for i in range(500)} | {".gitignore": "*.o\n"})
    git("add", ".")
    git("commit", "-m", "main")
    git("checkout", "-b", "other")
    shutil.rmtree(sandbox.source / "src/3")
    make_tree(sandbox.source, {f"src/{i % 20}/{i}.c": f"other {i}" for i in range(1000) if i % 10 != 3})
    git("add", "-A")
    git("commit", "-m", "other")

    def selected():
        return {path: content for path, content in read_tree(sandbox.source).items() if not path.startswith(".git/")}

    sandbox.job(watch=True, fsync=False, max_delete="100%")
    process = sandbox.start("apply", "-v")
    wait_for(lambda: holds(sandbox.target, selected()))
    for branch in ("main", "other"):
        git("checkout", branch)
        wait_for(lambda: holds(sandbox.target, selected()))
    stop(process)


def test_a_root_that_goes_halts_and_one_that_comes_back_goes_on(sandbox):
    make_tree(sandbox.source, {"a": "1", "b/c": "2"})
    before = read_tree(sandbox.source)
    process = watch(sandbox)
    away = sandbox.directory / "away"
    os.rename(sandbox.source, away)
    wait_for(lambda: "root-missing" in process.log())
    assert read_tree(sandbox.target) == before
    os.rename(away, sandbox.source)
    make_tree(sandbox.source, {"new": "3"})
    arrives(sandbox)
    stop(process)


def test_an_emptied_root_deletes_nothing(sandbox):
    make_tree(sandbox.source, {f"f{i}": "1" for i in range(30)})
    before = read_tree(sandbox.source)
    process = watch(sandbox)
    for name in os.listdir(sandbox.source):
        os.unlink(sandbox.source / name)
    wait_for(lambda: "root-emptied" in process.log() or "max-delete" in process.log())
    assert len(read_tree(sandbox.target)) >= len(before) / 2
    stop(process)


def test_what_stands_in_the_way_on_the_target_is_replaced(sandbox):
    make_tree(sandbox.source, {"a": "1", "d/x": "1"})
    process = watch(sandbox)
    (sandbox.target / "d/x").unlink()
    make_tree(sandbox.target, {"d/x/theirs": "nobody's"})
    make_tree(sandbox.source, {"d/x": "2"})
    arrives(sandbox)
    stop(process)


def test_a_job_gets_and_loses_its_watcher_by_an_edit(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1h")
    process = start(sandbox)
    sandbox.job(interval="1h", watch=True)
    make_tree(sandbox.source, {"b": "2"})
    arrives(sandbox)
    make_tree(sandbox.source, {"c": "3"})
    arrives(sandbox)
    stop(process)


def test_over_ssh(sandbox, server):
    make_tree(sandbox.source, {"a/file": "1", "b/file": "2", "odd [name]*?/x": "3"})
    sandbox.jobs(("live", {"root": sandbox.source, "remote": "cse:target", "watch": True}))
    process = start(sandbox)
    make_tree(sandbox.source, {"a/file": "changed", "n/e/w": "4", "odd [name]*?/y": "5"})
    arrives(sandbox)
    os.unlink(sandbox.source / "b/file")
    os.rename(sandbox.source / "a", sandbox.source / "z")
    arrives(sandbox)
    # In the place of a directory stands a symlink on the server: what it leads to is not touched.
    outside = sandbox.target.parent / "outside"
    outside.mkdir()
    (outside / "file").write_text("not ours")
    shutil.rmtree(sandbox.target / "z")
    os.symlink(outside, sandbox.target / "z")
    make_tree(sandbox.source, {"z/file": "again"})
    arrives(sandbox)
    assert (outside / "file").read_text() == "not ours"
    stop(process)
