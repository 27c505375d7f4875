"""Renders every form field in the product's markup: label, help, widget, errors."""

from django.forms.renderers import DjangoTemplates


class Renderer(DjangoTemplates):
    field_template_name = "ui/forms/field.html"
