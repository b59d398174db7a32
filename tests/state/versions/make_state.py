"""Has a release write the state that is kept here: see README.md."""
import os
import pathlib
import sqlite3

from harness import make_tree

VERSIONS = pathlib.Path(os.environ["VERSIONS"])


def test_make_a_state(sandbox, start_server, store):
    start_server()
    make_tree(sandbox.source, {"kept": "kept", "gone": "gone", "sub/deep": "deep", "big": "b" * 300_000})
    (sandbox.source / "link").symlink_to("kept")
    keys = {"root": sandbox.source, "fsync": False}
    store.write(("local", {**keys, "remote": sandbox.directory / "target"}),
                ("far", {**keys, "remote": "cse:"}),
                ("lab", {**keys, "remote": "cse:lab"}),
                ("ws", {**keys, "remote": "store:ws"}))
    sandbox.run("trust", sandbox.job_file)
    for job in ("local", "far", "lab", "ws"):
        sandbox.run("push", job)
    (sandbox.source / "gone").unlink()
    for job in ("local", "lab"):
        sandbox.run("push", job)
    sandbox.run("pull", "local")
    with sqlite3.connect(sandbox.state / "state.db") as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    directory = VERSIONS / str(version)
    directory.mkdir(exist_ok=True)
    (directory / "state.db").write_bytes((sandbox.state / "state.db").read_bytes())
    (directory / "jobs.toml").write_bytes(sandbox.job_file.read_bytes())
