"""A terminal of a test's own: the program on it, and what stands on its screen."""
import codecs
import fcntl
import os
import pty
import re
import select
import subprocess
import termios
import time

from harness import DEADLINE_S


class Screen:
    """What a terminal shows of what is written to it; it knows the sequences that this program uses, and no others."""

    TOKEN = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])|.", re.DOTALL)
    UNFINISHED = re.compile(r"\x1b(\[[0-9;]*)?$")

    def __init__(self, rows, columns):
        self.lines, self.row, self.column = [""], 0, 0
        self.decoder, self.pending = codecs.getincrementaldecoder("utf-8")(), ""
        self.resize(rows, columns)

    def resize(self, rows, columns):
        """What is there stays as it is; the counts begin anew."""
        self.rows, self.columns = rows, columns
        self.scrolled = self.wrapped = self.cleared = 0
        self.fitted = False

    def feed(self, data):
        text = self.pending + self.decoder.decode(data)
        unfinished = self.UNFINISHED.search(text)
        self.pending = unfinished[0] if unfinished else ""
        for token in self.TOKEN.finditer(text[:len(text) - len(self.pending)]):
            if token[2]:
                self.control(token[1], token[2])
            elif token[0] == "\r":
                self.column = 0
            elif token[0] == "\n":
                self.line_feed()
            else:
                assert token[0].isprintable(), f"an unknown sequence: {text!r}"
                self.put(token[0])

    def control(self, number, letter):
        if letter == "H" and not number:
            self.row = self.column = 0
        elif letter == "J" and not number:
            if self.row == self.column == 0:
                # Whether all that was shown since the last time found room; the counts are of what is shown now.
                self.fitted = self.cleared > 0 and self.wrapped == self.scrolled == 0
                self.cleared += 1
                self.wrapped = self.scrolled = 0
            del self.lines[self.row + 1:]
            self.erase_to_end()
        elif letter == "K" and not number:
            self.erase_to_end()
        else:
            assert letter == "m", f"an unknown sequence: {number}{letter}"

    def erase_to_end(self):
        self.lines[self.row] = self.lines[self.row][:self.column]

    def line_feed(self):
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")
        if self.row == self.rows:
            del self.lines[0]
            self.row -= 1
            self.scrolled += 1

    def put(self, character):
        if self.column == self.columns:
            self.wrapped += 1
            self.column = 0
            self.line_feed()
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[:self.column] + character + line[self.column + 1:]
        self.column += 1

    @property
    def text(self):
        return "\n".join(self.lines)


class Terminal:
    """The program on a terminal that is its session's. Left by `with`."""

    def __init__(self, sandbox, *args, rows=24, columns=80):
        self.leader, self.follower = pty.openpty()
        self.screen = Screen(rows, columns)
        termios.tcsetwinsize(self.follower, (rows, columns))
        self.before = termios.tcgetattr(self.follower)
        self.process = subprocess.Popen(
            sandbox.command(args), cwd=sandbox.directory, env={**sandbox.env, "TERM": "xterm"}, stdin=self.follower,
            stdout=self.follower, stderr=self.follower, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        sandbox.running.append(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.leader)
        os.close(self.follower)

    def resize(self, rows, columns):
        """The kernel tells the program by SIGWINCH."""
        self.screen.resize(rows, columns)
        termios.tcsetwinsize(self.leader, (rows, columns))

    def type(self, keys):
        os.write(self.leader, keys)

    def wait_for(self, what, deadline_s=DEADLINE_S):
        """Reads what is shown until `what(screen)` is true; its value."""
        end = time.monotonic() + deadline_s
        while not (value := what(self.screen)):
            if select.select([self.leader], [], [], 0.1)[0]:
                self.screen.feed(os.read(self.leader, 65536))
            else:
                assert time.monotonic() < end and self.process.poll() is None, f"still shown:\n{self.screen.text}"
        return value

    def is_as_it_was(self):
        return termios.tcgetattr(self.follower) == self.before
