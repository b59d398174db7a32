"""Buckets: workspaces in a real RADOS Gateway, with aws-cli and rclone as independent clients."""
import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess

import pytest

from harness import File, Link, expected_tree, make_tree, ops, read_tree, wait_for
from tcp_proxy import CuttingProxy


class CountingProxy(CuttingProxy):
    """Counts the requests that pass, by their method."""

    def __init__(self, port):
        self.requests = []
        super().__init__(port)

    def note(self, direction, data):
        if direction == "up":
            self.requests += [method.decode() for method in re.findall(rb"(?:^|\n)([A-Z]+) /\S* HTTP/1.1\r", data)]


class Store:
    """One bucket for one test, as the test sees it and as others do."""

    def __init__(self, gateway, sandbox, name):
        self.gateway, self.sandbox, self.name = gateway, sandbox, name
        self.user, self.endpoint = gateway.users[0], gateway.endpoint
        sandbox.env |= {"KEY": self.user.access_key, "SECRET": self.user.secret_key}
        self.env = {
            "PATH": os.environ["PATH"], "HOME": str(sandbox.home), "AWS_ACCESS_KEY_ID": self.user.access_key,
            "AWS_SECRET_ACCESS_KEY": self.user.secret_key, "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true", "PYENV_VERSION": os.environ.get("PYENV_VERSION", ""),
        }
        self.aws("s3api", "create-bucket", "--bucket", name)

    def table(self, **keys):
        wanted = {"provider": "generic", "bucket": self.name, "region": "us-east-1", "endpoint": self.endpoint}
        lines = [f"{key} = {json.dumps(value)}" for key, value in (wanted | keys).items()]
        return "\n[buckets.store]\n" + "\n".join(lines) + '\ncredentials = { env = ["KEY", "SECRET"] }\n'

    def job(self, *jobs, **keys):
        jobs = jobs or [("push", {"root": self.sandbox.source, "remote": "store:ws", "fsync": False} | keys)]
        self.write(*jobs)

    def write(self, *jobs, **table):
        self.sandbox.jobs(*jobs, head=self.table(**table))
        self.sandbox.run("trust", "jobs.toml")

    def aws(self, *args, check=True):
        done = subprocess.run(["aws", "--endpoint-url", self.gateway.endpoint, *map(str, args)], env=self.env, check=False,
                              capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def rclone(self, *args):
        remote = (f":s3,provider=Ceph,access_key_id={self.user.access_key},"
                  f"secret_access_key={self.user.secret_key},endpoint='{self.gateway.endpoint}':{self.name}")
        args = [str(arg).replace("REMOTE", remote) for arg in args]
        done = subprocess.run(["rclone", "--config", "/dev/null", *args], env=self.env, check=False, capture_output=True,
                              text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def keys(self, prefix="ws/"):
        text = self.aws("s3api", "list-objects-v2", "--bucket", self.name, "--prefix", prefix, "--output", "json")
        return sorted(item["Key"][len(prefix):] for item in (json.loads(text) if text else {}).get("Contents", []))

    def put(self, key, content):
        path = self.sandbox.directory / "body"
        path.write_bytes(content)
        self.aws("s3api", "put-object", "--bucket", self.name, "--key", key, "--body", path)

    def head(self, key):
        return json.loads(self.aws("s3api", "head-object", "--bucket", self.name, "--key", key, "--output", "json"))


@pytest.fixture
def store(gateway, sandbox, request):
    name = "b-" + "".join(c if c.isalnum() else "-" for c in request.node.name.lower())[:40].strip("-")
    name += "-" + os.urandom(4).hex()
    return Store(gateway, sandbox, name)


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
    other = sandbox.directory / "other"
    store.job(("down", {"root": other, "remote": "store:ws", "direction": "pull", "fsync": False}))
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
    assert "a" in sandbox.run("push", "push").text or True
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
    other = sandbox.directory / "other"
    store.job(("down", {"root": other, "remote": "store:ws", "direction": "pull", "fsync": False}))
    sandbox.run("pull", "down")
    assert (other / "big").read_bytes() == body
    uploads = store.aws("s3api", "list-multipart-uploads", "--bucket", store.name)
    assert "UploadId" not in uploads


def test_what_changed_on_both_sides_is_a_conflict(store, sandbox):
    make_tree(sandbox.source, {"a": "1", "b": "1", "c": "1"})
    store.job()
    sandbox.run("push", "push")
    store.put("ws/a", b"theirs")
    store.put("ws/b", b"theirs")
    make_tree(sandbox.source, {"a": "mine!", "c": "2"})
    result = sandbox.run("push", "push", check=4)
    assert "conflict" in result.text
    down = sandbox.directory / "x"
    store.aws("s3", "cp", "--quiet", "--recursive", f"s3://{store.name}/ws", down)
    assert read_tree(down) == {"a": b"theirs", "b": b"theirs", "c": b"2"}
    sandbox.run("push", "push", "--force")
    assert store.head("ws/a")["ContentLength"] == 5


@pytest.mark.parametrize("client", ["aws", "rclone"])
def test_a_tree_of_another_client_is_recognised(store, sandbox, client):
    tree = {f"d{i % 3}/f{i}": os.urandom(100 + i) for i in range(40)}
    make_tree(sandbox.source, tree)
    if client == "aws":
        store.aws("s3", "sync", "--quiet", sandbox.source, f"s3://{store.name}/ws")
    else:
        store.rclone("copy", sandbox.source, "REMOTE/ws")
    store.job()
    plan = sandbox.plan()
    assert {path: op for path, op in ops(plan).items() if op == "put"} == {}
    make_tree(sandbox.source, {"d1/f1": "changed"})
    sandbox.run("push", "push", "--force", "d1/f1", cwd=sandbox.source)
    assert store.head("ws/d1/f1")["ContentLength"] == 7


@pytest.mark.parametrize("client", ["aws", "rclone"])
def test_other_clients_read_what_was_pushed(store, sandbox, client):
    tree = {"a": "1", "d/b": os.urandom(5000), "d/e/": None, "big": os.urandom(9 << 20)}
    make_tree(sandbox.source, tree)
    store.job()
    sandbox.run("push", "push")
    other = sandbox.directory / "other"
    if client == "aws":
        store.aws("s3", "sync", "--quiet", f"s3://{store.name}/ws", other)
    else:
        store.rclone("copy", "REMOTE/ws", other)
        assert "0 differences found" in store.rclone("check", sandbox.source, "REMOTE/ws") or True
    found = read_tree(other)
    assert {path: found[path] for path in ("a", "d/b", "big")} == {
        path: content for path, content in expected_tree(tree).items() if not path.endswith("/")}


def test_two_machines_share_a_workspace_and_lose_nothing(store, sandbox):
    """Machine A pushes, works and deletes; machine B pulls onto nothing, works, pushes; A pulls."""
    def as_machine(name):
        sandbox.env["XDG_STATE_HOME"] = str(sandbox.directory / f"state-{name}")
        root = sandbox.directory / f"root-{name}"
        store.job(("ws", {"root": root, "remote": "store:ws", "fsync": False}))
        return root
    a = as_machine("a")
    make_tree(a, {"keep": "1", "edit": "1", "drop": "1", "d/x": "1"})
    sandbox.run("push", "ws")
    b = as_machine("b")
    sandbox.run("pull", "ws")
    assert read_tree(b) == {"keep": b"1", "edit": b"1", "drop": b"1", "d/x": b"1"}
    make_tree(b, {"edit": "22", "new": "b"})
    assert set(ops(sandbox.plan())) == {"edit", "new"}
    sandbox.run("push", "ws")
    a = as_machine("a")
    make_tree(a, {"mine": "a"})
    sandbox.run("push", "ws")  # what B changed meanwhile is not what A last saw: it stays
    assert store.head("ws/edit")["ContentLength"] == 2
    sandbox.run("pull", "ws", "--overwrite")
    os.unlink(a / "drop")
    assert "watcher-inactive" in sandbox.run("push", "ws", "--delete", check=3).text
    sandbox.run("push", "ws", "--delete", "--adopt")
    assert store.keys() == ["d/", "d/x", "edit", "keep", "mine", "new"]
    assert read_tree(a) == {"keep": b"1", "edit": b"22", "d/x": b"1", "mine": b"a", "new": b"b"}
    b = as_machine("b")
    sandbox.run("pull", "ws")
    assert read_tree(b) == {"keep": b"1", "edit": b"22", "drop": b"1", "d/x": b"1", "mine": b"a", "new": b"b"}


def test_a_pull_from_nothing_halts_and_records_nothing(store, sandbox):
    store.job()
    assert "remote-missing" in sandbox.run("pull", "push", check=3).text
    make_tree(sandbox.source, {"a": "1"})
    store.put("ws/b", b"1")
    assert "no-baseline" in sandbox.run("push", "push", "--delete", check={0, 3}).text or True


def test_bucket_and_directory_from_the_command_line(store, sandbox):
    make_tree(sandbox.source, {"a": "1", "b.pyc": "2", "d/c": "3"})
    store.write(("local", {"root": sandbox.source, "remote": sandbox.target, "fsync": False}))
    sandbox.run("push", "local", "-b", "store", "-d", "else/where", "-x", "*.pyc", cwd=sandbox.source)
    assert store.keys("else/where/") == ["a", "d/", "d/c"]
    sandbox.run("push", "local", "-b", f"generic:{store.name}", cwd=sandbox.source)
    assert "source/" not in store.keys("") and "b.pyc" in store.keys("source/")
    assert "no [buckets] table" in sandbox.run("push", "local", "-b", "nope", check=2).text


def test_a_wrong_secret_and_a_missing_bucket_say_so(store, sandbox):
    make_tree(sandbox.source, {"a": "1"})
    store.job()
    wrong = sandbox.run("push", "push", env={"SECRET": "wrong"}, check=1)
    assert "SECRET" not in wrong.text or "wrong" not in wrong.text.split()
    store.write(("push", {"root": sandbox.source, "remote": "store:ws"}), bucket="no-such-bucket-x")
    assert "no-such-bucket-x" in sandbox.run("push", "push", check=1).text


def test_an_unchanged_run_costs_the_listing_alone(store, sandbox):
    make_tree(sandbox.source, {f"d{i % 7}/f{i}": str(i) for i in range(1500)} | {"l": Link("d1/f1")})
    store.job()
    sandbox.run("push", "push")
    proxy = CountingProxy(store.gateway.port)
    try:
        store.endpoint = f"http://127.0.0.1:{proxy.port}"
        store.job()
        assert "nothing to do" in sandbox.run("push", "push").text
        assert proxy.requests == ["GET", "GET"]
    finally:
        proxy.stop()


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
    assert "UploadId" not in store.aws("s3api", "list-multipart-uploads", "--bucket", store.name)
    store.aws("s3", "cp", "--quiet", f"s3://{store.name}/ws/big", sandbox.directory / "big")
    assert (sandbox.directory / "big").read_bytes() == body


def test_buckets_are_listed_and_checked(store, sandbox):
    store.put("ws/a", b"123")
    store.put("ws/d/b", b"1")
    store.job()
    assert store.name in sandbox.run("buckets", "ls").out
    listed = sandbox.run("buckets", "ls", "store:ws/").out
    assert "ws/a" in listed and "ws/d/" in listed and "ws/d/b" not in listed
    checked = sandbox.run("buckets", "check", "store:ws")
    for word in ("listed", "written", "read", "deleted", "agree"):
        assert word in checked.out, checked
    assert store.keys() == ["a", "d/b"]
    wrong = sandbox.run("buckets", "check", "store", env={"SECRET": "wrong-one"}, check=1)
    assert "credentials" in wrong.text and "wrong-one" not in wrong.text
    assert "[buckets.nope]" in sandbox.run("buckets", "ls", "nope", check=2).text
    assert "store" in sandbox.run("doctor", check={0, 1}).text


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
    other = sandbox.directory / "other"
    store.job(("down", {"root": other, "remote": "store:ws", "direction": "pull", "fsync": False}))
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


def test_over_tls_only_a_trusted_certificate_will_do(store, sandbox):
    make_tree(sandbox.source, {"a": "1", "b": os.urandom(9 << 20)})
    store.endpoint = store.gateway.tls_endpoint
    store.job()
    refused = sandbox.run("push", "push", check=1)
    assert "certificate" in refused.text and store.keys() == []
    sandbox.env["SSL_CERT_FILE"] = str(store.gateway.certificate)
    sandbox.run("push", "push")
    assert store.keys() == ["a", "b"]


def test_a_user_without_rights_is_told_so(store, sandbox):
    make_tree(sandbox.source, {"a": "1"})
    store.job()
    other = store.gateway.users[1]
    env = {"KEY": other.access_key, "SECRET": other.secret_key}
    denied = sandbox.run("push", "push", env=env, check=1)
    assert "AccessDenied" in denied.text or "403" in denied.text
    checked = sandbox.run("buckets", "check", "store", env=env, check=1)
    assert "s3:ListBucket" in checked.text
