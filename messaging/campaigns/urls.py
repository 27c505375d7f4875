from django.urls import path

from messaging.campaigns import views

urlpatterns = [
    path("", views.show_campaigns, name="campaigns"),
    path("new/", views.create_draft, name="campaign-new"),
    path("<uuid:pk>/", views.show_campaign, name="campaign"),
    path("<uuid:pk>/preflight/", views.show_preflight, name="campaign-preflight"),
    path("<uuid:pk>/progress/", views.show_progress, name="campaign-progress"),
    path("<uuid:pk>/test/", views.try_campaign, name="campaign-test"),
    path("<uuid:pk>/move/", views.move_campaign, name="campaign-move"),
    path("<uuid:pk>/group/", views.group_outcome, name="campaign-group"),
    path("<uuid:pk>/recipients.csv", views.export_outcomes, name="campaign-recipients"),
]
