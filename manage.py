#!/usr/bin/env python
"""Django's command line; starts the clone's own servers first where a command needs them."""

import os
import sys
from pathlib import Path

from messagehub import launcher
from messagehub.management import supervisor

LOCAL_DIR = Path(os.environ.get("MESSAGEHUB_LOCAL_DIR") or Path(__file__).resolve().parent / ".local")
WITHOUT_SERVERS = {
    "check",
    "collectstatic",
    "compilemessages",
    "demo",  # claims its port and its clone first, then starts the servers itself
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "makemigrations",
    "version",
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messagehub.settings")
    if sys.argv[1:2] == ["demo"]:
        os.environ.update(supervisor.environment_of_demo(supervisor.port_from_environment()))
    if _needs_servers(sys.argv[1:]):
        try:
            launcher.ensure(LOCAL_DIR, postgres="DATABASE_URL" not in os.environ, valkey="REDIS_URL" not in os.environ)
        except launcher.LauncherError as error:
            sys.exit(str(error))

    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


def _needs_servers(arguments: list[str]) -> bool:
    if {"-h", "--help", "--version"} & set(arguments):
        return False
    return bool(arguments) and arguments[0] not in WITHOUT_SERVERS


if __name__ == "__main__":
    main()
