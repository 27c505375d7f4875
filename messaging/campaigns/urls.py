from django.urls import path

from messaging.campaigns import preflight_views, views

urlpatterns = [
    path("", views.show_campaigns, name="campaigns"),
    path("new/", views.create_draft, name="campaign-new"),
    path("new/preflight/", preflight_views.check_new_draft, name="campaign-new-preflight"),
    path("<uuid:pk>/", views.show_campaign, name="campaign"),
    path("<uuid:pk>/preflight/", preflight_views.show_preflight, name="campaign-preflight"),
    path("<uuid:pk>/progress/", views.show_progress, name="campaign-progress"),
    path("<uuid:pk>/test/", views.try_campaign, name="campaign-test"),
    path("<uuid:pk>/move/", views.move_campaign, name="campaign-move"),
    path("<uuid:pk>/group/", views.group_outcome, name="campaign-group"),
    path("<uuid:pk>/recipients.csv", views.export_outcomes, name="campaign-recipients"),
]
