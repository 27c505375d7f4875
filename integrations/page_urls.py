"""Addresses beneath /manage/ of this app."""

from django.urls import path

from integrations import channel_views, number_views, page_views

urlpatterns = [
    path("channels/<uuid:pk>/", channel_views.find_subject, name="manage-channel"),
    path("numbers/", number_views.manage, name="manage-numbers"),
    path("numbers/account/", number_views.connect_account, name="manage-numbers-account"),
    path("numbers/import/", number_views.import_numbers, name="manage-numbers-import"),
    path("numbers/connect/", number_views.connect_number, name="manage-numbers-connect"),
    path("numbers/sync/", number_views.sync, name="manage-numbers-sync"),
    path("numbers/<uuid:pk>/", number_views.number, name="manage-number"),
    path("numbers/<uuid:pk>/doctor/", number_views.doctor, name="manage-number-doctor"),
    path("numbers/<uuid:pk>/change/", number_views.change, name="manage-number-change"),
    path("numbers/<uuid:pk>/token/", number_views.replace_token, name="manage-number-token"),
    path("numbers/<uuid:pk>/revoke/", number_views.revoke_token, name="manage-number-revoke"),
    path("numbers/<uuid:pk>/webhook/", number_views.set_webhook, name="manage-number-webhook"),
    path("numbers/<uuid:pk>/disconnect/", number_views.disconnect, name="manage-number-disconnect"),
    path("pages/", page_views.manage, name="manage-pages"),
    path("pages/connect/", page_views.connect, name="manage-pages-connect"),
    path("pages/<uuid:pk>/", page_views.page, name="manage-page"),
    path("pages/<uuid:pk>/doctor/", page_views.doctor, name="manage-page-doctor"),
    path("pages/<uuid:pk>/check/", page_views.check, name="manage-page-check"),
    path("pages/<uuid:pk>/change/", page_views.change, name="manage-page-change"),
    path("pages/<uuid:pk>/token/", page_views.replace_token, name="manage-page-token"),
    path("pages/<uuid:pk>/disconnect/", page_views.disconnect, name="manage-page-disconnect"),
]
