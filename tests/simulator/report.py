"""The figures of a run as lines that people read, and that docs/reliability.md quotes."""

from collections import Counter

from tests.simulator.simulation import Figures


def of(figures: Figures) -> str:
    lines = [
        f"seed {figures.seed}, {figures.operations.total()} operations in {figures.seconds:.0f} s, "
        f"{figures.quiet_moments} quiet moments",
        _line("operations", figures.operations),
        _line("faults met at the provider", figures.met),
        _line("ended", figures.ended),
        _line("answers", figures.answers) + f"; {figures.repeats} requests repeated for want of a clear one",
        _line("outbound messages", figures.states),
        _line("at the providers", figures.at_the_provider),
        _line("were unknown for a while and became", figures.unknown_became),
        f"accounts shut out and let in again: {figures.let_in}",
        _line("sockets", figures.sockets) + f"; customers wrote {figures.texts}",
    ]
    return "\n".join(lines)


def _line(what: str, counts: Counter[str]) -> str:
    return f"{what}: {', '.join(f'{name} {count}' for name, count in counts.most_common()) or 'none'}"
