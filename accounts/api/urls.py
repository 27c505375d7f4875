from django.urls import path

from accounts.api import keys, settings, sign_in, team

urlpatterns = [
    path("auth/login", sign_in.LoginView.as_view()),
    path("auth/logout", sign_in.LogoutView.as_view()),
    path("auth/me", sign_in.MeView.as_view()),
    path("settings", settings.SettingsView.as_view()),
    path("keys", keys.KeysView.as_view()),
    path("keys/<uuid:pk>", keys.KeyView.as_view()),
    path("users", team.UsersView.as_view()),
    path("users/<uuid:pk>", team.UserView.as_view()),
]
