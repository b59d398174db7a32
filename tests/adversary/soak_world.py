"""What the soak's trees hold, and those who disturb a run: content that tells by itself whether it is whole, somebody who
reads all the while, who swaps directories and files for links to the outside, who edits, who cuts connections."""
import contextlib
import ctypes
import hashlib
import os
import shutil
import stat
import threading
import time

from harness import walk

DIRECTORIES = [f"d{i}" for i in range(5)] + ["d0/e", "d1/e", "d1/e/f"]
NAMES = [f"{directory}/n{i}" for directory in ["."] + DIRECTORIES for i in range(7)]
OWN = b".syncline-"
KEPT = b".syncline-kept-"
LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, RENAME_NOREPLACE, RENAME_EXCHANGE = -100, 1, 2


def content_of(dice, size):
    """Random bytes that begin with their own digest: whoever reads them knows whether they are whole."""
    body = dice.randbytes(size)
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def is_whole(content):
    digest, _, body = content.partition(b"\n")
    return hashlib.sha256(body).hexdigest().encode() == digest


def any_size(dice):
    return dice.choice([0, 10, 1000, 20_000, 20_000, dice.randrange(300_000), dice.randrange(8_000_000) if dice.random() < 0.2 else 7])


def rename2(old, new, flags):
    """Whether renameat2 did it."""
    return LIBC.renameat2(AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new), flags) == 0


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def tree_of(base):
    """{path: content, link's target, or None of a directory} below `base`, and the executable bit of files."""
    tree = {}
    for path, full in walk(base):
        mode = os.lstat(full).st_mode
        if stat.S_ISLNK(mode):
            tree[path.decode()] = ("link", os.readlink(full).decode())
        elif stat.S_ISDIR(mode):
            tree[path.decode()] = ("directory",)
        else:
            with open(full, "rb") as file:
                tree[path.decode()] = ("file", file.read(), bool(mode & stat.S_IXUSR))
    return tree


class Tree:
    """A root that somebody works in."""

    def __init__(self, root, dice, scratch, owner=None, with_links=True):
        self.root, self.dice, self.scratch, self.owner, self.with_links = str(root), dice, str(scratch), owner, with_links

    def put(self, path, content, in_place=False):
        """What stands in the way goes; the file appears at once, unless it is written in place."""
        full = os.path.join(self.root, path)
        if os.path.isdir(full) or os.path.islink(full):
            remove(full)
        parent = os.path.dirname(full)
        while parent != self.root and (os.path.islink(parent) or os.path.isfile(parent)):
            remove(parent)
            parent = os.path.dirname(parent)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        made = full if in_place else os.path.join(self.scratch, f"new-{self.dice.randrange(1 << 60)}")
        before = os.stat(full) if in_place and os.path.exists(full) else None
        with open(made, "wb") as file:
            file.write(content)
        if before and self.dice.random() < 0.5:
            os.utime(made, ns=(before.st_atime_ns, before.st_mtime_ns))
        if not in_place:
            os.replace(made, full)

    def change(self, count):
        """As people and programs do between two runs."""
        for _ in range(count):
            with contextlib.suppress(OSError):
                self.change_once(self.dice.choice(NAMES))
        self.give_away()

    def change_once(self, path):
        full, what = os.path.join(self.root, path), self.dice.random()
        if what < 0.45:
            self.put(path, content_of(self.dice, any_size(self.dice)), in_place=self.dice.random() < 0.3)
        elif what < 0.6:
            remove(full)
        elif what < 0.7:
            os.replace(full, os.path.join(self.root, self.dice.choice(NAMES)))
        elif what < 0.75:
            remove(os.path.join(self.root, self.dice.choice(DIRECTORIES)))
        elif what < 0.8:
            remove(full)
            os.makedirs(os.path.join(full, "now-a-directory"))
        elif what < 0.85 and os.path.isfile(full):
            os.chmod(full, os.stat(full).st_mode ^ 0o100)
        elif what < 0.9 and self.with_links:
            remove(full)
            os.symlink(self.dice.choice(["n0", "missing", "../n1"]), full)
        elif what < 0.95:
            os.utime(full, follow_symlinks=False)
        else:
            os.makedirs(os.path.join(self.root, self.dice.choice(DIRECTORIES)), exist_ok=True)

    def give_away(self):
        for _, full in walk(self.root) if self.owner else ():
            os.chown(full, self.owner, self.owner, follow_symlinks=False)


class Actor(threading.Thread):
    """Does `act` over and over until it is told to end; what it cannot do because things change under it, it leaves."""

    pause_s = 0.001

    def __init__(self, dice):
        super().__init__(daemon=True)
        self.dice, self.count, self.has_ended, self.failure = dice, 0, threading.Event(), None
        self.start()

    def run(self):
        try:
            while not self.has_ended.wait(self.pause_s * self.dice.uniform(0.2, 2)):
                with contextlib.suppress(OSError, shutil.Error):
                    self.count += self.act() or 0
        except BaseException as error:  # pylint: disable=broad-except
            self.failure = error

    def end(self):
        self.has_ended.set()
        self.join()
        if self.failure:
            raise self.failure


class Reader(Actor):
    """Reads whatever stands under a name: it must be whole."""

    def __init__(self, dice, root, forbidden=None):
        self.root, self.forbidden, self.torn = os.fsencode(root), forbidden, []
        super().__init__(dice)

    def act(self):
        read = 0
        for name in self.dice.sample(NAMES, 10):
            path = os.path.join(self.root, name.encode())
            with contextlib.suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                try:
                    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                        continue
                    # A link of the source is a link here: what it leads to has not come in.
                    is_here = os.readlink(f"/proc/self/fd/{descriptor}".encode()) == os.path.normpath(path)
                    with open(descriptor, "rb", closefd=False) as file:
                        content = file.read()
                finally:
                    os.close(descriptor)
                read += 1
                if not is_whole(content):
                    self.torn.append((name, len(content), content[:64]))
                if self.forbidden and is_here and self.forbidden in content:
                    self.torn.append((name, "what is outside came in", content[:64]))
        return read


class Flipper(Actor):
    """Lets directories below a root and links to the outside change places, and files with links to files there."""

    def __init__(self, dice, root, outside, scratch):
        self.root, self.outside, self.spare = str(root), str(outside), os.path.join(str(scratch), "spare")
        super().__init__(dice)

    def act(self):
        name = self.dice.choice(DIRECTORIES) if self.dice.random() < 0.8 else self.dice.choice(NAMES)
        place = os.path.join(self.root, name)
        remove(self.spare)
        os.symlink(os.path.join(self.outside, name), self.spare)
        if not rename2(place, self.spare, RENAME_EXCHANGE):
            return 0
        self.has_ended.wait(self.dice.choice([0, 0.0005, 0.003, 0.02]))
        # What a run has made of it in between goes, if it is in the way.
        rename2(place, self.spare, RENAME_EXCHANGE) or rename2(self.spare, place, RENAME_NOREPLACE)
        return 1

    def end(self):
        super().end()
        remove(self.spare)


class Editor(Actor):
    """Somebody who works on the target while runs go on: what he saved last is his."""

    pause_s = 0.02

    def __init__(self, dice, tree):
        self.tree, self.edits = tree, {}
        super().__init__(dice)

    def act(self):
        name = self.dice.choice(NAMES) if self.dice.random() < 0.5 else f"{self.dice.choice(DIRECTORIES)}/mine-{self.dice.randrange(9)}"
        full = os.path.join(self.tree.root, name)
        if not os.path.isdir(os.path.dirname(full)) or os.path.isdir(full) or os.path.islink(full):
            return 0
        content = content_of(self.dice, any_size(self.dice))
        made = os.path.join(self.tree.scratch, "edit")
        with open(made, "wb") as file:
            file.write(content)
        if self.tree.owner:
            os.chown(made, self.tree.owner, self.tree.owner)
        os.replace(made, full)
        self.edits[os.path.normpath(name)] = content
        return 1


class Cutter(Actor):
    """Ends connections of a server at any moment."""

    pause_s = 1.0

    def __init__(self, dice, server):
        self.server = server
        super().__init__(dice)

    def act(self):
        living = [child for child in self.server.children if child.poll() is None]
        if not living:
            return 0
        self.dice.choice(living).terminate()
        return 1


def forget_ended(server):
    server.children = [child for child in server.children if child.poll() is None]


def wait_until(what, deadline_s):
    end = time.monotonic() + deadline_s
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
