"""The table that the bench prints."""
import statistics


class Row:
    """One line of the table: `ours` and `peer` are lists of the same measure; `limit` is of their medians' ratio, or, without
    a peer, of our own median; None where nothing is asked."""

    def __init__(self, work, unit, ours, limit, peer=None, peer_name="-"):
        self.work, self.unit, self.limit, self.peer_name = work, unit, limit, peer_name
        self.ours = statistics.median(ours)
        self.peer = statistics.median(peer) if peer else None
        self.value = self.ours / self.peer if peer else self.ours

    def cells(self):
        def show(value):
            return "-" if value is None else f"{value:.3g} {self.unit}".strip()

        ratio = "-" if self.peer is None else f"{self.value:.2f}"
        if self.limit is None:
            limit, verdict = "-", ""
        else:
            limit = f"{self.limit:g}" if self.peer is not None else f"{self.limit:g} {self.unit}".strip()
            verdict = "ok" if self.value <= self.limit else "MISSED"
        return [self.work, show(self.ours), self.peer_name, show(self.peer), ratio, limit, verdict]


def print_table(rows):
    table = [["work", "syncline", "against", "peer", "ratio", "at most", ""], *(row.cells() for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    table.insert(1, ["-" * width for width in widths])
    for line in table:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")
