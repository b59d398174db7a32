#!/usr/bin/env python3
"""Makes the pictures of README anew, from real runs of the program: tools/pictures.py [BINARY]

The status page as PNG (by Chromium), `plan`, the progress of a run and a halt on a terminal as SVG; each light and dark, into
docs/pictures/."""
import html
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import tempfile
import termios
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from browser import Browser  # noqa: E402
from harness import Sandbox, make_tree, wait_for  # noqa: E402

OUT = ROOT / "docs/pictures"
COLUMNS = 100
DEADLINE_S = 60
# SGR codes: bold, faint and colours, in a light and a dark window.
THEMES = {
    "light": {"ground": "#ffffff", "edge": "#d5dbe5", "bar": "#eef2f8", "text": "#182230", "faint": "#5d6b80",
              "31": "#c22f2f", "32": "#14804a", "33": "#a35b00"},
    "dark": {"ground": "#171e29", "edge": "#273142", "bar": "#1f2836", "text": "#e6ebf3", "faint": "#94a1b5",
             "31": "#ff8080", "32": "#4cc38a", "33": "#f0b45a"},
}
ESCAPE = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])")


def on_terminal(sandbox, *args, until=None):
    """What stands on a terminal when the program has ended, or when `until(text)` is true for the first time."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (40, COLUMNS))
    process = subprocess.Popen(sandbox.command(args), cwd=sandbox.directory, env={**sandbox.env, "TERM": "xterm-256color"},
                               stdin=follower, stdout=follower, stderr=follower, start_new_session=True)
    sandbox.running.append(process)
    os.close(follower)
    data, end = b"", time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        if select.select([leader], [], [], 0.05)[0]:
            try:
                data += os.read(leader, 65536)
            except OSError:  # the other side has gone
                break
        shown = settled(data.decode(errors="replace"))
        if until and until(shown):
            break
    else:
        raise SystemExit(f"{args}: still going on after {DEADLINE_S} s")
    process.kill()
    process.wait()
    os.close(leader)
    return settled(data.decode(errors="replace"))


def settled(text):
    """Lines as they stand, with the colours: what a carriage return wrote over is gone."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        line = re.sub(r"\x1b\[(?:[0-9;]*[ABCDGHJKfhl]|\?[0-9]+[hl])", "", line)
        parts = [part for part in line.split("\r") if ESCAPE.sub("", part)]
        lines.append(parts[-1] if parts else "")
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines)


def spans(line, theme):
    """SVG text of one line."""
    out, styles, at = "", set(), 0

    def put(text):
        if not text:
            return ""
        fill = next((theme[code] for code in ("31", "32", "33") if code in styles), theme["faint"] if "2" in styles else None)
        attributes = (f' fill="{fill}"' if fill else "") + (' font-weight="700"' if "1" in styles else "")
        return f"<tspan{attributes}>{html.escape(text)}</tspan>"

    for found in ESCAPE.finditer(line):
        out += put(line[at:found.start()])
        at = found.end()
        for code in (found[1] or "0").split(";"):
            if code == "0":
                styles.clear()
            else:
                styles.add(code)
    return out + put(line[at:])


def folded(line):
    """As the terminal breaks it."""
    pieces, piece, used = [], "", 0
    for found in re.finditer(ESCAPE.pattern + "|.", line):
        if not found[0].startswith("\x1b"):
            if used == COLUMNS:
                pieces.append(piece)
                piece, used = "", 0
            used += 1
        piece += found[0]
    return [*pieces, piece]


def draw(name, command, text):
    lines = [f"\x1b[2m$\x1b[0m \x1b[1m{command}\x1b[0m", *(piece for line in text.split("\n") for piece in folded(line))]
    columns = max(60, *(len(ESCAPE.sub("", line)) for line in lines))
    step, cell, margin, bar = 20, 8.43, 18, 30
    width, height = round(columns * cell + 2 * margin), len(lines) * step + 2 * margin + bar - 6
    for theme_name, theme in THEMES.items():
        rows = "\n".join(
            f'<text x="{margin}" y="{bar + margin + i * step + 10}" xml:space="preserve">{spans(line, theme)}</text>'
            for i, line in enumerate(lines))
        dots = "".join(f'<circle cx="{margin + i * 18}" cy="{bar / 2}" r="5" fill="{theme["edge"]}"/>' for i in range(3))
        (OUT / f"{name}-{theme_name}.svg").write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'role="img" aria-label="{html.escape(command)} on a terminal">\n'
            f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="10" fill="{theme["ground"]}" '
            f'stroke="{theme["edge"]}"/>\n'
            f'<path d="M1 {bar}V11a10 10 0 0 1 10-10H{width - 11}a10 10 0 0 1 10 10V{bar}z" fill="{theme["bar"]}"/>\n{dots}\n'
            f'<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="14" '
            f'fill="{theme["text"]}">\n{rows}\n</g>\n</svg>\n')


def thesis(sandbox):
    """A small project, once synced and then worked on."""
    home = sandbox.directory
    make_tree(home / "thesis", {"chapters/1-introduction.tex": "a" * 9000, "chapters/2-method.tex": "b" * 12000,
                                "chapters/3-results.tex": "c" * 7000, "figures/flow.svg": "d" * 30000, "thesis.tex": "e" * 2000,
                                "notes/todo.md": "f" * 500, "build/thesis.log": "g" * 100})
    sandbox.jobs(("thesis", {"root": "thesis", "remote": "backup/thesis", "exclude": ["build/**"], "fsync": False}))
    sandbox.apply()
    make_tree(home / "thesis", {"chapters/2-method.tex": "B" * 13000, "chapters/4-discussion.tex": "h" * 6000,
                                "figures/scaling.svg": "i" * 24000})
    (home / "thesis/notes/todo.md").unlink()
    (home / "thesis/notes").rmdir()


def terminal_pictures(sandbox):
    thesis(sandbox)
    draw("plan", "syncline plan", on_terminal(sandbox, "plan"))
    make_tree(sandbox.directory / "photos", {f"2026/{i:03}.jpg": os.urandom(700_000) for i in range(24)})
    sandbox.jobs(("photos", {"root": "photos", "remote": "backup/photos", "fsync": False}),
                 head='[engine]\nbandwidth_limit = "6 MiB/s"\n')
    shown = on_terminal(sandbox, "push", "photos",
                        until=lambda text: re.search(r"\b1[0-9]/24 files.*left", ESCAPE.sub("", text)))
    draw("progress", "syncline push photos", shown)
    sandbox.jobs(("thesis", {"root": "thesis", "remote": "backup/thesis", "exclude": ["build/**"], "fsync": False}))
    sandbox.apply()
    (sandbox.directory / "thesis").rename(sandbox.directory / "thesis.away")
    draw("halt", "syncline push thesis", on_terminal(sandbox, "push", "thesis"))


def page_pictures(sandbox):
    """Jobs in every mood: one runs, one is watched, one is halted, one partly done, one well."""
    home = sandbox.directory
    make_tree(home / "photos", {f"2026/{i:03}.jpg": os.urandom(600_000) for i in range(200)})
    make_tree(home / "site", {f"posts/{i}.md": "text" * 50 for i in range(40)})
    make_tree(home / "notes", {"todo.md": "ours", "ideas.md": "1"})
    make_tree(home / "backup/notes", {"todo.md": "theirs"})
    make_tree(home / "music", {f"{i}.flac": "x" * 1000 for i in range(20)})
    common = {"fsync": False}
    sandbox.jobs(("photos", {"root": "photos", "remote": "backup/photos", "interval": "1h", **common}),
                 ("site", {"root": "site", "remote": "backup/site", "watch": True, "interval": "1h", **common}),
                 ("thesis", {"root": "thesis", "remote": "backup/thesis", "interval": "1h", **common}),
                 ("notes", {"root": "notes", "remote": "backup/notes", "delete": "synced", "interval": "1h", **common}),
                 ("music", {"root": "music", "remote": "backup/music", "interval": "1s", **common}),
                 head='\n[status]\nlisten = "127.0.0.1:0"\n[engine]\nbandwidth_limit = "3 MiB/s"\n')
    with Browser(home) as browser:
        engine = sandbox.start("apply")
        url = wait_for(lambda: re.search(r"the status is on (http://\S+/)\n", engine.log()))[1]
        for i in range(6):
            make_tree(home / "site", {f"posts/{i}.md": f"edited {i}"})
            wait_for(lambda i=i: (home / f"backup/site/posts/{i}.md").exists()
                     and (home / f"backup/site/posts/{i}.md").read_text() == f"edited {i}")
        for name, dark in (("light", False), ("dark", True)):
            browser.open(url, 1200, 900, dark)
            fill = "parseInt(document.querySelector('.job[data-state=transferring] .fill')?.style.width)"
            browser.wait_for(f"{fill} > 4 && document.querySelectorAll('.chart rect.success').length >= 8")
            browser.wait_for("document.querySelector('.job[data-state=transferring] .rate').textContent.includes('left')")
            browser.screenshot(OUT / f"page-{name}.png")


def main():
    binary = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/src/cli/syncline").resolve()
    if not binary.exists():
        raise SystemExit(f"{binary} is missing: ./dev build, or name the program")
    OUT.mkdir(parents=True, exist_ok=True)
    for make in (terminal_pictures, page_pictures):
        directory = pathlib.Path(tempfile.gettempdir()) / "me"  # short, for it is in the pictures
        directory.mkdir()
        with Sandbox(binary, directory) as sandbox:
            make(sandbox)


if __name__ == "__main__":
    main()
