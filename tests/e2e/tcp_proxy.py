"""A TCP proxy on loopback that cuts connections after so many bytes."""
import contextlib
import selectors
import socket
import threading

HOST = "127.0.0.1"


class CuttingProxy:
    """Passes everything on to `port`. `cut_after` bytes of one direction later ("up": to the server, "down": from it) all
    connections are cut, so many `times`."""

    def __init__(self, port):
        self.upstream = port
        self.listener = socket.create_server((HOST, 0))
        self.port = self.listener.getsockname()[1]
        self.passed = {"up": 0, "down": 0}
        self.cuts = 0
        self.times, self.limit, self.direction = 0, 0, "up"
        self.lock = threading.Lock()
        self.open = set()
        threading.Thread(target=self.accept, daemon=True).start()

    def cut_after(self, direction, count, times=1):
        with self.lock:
            self.direction, self.times = direction, times
            self.limit = self.passed[direction] + count
            self.step = count

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection((HOST, self.upstream))
            pair = (client, server)
            with self.lock:
                self.open.add(pair)
            threading.Thread(target=self.relay, args=(pair,), daemon=True).start()

    def relay(self, pair):
        client, server = pair
        with selectors.DefaultSelector() as selector, contextlib.suppress(OSError, ValueError):
            selector.register(client, selectors.EVENT_READ, (server, "up"))
            selector.register(server, selectors.EVENT_READ, (client, "down"))
            while True:
                for key, _ in selector.select():
                    other, direction = key.data
                    data = key.fileobj.recv(16384)
                    if not data or not self.count(direction, len(data)):
                        self.cut(pair)
                        return
                    self.note(direction, data)
                    other.sendall(data)
        self.cut(pair)

    def note(self, direction, data):
        """For those who want to know what passes."""

    def count(self, direction, size):
        """False when this is where the connection ends."""
        with self.lock:
            self.passed[direction] += size
            if not self.times or direction != self.direction or self.passed[direction] < self.limit:
                return True
            self.times -= 1
            self.cuts += 1
            self.limit += self.step
            others = list(self.open)
        for pair in others:
            self.cut(pair)
        return False

    def cut(self, pair):
        with self.lock:
            self.open.discard(pair)
        for end in pair:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def stop(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for pair in list(self.open):
            self.cut(pair)
