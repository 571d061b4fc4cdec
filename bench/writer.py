"""One of several writer processes, ``python -m bench.writer URL CLIENTS SECONDS``; it begins when told."""

from __future__ import annotations

import sys

import asyncpg

from bench import append, scene


async def main() -> bool:
    url, clients, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    async with asyncpg.create_pool(url, min_size=2, max_size=4) as pool, scene.log_on(pool, "SHARED") as store:
        await append.spread(store, clients, 0.2)
        print("ready", flush=True)
        sys.stdin.readline()
        print((await append.spread(store, clients, seconds)).done, flush=True)
    return True


if __name__ == "__main__":
    sys.exit(scene.run(main()))
