"""Renders every form field in the product's markup: label, help, widget, errors."""

from django import forms
from django.forms.renderers import DjangoTemplates

TEXT_WIDGETS = {"django/forms/widgets/text.html", "django/forms/widgets/textarea.html"}


class BoundField(forms.BoundField):
    def build_widget_attrs(self, attrs, widget=None):
        """A form that is shown again has the focus on its first invalid field, which may be below the fold."""
        attrs = super().build_widget_attrs(attrs, widget)
        invalid = next((field.name for field in self.form if field.errors), None)
        if invalid == self.name:
            attrs["autofocus"] = True
        elif invalid:
            (widget or self.field.widget).attrs.pop("autofocus", None)
        return attrs


class Renderer(DjangoTemplates):
    field_template_name = "ui/forms/field.html"
    bound_field_class = BoundField

    def render(self, template_name, context, request=None):
        """People write in any direction, so a box of text takes the direction of what is in it."""
        if template_name in TEXT_WIDGETS:
            context["widget"]["attrs"].setdefault("dir", "auto")
        return super().render(template_name, context, request)
