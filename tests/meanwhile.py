"""Two at once, on purpose: one stands in the middle of a transaction, the other is set going."""

import threading
from collections.abc import Callable

from django.db import connection


class Aside:
    """Something that is done meanwhile, in a transaction of its own. It stands before what this one holds."""

    def __init__(self, act: Callable):
        self.came: object = None
        self.thread = threading.Thread(target=self._run, args=(act,))
        self.thread.start()
        self.thread.join(0.7)

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
