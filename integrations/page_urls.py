"""Addresses beneath /manage/ of this app."""

from django.urls import path

from integrations import channel_views, number_views, page_views

urlpatterns = [
    path("channels/<uuid:pk>/", channel_views.find_subject, name="manage-channel"),
    path("numbers/", number_views.show_numbers, name="manage-numbers"),
    path("numbers/account/", number_views.add_twilio_account, name="manage-numbers-account"),
    path("numbers/import/", number_views.show_unconnected, name="manage-numbers-import"),
    path("numbers/connect/", number_views.import_number, name="manage-numbers-connect"),
    path("numbers/sync/", number_views.compare_numbers, name="manage-numbers-sync"),
    path("numbers/<uuid:pk>/", number_views.show_number, name="manage-number"),
    path("numbers/<uuid:pk>/doctor/", number_views.show_number_doctor, name="manage-number-doctor"),
    path("numbers/<uuid:pk>/change/", number_views.save_number, name="manage-number-change"),
    path("numbers/<uuid:pk>/token/", number_views.replace_token, name="manage-number-token"),
    path("numbers/<uuid:pk>/revoke/", number_views.revoke_token, name="manage-number-revoke"),
    path("numbers/<uuid:pk>/webhook/", number_views.mend_webhook, name="manage-number-webhook"),
    path("numbers/<uuid:pk>/disconnect/", number_views.remove_number, name="manage-number-disconnect"),
    path("pages/", page_views.show_pages, name="manage-pages"),
    path("pages/connect/", page_views.add_page, name="manage-pages-connect"),
    path("pages/<uuid:pk>/", page_views.show_page, name="manage-page"),
    path("pages/<uuid:pk>/doctor/", page_views.show_page_doctor, name="manage-page-doctor"),
    path("pages/<uuid:pk>/check/", page_views.check_again, name="manage-page-check"),
    path("pages/<uuid:pk>/change/", page_views.save_page, name="manage-page-change"),
    path("pages/<uuid:pk>/token/", page_views.replace_page_token, name="manage-page-token"),
    path("pages/<uuid:pk>/disconnect/", page_views.remove_page, name="manage-page-disconnect"),
]
