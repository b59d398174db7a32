"""Buckets as others see them: aws-cli and rclone in both directions, TLS, users and their rights, wrong secrets."""
import os

import pytest

from harness import expected_tree, make_tree, ops, read_tree


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


def test_over_tls_only_a_trusted_certificate_will_do(store, sandbox):
    make_tree(sandbox.source, {"a": "1", "b": os.urandom(9 << 20)})
    store.endpoint = store.gateway.tls_endpoint
    store.job()
    refused = sandbox.run("push", "push", check=1)
    assert "certificate" in refused.text and store.keys() == []
    sandbox.env["SSL_CERT_FILE"] = str(store.gateway.certificate)
    sandbox.run("push", "push")
    assert store.keys() == ["a", "b"]


def test_a_wrong_secret_and_a_missing_bucket_say_so(store, sandbox):
    make_tree(sandbox.source, {"a": "1"})
    store.job()
    wrong = sandbox.run("push", "push", env={"SECRET": "wrong"}, check=1)
    assert "SECRET" not in wrong.text or "wrong" not in wrong.text.split()
    store.write(("push", {"root": sandbox.source, "remote": "store:ws"}), bucket="no-such-bucket-x")
    assert "no-such-bucket-x" in sandbox.run("push", "push", check=1).text


def test_a_user_without_rights_is_told_so(store, sandbox):
    make_tree(sandbox.source, {"a": "1"})
    store.job()
    other = store.gateway.users[1]
    env = {"KEY": other.access_key, "SECRET": other.secret_key}
    denied = sandbox.run("push", "push", env=env, check=1)
    assert "AccessDenied" in denied.text or "403" in denied.text
    checked = sandbox.run("buckets", "check", "store", env=env, check=1)
    assert "s3:ListBucket" in checked.text


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
