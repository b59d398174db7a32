"""Draws how long syncline takes beside its peers, as bars from the line at which both take the same: bench/ratios-light.svg and
bench/ratios-dark.svg, from bench/results.json. Called by `./dev bench --plot`."""
import html
import json
import math
import pathlib

HERE = pathlib.Path(__file__).parent
RESULTS = HERE / "results.json"
# Which peer a contender is: the first word that fits.
PEERS = [("rsync", "rsync"), ("scp", "scp, ssh"), ("ssh ", "scp, ssh"), ("rclone", "rclone"), ("aws", "aws-cli"),
         ("lsyncd", "lsyncd"), ("", "itself and plain loops")]
SCHEMES = {
    "light": {"ink": "#1f2328", "muted": "#59636e", "line": "#d1d9e0", "less": "#2a6fdb", "more": "#c2571a", "surface": "#ffffff"},
    "dark": {"ink": "#f0f6fc", "muted": "#9198a1", "line": "#3d444d", "less": "#6ea8fe", "more": "#f0935a", "surface": "#0d1117"},
}
WIDTH, LABELS, RIGHT, ROW, GROUP, TOP, BOTTOM = 960, 500, 70, 22, 34, 62, 30
TICKS = [0.1, 0.2, 0.5, 1, 2, 5]
LOWEST, HIGHEST = 0.05, 8


def stored():
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []


def store(rows, date):
    """Those of the rows that have a peer; one that was stored before gives way."""
    kept = {(result["work"], result["against"]): result for result in stored()}
    for row in rows:
        if row.peer is not None:
            kept[row.work, row.peer_name] = {"work": row.work, "against": row.peer_name, "unit": row.unit, "syncline": row.ours,
                                             "peer": row.peer, "at_most": row.limit, "date": date}
    write(list(kept.values()))


def write(results):
    lines = ",\n".join("  " + json.dumps(result) for result in results)
    RESULTS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def peer_of(result):
    return next(peer for word, peer in PEERS if word in result["against"])


def place(ratio):
    """Where a ratio is: the scale is logarithmic, so that half and double are equally far from 1."""
    ratio = min(max(ratio, LOWEST), HIGHEST)
    share = math.log(ratio / LOWEST) / math.log(HIGHEST / LOWEST)
    return LABELS + share * (WIDTH - LABELS - RIGHT)


class Drawing:
    def __init__(self, colours):
        self.colours, self.parts = colours, []

    def text(self, x, y, text, colour="ink", anchor="start", size=13, weight="normal"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" fill="{self.colours[colour]}" text-anchor="{anchor}" '
                          f'font-size="{size}" font-weight="{weight}">{html.escape(text)}</text>')

    def line(self, x, top, bottom, colour, width=1):
        self.parts.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" stroke="{self.colours[colour]}" '
                          f'stroke-width="{width}"/>')

    def bar(self, y, ratio, limit):
        begin, end = sorted((place(1), place(ratio)))
        colour = self.colours["less" if ratio <= 1 else "more"]
        self.parts.append(f'<rect x="{begin:.1f}" y="{y}" width="{max(end - begin, 1.5):.1f}" height="12" rx="2" fill="{colour}"/>')
        if limit is not None:
            self.line(place(limit), y - 3, y + 15, "muted", 2)

    def svg(self, height):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
                'font-family="system-ui, sans-serif" role="img" aria-label="Time of syncline divided by that of each peer">\n'
                f'<rect width="{WIDTH}" height="{height}" fill="{self.colours["surface"]}"/>\n' + "\n".join(self.parts) + "\n</svg>\n")


def draw(results, colours):
    groups = {}
    for result in results:
        groups.setdefault(peer_of(result), []).append(result)
    groups = {peer: groups[peer] for peer in dict(PEERS).values() if peer in groups}
    height = TOP + sum(GROUP + ROW * len(rows) for rows in groups.values()) + BOTTOM
    drawing = Drawing(colours)
    drawing.text(12, 24, "What syncline takes, divided by what the peer takes", size=16, weight="600")
    drawing.text(12, 44, "left of 1, syncline takes less; the grey mark is the most that is allowed", "muted")
    for tick in TICKS:
        drawing.line(place(tick), TOP, height - BOTTOM, "muted" if tick == 1 else "line")
        drawing.text(place(tick), height - 10, f"{tick:g}", "muted", "middle", 12)
    y = TOP
    for peer, rows in groups.items():
        drawing.text(12, y + 24, peer, weight="600")
        y += GROUP
        for result in rows:
            ratio = result["syncline"] / result["peer"]
            drawing.text(24, y + 11, f"{result['work']}  ({result['against']})", size=12)
            drawing.bar(y, ratio, result["at_most"])
            drawing.text(WIDTH - 12, y + 11, f"{ratio:.2f}", anchor="end", size=12)
            y += ROW
    return drawing.svg(height)


def main():
    results = stored()
    for scheme, colours in SCHEMES.items():
        path = HERE / f"ratios-{scheme}.svg"
        path.write_text(draw(results, colours), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
