"""Django's sessions in the database, kept under digests: whoever reads the table can't sign in with what is there."""

import hashlib

from django.contrib.sessions.backends import db
from django.utils import timezone


def digest_session_key(key: str | None) -> str:
    """What stands for a session's key wherever it is stored. 160 bits, because Django's column holds 40 characters."""
    return hashlib.sha256((key or "").encode()).hexdigest()[:40]


class SessionStore(db.SessionStore):
    """The key itself is known to the browser and to the request that it comes with."""

    def _validate_session_key(self, key: str | None) -> bool:
        """A cookie may hold anything, NUL included, which PostgreSQL does not take."""
        return bool(key) and key.isascii() and key.isalnum() and super()._validate_session_key(key)

    @classmethod
    def end(cls, session_digest: str) -> None:
        cls.get_model_class().objects.filter(session_key=session_digest).delete()

    def _get_session_from_db(self):
        found = self._stored().first()
        if found is None:
            self._session_key = None
        return found

    async def _aget_session_from_db(self):
        found = await self._stored().afirst()
        if found is None:
            self._session_key = None
        return found

    def _stored(self):
        return self.model.objects.filter(
            session_key=digest_session_key(self.session_key), expire_date__gt=timezone.now()
        )

    def exists(self, session_key):
        return super().exists(digest_session_key(session_key))

    async def aexists(self, session_key):
        return await super().aexists(digest_session_key(session_key))

    def create_model_instance(self, data):
        return self._under_digest(super().create_model_instance(data))

    async def acreate_model_instance(self, data):
        return self._under_digest(await super().acreate_model_instance(data))

    def _under_digest(self, row):
        row.session_key = digest_session_key(row.session_key)
        return row

    def delete(self, session_key=None):
        if key := session_key or self.session_key:
            super().delete(digest_session_key(key))

    async def adelete(self, session_key=None):
        if key := session_key or self.session_key:
            await super().adelete(digest_session_key(key))
