"""Addresses beneath /manage/ of this room."""

from django.urls import path

from messaging.conversations import label_views

urlpatterns = [
    path("settings/labels/", label_views.manage, name="manage-labels"),
    path("settings/labels/create/", label_views.create, name="manage-labels-create"),
    path("settings/labels/<uuid:pk>/change/", label_views.change, name="manage-label-change"),
    path("settings/labels/<uuid:pk>/delete/", label_views.delete, name="manage-label-delete"),
    path("settings/labels/<uuid:pk>/restore/", label_views.restore, name="manage-label-restore"),
]
