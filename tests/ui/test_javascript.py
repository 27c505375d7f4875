"""The parts of our JavaScript that can be asked alone: in a real browser, from the static files that the app serves."""

import random

import pytest
from playwright.sync_api import Page

from integrations import segments
from tests.ui.conftest import run

ALPHABETS = (
    segments.BASIC,
    segments.BASIC + segments.EXTENDED,
    segments.EXTENDED,
    "abc déç ł ” “ …",
    "ab 👍🏽 🇬🇧 é",
)


# ---------------------------------------------------------------- segments
def texts_at_the_edges() -> list[str]:
    """Texts around every length at which one more segment begins, and some by chance."""
    lengths = [0, 1, 66, 67, 68, 69, 70, 71, 133, 134, 135, 152, 153, 154, 159, 160, 161, 305, 306, 307, 1600]
    texts = [letter * length for length in lengths for letter in ("a", "€", "é", "ç", "ł", "👍", "\n")]
    texts += [
        "a" * ahead + text for ahead in (65, 66, 67, 132, 151, 152, 304) for text in ("€", "€€", "👍", "👍👍", "ł€")
    ]
    texts += ["a" * 160 + "\r\n", "\t", "Line\r\nline", "\x0c", "‘plain’", "\u00a0", "e\u0301" * 40]
    chance = random.Random(7)
    return texts + ["".join(chance.choices(alphabet, k=chance.randint(1, 400))) for alphabet in ALPHABETS * 40]


def test_segments_are_counted_as_the_server_counts_them(page: Page):
    texts = texts_at_the_edges()

    code = (
        'const { countSegments } = await load("segments"); return argument.map((text) => countSegments(text).segments);'
    )
    counted = dict(zip(texts, run(page, code, texts), strict=True))

    wrong = {text: n for text, n in counted.items() if n != segments.count_segments(text)}
    assert wrong == {}


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("", {"segments": 0, "plainSegments": 0, "foreign": []}),
        ("a€", {"segments": 1, "plainSegments": 1, "foreign": []}),
        ("a" * 161, {"segments": 2, "plainSegments": 2, "foreign": []}),
        ("ałbł", {"segments": 1, "plainSegments": 1, "foreign": ["ł"]}),
        ("👍" * 36, {"segments": 2, "plainSegments": 1, "foreign": ["👍"]}),
    ],
)
def test_a_count_names_what_forces_unicode_and_what_that_costs(page: Page, text: str, counted: dict):
    assert run(page, 'return (await load("segments")).countSegments(argument);', text) == counted


@pytest.mark.parametrize(
    ("text", "can_be_plain", "plain"),
    [("“It’s” – fine…", True, '"It\'s" - fine...'), ("łódź", False, "łódź"), ("plain", False, "plain")],
)
def test_what_phones_type_has_a_plain_form(page: Page, text: str, can_be_plain: bool, plain: str):
    code = """const { canBePlain, countSegments, plain } = await load("segments");
              return [canBePlain(countSegments(argument).foreign), plain(argument)];"""
    assert run(page, code, text) == [can_be_plain, plain]


# ---------------------------------------------------------------- queueing
COLLECT = """
    const { collect } = await load("queue");
    const batches = [], ends = [];
    const until = async (n) => { while (batches.length < n) await new Promise((go) => setTimeout(go, 1)); };
    const work = (ids) => {
      batches.push(ids);
      return new Promise((resolve, reject) => ends.push({ resolve, reject }));
    };
"""


def test_ids_are_collected_and_no_two_batches_run_at_once(page: Page):
    batches = run(
        page,
        f"""{COLLECT}
            const add = collect(work, {{ soon: 1 }});
            add("a"); add("b"); add("a");
            await until(1);
            add("c"); add("a");
            await new Promise((go) => setTimeout(go, 30));
            const meanwhile = batches.length;
            ends[0].resolve();
            await until(2);
            return [meanwhile, ...batches];""",
    )

    assert batches == [1, ["a", "b"], ["c", "a"]]


def test_a_batch_holds_a_hundred_at_most(page: Page):
    sizes = run(
        page,
        f"""{COLLECT}
            const add = collect(work, {{ soon: 1 }});
            for (let n = 0; n < 250; n++) add(n);
            for (let n = 0; n < 3; n++) {{ await until(n + 1); ends[n].resolve(); }}
            return batches.map((each) => each.length);""",
    )

    assert sizes == [100, 100, 50]


def test_a_batch_that_failed_is_tried_again_later_with_what_came_since(page: Page):
    batches, waited = run(
        page,
        f"""{COLLECT}
            const add = collect(work, {{ soon: 1, later: 80 }});
            add("a");
            await until(1);
            const began = performance.now();
            ends[0].reject(new Error());
            add("b");
            await until(2);
            return [batches, performance.now() - began];""",
    )

    assert batches == [["a"], ["a", "b"]] or batches == [["a"], ["b", "a"]]
    assert waited >= 79


def test_a_batch_that_was_not_done_after_all_is_tried_again_at_once(page: Page):
    batches = run(
        page,
        f"""{COLLECT}
            const add = collect(work, {{ soon: 1, later: 60_000 }});
            add("a");
            await until(1);
            ends[0].resolve(false);
            await until(2);
            return batches;""",
    )

    assert batches == [["a"], ["a"]]
