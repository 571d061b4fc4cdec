"""One of several writer processes, ``python -m bench.writer URL CLIENTS SECONDS``; it begins when told."""

from __future__ import annotations

import sys

from bench import append, scene
from infra.assembly import open_pool


async def main() -> bool:
    url, clients, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    async with open_pool(url, name="bench", size=4) as pool, scene.log_on(pool, "SHARED") as store:
        await append.spread(store, clients, 0.2)
        print("ready", flush=True)
        sys.stdin.readline()
        print((await append.spread(store, clients, seconds)).done, flush=True)
    return True


if __name__ == "__main__":
    sys.exit(scene.run(main()))
