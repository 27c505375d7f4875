"""Renders every form field in the product's markup: label, help, widget, errors."""

from django.forms.renderers import DjangoTemplates

TEXT_WIDGETS = {"django/forms/widgets/text.html", "django/forms/widgets/textarea.html"}


class Renderer(DjangoTemplates):
    field_template_name = "ui/forms/field.html"

    def render(self, template_name, context, request=None):
        """People write in any direction, so a box of text takes the direction of what is in it."""
        if template_name in TEXT_WIDGETS:
            context["widget"]["attrs"].setdefault("dir", "auto")
        return super().render(template_name, context, request)
