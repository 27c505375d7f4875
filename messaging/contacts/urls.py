from django.urls import path

from messaging.contacts import deletion_views, picture_views, views

urlpatterns = [
    path("deletion/<slug:code>/", deletion_views.show_deletion, name="deletion"),
    path("<uuid:pk>/", views.contact, name="contact"),
    path("<uuid:pk>/picture/", picture_views.show, name="contact-picture"),
    path("<uuid:pk>/edit/", views.edit, name="contact-edit"),
    path("<uuid:pk>/block/", views.block, name="contact-block"),
    path("<uuid:pk>/groups/", views.group, name="contact-group"),
    path("<uuid:pk>/numbers/", views.number, name="contact-number"),
    path("<uuid:pk>/merge/", views.merge, name="contact-merge"),
    path("<uuid:pk>/merge/<uuid:other>/", views.merge_with, name="contact-merge-with"),
]
