"""Two at once, on purpose: one stands in the middle of a transaction, the other is set going."""

import threading
import time
from collections.abc import Callable

from django.db import connection


class Aside:
    """Something that is done meanwhile, in a transaction of its own: until it ends, waits for a lock, or says so."""

    def __init__(self, act: Callable, there: threading.Event | None = None):
        self.came: object = None
        self.thread = threading.Thread(target=self._run, args=(act,))
        waited = self._waiting()
        self.thread.start()
        until = time.monotonic() + 10
        while self.thread.is_alive() and not (there and there.is_set()) and not self._waiting() - waited:
            assert time.monotonic() < until
            self.thread.join(0.05)

    @staticmethod
    def _waiting() -> set[int]:
        """The backends that wait for a lock."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pid FROM pg_locks WHERE NOT granted")
            return {pid for (pid,) in cursor.fetchall()}

    def _run(self, act: Callable) -> None:
        try:
            self.came = act()
        except Exception as error:
            self.came = error
        finally:
            connection.close()

    def result(self):
        self.thread.join(10)
        assert not self.thread.is_alive()
        return self.came
