"""Numbers in Twilio's answers: whatever they are, the answer around them counts."""

import pytest

from integrations.twilio.parsing import read_count


@pytest.mark.parametrize(("given", "count"), [
    ("2", 2), (3, 3), ("0", 0), (None, 1), ("", 1), ("²", 1), ("٣", 1), ("9" * 5000, 1),
    ("99999", 1), ("-1", 1), (True, 1), ([], 1),
])  # fmt: skip
def test_number_of_segments(given, count: int):
    assert read_count(given, 1) == count
