"""Charts: what is drawn and what readers are told are the same numbers."""

import re

from django.template import Context, Template

from messagehub.ui import charts


def chart(**more) -> charts.Chart:
    series = [charts.Series("In", "petrol", [0, 5, 10]), charts.Series("Out", "ochre", [2, 4, 8])]
    return charts.Chart("Messages", ["Mon", "Tue", "Wed"], series, **more)


def drawn(tag: str, **context) -> str:
    return Template("{% load ui %}" + tag).render(Context(context))


def test_a_line_runs_from_edge_to_edge_below_a_round_top():
    assert (chart().top, chart(stacked=True).top) == (10, 20)
    assert chart().lines[0]["line"] == "M0 100L500 50L1000 0"
    assert chart().lines[0]["area"].endswith("L1000 100L0 100Z")


def test_a_line_has_a_gap_where_nothing_is_known():
    gaps = charts.Chart("Reply", list("abcdef"), [charts.Series("Median", "petrol", [None, 1, 2, None, 4, None])])
    assert gaps.top == 5
    assert gaps.lines[0]["line"] == "M200 80L400 60M800 20h0"
    assert gaps.lines[0]["area"] == "M200 80L400 60L400 100L200 100ZM800 20L800 100L800 100Z"
    html = drawn("{% line_chart chart %}", chart=gaps)
    assert re.findall(r"<td>([^<]+)</td>", html) == ["–", "1", "2", "–", "4", "–"]


def test_bars_stand_on_one_another():
    boxes = [bar for bar in chart(stacked=True).bars if bar["x"].startswith("726")]
    assert [(box["y"], box["height"]) for box in boxes] == [("50", "50"), ("10", "40")]


def test_nothing_is_drawn_without_dividing_by_it():
    empty = charts.Chart("None", [], [])
    assert (empty.top, empty.lines, empty.bars, empty.few_labels) == (1, [], [], [])
    assert charts.heat([("Mon", [0, 0])]) == [("Mon", [(0, 0), (0, 0)])]
    assert charts.stack([("A", "petrol", 0)])[0]["width"] == "0"


def test_readers_get_a_table_of_the_same_numbers():
    html = drawn("{% line_chart chart %}", chart=chart())
    assert re.findall(r"<td>([\d,]+)</td>", html) == ["0", "2", "5", "4", "10", "8"]
    assert 'aria-hidden="true"' in html
    assert "<caption>Messages</caption>" in html


def test_heat_and_parts_are_told_in_words():
    assert 'class="heat-5" title="9">9<' in drawn(
        "{% heat_table 'Hours' columns rows %}", columns=["8"], rows=[("Mon", [9])]
    )
    said = drawn("{% stack_bar 'Campaign' parts %}", parts=[("Sent", "green", 3), ("Failed", "danger", 1)])
    assert 'aria-label="Campaign: Sent 3, Failed 1"' in said
