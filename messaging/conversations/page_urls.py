"""Addresses beneath /manage/ of this room."""

from django.urls import path

from messaging.conversations import label_views

urlpatterns = [
    path("settings/labels/", label_views.show_labels, name="manage-labels"),
    path("settings/labels/create/", label_views.add_label, name="manage-labels-create"),
    path("settings/labels/<uuid:pk>/change/", label_views.save_label, name="manage-label-change"),
    path("settings/labels/<uuid:pk>/delete/", label_views.remove_label, name="manage-label-delete"),
    path("settings/labels/<uuid:pk>/restore/", label_views.undo_deletion, name="manage-label-restore"),
]
