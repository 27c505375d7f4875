"""The look of every page: icons, font, template tags, forms. Knows no other app."""
