"""Runs every bench, or those that are named, and prints one table."""

import importlib
import sys

from bench.place import place
from bench.table import printed

ALL = ("delivery", "wallet", "live", "inbox")


def main(names: list[str]) -> None:
    if unknown := set(names) - set(ALL):
        sys.exit(f"There is no bench {', '.join(sorted(unknown))}; there are {', '.join(ALL)}.")
    lines = []
    with place() as local_dir:
        for name in names or ALL:
            print(f"{name} ...", file=sys.stderr)
            lines += importlib.import_module(f"bench.{name}").run(local_dir)
    print(printed(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
