"""Sentences that ask for no more messages. They are offered to staff as an opt-out, and never opt out by themselves.

In the United States an opt-out may come in any reasonable words, and is to be honored within ten business days
(https://www.ecfr.gov/current/title-47/section-64.1200, paragraph a.10).
"""

import re
import unicodedata

from messaging.consent import keywords

LONGEST_SENTENCE = 640  # characters; who writes more than four SMS tells a story, which people read

# What a phone quotes from an earlier message: Liked “STOP”, A aimé « … », Hat „…“ mit „Gefällt mir“ markiert.
QUOTED = re.compile(r"[“„\"][^“”„\"]*[”“\"]|«[^»]*»|‘[^’]*’(?!\w)")
MARKS = re.compile("[\u0300-\u036f\u200b-\u200f\u2060\ufeff\u00ad]")
APOSTROPHES = re.compile("['’‘`´]")
ENDS = re.compile(r"[.!?;:…\n()¡¿]+")
WORD = re.compile(r"\w")
NO_WORD = re.compile(r"[^\w,|]+|_+")

# A clause ends here.
END = r"(?= *(?:[|,]|$))"
BEGIN = r"(?:^|[|,]) *(?:(?:ok|okay|hi|hey|hello|yes|no|and|so|now|just|please|pls|plz|kindly|sorry|thanks) )*"
WRITING_EN = r"(?:text|messag|contact|call|spamm|bother|writ|send|e ?mail|harass|solicit)(?:e?ing)"
WRITE_EN = r"(?:text|message|contact|bother|write|send|spam|email|harass)"
TEXTS_EN = r"(?:text|message|sms|spam|ad|alert|offer|promo|promotion|notification|update|deal|marketing|solicitation)s?"
LIST_EN = (
    r"(?:mailing|texting|text|sms|contact|marketing|calling|call|phone|distribution|messaging|message"
    r"|e ?mail|promo)"
)
# As `fold_sentence` writes them: lower case, no accents or apostrophes, `|` and `,` between clauses.
# fmt: off
PHRASES = {
    "en": (
        rf"(?<!dont )(?<!not )(?<!never )(?<!wont )(?<!didnt )(?<!did you )\b(?:stop|quit|cease) {WRITING_EN} "
        r"(?:me|us|this (?:number|phone)|my (?:number|phone|cell))\b",
        rf"(?<!dont )(?<!not )\b(?:stop|quit|cease) sending (?:me |us )?(?:\w+ ){{0,3}}{TEXTS_EN}\b",
        rf"{BEGIN}(?:stop|quit|cease)(?: with)? (?:all |these |those |the |this |your )*(?:{TEXTS_EN}"
        rf"|{WRITING_EN}){END}",
        rf"{BEGIN}(?:please |pls |plz )?(?:i (?:already )?said )?(?:stop|quit)(?: stop| it| this| now| please"
        rf"| pls| plz| already)*{END}",
        r"\b(?:make (?:it|this|these|them) stop|cease and desist)\b",
        rf"\b(?:take|get) (?:me|us|my number|this number) off (?:of )?(?:your|the|this|that|all)(?: {LIST_EN})*"
        r" (?:lists?|database)\b",
        rf"\b(?:remove|delete|drop|erase) (?:me|us|my (?:phone |cell )?number|this (?:phone )?number)(?: from"
        rf" (?:your|the|this|that|all|these|any)(?: {LIST_EN})* (?:lists?|database|system|contacts?|texts?|messages)\b"
        rf"|(?: please| now)*{END})",
        r"(?<!dont )(?<!not )(?<!never )(?<!didnt )\bunsubscribe\b",
        rf"\bopt(?:ing)? (?:me |us )?out(?: please| now)*(?: (?:of|from) (?:(?:these|this|your|the|all|any|receiving|"
        rf"getting|more|future|further|{LIST_EN}) )*(?:{TEXTS_EN}|lists?)\b|{END})",
        r"\b(?:dont|do not|no longer|never) (?:want|wish|care|need|like) (?:to (?:get|receive|be|hear)|(?:any"
        r"|more|your|these))"
        rf" (?:any |more |your |these |such |from you |further )*(?:{TEXTS_EN}|{WRITE_EN}(?:ed|d)|from you)\b",
        rf"{BEGIN}no more (?:\w+ )?{TEXTS_EN}(?: please| pls)?{END}",
        rf"\b(?:dont|do not|never) (?:ever )?{WRITE_EN} (?:me|us|this number|my (?:phone|number))"
        rf"(?: again| anymore| any more| ever| please)*{END}",
        r"\b(?:lose|forget) my number\b|\bleave (?:me|us) alone\b",
        r"\b(?:revoke|withdraw|cancel)(?:ing)? (?:my |all )?consent\b",
    ),
    "es": (
        r"\b(?:deje|dejen|deja|dejad|pare|paren|para|basta) de (?:mandar|enviar|escribir|contactar|molestar"
        r"|llamar|textear)",
        r"\b(?:no|nunca) (?:me|nos) (?:escrib|contact|molest|text)\w+(?: mas| nunca| otra vez| por favor)*" + END,
        r"\b(?:no|nunca) (?:me|nos) (?:mand|envi)\w+ (?:(?:mas|nunca|otros|tantos) )*(?:mensaje|sms|texto"
        r"|publicidad|promocion|nada)",
        r"\b(?:no|nunca) (?:me|nos) (?:mand|envi)\w+ mas" + END,
        r"\b(?:quit|sac|borr|elimin|remuev)\w*(?:me|nos) de (?:la|su|tu|esta|esa|sus|vuestra)s?"
        r"(?: \w+)? (?:lista|base)s?\b(?! de espera)",
        r"\bno (?:quiero|queremos|deseo) (?:(?:recibir|seguir|recibiendo|mas|sus|tus|estos|de) )*(?:mensaje"
        r"|sms|texto|publicidad|promocion)",
        r"\b(?:d[aei]|den|deis)\w*(?:me|nos) de baja\b|\b(?:me|nos) den? de baja\b|\bquiero (?:la baja"
        r"|darme de baja)\b",
        r"(?:^|[|,]) *(?:por favor )?(?:no mas|basta de|ya no mas) (?:mensaje|sms|texto)s?",
    ),
    "fr": (
        r"\b(?:arret|cess|stopp)e[rz]?s? (?:de |d)(?:m|me |nous )?(?:envoyer|ecrire|contacter|texter|harceler"
        r"|deranger|importuner)",
        r"\b(?:arret|cess|stopp)e[rz]?s? (?:les|vos|ces|tes) (?:messages|sms|textos)",
        r"\b(?:m|me |nous )(?:envoi|envoy|ecri|contact|derang|text|appel)\w* plus\b",
        r"\b(?:retir|enlev|supprim|ray|effac)\w* (?:moi|mon numero) de (?:votre|vos|la|cette|ta|ces) "
        r"(?:\w+ )?listes?\b(?! dattente)",
        r"\b(?:veux|voudrais|souhaite|desire) plus (?:\w+ ){0,3}(?:messages|sms|textos|pub|publicites|promotions)",
        r"\b(?:veux|souhaite) plus (?:en )?recevoir" + END,
        r"\bne plus (?:m|me |nous |jamais )?(?:envoyer|ecrire|contacter|texter|recevoir|deranger)\b",
        r"(?:^|[|,]) *(?:merci de )?(?:plus (?:de |un |aucun )?(?:messages?|sms|textos?)|stop aux? \w+)" + END,
        r"\bdesabonne[rz]?s?(?: |$)|\bdesinscri(?:re|vez|s)\b|\blaissez moi tranquille\b|\bme desabonner\b",
    ),
    "de": (
        r"\bhoe?r(?:en|t)?(?: sie)?(?: bitte| endlich| jetzt)* auf ?,?(?: damit| mich| mir| uns) ?(?:zu|mit"
        r"|nachrichten|sms|an)?",
        r"(?<!habe )(?<!haben )(?<!hab )\bkeine (?:weiteren? )?(?:sms|nachrichten|werbung|texte|mitteilungen)"
        rf"(?: mehr\b(?! (?:bekommen|erhalten|gefunden) ?(?:$|[|,]))|(?: bitte)?{END})",
        r"\b(?:will|mochte|moechte|mochten|wollen) (?:\w+ ){0,3}keine (?:weiteren? )?(?:sms|nachrichten|werbung|texte)",
        r"\b(?:schreib|kontaktier|schick|send|belastig|stor|ruf)\w*(?: sie)? (?:mir|uns|mich)(?: bitte)?"
        r" (?:nicht mehr|nie wieder|nichts mehr|nie mehr|keine (?:\w+ )?(?:sms|nachrichten|werbung))",
        r"\b(?:nehm|nimm|streich|losch|loesch|entfern|trag)\w*(?: sie)? (?:mich|uns|meine nummer)(?: bitte)?"
        r" (?:aus|von) \w+ (?!warteliste)\w*(?:liste|verteiler|datenbank|datei)\b",
        r"\b(?:losch|loesch|entfern)\w*(?: sie)?(?: bitte)? meine nummer(?: bitte)?" + END,
        r"\b(?:meld|bestell|trag)\w*(?: sie)? (?:mich|uns)(?: bitte)? (?:ab|aus|von \w+ (?:\w*liste"
        r"|\w*verteiler) ab)" + END,
        r"\b(?:will|mochte|moechte) (?:mich |diese \w+ )?(?:abmelden|abbestellen|austragen)\b",
        r"\blass(?:en|t)?(?: sie)? (?:mich|uns)(?: bitte| endlich)* in ruhe\b",
    ),
    "pt": (
        r"\b(?:parem?|para|pare|deixem?) de (?:me |nos )?(?:mandar|enviar|escrever|contatar|contactar"
        r"|incomodar|perturbar|ligar)",
        r"\bnao (?:me|nos) (?:mand|envi|escrev|contat|contact|incomod|perturb)\w+ mais\b",
        r"\bnao (?:quero|queremos|desejo) (?:(?:mais|receber|as|suas|essas|estas|de) )*(?:mensage|sms|texto"
        r"|propaganda|publicidade)",
        r"\bnao (?:quero|desejo) (?:mais )?receber(?: mais)?(?: nada)?" + END,
        r"\b(?:tir|remov|retir|exclu|apag|elimin)\w*(?: me| meu numero)? d(?:a|e|essa|esta|sua)s?(?: (?:sua"
        r"|vossa|minha|sua))?"
        r"(?: \w+)? (?:lista|base)s?\b(?! de espera)",
        r"\b(?:me )?descadastr(?:e|em|ar)\b|\bsair d(?:a|essa|esta) (?:sua )?lista\b(?! de espera)|\bdeixem? "
        r"(?:me )?em paz\b",
    ),
    "it": (
        r"\b(?:smett|finit|piant)\w+ (?:di|con) (?:mandar|inviar|scriver|contattar|disturbar|chiamar|quest"
        r"|i messagg|gli sms)",
        r"(?:^|[|,]) *(?:adesso |ora |per favore )*basta (?:con (?:i |questi |gli )?)?(?:messaggi|sms|pubblicita)",
        r"\bnon (?:mi |ci )?(?:mand|invi|scriv|contatt|disturb)\w+(?: mai)? piu\b",
        r"\bnon (?:voglio|vogliamo|desidero) (?:(?:piu|ricevere|i|vostri|altri|questi) )*(?:messagg|sms"
        r"|pubblicita|promozion)",
        r"\b(?:togl|rimuov|cancell|elimin|lev)\w*(?:mi|temi|telo) d(?:a|al|alla|all|alle|ai|agli) ?"
        r"(?:vostr[aoi] |tua |sua )?"
        r"(?:\w+ )?(?:lista|elenco|rubrica|database|mailing list)\b(?! dattesa)",
        r"\bdisiscriv(?:imi|etemi|ermi|ere)\b|\blasciatemi in pace\b",
    ),
}
# fmt: on
PATTERNS = {language: re.compile("|".join(phrases)) for language, phrases in PHRASES.items()}
# Each phrase has one of these in it. Looking for them first takes a tenth of the time of the patterns.
CORES = {
    "en": "stop quit cease off remove delete drop erase unsub opt more dont not longer never number alone consent",
    "es": "mensaj sms texto publicidad promocion escrib contact molest mand envi list base baja llamar text",
    "fr": "messages sms texto texter plus list desab desins envoyer ecrire contacter harceler derang importun "
    "tranquille stop",
    "de": "mich mir uns sms nachricht werbung texte mitteil nummer abmeld abbestell austrag",
    "pt": "mand envi escrev contat contact incomod perturb mensage sms texto propaganda publicidade receb list base "
    "descadastr paz ligar",
    "it": "messagg sms pubblicit promozion mand invi scriv contatt disturb chiam quest list elenco rubrica database "
    "disiscriv pace",
}
CORES_OF = {language: tuple(cores.split()) for language, cores in CORES.items()}


def fold_sentence(text: str) -> str:
    """Lower case without accents, apostrophes and quotations; clauses are parted by `|` and `,`, words by one space."""
    folded = MARKS.sub("", unicodedata.normalize("NFKD", text).casefold())
    own_words = QUOTED.sub(" ", folded)
    if not WORD.search(own_words):  # all of it is in quotes
        own_words = folded
    own_words = NO_WORD.sub(" ", ENDS.sub(" | ", APOSTROPHES.sub("", own_words))).replace(",", " , ")
    return " ".join(own_words.split()).strip("|, ")


def find_wish(text: str) -> str:
    """The languages, with a space between, in which the text asks for no more messages; empty where it does not.

    A text that says STOP beside an emoji is no keyword for the provider, and counts as such a wish.
    """
    if len(text) > LONGEST_SENTENCE:
        return ""
    sentence = fold_sentence(text)
    languages = [
        language
        for language, cores in CORES_OF.items()
        if any(core in sentence for core in cores) and PATTERNS[language].search(sentence)
    ]
    keyword, keyword_languages = keywords.KEYWORD_OF.get(re.sub("[ |,]", "", sentence), ("", ""))
    if keyword == "STOP":
        languages += keyword_languages.split()
    return " ".join(dict.fromkeys(languages))
