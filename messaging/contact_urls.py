from django.urls import path

from messaging import contact_views

urlpatterns = [
    path("<uuid:pk>/", contact_views.contact, name="contact"),
    path("<uuid:pk>/edit/", contact_views.edit, name="contact-edit"),
    path("<uuid:pk>/block/", contact_views.block, name="contact-block"),
    path("<uuid:pk>/groups/", contact_views.group, name="contact-group"),
    path("<uuid:pk>/numbers/", contact_views.number, name="contact-number"),
    path("<uuid:pk>/merge/", contact_views.merge, name="contact-merge"),
    path("<uuid:pk>/merge/<uuid:other>/", contact_views.merge_with, name="contact-merge-with"),
]
