"""Secrets that nobody has to set: a clone's own, made at first use, and what is derived from `SECRET_KEY`."""

import hmac
import json
import os
import secrets
from base64 import urlsafe_b64encode
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet


def read_clone_secrets(local_dir: Path) -> dict:
    """The clone's own secrets, made at first use and kept readable by their owner only."""
    path = local_dir / "secrets.json"
    if not path.exists():
        local_dir.mkdir(parents=True, exist_ok=True)
        made = {
            "SECRET_KEY": secrets.token_urlsafe(50),
            "FIELD_ENCRYPTION_KEYS": [Fernet.generate_key().decode()],
        }
        draft = path.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(made))
        with suppress(FileExistsError):
            os.link(draft, path)  # the first of several starters wins, whole
        draft.unlink()
    return json.loads(path.read_text())


def derive_sandbox_secret(secret_key: str, name: str) -> str:
    """What the sandbox's app at Meta and we share: another one in each place."""
    return hmac.new(secret_key.encode(), name.encode(), "sha256").hexdigest()[:32]


def derive_vapid_key(secret_key: str) -> str:
    """A private key on P-256 (base64url of its 32 bytes) that stays the same as long as SECRET_KEY does."""
    return urlsafe_b64encode(hmac.new(secret_key.encode(), b"VAPID", "sha256").digest()).rstrip(b"=").decode()
