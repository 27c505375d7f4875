"""What every provider's API may raise."""


class Refusal(Exception):
    """The provider rejected the credentials."""


class Away(Exception):
    """The provider can't be reached, or gave no proper answer."""
