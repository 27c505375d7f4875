from collections.abc import Iterator

import pytest

from tests.integrations.meta.graph_server import GraphServer, graph_server

APP_ID, APP_SECRET = "4711", "f00dcanary0of0the0app"


@pytest.fixture
def graph(settings) -> Iterator[GraphServer]:
    """Facebook's host is asked below /facebook, Instagram's below /instagram."""
    with graph_server() as server:
        settings.META_GRAPH_BASE_URL = f"{server.url}/facebook"
        settings.META_INSTAGRAM_BASE_URL = f"{server.url}/instagram"
        settings.META_GRAPH_VERSION = "v23.0"
        settings.META_APP_ID, settings.META_APP_SECRET = APP_ID, APP_SECRET
        yield server
