"""Seeded data for the benchmarks: the same arguments give the same tree, byte for byte."""
import os
import random

SEED = 20_260_101


def make_files(base, count, directories, mean_bytes):
    """`count` files of `mean_bytes` on average (half of it to one and a half), spread over `directories` directories in two
    levels. Content does not repeat, so that no file system can share it."""
    source = random.Random(SEED)
    noise = source.randbytes(1 << 20)
    names = directory_names(directories)
    for name in names:
        os.makedirs(os.path.join(base, name), exist_ok=True)
    for i in range(count):
        size = source.randrange(mean_bytes // 2, mean_bytes * 3 // 2 + 1)
        start = source.randrange(len(noise) - size + 1)
        with open(os.path.join(base, names[i % len(names)], f"file-{i:07}"), "wb") as file:
            file.write(b"%d " % i + noise[start : start + size])


def directory_names(count):
    """About the square root of `count` directories, and the others in them."""
    outer = max(1, int(count**0.5))
    names = [f"dir-{i:04}" for i in range(outer)]
    return names + [f"{names[i % outer]}/sub-{i:04}" for i in range(count - outer)]


def make_big_file(base, size_bytes):
    os.makedirs(base, exist_ok=True)
    source = random.Random(SEED)
    with open(os.path.join(base, "big"), "wb") as file:
        for _ in range(size_bytes >> 20):
            file.write(source.randbytes(1 << 20))
