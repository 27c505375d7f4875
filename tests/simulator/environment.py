"""What every process of a simulation reads from its environment. Imported before Django is set up."""

from pathlib import Path

from messagehub import launcher

# Everything that waits for time in the product waits as long as a simulation can afford. A lease still outlasts the
# longest stall that the simulator makes.
TIMES = {"SEND_LEASE_SECONDS": "6", "RECONCILE_SECONDS": "1", "RECONCILE_GRACE_SECONDS": "8"}
NO_LIMITS = {
    f"LIMIT_{name}": "1000000"
    for name in (
        "SEND_PER_USER",
        "REQUESTS_PER_USER",
        "REQUESTS_PER_ADDRESS",
        "LOGIN_PER_ADDRESS",
        "LOGIN_PER_ACCOUNT",
        "LOGIN_PER_ACCOUNT_ANYWHERE",
    )
}


# One app of Meta's for everybody. The sandbox is given the same.
APP_ID, APP_SECRET = "770011223344", "the-secret-of-the-simulated-app"


def of(folder: Path, web_port: int, sandbox_port: int) -> dict[str, str]:
    """What each process reads: a deployment's settings, so none starts servers of its own."""
    sockets = launcher.locate(folder)
    database = f"{sockets.postgres_host}/messagehub"
    return {
        "DATABASE_URL": f"postgres://mh_app@/{database}",
        "MIGRATE_DATABASE_URL": f"postgres://mh_owner@/{database}",
        "REDIS_URL": f"unix://{sockets.valkey_socket}",
        "MESSAGEHUB_LOCAL_DIR": str(folder),
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{web_port}",
        "TWILIO_API_BASE_URL": f"http://127.0.0.1:{sandbox_port}/sandbox",
        "META_GRAPH_BASE_URL": f"http://127.0.0.1:{sandbox_port}/sandbox/graph",
        "META_INSTAGRAM_BASE_URL": f"http://127.0.0.1:{sandbox_port}/sandbox/graph",
        "META_APP_ID": APP_ID,
        "META_APP_SECRET": APP_SECRET,
        "META_VERIFY_TOKEN": "only-for-simulations",
        "SECRET_KEY": "only-for-simulations-" + "0" * 40,
        "FIELD_ENCRYPTION_KEYS": "dGhpcy1rZXktaXMtb25seS1mb3ItdGVzdHMtMDAwMDA=",
        "DJANGO_SETTINGS_MODULE": "messagehub.settings",
        **TIMES,
        **NO_LIMITS,
    }
