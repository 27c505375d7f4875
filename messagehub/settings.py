"""Settings, read from the environment.

With `DATABASE_URL` unset the project runs on its own embedded servers below `.local/` (see `launcher`): then secrets
are generated there once and a running demo's values are read from `.local/env`, so that every command of the clone
attaches to it. With `DATABASE_URL` set nothing is assumed and a missing secret stops the start.
"""

import os
import sys
from datetime import timedelta
from pathlib import Path

import environ

from messagehub import __version__, clone_secrets, launcher, logs, media_storage

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

LOCAL_DIR = Path(env.str("MESSAGEHUB_LOCAL_DIR", default=str(BASE_DIR / ".local")))
EMBEDDED = "DATABASE_URL" not in os.environ
if EMBEDDED and (LOCAL_DIR / "env").exists():
    environ.Env.read_env(LOCAL_DIR / "env")

if EMBEDDED and "SECRET_KEY" not in os.environ:
    own_secrets = clone_secrets.read_clone_secrets(LOCAL_DIR)
    SECRET_KEY = own_secrets["SECRET_KEY"]
    FIELD_ENCRYPTION_KEYS = env.list("FIELD_ENCRYPTION_KEYS", default=own_secrets["FIELD_ENCRYPTION_KEYS"])
else:
    SECRET_KEY = env.str("SECRET_KEY")
    FIELD_ENCRYPTION_KEYS = env.list("FIELD_ENCRYPTION_KEYS")  # newest first: it encrypts, all of them decrypt

DEBUG = env.bool("DEBUG", default=False)
SANDBOX = env.bool("SANDBOX", default=False)
DEMO = env.bool("DEMO", default=False)
PORT = env.int("PORT", default=8000)


def secret_of_sandbox(name: str) -> str:
    """None without a sandbox."""
    return clone_secrets.derive_sandbox_secret(SECRET_KEY, name) if SANDBOX else ""


PUBLIC_BASE_URL = env.str(
    "PUBLIC_BASE_URL",
    default=f"http://127.0.0.1:{PORT}" if EMBEDDED else environ.Env.NOTSET,
)
PUBLIC_BASE_URL = PUBLIC_BASE_URL.rstrip("/")
HTTPS = PUBLIC_BASE_URL.startswith("https://")
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS",
    default=[PUBLIC_BASE_URL.split("://", 1)[1].split(":")[0].split("/")[0]]
    + (["127.0.0.1", "localhost", "[::1]"] if EMBEDDED else []),
)
# A websocket or a form that a cookie authenticates must come from one of these.
TRUSTED_ORIGINS = env.list(
    "TRUSTED_ORIGINS",
    default=[PUBLIC_BASE_URL] + ([PUBLIC_BASE_URL.replace("127.0.0.1", "localhost")] if EMBEDDED else []),
)
CSRF_TRUSTED_ORIGINS = TRUSTED_ORIGINS

INSTALLED_APPS = [
    "messagehub.apps.BackOfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    *(["daphne"] if "runserver" in sys.argv else []),  # half a second of imports that only runserver needs
    "messagehub.apps.StaticFilesConfig",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "allauth.account",  # allauth.mfa stands on it; its table stays empty
    "allauth.mfa",
    "django_filters",
    "django_htmx",
    "channels",
    "procrastinate.contrib.django",
    "messagehub.apps.MessageHubConfig",
    "messagehub.ui",
    "accounts",
    "chatrooms",
    "tokens",
    "integrations",
    "messaging",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "messagehub.middleware.NoStoreMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.audit.OriginMiddleware",
    "messagehub.tenancy.TenantMiddleware",
    "messagehub.middleware.LanguageMiddleware",
    "accounts.middleware.GateMiddleware",
    "messagehub.middleware.TimeZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "messagehub.errors.PageErrorsMiddleware",
]
ROOT_URLCONF = "messagehub.urls"
WSGI_APPLICATION = "messagehub.wsgi.application"
ASGI_APPLICATION = "messagehub.asgi.application"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["messagehub.ui.loaders.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "messaging.context_processors.shell",
            ],
        },
    }
]
FORM_RENDERER = "messagehub.ui.forms.Renderer"

# ---------------------------------------------------------------- data stores
SERVICES = launcher.locate(LOCAL_DIR)
if EMBEDDED:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "messagehub",
            "USER": "mh_app",
            "HOST": SERVICES.postgres_host,
            "PORT": 5432,  # names the socket; a PGPORT in somebody's shell must not
        }
    }
    DATABASE_OWNER = {"USER": "mh_owner", "PASSWORD": ""}
else:
    DATABASES = {"default": env.db("DATABASE_URL")}
    owner = env.db("MIGRATE_DATABASE_URL", default=env.str("DATABASE_URL"))
    DATABASE_OWNER = {"USER": owner["USER"], "PASSWORD": owner["PASSWORD"]}
DATABASES["default"] |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
DATABASES["default"].setdefault("OPTIONS", {})
DATABASES["default"]["OPTIONS"].setdefault("connect_timeout", 10)
# Only `sql.fetch_prepared` prepares, and at once: Django's own cursors bind on the client whatever this says.
if env.bool("PREPARED_STATEMENTS", default=True):
    DATABASES["default"]["OPTIONS"].setdefault("prepare_threshold", 5)

REDIS_URL = env.str("REDIS_URL", default=f"unix://{SERVICES.valkey_socket}")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "TIMEOUT": 60,
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 1},
    }
}
# Presence uses groups. Events do not: the hub has one subscription per process (docs/decisions.md).
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [{"address": REDIS_URL, "socket_timeout": 1, "socket_connect_timeout": 1}],
            "prefix": "mh-channels",
        },
    }
}

# A wake-up can be lost between two queries (libraries: measured), so the poll is short.
PROCRASTINATE_WORKER_DEFAULTS = {
    "fetch_job_polling_interval": 0.5,
    "concurrency": 4,
    "shutdown_graceful_timeout": 10,
    "delete_jobs": "successful",
}

# ---------------------------------------------------------------- people
AUTH_USER_MODEL = "accounts.User"
SILENCED_SYSTEM_CHECKS = ["auth.E003"]  # the address is unique by a constraint over lower(email)
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
MFA_ADAPTER = "accounts.second_factor.Adapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "MessageHub"
MFA_TOTP_TOLERANCE = 1  # clocks differ; a code still works once only
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
SESSION_ENGINE = "messagehub.session_store"
SESSION_COOKIE_AGE = 30 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Counted in Valkey, atomically (messagehub.limits): so many in sixty seconds.
LIMITS = {
    "login_per_account": env.int("LIMIT_LOGIN_PER_ACCOUNT", default=300 if DEMO else 10),  # from one address
    "login_per_account_anywhere": env.int("LIMIT_LOGIN_PER_ACCOUNT_ANYWHERE", default=600 if DEMO else 60),
    "code_per_account": env.int("LIMIT_CODE_PER_ACCOUNT", default=5),  # from one address
    "code_per_account_anywhere": env.int("LIMIT_CODE_PER_ACCOUNT_ANYWHERE", default=15),
    "login_per_address": env.int("LIMIT_LOGIN_PER_ADDRESS", default=300 if DEMO else 30),
    "reset_per_address": env.int("LIMIT_RESET_PER_ADDRESS", default=10),
    "reset_per_account": env.int("LIMIT_RESET_PER_ACCOUNT", default=2),
    "requests_per_user": env.int("LIMIT_REQUESTS_PER_USER", default=60_000 if DEMO else 3000),
    "requests_per_address": env.int("LIMIT_REQUESTS_PER_ADDRESS", default=60_000 if DEMO else 300),  # not signed in
    "uploads_per_user": env.int("LIMIT_UPLOADS_PER_USER", default=600 if DEMO else 60),
    "send_per_user": env.int("LIMIT_SEND_PER_USER", default=600 if DEMO else 120),
}

# Who may read /metrics: by this token, or from these addresses. Nobody unless it is said.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
METRICS_ADDRESSES = env.list("METRICS_ADDRESSES", default=["127.0.0.1"] if EMBEDDED else [])

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["messagehub.tenancy.RequestAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.permissions.IsStaffOfOrganization"],
    "DEFAULT_RENDERER_CLASSES": ["messagehub.api.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["messagehub.api.parsers.JSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["messagehub.api.throttling.RequestThrottle"],
    "EXCEPTION_HANDLER": "messagehub.errors.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "DEFAULT_SCHEMA_CLASS": "messagehub.api.schema.Schema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "MessageHub",
    "DESCRIPTION": "A shared inbox for teams: conversations over SMS, paid for with prepaid tokens. "
    "Sign in at /api/auth/login and send the token as `Authorization: Bearer <token>`.",
    "VERSION": __version__,
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_NO_READ_ONLY_REQUIRED": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "messagehub.api.examples.add_examples",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ConversationStatus": "messaging.models.Conversation.Status",
        "MessageStatus": "messaging.models.Message.Status",
        "ImportState": "messaging.models.ContactImport.State",
        "CampaignState": "messaging.models.Campaign.State",
        "AttachmentState": "messaging.models.Attachment.State",
        "HealthState": "integrations.health.STATES",
        "ConsentKind": "messaging.models.ConsentEntry.Kind",
        "PlatformEnum": "integrations.models.Platform",
    },
}
BEARER_TOKENS = "accounts.api.bearer.authenticate_bearer"
# Called in the transaction in which somebody's role, state or chatrooms change: (user, by=...).
NEW_RIGHTS_FOLLOWERS = ["messaging.conversations.reading.begin_unread"]  # (user, chatroom_ids or None)
RIGHTS_FOLLOWERS = ["messaging.conversations.assignments.release_assignments"]
# Called before somebody is deactivated: (user, successor, by=...), each returns how many conversations it handed over.
HANDOVER_FOLLOWERS = ["messaging.conversations.assignments.hand_over_conversations"]
# Called in the transaction in which a number gets another chatroom: (number, by=...).
CHANNEL_FOLLOWERS = ["messaging.conversations.moving.follow_channel"]
# Called in the transaction in which somebody corrects a contact's phone number: (contact, before=...).
CORRECTION_FOLLOWERS = ["messaging.sending.readdressing.readdress_waiting"]
REST_KNOX = {
    "TOKEN_TTL": timedelta(days=30),
    "AUTH_HEADER_PREFIX": "Bearer",
    "TOKEN_LIMIT_PER_USER": None,
    "AUTO_REFRESH": False,
}

# ---------------------------------------------------------------- requests and answers
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
# By path; what proxies let through (docs/configuration.md).
LARGER_BODIES = dict.fromkeys(["/api/contacts/import", "/contacts/imports/"], 4 * 1024 * 1024)
LARGER_BODIES["/api/media"] = 26 * 1024 * 1024
TWILIO_API_BASE_URL = env.str(
    "TWILIO_API_BASE_URL",
    default=f"{PUBLIC_BASE_URL}/sandbox" if SANDBOX else "https://api.twilio.com",
)
# Meta has one app for all tenants: https://developers.facebook.com/docs/graph-api/overview
META_GRAPH_BASE_URL = env.str(
    "META_GRAPH_BASE_URL",
    default=f"{PUBLIC_BASE_URL}/sandbox/graph" if SANDBOX else "https://graph.facebook.com",
)
META_INSTAGRAM_BASE_URL = env.str(
    "META_INSTAGRAM_BASE_URL",
    default=f"{PUBLIC_BASE_URL}/sandbox/graph" if SANDBOX else "https://graph.instagram.com",
)
META_GRAPH_VERSION = env.str("META_GRAPH_VERSION", default="v23.0")
META_APP_ID = env.str("META_APP_ID", default="104850736200001" if SANDBOX else "")
META_APP_SECRET = env.str("META_APP_SECRET", default=secret_of_sandbox("META_APP_SECRET"))
META_PREVIOUS_APP_SECRET = env.str("META_PREVIOUS_APP_SECRET", default="")  # accepted beside the current one
# Our own word, which Meta repeats in its handshake.
META_VERIFY_TOKEN = env.str("META_VERIFY_TOKEN", default=secret_of_sandbox("META_VERIFY_TOKEN"))
# Web Push. The key signs for browsers that subscribed with its public half; another one ends their subscriptions.
VAPID_PRIVATE_KEY = env.str("VAPID_PRIVATE_KEY", default=clone_secrets.derive_vapid_key(SECRET_KEY))
VAPID_SUBJECT = PUBLIC_BASE_URL if HTTPS else "mailto:no-reply@messagehub.example"
PUSH_HOSTS = env.list(
    "PUSH_HOSTS",
    default=["fcm.googleapis.com", "push.services.mozilla.com", "push.apple.com", "notify.windows.com"],
)
# How long a worker may be silent about a message that it claimed. Longer than a call may take (10 s).
SEND_LEASE_SECONDS = env.int("SEND_LEASE_SECONDS", default=30)
# An unknown message is looked for at the provider so often, and has to be missing so long to count as not sent.
RECONCILE_SECONDS = env.int("RECONCILE_SECONDS", default=60)
RECONCILE_GRACE_SECONDS = env.int("RECONCILE_GRACE_SECONDS", default=15 * 60)
# Webhooks as they came, once they are processed; three times as long where they are not. 0 keeps them.
WEBHOOKS_KEPT_DAYS = env.int("WEBHOOKS_KEPT_DAYS", default=30)
# Files that were uploaded for sending, and that nothing carries.
UPLOADS_KEPT_DAYS = env.int("UPLOADS_KEPT_DAYS", default=7)
# What an SMS with files costs more than one without, in tokens: providers charge an MMS as several SMS.
MMS_EXTRA_TOKENS = env.int("MMS_EXTRA_TOKENS", default=1)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "blob:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "media-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=HTTPS)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
if env.bool("BEHIND_TLS_PROXY", default=HTTPS):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# ---------------------------------------------------------------- files, mail, language, log
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = env.str("STATIC_ROOT", default=str(LOCAL_DIR / "static"))
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "messagehub.ui.finders.BuiltAssetsFinder",
]
MEDIA_ROOT = env.str("MEDIA_ROOT", default=str(LOCAL_DIR / "media"))  # what customers sent; web and worker share it
STORAGES = {
    "default": media_storage.configure_storage(env),
    "staticfiles": {"BACKEND": "messagehub.ui.storage.Storage"},
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = [
    *("jpg", "jpeg", "png", "gif", "webp", "zip", "gz", "tgz", "bz2", "tbz", "xz", "br", "woff", "woff2"),
    "map",  # megabytes that only a debugger asks for
]

if EMBEDDED:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = LOCAL_DIR / "mail"
else:
    vars().update(env.email_url("EMAIL_URL", default="smtp://localhost:25"))
EMAIL_TIMEOUT = 10  # seconds; without it a mail server that says nothing keeps a job for ever
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="MessageHub <no-reply@messagehub.example>")

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"  # what the code is written in
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]  # each by its own name; how to translate: docs/translating.md
LOCALE_PATHS = [BASE_DIR / "messagehub" / "locale"]

LOGGING = logs.configure_logging(env.str("LOG_LEVEL", default="INFO"))
