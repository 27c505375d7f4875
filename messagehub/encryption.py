"""A text column that is ciphertext at rest, under a list of keys that can be rotated."""

from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models

MARK = "f1:"  # tells ciphertext from anything else: a value without it is refused, never returned


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def box() -> MultiFernet:
    """The keys of `FIELD_ENCRYPTION_KEYS`: the first encrypts, every one decrypts."""
    return _box(tuple(settings.FIELD_ENCRYPTION_KEYS))


def encrypt(text: str) -> str:
    return MARK + box().encrypt(text.encode()).decode()


def decrypt(stored: str) -> str:
    """Raises ValueError for plain text and `InvalidToken` for a key that is not ours: it fails closed."""
    if not stored.startswith(MARK):
        raise ValueError("This encrypted column holds a value that is not encrypted.")
    return box().decrypt(stored[len(MARK) :].encode()).decode()


class EncryptedTextField(models.TextField):
    """Text that only `FIELD_ENCRYPTION_KEYS` can read. It can't be searched: look-ups but `isnull` raise TypeError."""

    def get_prep_value(self, value):
        value = super().get_prep_value(value)
        return value if value in (None, "") else encrypt(value)

    def from_db_value(self, value, expression, connection):
        return value if value in (None, "") else decrypt(value)

    def get_lookup(self, lookup_name):
        if lookup_name != "isnull":
            raise TypeError("An encrypted column can't be searched.")
        return super().get_lookup(lookup_name)
