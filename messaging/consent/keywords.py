"""STOP, START and HELP, however a phone writes them."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from uuid import UUID

from messagehub.names import fold_keyword
from messaging.models import ConsentEntry

# Twilio's own list (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out) and common words of other
# languages, as `fold_keyword` writes them. The English ones hold for every organization, the others where it has not
# left their language out. YES opts in at Twilio, but is an ordinary answer to people: here it lifts nothing, and only
# says so to the question whether somebody wants to join (`joining.confirm_joining`).
# Twilio blocks the number and answers the customer by itself, and still sends us the webhook: we must not answer too.
# Sending in spite of it fails with 21610 (https://www.twilio.com/docs/api/errors/21610), and many of these hurt the
# account.
KEYWORDS = {
    "STOP": {
        "en": ("stop", "stopall", "stopsms", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"),
        "es": ("alto", "parar", "baja", "darbaja", "dardebaja", "darmedebaja", "cancelar", "detener"),
        "fr": ("arret", "arreter", "arretez", "desabonner", "desabonnement", "desinscrire", "desinscription"),
        "de": ("stopp", "stoppen", "abmelden", "abmeldung", "abbestellen", "austragen"),
        "pt": ("pare", "parar", "sair", "cancelar", "descadastrar", "descadastro"),
        "it": ("fermare", "cancellami", "disiscrivimi", "disiscrizione", "rimuovimi"),
    },
    "START": {
        "en": ("start", "unstop"),
        "es": ("iniciar", "comenzar", "empezar", "reanudar"),
        "fr": ("commencer", "demarrer", "reprendre"),
        "de": ("starten", "fortsetzen"),
        "pt": ("iniciar", "comecar", "retomar"),
        "it": ("iniziare", "riprendere"),
    },
    "HELP": {
        "en": ("help", "info"),
        "es": ("ayuda",),
        "fr": ("aide",),
        "de": ("hilfe",),
        "pt": ("ajuda",),
        "it": ("aiuto",),
    },
    "YES": {"en": ("yes", "y"), "es": ("si",), "fr": ("oui",), "de": ("ja",), "pt": ("sim",), "it": ("si",)},
}
# The keyword and the languages that have it, by word.
KEYWORD_OF = {
    word: (keyword, " ".join(language for language, words in words_of.items() if word in words))
    for keyword, words_of in KEYWORDS.items()
    for word in chain.from_iterable(words_of.values())
}
CONSENT_OF = {"STOP": ConsentEntry.Kind.OPT_OUT, "START": ConsentEntry.Kind.OPT_IN}
LONGEST_KEYWORD = 100  # characters as written, so that a long text is not folded for nothing


def read_keyword(text: str, opt_out_type: str) -> tuple[str, str] | None:
    """STOP, START or HELP with its languages, by Twilio's OptOutType or else by the text; or None.

    The languages have a space between them. What the provider took for a keyword holds as an English one: it has
    blocked the number already.
    """
    return _find_keyword(_fold_short(text), opt_out_type)


def _fold_short(text: str) -> str:
    return fold_keyword(text) if len(text) <= LONGEST_KEYWORD else ""


@dataclass(frozen=True, slots=True)
class Reading:
    """An inbound text, the keyword that it is (or nothing) and the languages of that."""

    message_id: UUID
    text: str
    word: str  # as `fold_keyword` writes it; nothing for a long text
    keyword: str
    languages: str
    is_providers: bool  # the provider took it for a keyword, and has answered

    @property
    def consent(self) -> str | None:
        """The kind of consent entry that it asks for."""
        return CONSENT_OF.get(self.keyword)


def read_texts(texts: Iterable[tuple[UUID, str, str]]) -> list[Reading]:
    """The keywords among inbound texts, each given as (message id, text, OptOutType)."""
    readings = []
    for message_id, text, opt_out_type in texts:
        word = _fold_short(text)
        keyword, languages = _find_keyword(word, opt_out_type) or ("", "")
        readings.append(Reading(message_id, text, word, keyword, languages, bool(opt_out_type)))
    return readings


def _find_keyword(word: str, opt_out_type: str) -> tuple[str, str] | None:
    # OptOutType comes only with Advanced Opt-Out (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out).
    # "Please stop" is no keyword for Twilio either: people read it and have a button.
    return (opt_out_type, "en") if opt_out_type in KEYWORDS else KEYWORD_OF.get(word)
