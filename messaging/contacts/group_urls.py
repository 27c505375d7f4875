from django.urls import path

from messaging.contacts import group_views

urlpatterns = [
    path("", group_views.show_groups, name="groups"),
    path("new/", group_views.create_group, name="group-new"),
    path("<uuid:pk>/", group_views.show_group, name="group"),
    path("<uuid:pk>/remove/", group_views.remove, name="group-remove"),
    path("<uuid:pk>/rename/", group_views.rename, name="group-rename"),
    path("<uuid:pk>/delete/", group_views.delete_group, name="group-delete"),
]
