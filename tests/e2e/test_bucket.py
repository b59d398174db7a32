"""Buckets: what pushes and pulls do with a real RADOS Gateway."""
import contextlib
import os
import shutil
import signal
import sqlite3

from harness import File, Link, expected_tree, make_tree, ops, read_tree, wait_for
from tcp_proxy import CuttingProxy

TREE = {
    "a.txt": "alpha", "d/e/f.bin": b"\x00\xff" * 500, "d/empty/": None, "none": b"", "run.sh": File("#!/bin/sh\n", mode=0o755),
    "old": File("x", mtime=1_000_000_000_123_456_789), "l": Link("d/e/f.bin"), "d/up": Link("../a.txt"),
    "new\nline": "n", "sp ace+%41&=": "p", "caf\u00e9": "c", "'\"$(x)": "q", "-dash": "d",
}


def test_a_tree_goes_up_and_comes_down_whole(store, sandbox):
    make_tree(sandbox.source, TREE)
    store.job()
    first = sandbox.run("push", "push", "--json")
    assert sandbox.plan()["actions"] == [], first
    assert store.head("ws/a.txt")["Metadata"]["sha256"].startswith("8ed3f6ad685b959e")
    assert "d/empty/" in store.keys() and "l" in store.keys()
    other = store.down()
    sandbox.run("pull", "down")
    assert read_tree(other) == expected_tree(TREE)
    assert os.stat(other / "old").st_mtime_ns == 1_000_000_000_123_456_789
    assert os.stat(other / "run.sh").st_mode & 0o777 == 0o700
    assert sandbox.plan()["actions"] == []


def test_what_cannot_be_a_key_is_refused_by_name(store, sandbox):
    make_tree(sandbox.source, {"ok": "1", b"bad\xff": "2", "/".join(["d" * 200] * 6): "3"})
    store.job()
    result = sandbox.run("push", "push", check=4)
    assert "bad\\xff" in result.text and "not UTF-8" in result.text
    assert "1,024" in result.text or "1024" in result.text
    assert "ok" in store.keys()


def test_odd_keys_of_others_are_named_and_left_alone(store, sandbox):
    for key in ("ws/../x", "ws//x", "ws/a//b", "ws/both", "ws/both/in", "ws/fine"):
        store.put(key, b"1")
    store.job(("down", {"root": sandbox.source, "remote": "store:ws", "direction": "pull", "fsync": False}))
    result = sandbox.run("pull", "down", check=4)
    assert read_tree(sandbox.source) == {"both/in": b"1", "fine": b"1"}
    for word in ("ws/../x", "ws//x", "ws/a//b", "both an object and the beginning"):
        assert word in result.text, result
    store.job()
    make_tree(sandbox.source, {"fine": "22"})
    assert "both" in sandbox.run("push", "push", "--force").text
    assert len(store.keys()) == 6


def test_push_deletes_nothing_and_needs_a_watcher_to(store, sandbox):
    make_tree(sandbox.source, {"a": "1", "b": "2", "d/c": "3"})
    store.job()
    sandbox.run("push", "push")
    os.unlink(sandbox.source / "a")
    shutil.rmtree(sandbox.source / "d")
    sandbox.run("push", "push")
    assert store.keys() == ["a", "b", "d/", "d/c"]
    halted = sandbox.run("push", "push", "--delete", check=3)
    assert "watcher-inactive" in halted.text and "no-baseline" not in halted.text
    assert store.keys() == ["a", "b", "d/", "d/c"]
    sandbox.run("push", "push", "--delete", "--adopt")
    assert store.keys() == ["b"]


def test_deletes_need_a_recorded_sync(store, sandbox):
    store.put("ws/theirs", b"1")
    make_tree(sandbox.source, {"mine": "2"})
    store.job(delete="mirror")
    halted = sandbox.run("push", "push", check=3)
    assert "no-baseline" in halted.text and "watcher-inactive" in halted.text
    assert store.keys() == ["theirs"]


def test_many_deletes_go_in_batches(store, sandbox):
    make_tree(sandbox.source, {f"d/{i}": str(i) for i in range(1200)} | {"keep/x": "1"})
    store.job(max_delete="100%")
    sandbox.run("push", "push")
    shutil.rmtree(sandbox.source / "d")
    sandbox.run("push", "push", "--delete", "--adopt")
    assert store.keys() == ["keep/", "keep/x"]


def test_large_files_go_in_parts_and_come_back(store, sandbox):
    body = os.urandom(1 << 20) * 21 + b"end"
    make_tree(sandbox.source, {"big": body, "d/big2": body[:9 << 20]})
    store.job()
    sandbox.run("push", "push")
    head = store.head("ws/big")
    assert head["ContentLength"] == len(body) and head["ETag"].strip('"').endswith("-3")
    assert sandbox.plan()["actions"] == []
    other = store.down()
    sandbox.run("pull", "down")
    assert (other / "big").read_bytes() == body
    assert store.uploads() == []


def test_what_changed_on_both_sides_is_a_conflict(store, sandbox):
    make_tree(sandbox.source, {"a": "1", "b": "1", "c": "1"})
    store.job()
    sandbox.run("push", "push")
    store.put("ws/a", b"theirs")
    store.put("ws/b", b"theirs")
    make_tree(sandbox.source, {"a": "mine!", "c": "2"})
    result = sandbox.run("push", "push", check=4)
    assert "conflict" in result.text
    assert store.tree() == {"a": b"theirs", "b": b"theirs", "c": b"2"}
    sandbox.run("push", "push", "--force")
    assert store.head("ws/a")["ContentLength"] == 5


def test_a_pull_from_nothing_halts_and_records_nothing(store, sandbox):
    store.job()
    assert "remote-missing" in sandbox.run("pull", "push", check=3).text
    make_tree(sandbox.source, {"a": "1"})
    store.put("ws/b", b"1")
    store.job(delete="mirror")
    assert "no-baseline" in sandbox.run("push", "push", check=3).text
    assert store.keys() == ["b"]


def test_bucket_and_directory_from_the_command_line(store, sandbox):
    make_tree(sandbox.source, {"a": "1", "b.pyc": "2", "d/c": "3"})
    store.write(("local", {"root": sandbox.source, "remote": sandbox.target, "fsync": False}))
    sandbox.run("push", "local", "-b", "store", "-d", "else/where", "-x", "*.pyc", cwd=sandbox.source)
    assert store.keys("else/where/") == ["a", "d/", "d/c"]
    sandbox.run("push", "local", "-b", f"generic:{store.name}", cwd=sandbox.source)
    assert "source/" not in store.keys("") and "b.pyc" in store.keys("source/")
    assert "no [buckets] table" in sandbox.run("push", "local", "-b", "nope", check=2).text
    store.put("else/where/x.log", b"1")
    store.put("else/where/d/new", b"1")
    other = sandbox.directory / "other"
    place = ("-b", "store", "-d", "else/where", "--root", other)
    sandbox.run("pull", "local", *place, other / "d")
    assert read_tree(other) == {"d/c": b"3", "d/new": b"1"}
    sandbox.run("pull", "local", *place, "-x", "*.log", cwd=other)
    assert read_tree(other) == {"d/c": b"3", "d/new": b"1", "a": b"1"}
    # Without a job.
    adhoc = ("-b", f"generic:{store.name}", "-d", "scratch", "--root", other)
    sandbox.run("push", *adhoc, cwd=other)
    assert store.tree("scratch/") == read_tree(other)
    # The table of that provider says where the secret goes: an edit of that has no say before it is trusted.
    sandbox.job_file.write_text(sandbox.job_file.read_text().replace("127.0.0.1", "localhost"))
    assert "trust" in sandbox.run("push", *adhoc, cwd=other, check=2).text


def test_thousands_of_odd_keys_and_an_unchanged_run_costs_the_listing_alone(store, sandbox):
    odd = [*" +%&=?#\\'\"<>;:~*$\t\n\r\x01\x1b\x7f-.,{}|^@!()", "%2F", "\u00e4", "a\u0308", "\u20ac", "\U0001f600"]
    tree = {f"{odd[i % 7]}d/{odd[i % len(odd)]}{i}{odd[i * 7 % len(odd)]}": str(i) for i in range(2300)}
    make_tree(sandbox.source, tree)
    store.job()
    sandbox.run("push", "push")
    with store.counted() as requests:
        assert "nothing to do" in sandbox.run("push", "push").text
        assert requests == ["GET"] * 3  # 1,000 a page
    assert set(store.keys()) == set(tree) | {f"{each}d/" for each in odd[:7]}
    other = store.down()
    sandbox.run("pull", "down")
    assert read_tree(other) == expected_tree(tree)


def test_an_upload_that_was_killed_is_gone_on_with(store, sandbox):
    body = os.urandom(1 << 20) * 80
    make_tree(sandbox.source, {"big": body, "small": "s"})
    store.job()
    text = sandbox.job_file.read_text()
    sandbox.job_file.write_text(text.replace("version = 1\n", 'version = 1\nengine.bandwidth_limit = "16 MiB/s"\n', 1))
    sandbox.run("trust", "jobs.toml")
    process = sandbox.start("push", "push")

    def recorded():
        try:
            with contextlib.closing(sqlite3.connect(f"file:{sandbox.state}/state.db?mode=ro", uri=True)) as state:
                return state.execute("SELECT count(*) FROM upload_part").fetchone()[0]
        except sqlite3.OperationalError:
            return 0
    wait_for(recorded)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = recorded()
    assert 1 <= before < 10 and "big" not in store.keys()
    proxy = CuttingProxy(store.gateway.port)
    try:
        store.endpoint = f"http://127.0.0.1:{proxy.port}"
        store.job()
        sandbox.run("push", "push")
        assert proxy.passed["up"] < len(body) - before * (8 << 20) + (1 << 20)
    finally:
        proxy.stop()
    assert store.head("ws/big")["ContentLength"] == len(body)
    assert recorded() == 0
    assert store.uploads() == []
    assert store.get("ws/big") == body


def test_modes_that_are_kept_follow_the_source(store, sandbox):
    make_tree(sandbox.source, {"a": File("1", mode=0o640), "d/b": File("2", mode=0o755)})
    store.job(permissions="preserve")
    sandbox.run("push", "push")
    assert sandbox.plan()["actions"] == []
    os.chmod(sandbox.source / "a", 0o600)
    assert ops(sandbox.plan()) == {"a": "chmod"}
    sandbox.run("push", "push")
    assert store.head("ws/a")["Metadata"]["mode"] == "0600"
    assert sandbox.plan()["actions"] == []


def test_a_pull_that_keeps_modes_keeps_those_of_directories(store, sandbox):
    make_tree(sandbox.source, {"open/a": "1", "closed/in/b": "2", "empty/": None})
    modes = {"open": 0o755, "closed": 0o555, "closed/in": 0o710, "empty": 0o770}
    for name, mode in modes.items():
        os.chmod(sandbox.source / name, mode)
    store.job(permissions="preserve")
    sandbox.run("push", "push")
    store.put("ws/foreign/", b"")
    other = store.down(permissions="preserve")
    sandbox.run("pull", "down")
    expected = modes | {"foreign": 0o700}
    assert {name: os.stat(other / name).st_mode & 0o777 for name in expected} == expected
    assert (other / "closed/in/b").read_text() == "2"
    assert sandbox.plan("--job", "down")["actions"] == []
    own = store.down(name="own")
    sandbox.run("pull", "down")
    assert os.stat(own / "open").st_mode & 0o777 == 0o700


def test_a_file_and_a_directory_change_places(store, sandbox):
    make_tree(sandbox.source, {"a": "1", "b/c": "2", "keep": "3"})
    store.job(delete="mirror")
    sandbox.run("push", "push")
    os.unlink(sandbox.source / "a")
    shutil.rmtree(sandbox.source / "b")
    make_tree(sandbox.source, {"a/x": "1", "b": "2"})
    sandbox.run("push", "push", "--adopt")
    assert store.keys() == ["a/", "a/x", "b", "keep"]
    assert sandbox.plan()["actions"] == []


def test_links_that_lead_out_are_not_pulled(store, sandbox):
    make_tree(sandbox.source, {"in": Link("d/x"), "out": Link("../secret"), "abs": Link("/etc/passwd"), "d/x": "1"})
    store.job()
    sandbox.run("push", "push")
    other = store.down()
    result = sandbox.run("pull", "down", check=4)
    assert "out" in result.text and "abs" in result.text
    assert read_tree(other) == {"in": Link("d/x"), "d/x": b"1"}


def test_a_pull_does_not_make_own_objects_found_ones(store, sandbox):
    make_tree(sandbox.source, {"mine": "1", "keep": "2"})
    store.job()
    sandbox.run("push", "push")
    sandbox.run("pull", "push", "--overwrite")
    os.unlink(sandbox.source / "mine")
    sandbox.run("push", "push", "--delete", "--adopt")
    assert store.keys() == ["keep"]


def test_a_name_that_cannot_be_held_here_is_that_files_problem_alone(store, sandbox):
    for key in ("ws/good", "ws/" + "n" * 300, "ws/d/" + "n" * 300 + "/x", "ws/z"):
        store.put(key, b"1")
    store.job(("down", {"root": sandbox.source, "remote": "store:ws", "direction": "pull", "fsync": False}))
    result = sandbox.run("pull", "down", check=4)
    assert result.err.count("File name too long") >= 2, result
    assert {path for path in read_tree(sandbox.source) if not path.endswith("/")} == {"good", "z"}


def test_a_bucket_is_made_where_the_environment_says(store, sandbox):
    store.name += "-new"
    make_tree(sandbox.source, {"file": "1"})
    store.write(("push", {"root": sandbox.source, "remote": "store:ws", "fsync": False}))
    text = sandbox.job_file.read_text()
    sandbox.job_file.write_text("".join(line for line in text.splitlines(True) if not line.startswith("endpoint")))
    assert "endpoint" in sandbox.run("check", "-f", sandbox.job_file, check=2).err
    env = {"AWS_ENDPOINT_URL": store.endpoint}
    named = ["-f", sandbox.job_file]
    assert "buckets create store" in sandbox.run("push", *named, "push", env=env, check=1).err
    for _ in range(2):  # one's own that is there already is no error
        assert store.name in sandbox.run("buckets", "create", "store", *named, env=env).text
    sandbox.run("push", *named, "push", env=env)
    assert store.get("ws/file") == b"1"
    assert "leave out" in sandbox.run("buckets", "create", "store:ws", *named, env=env, check=2).err
