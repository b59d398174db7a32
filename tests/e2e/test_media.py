"""Targets that are no ext4: names that fold, times of two seconds, inodes that do not last, nothing to exchange."""
import os
import shutil
import time

import pytest

from harness import File, expected_tree, make_tree, ops, read_tree
from media import bindfs, exfat, overlay, tmpfs


def rename(sandbox, old, new):
    os.rename(sandbox.source / old, sandbox.source / new)


def test_directories_and_files_take_each_others_places_without_exchange(sandbox, needs_root):
    with bindfs(sandbox):
        make_tree(sandbox.source, {"a/x": "1", "a/y": "2", "b": "file", "keep/k": "k"})
        sandbox.job()
        sandbox.apply()
        shutil.rmtree(sandbox.source / "a")
        os.unlink(sandbox.source / "b")
        new = {"a": "now a file", "b/z": "now a directory", "keep/k": "changed"}
        make_tree(sandbox.source, new)
        sandbox.apply()
        assert read_tree(sandbox.target) == expected_tree(new)
        assert "nothing to do" in sandbox.apply().text


def test_directories_of_a_lower_layer_give_way(sandbox, needs_root):
    with overlay(sandbox, {"a/x": "1", "b": "file", "c": "old"}):
        make_tree(sandbox.source, {"a/x": "1", "b": "file", "c": "old"})
        sandbox.job()
        sandbox.apply()
        shutil.rmtree(sandbox.source / "a")
        os.unlink(sandbox.source / "b")
        new = {"a": "now a file", "b/z": "now a directory", "c": "new"}
        make_tree(sandbox.source, new)
        sandbox.apply()
        assert read_tree(sandbox.target) == expected_tree(new)


@pytest.mark.parametrize("call", ["renameat2", "renameat", "unlinkat", "mkdirat"])
def test_a_kill_without_exchange_loses_nothing(sandbox, needs_root, call):
    with bindfs(sandbox):
        old = {"a/x": "1", "b": "file", "c": "old"}
        new = {"a": "now a file", "b/z": "now a directory", "c": "new"}
        for when in range(1, 9):
            for base in (sandbox.source, sandbox.target):
                for name in os.listdir(base):
                    shutil.rmtree(base / name) if os.path.isdir(base / name) else os.unlink(base / name)
            make_tree(sandbox.source, old)
            sandbox.job()
            sandbox.apply("--adopt")
            for name in ("b", "c"):
                os.unlink(sandbox.source / name)
            shutil.rmtree(sandbox.source / "a")
            make_tree(sandbox.source, new)
            killed = sandbox.apply(check=None, wrapper=["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                                                        f"inject={call}:signal=KILL:when={when}"])
            sandbox.apply()
            assert read_tree(sandbox.target) == expected_tree(new), f"{call} {when}"
            if killed.status == 0:
                return


def test_a_change_of_case_is_a_move(sandbox, needs_root):
    with exfat(sandbox):
        make_tree(sandbox.source, {"name": "1", "Dev/a": "a", "Dev/sub/b": "b"})
        sandbox.job()
        sandbox.apply()
        rename(sandbox, "name", "Name")
        rename(sandbox, "Dev", "DEV")
        plan = sandbox.plan()
        assert ops(plan) == {"Name": "move", "DEV": "move"}
        assert {action["from"] for action in plan["actions"]} == {"name", "Dev"}
        assert plan["summary"]["move"] == 2
        sandbox.apply()
        assert read_tree(sandbox.target) == {"Name": b"1", "DEV/a": b"a", "DEV/sub/b": b"b"}
        assert "nothing to do" in sandbox.apply().text
        # With other content, a new entry and a delete at once.
        rename(sandbox, "Name", "NAME")
        rename(sandbox, "DEV", "dev")
        make_tree(sandbox.source, {"NAME": "other", "dev/new": "n"})
        os.unlink(sandbox.source / "dev/a")
        sandbox.apply()
        assert read_tree(sandbox.target) == {"NAME": b"other", "dev/new": b"n", "dev/sub/b": b"b"}
        assert "nothing to do" in sandbox.apply().text


def test_names_that_collide_are_one_conflict_and_stay_so(sandbox, needs_root):
    with exfat(sandbox):
        make_tree(sandbox.source, {"Dev/a": "a", "dev/b": "b", "A": "1", "a": "2", "x": "x"})
        sandbox.job()
        for _ in range(3):
            result = sandbox.apply(check=4)
            assert result.text.count("differs from it only in case") == 2
            assert read_tree(sandbox.target) == {"Dev/a": b"a", "A": b"1", "x": b"x"}
            assert {path: op for path, op in ops(sandbox.plan()).items()} == {"a": "conflict", "dev": "conflict"}
        os.unlink(sandbox.source / "A")
        shutil.rmtree(sandbox.source / "Dev")
        sandbox.apply()
        assert read_tree(sandbox.target) == {"dev/b": b"b", "a": b"2", "x": b"x"}


def test_times_reach_exfat_and_an_edit_within_its_tick_is_seen(sandbox, needs_root):
    with exfat(sandbox):
        then = 1_600_000_000 * 10**9
        now = int(time.time())
        make_tree(sandbox.source, {"old": File("1", mtime=then), "young": File("aaaa", mtime=now * 10**9)})
        sandbox.job()
        sandbox.apply()
        assert os.stat(sandbox.target / "old").st_mtime_ns == then
        (sandbox.target / "young").write_text("bbbb")
        os.utime(sandbox.target / "young", (now, now))
        sandbox.apply()
        assert read_tree(sandbox.target) == {"old": b"1", "young": b"aaaa"}


def test_a_volume_is_the_same_after_it_was_mounted_again(sandbox, needs_root):
    with exfat(sandbox) as volume:
        for place in ("deep/target", ""):
            make_tree(sandbox.source, {"a": "1", "b": "2"})
            (sandbox.target / place).mkdir(parents=True, exist_ok=True)
            make_tree(sandbox.target, {"z1/z": "", "z2/z": ""})
            sandbox.job(remote=sandbox.target / place, delete="synced")
            sandbox.apply()
            volume.unmount()
            volume.mount(sandbox.target)
            list(os.walk(sandbox.target))  # gives out inode numbers in another order
            os.unlink(sandbox.source / "b")
            sandbox.apply()
            assert not os.path.exists(sandbox.target / place / "b")
        # Another volume is another place, in words.
        volume.unmount()
        make_tree(sandbox.target, {"a": "1"})
        halted = sandbox.apply(check=3)
        assert "remote-changed" in halted.text and "fuseblk volume " in halted.text


def test_a_full_target_names_the_delete_that_would_make_room(sandbox, needs_root):
    with tmpfs(sandbox, "1m"):
        make_tree(sandbox.source, {"old": b"o" * 700_000, "other": "1"})
        sandbox.job()
        sandbox.apply()
        os.unlink(sandbox.source / "old")
        make_tree(sandbox.source, {"new": b"n" * 700_000})
        full = sandbox.apply(check=1)
        assert "old (683.6 KiB) is gone from the source, and deleting it would make room" in full.text
        os.unlink(sandbox.target / "old")
        sandbox.apply()
        assert sorted(read_tree(sandbox.target)) == ["new", "other"]


def test_a_target_is_made_where_all_belongs_to_one_user(sandbox, needs_root):
    mount = sandbox.directory / "mount"
    with bindfs(sandbox, "--force-user=1000", at=mount):
        make_tree(sandbox.source, {"f": "1"})
        sandbox.target = mount / "backup"
        sandbox.job()
        sandbox.apply()
        assert read_tree(sandbox.target) == {"f": b"1"}


@pytest.mark.parametrize("options", [["--force-user=1000"], ["-p", "0777", "--chmod-ignore"]], ids=["owner", "modes"])
def test_a_pull_where_owners_or_modes_are_the_mounts_own(sandbox, server, options):
    with bindfs(sandbox, *options, at=sandbox.source):
        make_tree(sandbox.target, {"a/f": "1", "g": "2"})
        server.own(server.home)
        sandbox.jobs(("lab", {"root": sandbox.source, "remote": "cse:target", "direction": "pull", "pull": "update"}))
        sandbox.run("pull", "lab")
        assert (sandbox.source / "a/f").read_text() == "1" and (sandbox.source / "g").read_text() == "2"
