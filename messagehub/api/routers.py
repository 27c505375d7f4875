"""How viewsets become routes."""

from rest_framework.routers import DynamicRoute, Route, SimpleRouter


class Router(SimpleRouter):
    """Ids as UUIDs, no trailing slash, no PUT. DELETE on a list takes from the query what is to go."""

    routes = [
        Route(
            "{prefix}", {"get": "list", "post": "create", "delete": "destroy_matching"}, "{basename}-list", False, {}
        ),
        DynamicRoute("{prefix}/{url_path}", "{basename}-{url_name}", False, {}),
        Route(
            "{prefix}/{lookup}",
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"},
            "{basename}-detail",
            True,
            {},
        ),
        DynamicRoute("{prefix}/{lookup}/{url_path}", "{basename}-{url_name}", True, {}),
    ]

    def __init__(self) -> None:
        super().__init__(trailing_slash=False, use_regex_path=False)
