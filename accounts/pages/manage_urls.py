"""Addresses beneath /manage/ of this app."""

from django.urls import path

from accounts.pages import audit_views, settings_views, team_views

urlpatterns = [
    path("users/", team_views.show_users, name="manage-users"),
    path("users/invite/", team_views.invite_colleague, name="manage-users-invite"),
    path("users/<uuid:pk>/", team_views.show_user, name="manage-user"),
    path("users/<uuid:pk>/change/", team_views.save_user, name="manage-user-change"),
    path("users/<uuid:pk>/deactivate/", team_views.deactivate_colleague, name="manage-user-deactivate"),
    path("users/<uuid:pk>/reactivate/", team_views.reactivate_colleague, name="manage-user-reactivate"),
    path("users/<uuid:pk>/second-factor/", team_views.reset_colleagues_factor, name="manage-user-second-factor"),
    path("users/<uuid:pk>/password/", team_views.mail_reset_link, name="manage-user-password"),
    path("users/<uuid:pk>/resend/", team_views.resend_invitation, name="manage-user-resend"),
    path("users/<uuid:pk>/withdraw/", team_views.withdraw, name="manage-user-withdraw"),
    path("settings/", settings_views.edit_organization, name="manage-settings"),
    path("settings/keys/", settings_views.show_keys, name="manage-keys"),
    path("settings/keys/<uuid:pk>/revoke/", settings_views.revoke_key, name="manage-key-revoke"),
    path("settings/audit/", audit_views.show_audit_log, name="manage-audit"),
    path("settings/audit/export/", audit_views.export_audit_log, name="manage-audit-export"),
]
