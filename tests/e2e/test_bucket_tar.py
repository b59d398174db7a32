"""Archives: a whole tree as one tarball in a real RADOS Gateway, beside the manifest that tells what is in it."""
import io
import json
import os
import re
import signal
import subprocess
import tarfile

import pytest

from bucket_store import CountingProxy
from harness import File, Link, expected_tree, make_tree, ops, read_tree, wait_for
from tcp_proxy import CuttingProxy

MANIFEST = ".syncline-archive.jsonl.zst"
NO_UTF8 = "byte-\udcff"
TREE = {
    "a.txt": "alpha", "d/e/f.bin": b"\x00\xff" * 500, "d/empty/": None, "none": b"", "run.sh": File("#!/bin/sh\n", mode=0o755),
    "old": File("x", mtime=1_000_000_000_123_456_789), "l": Link("d/e/f.bin"), "d/up": Link("../a.txt"),
    "new\nline": "n", "sp ace+%41&=": "p", "café": "c", "'\"$(x)": "q", "-dash": "d", "n" * 200 + "/" + "m" * 200: "long",
}


@pytest.fixture
def ws(store, sandbox):
    """A job that keeps the source as an archive."""
    store.create()
    store.job(transfer="tar")
    return store


def zstd(data, *options):
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, stdout=subprocess.PIPE, check=True).stdout


def archive_key(store):
    (key,) = (key for key in store.keys() if key != MANIFEST)
    assert re.fullmatch(r"\.syncline-archive-[0-9a-f]{16}\.tar\.zst", key)
    return key


def members(store):
    """What any tar reads in the archive: {path: content}, as read_tree gives it."""
    result = {}
    data = zstd(store.get("ws/" + archive_key(store)), "-d")
    with tarfile.open(fileobj=io.BytesIO(data), encoding="utf-8", errors="surrogateescape") as archive:
        for member in archive:
            if member.isdir():
                result[member.name + "/"] = None
            elif member.issym():
                result[member.name] = Link(member.linkname)
            else:
                result[member.name] = archive.extractfile(member).read()
    return {os.fsencode(name) if name == NO_UTF8 else name: content for name, content in result.items()}


def manifest(store):
    return [json.loads(line) for line in zstd(store.get("ws/" + MANIFEST), "-d").splitlines()]


def rewrite_manifest(store, change):
    lines = manifest(store)
    lines = change(lines) or lines
    store.put("ws/" + MANIFEST, zstd("".join(json.dumps(line) + "\n" for line in lines).encode()))


def requests_of(store, sandbox, *command, **keys):
    """The methods of the requests that a command of the job costs."""
    proxy = CountingProxy(store.gateway.port)
    try:
        store.endpoint = f"http://127.0.0.1:{proxy.port}"
        store.job(transfer="tar", **keys)
        result = sandbox.run(*command)
        return result, proxy.requests
    finally:
        proxy.stop()


def directories(tree):
    """Those that lead to the entries of `tree`, as tar names them."""
    return {path[:i] + "/" for path in tree for i, c in enumerate(path) if c == "/" and i + 1 < len(path)}


def test_a_tree_goes_up_and_comes_down_whole(ws, sandbox):
    make_tree(sandbox.source, TREE)
    (sandbox.source / NO_UTF8).write_bytes(b"no UTF-8")
    tree = expected_tree(TREE) | {os.fsencode(NO_UTF8): b"no UTF-8"}
    sandbox.run("push", "push")
    assert sandbox.plan()["actions"] == []
    assert len(ws.keys()) == 2 and ws.uploads() == []
    assert members(ws) == tree | dict.fromkeys(directories(TREE))
    other = ws.down()  # which finds out by itself that it is an archive
    sandbox.run("pull", "down")
    assert read_tree(other) == tree
    assert os.stat(other / "old").st_mtime_ns == 1_000_000_000_123_456_789
    assert os.stat(other / "run.sh").st_mode & 0o777 == 0o700
    assert os.stat(other / "a.txt").st_mode & 0o777 == 0o600
    assert sandbox.plan()["actions"] == []


def test_modes_are_kept_where_that_is_wanted(ws, sandbox):
    make_tree(sandbox.source, {"run.sh": File("x", mode=0o751), "d/f": "1"})
    os.chmod(sandbox.source / "d", 0o750)
    ws.job(transfer="tar", permissions="preserve")
    sandbox.run("push", "push")
    os.chmod(sandbox.source / "d/f", 0o640)
    assert ops(sandbox.plan()) == {"d/f": "chmod"}
    sandbox.run("push", "push")
    assert sandbox.plan()["actions"] == []
    other = ws.down(permissions="preserve")
    sandbox.run("pull", "down")
    assert {name: os.stat(other / name).st_mode & 0o777 for name in ("run.sh", "d", "d/f")} == {
        "run.sh": 0o751, "d": 0o750, "d/f": 0o640}


def test_an_unchanged_run_costs_one_small_get(ws, sandbox):
    make_tree(sandbox.source, {f"d{i % 7}/f{i}": os.urandom(1000) for i in range(1500)})
    sandbox.run("push", "push")
    for command in (["push", "push"], ["plan", "--json"]):
        _, requests = requests_of(ws, sandbox, *command)
        assert requests == ["GET"]
    assert "nothing to do" in requests_of(ws, sandbox, "push", "push")[0].text


def test_each_push_leaves_one_archive_of_the_whole_tree(ws, sandbox):
    make_tree(sandbox.source, {"keep": "1", "edit": "1", "drop": "1", "d/x": "1", "gone/y": "1"})
    sandbox.run("push", "push")
    first = archive_key(ws)
    make_tree(sandbox.source, {"edit": "2", "d/new": "n", "l": Link("keep"), "empty/": None})
    os.unlink(sandbox.source / "drop")
    sandbox.run("push", "push")
    assert archive_key(ws) != first
    whole = {"keep": b"1", "edit": b"2", "d/": None, "d/x": b"1", "d/new": b"n", "gone/": None, "gone/y": b"1",
             "l": Link("keep"), "empty/": None}
    # Nothing is deleted unless that is asked for: what is here no more comes from the archive before.
    assert members(ws) == whole | {"drop": b"1"}
    sandbox.run("push", "push", "--delete", "--adopt")
    assert members(ws) == whole
    (sandbox.source / "gone/y").unlink()
    (sandbox.source / "gone").rmdir()
    sandbox.run("push", "push", "--delete", "--adopt")
    assert members(ws) == {path: content for path, content in whole.items() if not path.startswith("gone")}
    assert sandbox.plan()["actions"] == []


def test_a_part_of_the_tree_is_pushed_and_the_rest_kept(ws, sandbox):
    make_tree(sandbox.source, {"a/1": "1", "b/1": "1", "same-size": "1"})
    sandbox.run("push", "push")
    make_tree(sandbox.source, {"a/1": "22", "b/1": "22", "same-size": "2"})
    sandbox.run("push", "push", "a", cwd=sandbox.source)
    assert members(ws) == {"a/": None, "a/1": b"22", "b/": None, "b/1": b"1", "same-size": b"1"}
    other = ws.down()
    sandbox.run("pull", "down")
    assert read_tree(other) == {"a/1": b"22", "b/1": b"1", "same-size": b"1"}


def test_large_files_go_in_many_parts(ws, sandbox):
    tree = {"big": os.urandom(40 << 20), "small": "s", "zeros": b"\0" * (30 << 20)}
    make_tree(sandbox.source, tree)
    sandbox.run("push", "push")
    assert "-" in ws.head("ws/" + archive_key(ws))["ETag"]
    make_tree(sandbox.source, {"small": "t"})
    os.unlink(sandbox.source / "big")  # comes from the archive before, in ranges
    sandbox.run("push", "push")
    other = ws.down()
    sandbox.run("pull", "down")
    assert read_tree(other) == expected_tree(tree | {"small": "t"})


def test_what_was_killed_leaves_the_archive_before(ws, sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.run("push", "push")
    before = archive_key(ws)
    make_tree(sandbox.source, {"big": os.urandom(60 << 20)})
    text = sandbox.job_file.read_text()
    sandbox.job_file.write_text(text.replace("version = 1\n", 'version = 1\nengine.bandwidth_limit = "16 MiB/s"\n', 1))
    sandbox.run("trust", "jobs.toml")
    process = sandbox.start("push", "push")
    wait_for(ws.uploads)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert archive_key(ws) == before and members(ws) == {"a": b"1"}
    os.unlink(sandbox.source / "big")
    ws.job(transfer="tar")
    sandbox.run("push", "push")  # has nothing to do but to clear away
    assert ws.uploads() == [] and archive_key(ws) == before


class KillingProxy(CuttingProxy):
    """Kills a process when it is about to send its manifest."""

    process = None

    def note(self, direction, data):
        if direction == "up" and re.search(rb"PUT \S*" + MANIFEST.encode(), data):
            os.killpg(self.process.pid, signal.SIGKILL)
            raise ConnectionError


def test_an_archive_that_became_nobodys_is_removed(ws, sandbox):
    """Killed between the archive and the manifest that was to name it."""
    make_tree(sandbox.source, {"a": "1"})
    sandbox.run("push", "push")
    make_tree(sandbox.source, {"a": "22"})
    proxy = KillingProxy(ws.gateway.port)
    ws.endpoint = f"http://127.0.0.1:{proxy.port}"
    ws.job(transfer="tar")
    try:
        proxy.process = sandbox.start("push", "push")
        assert proxy.process.wait(timeout=60) == -signal.SIGKILL
    finally:
        proxy.stop()
    assert len(ws.keys()) == 3
    ws.endpoint = ws.gateway.endpoint
    other = ws.down()
    sandbox.run("pull", "down")
    assert read_tree(other) == {"a": b"1"}
    ws.job(transfer="tar")
    sandbox.run("push", "push")
    assert members(ws) == {"a": b"22"} and len(ws.keys()) == 2


def test_two_machines_share_an_archive(ws, sandbox):
    def as_machine(name, **keys):
        sandbox.env["XDG_STATE_HOME"] = str(sandbox.directory / f"state-{name}")
        root = sandbox.directory / f"root-{name}"
        ws.job(("ws", {"root": root, "remote": "store:ws", "fsync": False, "transfer": "tar"} | keys))
        return root
    a = as_machine("a")
    make_tree(a, {"keep": "1", "edit": "1", "d/x": "1"})
    sandbox.run("push", "ws")
    b = as_machine("b")
    sandbox.run("pull", "ws")
    assert read_tree(b) == {"keep": b"1", "edit": b"1", "d/x": b"1"}
    make_tree(b, {"edit": "22", "new": "b"})
    sandbox.run("push", "ws")
    a = as_machine("a")
    make_tree(a, {"mine": "a"})
    sandbox.run("push", "ws")  # what B changed meanwhile is not what A last saw: it stays
    assert members(ws) == {"keep": b"1", "edit": b"22", "d/": None, "d/x": b"1", "mine": b"a", "new": b"b"}
    make_tree(a, {"edit": "333"})
    assert "conflict" in sandbox.run("push", "ws", check=4).text
    sandbox.run("pull", "ws", "--overwrite")
    assert read_tree(a) == {"keep": b"1", "edit": b"22", "d/x": b"1", "mine": b"a", "new": b"b"}


def test_archive_and_objects_are_never_mixed(store, sandbox):
    store.create()
    make_tree(sandbox.source, {"a": "1"})
    store.job()
    sandbox.run("push", "push")
    objects = store.keys()
    store.job(transfer="tar")
    refused = sandbox.run("push", "push", check=1)
    assert "store:ws" in refused.text and "archive" in refused.text and "another prefix" in refused.text
    assert store.keys() == objects
    other = store.down(transfer="tar")  # a pull takes what is there
    sandbox.run("pull", "down")
    assert read_tree(other) == {"a": b"1"}

    store.job(transfer="tar", remote="store:packed")
    sandbox.run("push", "push")
    packed = store.keys("packed/")
    assert len(packed) == 2
    store.job(remote="store:packed")
    refused = sandbox.run("push", "push", check=1)
    assert "--tar" in refused.text and store.keys("packed/") == packed
    store.put("packed/foreign", b"1")
    store.down(remote="store:packed")
    assert "both" in sandbox.run("pull", "down", check=1).text


def test_the_command_line_asks_for_an_archive(store, sandbox):
    store.create()
    make_tree(sandbox.source, {"a": "1", "b.pyc": "2"})
    store.job()
    sandbox.run("push", "push", "--tar", "-x", "*.pyc")
    assert members(store) == {"a": b"1"}
    other = store.down()
    sandbox.run("pull", "down", "--tar")
    assert read_tree(other) == {"a": b"1"}


def test_a_reserved_name_is_refused(ws, sandbox):
    make_tree(sandbox.source, {"a": "1", MANIFEST: "mine"})
    assert MANIFEST in sandbox.run("push", "push", check=4).text
    assert members(ws) == {"a": b"1"}


def test_aws_cli_and_tar_read_it(ws, sandbox):
    make_tree(sandbox.source, TREE)
    sandbox.run("push", "push")
    there = sandbox.directory / "there"
    there.mkdir()
    ws.aws("s3", "cp", "--quiet", f"s3://{ws.name}/ws/{archive_key(ws)}", sandbox.directory / "a.tar.zst")
    subprocess.run(["tar", "-C", there, "--zstd", "-xf", sandbox.directory / "a.tar.zst"], check=True)
    assert read_tree(there) == expected_tree(TREE)
    assert os.stat(there / "old").st_mtime_ns == 1_000_000_000_123_456_789


@pytest.mark.parametrize("path", ["../out", "/etc/out", "a//b", "x/../../out", ""])
def test_a_manifest_cannot_lead_out(ws, sandbox, path):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.run("push", "push")
    rewrite_manifest(ws, lambda lines: lines[1].update(path=path))
    ws.down()
    refused = sandbox.run("pull", "down", check=1)
    assert "manifest" in refused.text and "impossible path" in refused.text
    assert not (sandbox.directory / "out").exists()


def test_links_of_a_manifest_that_lead_out_are_refused_by_name(ws, sandbox):
    make_tree(sandbox.source, {"a": "1", "l": Link("a"), "m": Link("a")})
    sandbox.run("push", "push")
    rewrite_manifest(ws, lambda lines: lines[2].update(target="/etc/passwd"))
    other = ws.down()
    refused = sandbox.run("pull", "down", check=4)
    assert "down: l: " in refused.text and read_tree(other) == {"a": b"1", "m": Link("a")}


def test_a_file_below_a_link_is_no_tree(ws, sandbox):
    make_tree(sandbox.source, {"d/x": "1"})
    sandbox.run("push", "push")
    rewrite_manifest(ws, lambda lines: lines[1].update(type="symlink", target="/tmp"))
    other = ws.down()
    assert "directory" in sandbox.run("pull", "down", check=1).text
    assert not os.path.lexists(other / "d")


@pytest.mark.parametrize("damage", ["cut", "flipped", "content", "missing", "manifest-cut", "newer"])
def test_damage_is_told_and_nothing_of_it_taken(ws, sandbox, damage):
    make_tree(sandbox.source, {"a": os.urandom(5000), "b": os.urandom(5000)})
    sandbox.run("push", "push")
    key, data = archive_key(ws), ws.get("ws/" + archive_key(ws))
    manifest_data = ws.get("ws/" + MANIFEST)
    other = ws.down()
    if damage in ("cut", "flipped"):
        data = data[:len(data) // 2] if damage == "cut" else data[:6000] + bytes([data[6000] ^ 1]) + data[6001:]
        ws.put("ws/" + key, data)
        rewrite_manifest(ws, lambda lines: lines[0].update(archive_bytes=len(data),
                                                           archive_etag=ws.head("ws/" + key)["ETag"].strip('"')))
        assert "damaged" in sandbox.run("pull", "down", check=4).text
        assert "b" not in read_tree(other)
        assert all(content == (sandbox.source / path).read_bytes() for path, content in read_tree(other).items())
    elif damage == "content":  # an archive that holds something else under that name
        rewrite_manifest(ws, lambda lines: lines[2].update(sha256="0" * 64))
        assert "not in the archive" in sandbox.run("pull", "down", check=4).text
        assert list(read_tree(other)) == ["a"]
    elif damage == "missing":
        ws.remove("ws/" + key)
        assert "was replaced while it was read" in sandbox.run("pull", "down", check=1).text
        assert read_tree(other) == {}
    elif damage == "manifest-cut":
        ws.put("ws/" + MANIFEST, manifest_data[:-20])
        assert "cannot be read" in sandbox.run("pull", "down", check=1).text
    else:
        rewrite_manifest(ws, lambda lines: lines[0].update(version=2))
        assert "install a newer one" in sandbox.run("pull", "down", check=1).text


@pytest.mark.parametrize("device_first", [False, True])
def test_a_member_that_is_a_device_or_climbs_out_reaches_nothing(ws, sandbox, device_first):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.run("push", "push")
    buffer = io.BytesIO()

    def add(archive, name, kind=tarfile.REGTYPE, content=b""):
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, "/etc", len(content)
        archive.addfile(member, io.BytesIO(content))

    with tarfile.open(fileobj=buffer, mode="w") as archive:
        add(archive, "../out", content=b"out")
        add(archive, "/out", content=b"out")
        add(archive, "link", tarfile.SYMTYPE)
        if device_first:
            add(archive, "device", tarfile.CHRTYPE)
        add(archive, "a", content=b"1")
    data = zstd(buffer.getvalue())
    key = archive_key(ws)
    ws.put("ws/" + key, data)
    rewrite_manifest(ws, lambda lines: lines[0].update(archive_bytes=len(data),
                                                       archive_etag=ws.head("ws/" + key)["ETag"].strip('"')))
    other = ws.down()
    told = sandbox.run("pull", "down", check=4 if device_first else 0)
    assert ("device" in told.text) == device_first
    assert read_tree(other) == ({} if device_first else {"a": b"1"})
    assert not (sandbox.directory / "out").exists() and not os.path.lexists("/out")
