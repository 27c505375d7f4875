from django.urls import path

from messaging.campaigns import views

urlpatterns = [
    path("", views.list_page, name="campaigns"),
    path("new/", views.create, name="campaign-new"),
    path("<uuid:pk>/", views.show, name="campaign"),
    path("<uuid:pk>/preflight/", views.show_preflight, name="campaign-preflight"),
    path("<uuid:pk>/progress/", views.show_progress, name="campaign-progress"),
    path("<uuid:pk>/test/", views.test, name="campaign-test"),
    path("<uuid:pk>/move/", views.move, name="campaign-move"),
    path("<uuid:pk>/recipients.csv", views.export, name="campaign-recipients"),
]
