"""Code that runs inside a demo's clone, as in `manage.py shell`, but in one process that stays: starting takes seconds.

with DemoShell(environment) as shell:
    printed = shell.run("from accounts.models import User; print(User.objects.count())")
"""

import contextlib
import io
import json
import subprocess
import sys
import traceback
from threading import Lock

from tests.made_once import ROOT


class DemoShell:
    def __init__(self, environment: dict[str, str]):
        self._one_at_a_time = Lock()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.demo_shell"],
            env={**environment, "DJANGO_SETTINGS_MODULE": "messagehub.settings"},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str) -> str:
        """What it prints. Fails with the traceback if it raises."""
        with self._one_at_a_time:
            self.process.stdin.write(json.dumps(code) + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
        assert not answer["error"], answer["error"]
        return answer["printed"]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def serve() -> None:
    import django
    from django.db import connection

    django.setup()
    for line in sys.stdin:
        error, printed = "", io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec(json.loads(line), {})  # noqa: S102
        except Exception:
            error = traceback.format_exc()
        finally:
            connection.close()  # the demo's PostgreSQL may be killed meanwhile
        sys.stdout.write(json.dumps({"printed": printed.getvalue(), "error": error}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
