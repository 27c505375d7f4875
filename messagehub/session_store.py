"""Django's sessions in the database, which look only for keys that can be ones."""

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    def _validate_session_key(self, key: str | None) -> bool:
        """A cookie may hold anything, NUL included, which PostgreSQL does not take."""
        return bool(key) and key.isascii() and key.isalnum() and super()._validate_session_key(key)
