"""Somebody on the server flips directories and files to symlinks while pulls read: nothing from outside ever comes."""
import contextlib
import os
import shutil
import threading
import time

from harness import make_tree

SECONDS = 5
SECRET = b"secret that is none of the tree"


def flip(directory, outside, stop):
    """In turns: a directory becomes a link to another one, and each of its files a link to a file there."""
    aside = directory.with_name("aside")
    while not stop.is_set():
        os.rename(directory, aside)
        os.symlink(outside, directory)
        os.unlink(directory)
        os.rename(aside, directory)
        for name in os.listdir(outside)[:5]:
            os.rename(directory / name, directory.with_name("file"))
            os.symlink(outside / name, directory / name)
            os.unlink(directory / name)
            os.rename(directory.with_name("file"), directory / name)


def test_no_flip_leads_a_pull_outside(sandbox, server):
    names = [f"f{i}" for i in range(60)]
    outside = make_tree(server.home / "outside", {name: SECRET for name in names})
    tree = {f"d{i}/sub/{name}": b"x" * len(SECRET) for i in range(4) for name in names}
    make_tree(sandbox.target, tree)
    server.own(server.home)
    stop = threading.Event()
    flippers = [threading.Thread(target=flip, args=(sandbox.target / directory, outside, stop))
                for directory in ("d1/sub", "d2/sub", "d3/sub")]
    for flipper in flippers:
        flipper.start()
    brought = pulls = 0
    end = time.monotonic() + SECONDS
    try:
        while time.monotonic() < end:
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(sandbox.source)
            sandbox.source.mkdir()
            sandbox.jobs(("lab", {"root": sandbox.source, "remote": "cse:target", "direction": "pull", "pull": "update",
                                  "transfer": ["tar", "files", "auto"][pulls % 3]}))
            sandbox.run("pull", "lab", "--adopt", check={0, 1, 4})
            pulls += 1
            for path in sandbox.source.rglob("f*"):
                if path.is_file():
                    brought += 1
                    assert path.read_bytes() != SECRET, f"{path} is from outside, in pull {pulls}"
    finally:
        stop.set()
        for flipper in flippers:
            flipper.join()
    assert brought > 60, f"{pulls} pulls brought {brought} files"
