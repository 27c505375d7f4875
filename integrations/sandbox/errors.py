"""What the sandbox refuses: with Twilio's codes and bodies on the wire, with a sentence everywhere else."""

# code: (HTTP status, text); a create refused with a code that is not here answers 400.
TWILIO_ERRORS: dict[int, tuple[int, str]] = {
    20001: (400, "A parameter of this request is not valid."),
    20003: (401, "Authenticate"),
    20004: (405, "Method not allowed"),
    20009: (409, "Resource not in a deletable state"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "Internal Server Error"),
    20503: (503, "Service Unavailable"),
    21211: (400, "The 'To' number is not a valid phone number."),
    21212: (
        400,
        "The 'From' number is not a valid phone number, shortcode, or alphanumeric sender ID.",
    ),
    21408: (
        400,
        "Permission to send an SMS has not been enabled for the region indicated by the 'To' number.",
    ),
    21266: (400, "'To' and 'From' number cannot be the same."),
    21421: (400, "PhoneNumber is invalid."),
    21422: (400, "PhoneNumber is not available."),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (
        400,
        "The 'From' phone number is not a valid, SMS-capable phone number of this account.",
    ),
    21608: (
        400,
        "The number is unverified. Trial accounts cannot send messages to unverified numbers.",
    ),
    21609: (400, "The 'StatusCallback' URL is not a valid URL."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (
        400,
        "This 'From' number has exceeded the maximum number of queued messages.",
    ),
    21612: (
        400,
        "Message cannot be sent with the current combination of 'To' and 'From' numbers.",
    ),
    21614: (400, "'To' number is not a valid mobile number."),
    21617: (400, "The concatenated message body exceeds the 1600 character limit."),
    21620: (400, "Invalid media URL(s)"),
    21623: (400, "Number of media files exceeds allowed limit."),
    21701: (400, "The Messaging Service does not exist."),
    21703: (400, "The Messaging Service contains no phone numbers."),
    30409: (409, "Message is not in a cancelable state."),
}

# The texts that a message resource carries with its error code.
DELIVERY_ERRORS: dict[int, str] = {
    30001: "Queue overflow",
    30002: "Account suspended",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    30034: "Message from an unregistered number",
}


class TwilioError(Exception):
    """A request that Twilio would refuse, as its HTTP status and JSON body."""

    def __init__(self, code: int, message: str = "", *, detail: str | None = None) -> None:
        self.status, usual = TWILIO_ERRORS.get(code, (400, "The request was refused."))
        self.code = code
        self.message = message or usual
        self.detail = detail
        super().__init__(self.message)

    @property
    def body(self) -> dict[str, object]:
        body: dict[str, object] = {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }
        return body if self.detail is None else body | {"detail": self.detail}


class Refused(Exception):
    """A request to the sandbox's own pages and switches that cannot be served, and why."""

    def __init__(self, status: int, sentence: str) -> None:
        self.status = status
        super().__init__(sentence)
