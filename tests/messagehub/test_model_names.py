"""What the back office calls the rows of a model."""

import re

import pytest
from django.apps import apps

OURS = {"accounts", "chatrooms", "integrations", "messaging", "tokens"}
MODELS = [model for model in apps.get_models() if model._meta.app_label in OURS]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_model_has_a_plural_as_people_write_it(model):
    plural = str(model._meta.verbose_name_plural)

    assert plural.endswith("s")
    assert not re.search(r"[^aeiou]ys$", plural)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_model_spells_proper_names_as_their_owners_do(model):
    assert not re.search(r"\b(twilio|api|id|url|sms)\b", str(model._meta.verbose_name))
