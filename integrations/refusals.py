"""What goes wrong when a provider is asked something, whichever provider it is."""


class Refusal(Exception):
    """The provider rejected the credentials, or does not allow the request; `code` is its own, where it gives one."""

    def __init__(self, text: str = "", code: str = "") -> None:
        super().__init__(text)
        self.code = code


class Away(Exception):
    """The provider can't be reached, is busy, or gave no proper answer."""
