"""The version is that of the API too. Each release has its file in tests/releases/."""

__version__ = "0.1.0"
