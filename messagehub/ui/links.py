"""Links in a text that people wrote: web and mail addresses, and phone numbers. Everything else is escaped."""

from itertools import islice

import phonenumbers
from django.utils.html import Urlizer, escape, format_html
from django.utils.safestring import SafeString, mark_safe

FEWEST_DIGITS = 7  # of a phone number; the matcher is slow, and most texts have fewer
# Phone numbers that are looked for in one text. Each takes milliseconds, and a stranger's text can be full of them.
MOST_PHONES = 10
SIGNS = frozenset(".@:")  # an address has one of them
WEB = ' rel="nofollow"', ' rel="noopener noreferrer nofollow" target="_blank"'


class _Links(Urlizer):
    def link_words(self, text: str, country: str) -> str:
        """Words that are addresses become links; phone numbers are looked for in the text between them."""
        pieces, unlinked, left = [], "", MOST_PHONES
        for word in self.word_split_re.split(text):
            link = ""
            if not SIGNS.isdisjoint(word[:-1]):  # the last one ends a sentence
                link = self.handle_word(word, safe_input=False, nofollow=True, autoescape=True)
            if "<a " not in link:
                unlinked += word
                continue
            linked, left = _link_phones(unlinked, country, left)
            pieces += [linked, link.replace(*WEB, 1)]
            unlinked = ""
        return "".join([*pieces, _link_phones(unlinked, country, left)[0]])


def _link_phones(text: str, country: str, most: int) -> tuple[str, int]:
    """The text with at most so many phone numbers as links, and how many more may be looked for."""
    if most <= 0 or sum(character.isdigit() for character in text) < FEWEST_DIGITS:
        return escape(text), most
    pieces, end, left = [], 0, most
    for match in islice(phonenumbers.PhoneNumberMatcher(text, country, max_tries=most), most):
        number = phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
        pieces += [escape(text[end : match.start]), format_html('<a href="tel:{}">{}</a>', number, match.raw_string)]
        end, left = match.end, left - 1
    return "".join([*pieces, escape(text[end:])]), min(left, most - 1)  # a text without any has cost its tries too


_links = _Links()


def link_text(text: str, country: str) -> SafeString:
    """Escaped text with links. `country` (ISO 3166, two letters) is for phone numbers without a plus."""
    return mark_safe(_links.link_words(text, country))  # noqa: S308 - each piece is escaped above
