"""`watch = true`: what is saved is on the target a moment later, whatever else happens."""
import os
import shutil
import subprocess

import pytest

from harness import holds, make_tree, read_tree, stop, wait_for

pytestmark = pytest.mark.quick


def watch(sandbox, **keys):
    """An engine that watches the source, once its first run is over."""
    sandbox.job(watch=True, **keys)
    return start(sandbox)


def start(sandbox, job="copy"):
    process = sandbox.start("apply", "-v")
    sandbox.first_run(job)
    return process


def test_what_is_saved_created_renamed_and_removed_arrives(sandbox):
    make_tree(sandbox.source, {"a/b/file": "1", "a/other": "2", "top": "3", "stays": "4"})
    process = watch(sandbox)
    make_tree(sandbox.source, {"a/b/file": "in place"})
    sandbox.arrives()
    make_tree(sandbox.source, {"a/b/file.new": "over"})
    os.rename(sandbox.source / "a/b/file.new", sandbox.source / "a/b/file")
    sandbox.arrives()
    os.rename(sandbox.source / "a", sandbox.source / "moved")
    sandbox.arrives()
    make_tree(sandbox.source, {"moved/b/deeper/still/new": "5", "moved/empty/": None})
    sandbox.arrives()
    os.unlink(sandbox.source / "top")
    shutil.rmtree(sandbox.source / "moved/b")
    sandbox.arrives()
    os.symlink("stays", sandbox.source / "link")
    os.chmod(sandbox.source / "stays", 0o755)
    sandbox.arrives()
    stop(process)
    assert not any(name.startswith("watch-") for name in os.listdir(sandbox.directory / "runtime/syncline"))


def vi(path, text, *settings):
    """Real vi puts `text` in the place of the first line."""
    script = "".join(f"set {setting}\n" for setting in settings) + f"1s/.*/{text}/\nwrite\nquit\n"
    subprocess.run(["vi", "-u", "NONE", "-i", "NONE", "-es", path], input=script, text=True, check=True)


def test_editors_save_in_many_ways(sandbox):
    make_tree(sandbox.source, {"d/notes": "0\n"})
    notes = sandbox.source / "d/notes"
    process = watch(sandbox)
    inode = notes.stat().st_ino
    vi(notes, "a backup by rename", "backup", "backupskip=", "backupcopy=no")
    assert notes.stat().st_ino != inode and (sandbox.source / "d/notes~").exists()
    sandbox.arrives()
    inode = notes.stat().st_ino
    vi(notes, "truncated and written", "nobackup", "nowritebackup", "backupcopy=yes")
    assert notes.stat().st_ino == inode
    sandbox.arrives()
    subprocess.run(["sed", "-i", "s/.*/renamed over/", notes], check=True)
    sandbox.arrives()
    # Emacs marks what it edits by a symlink that leads nowhere, and saves through a rename.
    os.symlink("me@here.1234:5678", sandbox.source / "d/.#notes")
    sandbox.arrives()
    os.link(notes, sandbox.source / "d/notes.bak")
    make_tree(sandbox.source, {"d/#notes#": "saved by itself"})
    os.rename(sandbox.source / "d/#notes#", notes)
    os.unlink(sandbox.source / "d/.#notes")
    sandbox.arrives()
    # Written to for long, by parts: the whole is there when it is closed.
    with open(notes, "w", encoding="utf-8") as file:
        for part in range(5):
            print(part, file=file, flush=True)
    sandbox.arrives()
    # The time of the last write is kept, and so is the size.
    before = notes.stat()
    notes.write_text("\n".join("56789") + "\n")
    os.utime(notes, ns=(before.st_atime_ns, before.st_mtime_ns))
    sandbox.arrives()
    stop(process)


def test_trees_are_moved_in_and_out(sandbox):
    make_tree(sandbox.source, {"a/deep/er/file": "1", "stays": "2"})
    aside = sandbox.directory / "aside"
    make_tree(aside, {f"in/{i}/file": str(i) for i in range(50)})
    process = watch(sandbox)
    os.rename(aside / "in", sandbox.source / "a/in")
    sandbox.arrives()
    make_tree(sandbox.source, {"a/in/7/later": "3"})
    sandbox.arrives()
    os.rename(sandbox.source / "a", aside / "out")
    sandbox.arrives()
    make_tree(aside, {"out/deep/er/file": "nobody's"})
    os.rename(aside / "out", sandbox.source / "again")
    os.rename(sandbox.source / "again/in", sandbox.source / "in")
    sandbox.arrives()
    # Two trees change places, and one comes in the place of another.
    make_tree(sandbox.source, {"x/one": "1", "y/two": "2"})
    sandbox.arrives()
    for old, new in (("x", "z"), ("y", "x"), ("z", "y")):
        os.rename(sandbox.source / old, sandbox.source / new)
    sandbox.arrives()
    make_tree(sandbox.source, {"x/one": "4", "y/two": "5"})
    sandbox.arrives()
    stop(process)


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
    sandbox.arrives()
    make_tree(sandbox.source, {"z.o": "5"})
    sandbox.arrives()
    stop(process)


def test_thousands_of_files_at_once(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    process = watch(sandbox, fsync=False)
    make_tree(sandbox.source, {f"new/{i % 20}/{i}": str(i) for i in range(5000)})
    sandbox.arrives()
    shutil.rmtree(sandbox.source / "new/3")
    sandbox.arrives()
    stop(process)


def test_a_branch_is_checked_out(sandbox):
    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@y", *arguments], cwd=sandbox.source, check=True,
                       env=sandbox.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    git("init", "-b", "main")
    make_tree(sandbox.source, {f"src/{i % 10}/{i}.c": f"main {i}" for i in range(1000)} | {".gitignore": "*.o\n"})
    git("add", ".")
    git("commit", "-m", "main")
    git("checkout", "-b", "other")
    shutil.rmtree(sandbox.source / "src/3")
    make_tree(sandbox.source, {f"src/{i % 20}/{i}.c": f"other {i}" for i in range(2000) if i % 10 != 3})
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
    sandbox.arrives()
    stop(process)


def test_a_root_in_whose_place_another_stands(sandbox):
    """It halts; told that this is the source now, it watches it."""
    make_tree(sandbox.source, {"a": "1", "b/c": "2"})
    before = read_tree(sandbox.source)
    process = watch(sandbox)
    os.rename(sandbox.source, sandbox.directory / "away")
    make_tree(sandbox.source, {"other": "3"})
    wait_for(lambda: "root-changed" in process.log())
    make_tree(sandbox.source, {"other": "4"})
    assert read_tree(sandbox.target) == before
    sandbox.run("push", "copy", "--adopt")
    sandbox.arrives()
    make_tree(sandbox.source, {"more": "5"})
    sandbox.arrives()
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
    sandbox.arrives()
    stop(process)


def test_a_job_gets_and_loses_its_watcher_by_an_edit(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1h")
    process = start(sandbox)
    sandbox.job(interval="1h", watch=True)
    make_tree(sandbox.source, {"b": "2"})
    sandbox.arrives()
    make_tree(sandbox.source, {"c": "3"})
    sandbox.arrives()
    stop(process)


def test_over_ssh(sandbox, server):
    make_tree(sandbox.source, {"a/file": "1", "b/file": "2", "odd [name]*?/x": "3"})
    sandbox.jobs(("live", {"root": sandbox.source, "remote": "cse:target", "watch": True}))
    process = start(sandbox, "live")
    make_tree(sandbox.source, {"a/file": "changed", "n/e/w": "4", "odd [name]*?/y": "5"})
    sandbox.arrives()
    os.unlink(sandbox.source / "b/file")
    os.rename(sandbox.source / "a", sandbox.source / "z")
    sandbox.arrives()
    # In the place of a directory stands a symlink on the server: what it leads to is not touched.
    outside = sandbox.target.parent / "outside"
    outside.mkdir()
    (outside / "file").write_text("not ours")
    shutil.rmtree(sandbox.target / "z")
    os.symlink(outside, sandbox.target / "z")
    make_tree(sandbox.source, {"z/file": "again"})
    sandbox.arrives()
    assert (outside / "file").read_text() == "not ours"
    stop(process)


def test_an_ssh_server_that_was_restarted(sandbox, server):
    """The connection that was kept is dead: what is saved next arrives all the same, and so does what is saved meanwhile."""
    make_tree(sandbox.source, {"a": "1", "b": "2"})
    sandbox.jobs(("live", {"root": sandbox.source, "remote": "cse:target", "watch": True}))
    process = start(sandbox, "live")
    make_tree(sandbox.source, {"a": "before"})
    sandbox.arrives()
    server.go_down()
    server.come_back()
    make_tree(sandbox.source, {"a": "after", "new": "3"})
    sandbox.arrives()
    server.go_down()
    make_tree(sandbox.source, {"a": "meanwhile"})
    os.unlink(sandbox.source / "b")
    wait_for(lambda: "cannot connect" in process.log())
    server.come_back()
    sandbox.arrives()
    assert "failed" not in process.log()
    stop(process)
