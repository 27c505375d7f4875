"""Brings the catalogues up to the code: `python -m tests.translations`.

A new text comes in without a translation, one that nothing says any more goes away, and what stands in the .po file is
compiled into the .mo file beside it, which is committed too. Says what is still to be translated.
"""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messagehub.settings")


def main() -> None:
    import django

    django.setup()
    from tests.translations import catalogue

    words = catalogue.collect_words()
    faults = [
        f"{language}: {fault}\n"
        for language in catalogue.TRANSLATED
        for fault in catalogue.find_faults(catalogue.update_catalogue(language), words)
    ]
    sys.stdout.writelines(faults)
    sys.exit(1 if faults else 0)


main()
