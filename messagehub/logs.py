"""What is logged, and how."""

from typing import Any

from redis import RedisError

from messagehub import redaction

# A connection that is lost while two tasks use it (redis-py under uvloop) raises the other two.
VALKEY_IS_AWAY = (RedisError, RuntimeError, AttributeError)


def configure_logging(level: str) -> dict[str, Any]:
    """Django's LOGGING: one redacted line for each record of `level` or above, to the console."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": redaction.RedactingFormatter,
                "format": "{asctime} {levelname} {name}: {message}",
                "style": "{",
            }
        },
        # "Not ready yet" is an answer, and whoever asks goes on asking.
        "filters": {
            "not_readiness": {
                "()": "django.utils.log.CallbackFilter",
                "callback": lambda record: getattr(getattr(record, "request", None), "path", "") != "/readyz",
            },
            # The hub says in one line each second that Valkey is away; the channel layer says it with a traceback.
            "not_valkey": {
                "()": "django.utils.log.CallbackFilter",
                "callback": lambda record: not (record.exc_info and isinstance(record.exc_info[1], VALKEY_IS_AWAY)),
            },
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            **{name: {"level": "WARNING"} for name in ("aiohttp.access", "twilio", "procrastinate", "fontTools")},
            "django.request": {"filters": ["not_readiness"]},
            "channels_redis.pubsub": {"filters": ["not_valkey"]},
        },
    }
