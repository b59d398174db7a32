"""Buckets as others see them: aws-cli and rclone in both directions, TLS, users and their rights, wrong secrets."""
import json
import os

import pytest

from harness import make_tree, read_tree

CLIENTS = ("aws", "rclone")


class Client:
    """Another client, which knows the bucket too."""

    def __init__(self, store, name):
        self.store, self.name = store, name

    def up(self, source):
        """Files of 9 MiB go in parts, of another size than syncline's."""
        if self.name == "aws":
            return self.store.aws("s3", "sync", source, f"s3://{self.store.name}/ws")
        return self.store.rclone("copy", "-v", source, "REMOTE/ws", "--s3-upload-cutoff", "5Mi", "--s3-chunk-size", "5Mi")

    def down(self, target):
        if self.name == "aws":
            return self.store.aws("s3", "sync", "--quiet", f"s3://{self.store.name}/ws", target)
        return self.store.rclone("copy", "REMOTE/ws", target)

    def finds_equal(self, source):
        if self.name == "aws":  # which goes by times to a second
            assert self.store.aws("s3", "sync", "--size-only", source, f"s3://{self.store.name}/ws") == ""
            return
        assert "0 differences found" in self.store.rclone("check", source, "REMOTE/ws")
        assert "There was nothing to transfer" in self.up(source)


@pytest.fixture(params=CLIENTS)
def client(request, store):
    return Client(store, request.param)


TREE = {"a": "1", "b": "1", "d/b": os.urandom(5000), "none": b"", "sp ace+%41&=\u00e9": "n", "big": os.urandom(9 << 20)}


def test_what_another_client_put_is_equal(store, sandbox, client):
    """Then it is updated by both, and neither takes back what the other did."""
    tree = dict(TREE)
    make_tree(sandbox.source, tree)
    client.up(sandbox.source)
    assert store.head("ws/big")["ETag"].strip('"').endswith("-2")
    with store.counted() as requests:
        assert sandbox.plan()["actions"] == []
        sandbox.run("push", "push")
        assert "PUT" not in requests and requests.count("HEAD") == 2  # of the one that went in parts
        requests.clear()
        assert "nothing to do" in sandbox.run("push", "push").text
        assert requests == ["GET"]

    tree |= {"a": "changed here", "big": os.urandom(9 << 20), "new": "here"}
    make_tree(sandbox.source, tree)
    sandbox.run("push", "push")
    client.finds_equal(sandbox.source)

    elsewhere = sandbox.directory / "elsewhere"
    make_tree(elsewhere, {"b": "changed there", "d/b": os.urandom(6 << 20), "newer": "there"})
    client.up(elsewhere)
    assert "b: changed on the target" in sandbox.run("push", "push").text
    assert store.get("ws/b") == b"changed there"
    make_tree(sandbox.source, {"b": "here too"})
    assert "b: conflict" in sandbox.run("push", "push", check=4).text
    os.unlink(sandbox.source / "b")
    store.job(pull="update")
    sandbox.run("pull", "push")
    assert read_tree(sandbox.source) == {key[3:]: store.get(key) for key in store.keys("") if not key.endswith("/")}
    assert sandbox.plan()["actions"] == []
    # What others put is not this job's to delete.
    os.unlink(sandbox.source / "newer")
    os.unlink(sandbox.source / "new")
    sandbox.run("push", "push", "--delete", "--adopt")
    assert "newer" in store.keys() and "new" not in store.keys()


def test_another_client_reads_what_was_pushed(store, sandbox, client):
    make_tree(sandbox.source, TREE)
    store.job()
    sandbox.run("push", "push")
    client.finds_equal(sandbox.source)
    other = sandbox.directory / "other"
    client.down(other)
    assert read_tree(other) == read_tree(sandbox.source)


def test_over_tls_only_a_trusted_certificate_will_do(store, sandbox):
    make_tree(sandbox.source, {"a": "1", "b": os.urandom(9 << 20)})
    store.endpoint = store.gateway.tls_endpoint
    store.job()
    refused = sandbox.run("push", "push", check=1)
    assert "certificate" in refused.text and store.keys() == []
    sandbox.env["SSL_CERT_FILE"] = str(store.gateway.certificate)
    sandbox.run("push", "push")
    assert store.tree() == read_tree(sandbox.source)
    other = store.down()
    sandbox.run("pull", "down")
    assert read_tree(other) == read_tree(sandbox.source)


def test_wrong_secrets_say_so_and_are_not_shown(store, sandbox):
    make_tree(sandbox.source, {"a": "1"})
    store.job()
    for env, why in (({"SECRET": "Wrong/Secret+1"}, "SignatureDoesNotMatch"), ({"KEY": "nobody"}, "InvalidAccessKeyId"),
                     ({"SECRET": ""}, "set KEY and SECRET")):
        for command in (("push", "push"), ("pull", "push", "-v"), ("plan",), ("apply", "--once", "--json"),
                        ("buckets", "check", "store"), ("buckets", "ls", "store:ws/")):
            wrong = sandbox.run(*command, env=env, check=1)
            assert why in wrong.text and "store" in wrong.text, (command, wrong)
            assert "Wrong/Secret" not in wrong.text and store.user.secret_key not in wrong.text
    assert store.keys() == []


def test_a_bucket_that_is_not_there_is_named(store, sandbox):
    make_tree(sandbox.source, {"a": "1"})
    store.write(("push", {"root": sandbox.source, "remote": "store:ws"}), bucket="no-such-bucket-x")
    assert "no-such-bucket-x" in sandbox.run("push", "push", check=1).text


def test_a_user_without_rights_is_told_so(store, sandbox):
    make_tree(sandbox.source, {"a": "1"})
    store.job()
    other = store.gateway.users[1]
    env = {"KEY": other.access_key, "SECRET": other.secret_key}
    denied = sandbox.run("push", "push", env=env, check=1)
    assert "AccessDenied" in denied.text and store.name in denied.text
    checked = sandbox.run("buckets", "check", "store", env=env, check=1)
    assert "s3:ListBucket" in checked.text


def test_a_user_who_may_not_delete_pushes_and_pulls(store, sandbox):
    """The rights of docs/buckets.md do, and the last one is asked for by name."""
    other, place = store.gateway.users[1], f"arn:aws:s3:::{store.name}"
    actions = ["ListBucket", "PutObject", "GetObject", "AbortMultipartUpload", "ListMultipartUploadParts"]
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": [f"arn:aws:iam:::user/{other.name}"]}, "Resource": [place, place + "/*"],
        "Action": ["s3:" + action for action in actions]}]}
    store.ask("PUT", query={"policy": ""}, body=json.dumps(policy).encode())
    sandbox.env |= {"KEY": other.access_key, "SECRET": other.secret_key}
    store.user = other  # an object is its owner's, whosever the bucket is
    make_tree(sandbox.source, {"a": "1", "b": "2", "big": os.urandom(9 << 20)})
    store.job()
    sandbox.run("push", "push")
    make_tree(sandbox.source, {"b": "22"})
    os.unlink(sandbox.source / "a")
    sandbox.run("push", "push")
    assert store.get("ws/b") == b"22"
    assert "AccessDenied" in sandbox.run("push", "push", "--delete", "--adopt", check={1, 4}).text
    assert store.keys() == ["a", "b", "big"]
    checked = sandbox.run("buckets", "check", "store:probe", check=1)
    assert "s3:DeleteObject" in checked.text and store.keys("probe/")[0] in checked.text
    other = store.down()
    sandbox.run("pull", "down")
    assert read_tree(other) == store.tree()


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
    assert "credentials" in wrong.text
    assert "[buckets.nope]" in sandbox.run("buckets", "ls", "nope", check=2).text
    assert "store" in sandbox.run("doctor", check={0, 1}).text
