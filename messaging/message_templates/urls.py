from django.urls import path

from messaging.message_templates import views

urlpatterns = [
    path("", views.show_templates, name="templates"),
    path("new/", views.write_template, name="template-new"),
    path("sample/", views.show_sample, name="template-sample"),
    path("<uuid:pk>/", views.edit_template, name="template"),
    path("<uuid:pk>/duplicate/", views.copy_template, name="template-duplicate"),
    path("<uuid:pk>/archive/", views.put_away_template, name="template-archive"),
]
