"""delay_proxy.py PORT MILLISECONDS: a TCP proxy before a port of loopback that delays each direction by so much. Prints its own
port first."""
import asyncio
import sys
import time

QUEUED_PIECES = 4096


async def pump(reader, writer, delay):
    pieces = asyncio.Queue(maxsize=QUEUED_PIECES)

    async def send():
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if not piece:
                writer.write_eof()
                return
            writer.write(piece)
            await writer.drain()

    sending = asyncio.create_task(send())
    try:
        piece = b"-"
        while piece:
            piece = await reader.read(262144)
            await pieces.put((time.monotonic() + delay, piece))
        await sending
    except OSError:
        sending.cancel()
        writer.close()


async def main(port, milliseconds):
    async def serve(reader, writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        delay = milliseconds / 1000
        await asyncio.gather(pump(reader, far_writer, delay), pump(far_reader, writer, delay), return_exceptions=True)
        writer.close()
        far_writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
