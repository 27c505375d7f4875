"""Addresses beneath /manage/ of this app."""

from django.urls import path

from accounts.pages import audit_views, settings_views, team_views

urlpatterns = [
    path("users/", team_views.users, name="manage-users"),
    path("users/invite/", team_views.invite, name="manage-users-invite"),
    path("users/<uuid:pk>/", team_views.user, name="manage-user"),
    path("users/<uuid:pk>/change/", team_views.change, name="manage-user-change"),
    path("users/<uuid:pk>/deactivate/", team_views.deactivate, name="manage-user-deactivate"),
    path("users/<uuid:pk>/reactivate/", team_views.reactivate, name="manage-user-reactivate"),
    path("users/<uuid:pk>/second-factor/", team_views.reset_second_factor, name="manage-user-second-factor"),
    path("users/<uuid:pk>/password/", team_views.mail_password, name="manage-user-password"),
    path("users/<uuid:pk>/resend/", team_views.resend, name="manage-user-resend"),
    path("users/<uuid:pk>/withdraw/", team_views.withdraw, name="manage-user-withdraw"),
    path("settings/", settings_views.organization, name="manage-settings"),
    path("settings/keys/", settings_views.api_keys, name="manage-keys"),
    path("settings/keys/<uuid:pk>/revoke/", settings_views.revoke_key, name="manage-key-revoke"),
    path("settings/audit/", audit_views.log, name="manage-audit"),
    path("settings/audit/export/", audit_views.export, name="manage-audit-export"),
]
