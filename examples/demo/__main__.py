"""`python -m examples.demo [kafka] [azure-queue] [--seconds N]`"""

import argparse
import asyncio

from examples.demo.stage import play

parser = argparse.ArgumentParser(prog="make demo", description="Watch workers go 0 → N → 0 with real brokers.")
parser.add_argument("wanted", nargs="*", choices=["nats", "kafka", "azure-queue", []], help="brokers besides NATS")
parser.add_argument("--seconds", type=float, default=None, help="end by itself after so many seconds")
given = parser.parse_args()
asyncio.run(play(list(given.wanted), given.seconds))
