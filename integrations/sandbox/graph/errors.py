"""What the Graph refuses, in its codes and its shape.

https://developers.facebook.com/docs/messenger-platform/error-codes
https://developers.facebook.com/docs/graph-api/guides/error-handling
"""

import secrets

# code: (HTTP status, text). A code that is not here answers 400.
GRAPH_ERRORS: dict[int, tuple[int, str]] = {
    1: (500, "An unknown error occurred."),
    2: (500, "Service temporarily unavailable"),
    4: (400, "(#4) Application request limit reached"),
    10: (400, "(#10) This message is sent outside of allowed window."),
    17: (400, "(#17) User request limit reached"),
    32: (400, "(#32) Page request limit reached"),
    100: (400, "(#100) Invalid parameter"),
    104: (400, "An access token is required to request this resource."),
    190: (401, "Error validating access token: The session has been invalidated."),
    200: (403, "(#200) Permissions error"),
    230: (400, "(#230) User consent is required to access user profile"),
    368: (400, "The action attempted has been deemed abusive or is otherwise disallowed"),
    551: (400, "(#551) This person isn't available right now."),
    613: (400, "(#613) Calls to this api have exceeded the rate limit."),
    1200: (500, "Temporary send message failure. Please try again later."),
    10904: (400, "(#10904) This person has disabled messages from this account."),
    80001: (400, "There have been too many calls to this Page account."),
    80002: (400, "There have been too many calls to this Instagram account."),
    80006: (400, "There have been too many calls to this messenger account."),
}
RATE_LIMITS = frozenset({4, 17, 32, 613, 80001, 80002, 80006})

OUTSIDE_WINDOW = 2018278
OUTSIDE_WINDOW_LOGIN = 2534022  # with Instagram Login: https://github.com/ComposioHQ/composio/issues/3604
NO_SUCH_USER = 2018001
NO_PROFILE = 2018218
EXPIRED = 463
INVALIDATED = 460
NO_SUCH_OBJECT = 33


class GraphError(Exception):
    """A request that the Graph would refuse."""

    def __init__(
        self, code: int, message: str = "", *, subcode: int = 0, status: int = 0, kind: str = "OAuthException"
    ) -> None:
        usual_status, usual_message = GRAPH_ERRORS.get(code, (400, f"(#{code}) The request was refused."))
        self.status = status or usual_status
        self.code = code
        self.subcode = subcode
        self.kind = kind
        self.message = message or usual_message
        super().__init__(self.message)

    @property
    def body(self) -> dict[str, object]:
        error: dict[str, object] = {
            "message": self.message,
            "type": self.kind,
            "code": self.code,
        }
        if self.subcode:
            error["error_subcode"] = self.subcode
        return {"error": error | {"fbtrace_id": secrets.token_urlsafe(8)}}


def unknown_object(node: str) -> GraphError:
    return GraphError(
        100,
        f"Unsupported request. Object with ID '{node}' does not exist, cannot be loaded due to missing permissions,"
        " or does not support this operation.",
        subcode=NO_SUCH_OBJECT,
    )


def refuse_parameter(sentence: str, *, subcode: int = 0) -> GraphError:
    return GraphError(100, f"(#100) {sentence}", subcode=subcode)
