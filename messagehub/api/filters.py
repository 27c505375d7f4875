"""Query parameters: every list names those that it knows, and refuses all others."""

from collections.abc import Iterable
from datetime import datetime

import django_filters
from django import forms
from django.core.exceptions import ValidationError as FormError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters.fields import ChoiceField as ChoiceFormField
from django_filters.rest_framework import DjangoFilterBackend
from django_filters.utils import translate_validation
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError
from rest_framework.fields import BooleanField as TruthField

from messagehub import datetimes


class FilterSet(django_filters.FilterSet):
    """The filters of one list: of its endpoint, of its page's filter bar and of its export."""

    @property
    def values(self) -> dict:
        """What was asked for, validated, by the filters' `field_name`. Raises ValidationError."""
        if not self.form.is_valid():
            raise translate_validation(self.form.errors)
        chosen = {name: self.form.cleaned_data[name] for name in self.filters if name in self.data}
        return {self.filters[name].field_name: value for name, value in chosen.items() if value not in (None, "")}


class FilterBackend(DjangoFilterBackend):
    """Filters a list by its view's `filterset_class`. Raises ValidationError for parameters that nobody knows."""

    def filter_queryset(self, request, queryset, view) -> QuerySet:
        filterset = self.get_filterset(request, queryset, view)
        if filterset is None:
            return queryset
        if not filterset.is_valid():
            raise translate_validation(filterset.errors)
        return filterset.qs

    def get_filterset(self, request, queryset, view) -> FilterSet | None:
        """None where no filter is used: building the form costs more than many a list."""
        filterset_class = view.filterset_class
        names = filterset_class.base_filters if filterset_class else {}
        refuse_unknown_parameters(request, {*names, *getattr(view.pagination_class, "parameters", ())})
        if not names or names.keys().isdisjoint(request.query_params):
            return None
        return filterset_class(request.query_params, queryset=queryset, request=request)


def refuse_unknown_parameters(request, names: Iterable[str] = ()) -> None:
    known = set(names)
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        allowed = _("Allowed: {names}.").format(names=", ".join(sorted(known)))
        hint = allowed if known else _("None are allowed here.")
        explanation = _("Unknown query parameter.")
        raise ValidationError({name: [f"{explanation} {hint}"] for name in unknown})


@extend_schema_field({"type": "string", "maxLength": 200})
class SearchFilter(django_filters.CharFilter):
    def __init__(self, **options):
        super().__init__(max_length=200, **options)


class KnownValueFormField(ChoiceFormField):
    def validate(self, value) -> None:
        try:
            super().validate(value)
        except FormError:
            allowed = ", ".join(str(known) for known, _name in self.choices if known)
            raise FormError(_("Unknown value. Allowed: {allowed}.").format(allowed=allowed)) from None


class KnownValueFilter(django_filters.ChoiceFilter):
    """One of a few values, which are named where another is refused."""

    field_class = KnownValueFormField


class TruthFormField(forms.CharField):
    def clean(self, value) -> bool | None:
        if not value:
            return None
        if value in TruthField.TRUE_VALUES or value in TruthField.FALSE_VALUES:
            return value in TruthField.TRUE_VALUES
        raise FormError(_("Must be true or false."))


@extend_schema_field(bool)
class TruthFilter(django_filters.Filter):
    """`true` or `false`; django-filter's own passes over anything else in silence."""

    field_class = TruthFormField


class MomentFormField(forms.CharField):
    def clean(self, value) -> datetime | None:
        try:
            return datetimes.parse_moment(value.replace(" ", "+")) if value else None  # a plus that nobody escaped
        except ValueError:
            raise FormError(_("Use a time with a UTC offset, such as 2026-01-31T09:00:00Z.")) from None


@extend_schema_field({"type": "string", "format": "date-time"})
class MomentFilter(django_filters.Filter):
    """A time with its zone (RFC 3339)."""

    field_class = MomentFormField


class DayFilter(django_filters.Filter):
    """A day on the viewer's calendar, as a browser's field for dates writes it; for pages, which know the viewer."""

    field_class = forms.DateField

    def __init__(self, **options):
        super().__init__(input_formats=["%Y-%m-%d"], **options)


class VisibleFormField(forms.ModelChoiceField):
    def to_python(self, value):
        try:
            return super().to_python(value)
        except (FormError, ValueError):
            raise FormError(_("Not found.")) from None


@extend_schema_field({"type": "string", "format": "uuid"})
class VisibleFilter(django_filters.ModelChoiceFilter):
    """An id of something that the caller may see. Any other is refused like one that does not exist."""

    field_class = VisibleFormField

    def get_queryset(self, request) -> QuerySet:
        return self.queryset.visible_to(request.user)
