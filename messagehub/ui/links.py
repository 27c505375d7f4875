"""Links in a text that people wrote: web and mail addresses, and phone numbers. Everything else is escaped."""

import phonenumbers
from django.utils.html import Urlizer, escape, format_html
from django.utils.safestring import SafeString, mark_safe

FEWEST_DIGITS = 7  # of a phone number; the matcher is slow, and most texts have fewer
SIGNS = frozenset(".@:")  # an address has one of them
WEB = ' rel="nofollow"', ' rel="noopener noreferrer nofollow" target="_blank"'


class _Links(Urlizer):
    def link_words(self, text: str, country: str) -> str:
        """Words that are addresses become links; phone numbers are looked for in the text between them."""
        pieces, unlinked = [], ""
        for word in self.word_split_re.split(text):
            link = ""
            if not SIGNS.isdisjoint(word[:-1]):  # the last one ends a sentence
                link = self.handle_word(word, safe_input=False, nofollow=True, autoescape=True)
            if "<a " not in link:
                unlinked += word
                continue
            pieces += [_link_phones(unlinked, country), link.replace(*WEB, 1)]
            unlinked = ""
        return "".join([*pieces, _link_phones(unlinked, country)])


def _link_phones(text: str, country: str) -> str:
    if sum(character.isdigit() for character in text) < FEWEST_DIGITS:
        return escape(text)
    pieces, end = [], 0
    for match in phonenumbers.PhoneNumberMatcher(text, country):
        number = phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
        pieces += [escape(text[end : match.start]), format_html('<a href="tel:{}">{}</a>', number, match.raw_string)]
        end = match.end
    return "".join([*pieces, escape(text[end:])])


_links = _Links()


def link_text(text: str, country: str) -> SafeString:
    """Escaped text with links. `country` (ISO 3166, two letters) is for phone numbers without a plus."""
    return mark_safe(_links.link_words(text, country))  # noqa: S308 - each piece is escaped above
