"""An SFTP server that lies. hostile_sftp.py CASE: speaks SFTP 3 on stdin and stdout, about a tree that cannot be."""
import os
import stat
import struct
import sys

DIRECTORY, FILE, SYMLINK = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777
OK, EOF, NO_SUCH_FILE, FAILURE = 0, 1, 2, 4
ROOT = "/srv/tree"


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">I", len(value)) + value


def attributes(mode, size=3, mtime=1_600_000_000):
    return struct.pack(">IQIIIII", 0x1 | 0x2 | 0x4 | 0x8, size, 0, 0, mode, mtime, mtime)


def file_entry(name, mode=FILE, size=3):
    return (name.encode() if isinstance(name, str) else name, mode, size)


ROOT_ENTRIES = {
    "dotdot": [file_entry(".."), file_entry(".", DIRECTORY), file_entry("good"), file_entry("../../escaped")],
    "slash": [file_entry("good"), file_entry("/tmp/escaped"), file_entry("a/b")],
    "empty": [file_entry("good"), file_entry("")],
    "nul": [file_entry("good"), file_entry(b"x\0y")],
    "twice": [file_entry("good"), file_entry("good"), file_entry("x", DIRECTORY), file_entry("x", SYMLINK)],
    "link-then-file": [file_entry("out", SYMLINK), file_entry("out", DIRECTORY), file_entry("good")],
    "control": [file_entry("good"), file_entry(b"esc\x1b]0;owned\x07")],
    "size-lies-up": [file_entry("good"), file_entry("liar", size=50_000_000)],
    "size-lies-down": [file_entry("good"), file_entry("liar", size=3)],
    "device": [file_entry("good"), file_entry("disk", stat.S_IFBLK | 0o666), file_entry("pipe", stat.S_IFIFO | 0o666)],
    "cycle": [file_entry("good"), file_entry("down", DIRECTORY)],
    "long-name": [file_entry("good"), file_entry("n" * 300), file_entry("last")],
    "setuid": [file_entry("good"), file_entry("tool", stat.S_IFREG | 0o6777)],
}


class Server:
    def __init__(self, case):
        self.case = case
        self.handles = {}
        self.opened = []
        self.served = 0

    def run(self):
        while header := sys.stdin.buffer.read(4):
            packet = sys.stdin.buffer.read(struct.unpack(">I", header)[0])
            self.answer(packet[0], packet[1:])

    def send(self, kind, body):
        sys.stdout.buffer.write(struct.pack(">IB", len(body) + 1, kind) + body)
        sys.stdout.buffer.flush()

    def status(self, request, code):
        self.send(101, request + struct.pack(">I", code) + text("as you say") + text(""))

    def answer(self, kind, body):
        if kind == 1:
            return self.send(2, struct.pack(">I", 3))
        request, body = body[:4], body[4:]
        size = struct.unpack(">I", body[:4])[0] if len(body) >= 4 else 0
        subject = body[4:4 + size]
        rest = body[4 + size:]
        if kind == 16:
            path = subject.decode() if subject.startswith(b"/") else os.path.normpath("/home/u/" + subject.decode())
            return self.send(104, request + struct.pack(">I", 1) + text(path) + text("") + attributes(DIRECTORY))
        if kind in (7, 17):
            return self.send(105, request + self.attributes_of(subject))
        if kind == 11:
            self.handles[subject] = 0
            return self.send(102, request + text(b"d" + subject))
        if kind == 12:
            return self.list(request, subject[1:])
        if kind == 3:
            self.opened.append(subject)
            return self.send(102, request + text(b"f%d" % (len(self.opened) - 1)))
        if kind == 5:
            return self.read(request, subject, rest)
        if kind == 8:
            return self.send(105, request + self.attributes_of(self.opened[int(subject[1:])]))
        if kind == 19:
            return self.send(104, request + struct.pack(">I", 1) + text("/etc") + text("") + attributes(SYMLINK))
        return self.status(request, OK if kind == 4 else FAILURE)

    def entries(self, path):
        if path.decode().rstrip("/") == ROOT:
            return ROOT_ENTRIES.get(self.case, [])
        return [file_entry("down", DIRECTORY)] if self.case == "cycle" else [file_entry("inside")]

    def attributes_of(self, path):
        for name, mode, size in ROOT_ENTRIES.get(self.case, []):
            if path == ROOT.encode() + b"/" + name:
                return attributes(mode, size)
        return attributes(FILE if path.rsplit(b"/", 1)[-1] == b"inside" else DIRECTORY)

    def list(self, request, path):
        if self.case == "endless-listing":
            names = [file_entry(f"{self.served}-{i}-" + "x" * 200) for i in range(100)]
            self.served += 1
        elif self.handles[path]:
            return self.status(request, EOF)
        else:
            names = self.entries(path)
        self.handles[path] = 1
        body = b"".join(text(name) + text("") + attributes(mode, size) for name, mode, size in names)
        self.send(104, request + struct.pack(">I", len(names)) + body)

    def read(self, request, handle, rest):
        offset, count = struct.unpack(">QI", rest)
        name = self.opened[int(handle[1:])].rsplit(b"/", 1)[-1]
        if self.case == "size-lies-down" and name == b"liar" and offset < 100_000_000:
            return self.send(103, request + text(b"x" * count))
        content = b"abc"[offset:offset + count]
        return self.send(103, request + text(content)) if content else self.status(request, EOF)


if "sftp" not in os.environ.get("SSH_ORIGINAL_COMMAND", ""):
    sys.exit(1)
Server(sys.argv[1]).run()
