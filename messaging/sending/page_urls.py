"""Addresses beneath /manage/ of this room."""

from django.urls import path

from messaging.sending import number_test_views, quiet_views

urlpatterns = [
    path("numbers/<uuid:pk>/test/", number_test_views.send_test, name="manage-number-test"),
    path("settings/quiet-hours/", quiet_views.preview, name="manage-quiet-hours"),
    path("settings/quiet-hours/holidays/", quiet_views.save_holiday, name="manage-holiday-add"),
    path("settings/quiet-hours/holidays/delete/", quiet_views.delete_holiday, name="manage-holiday-delete"),
]
