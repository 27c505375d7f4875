"""Quiet hours as the simulator understands them: the clock of every zone that a number may be in. Shares no code."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

# Numbers of one zone and of many, by what prefix they begin with; all other phones of a simulation are nowhere.
FAR, EVERYWHERE = "+12123{:06d}", "+7912{:07d}"
ZONES = {
    "+1212": ["America/New_York"],
    "+79": ["Europe/Bucharest", "Europe/Moscow", "Asia/Yekaterinburg", "Asia/Irkutsk", "Asia/Kamchatka"],
}


@dataclass(frozen=True)
class Hours:
    """Of a day's clock, across midnight."""

    start: time
    until: time

    @classmethod
    def around(cls, now: datetime) -> "Hours":
        """Five hours stay open around this moment in UTC: too few for all zones of a large country."""
        clock = now.astimezone(UTC).replace(second=0, microsecond=0)
        return cls((clock + timedelta(hours=3)).time(), (clock - timedelta(hours=2)).time())

    def allow(self, phone: str, at: datetime) -> bool:
        return all(self._allow_clock(at.astimezone(ZoneInfo(zone)).time()) for zone in zones_of(phone))

    def end_for(self, phone: str) -> bool:
        """Whether there is any minute of the next days that is right in all zones."""
        now = datetime.now(UTC)
        return any(self.allow(phone, now + timedelta(minutes=minute)) for minute in range(2 * 24 * 60))

    def _allow_clock(self, clock: time) -> bool:
        if self.start < self.until:
            return not self.start <= clock < self.until
        return self.until <= clock < self.start


def zones_of(phone: str) -> list[str]:
    return next((zones for prefix, zones in ZONES.items() if phone.startswith(prefix)), ["UTC"])
