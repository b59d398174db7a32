"""Somebody on the server flips directories and files to symlinks while pulls read: nothing from outside ever comes."""
import contextlib
import os
import random
import shutil
import threading
import time

from harness import make_tree

SECONDS = 5
FEWEST_PULLS = 3  # on a machine that has much else to do
SECRET = b"secret that is none of the tree"


def replaced(path, outside, chance):
    """`path` is a symlink to `outside` for a moment, which may last as long as a step of a run, and then itself again."""
    aside = path.with_name("aside-" + path.name)
    os.rename(path, aside)
    os.symlink(outside, path)
    time.sleep(chance.uniform(0, 0.03))
    os.unlink(path)
    os.rename(aside, path)
    time.sleep(chance.uniform(0, 0.03))


def flip_directory(directory, outside, stop):
    chance = random.Random(str(directory))
    while not stop.is_set():
        replaced(directory, outside, chance)


def flip_files(directory, outside, stop):
    chance = random.Random(str(directory))
    while not stop.is_set():
        name = chance.choice(["f0", "f1", "f2"])
        replaced(directory / name, outside / name, chance)


def test_no_flip_leads_a_pull_outside(sandbox, server):
    names = [f"f{i}" for i in range(60)]
    outside = make_tree(server.home / "outside", {prefix + name: SECRET for name in names for prefix in ("", "sub/")})
    tree = {f"d{i}/sub/{name}": b"x" * len(SECRET) for i in range(5) for name in names}
    make_tree(sandbox.target, tree)
    server.own(server.home)
    stop = threading.Event()
    flips = [(flip_directory, "d1/sub"), (flip_directory, "d2/sub"), (flip_directory, "d3"), (flip_files, "d4/sub")]
    flippers = [threading.Thread(target=flip, args=(sandbox.target / path, outside, stop)) for flip, path in flips]
    for flipper in flippers:
        flipper.start()
    brought = pulls = 0
    end = time.monotonic() + SECONDS
    try:
        while time.monotonic() < end or pulls < FEWEST_PULLS:
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
    assert brought >= 60, f"{pulls} pulls brought {brought} files"
