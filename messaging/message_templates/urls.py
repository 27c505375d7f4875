from django.urls import path

from messaging.message_templates import views

urlpatterns = [
    path("", views.list_page, name="templates"),
    path("new/", views.create, name="template-new"),
    path("sample/", views.show_sample, name="template-sample"),
    path("<uuid:pk>/", views.edit, name="template"),
    path("<uuid:pk>/duplicate/", views.duplicate, name="template-duplicate"),
    path("<uuid:pk>/archive/", views.archive, name="template-archive"),
]
