from django.urls import path

from messaging.contacts import consent_views, deletion_views, import_views, list_views, picture_views, views

urlpatterns = [
    path("", list_views.show_contacts, name="contacts"),
    path("new/", list_views.create_contact, name="contact-new"),
    path("change/", list_views.change_many, name="contacts-change"),
    path("undo/<uuid:pk>/", list_views.undo, name="contacts-undo"),
    path("opt-outs/<int:moment>/", consent_views.take_back, name="contacts-take-back"),
    path("export/", list_views.export, name="contacts-export"),
    path("duplicates/", list_views.duplicates, name="contacts-duplicates"),
    path("imports/", import_views.upload, name="contact-imports"),
    path("imports/<uuid:pk>/", import_views.show_import, name="contact-import"),
    path("imports/<uuid:pk>/start/", import_views.start_import, name="contact-import-start"),
    path("imports/<uuid:pk>/undo/", import_views.undo_import, name="contact-import-undo"),
    path("imports/<uuid:pk>/skipped/", import_views.skipped, name="contact-import-skipped"),
    path("deletion/<slug:code>/", deletion_views.show_deletion, name="deletion"),
    path("<uuid:pk>/", views.contact, name="contact"),
    path("<uuid:pk>/picture/", picture_views.show_picture, name="contact-picture"),
    path("<uuid:pk>/edit/", views.edit, name="contact-edit"),
    path("<uuid:pk>/data/", views.download_data, name="contact-data"),
    path("<uuid:pk>/block/", views.block, name="contact-block"),
    path("<uuid:pk>/groups/", views.group, name="contact-group"),
    path("<uuid:pk>/numbers/", views.number, name="contact-number"),
    path("<uuid:pk>/merge/", views.merge, name="contact-merge"),
    path("<uuid:pk>/merge/<uuid:other>/", views.merge_with, name="contact-merge-with"),
]
