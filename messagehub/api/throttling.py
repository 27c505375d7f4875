"""How many requests a minute somebody may make."""

from rest_framework import throttling

from messagehub import limits


class RequestThrottle(throttling.BaseThrottle):
    """Counts for each person, or each address that is not signed in. While Valkey is away nobody is held back."""

    def allow_request(self, request, view) -> bool:
        try:
            if request.user.is_authenticated:
                limits.count("requests_per_user", str(request.user.pk))
            else:
                limits.count("requests_per_address", request.META.get("REMOTE_ADDR", ""))
        except limits.TooMany as error:
            self.seconds = error.retry_after
            return False
        except limits.Unavailable:
            return True
        return True

    def wait(self) -> float:
        return self.seconds
