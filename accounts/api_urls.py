from django.urls import path

from accounts import api, keys_api, settings_api, team_api

urlpatterns = [
    path("auth/login", api.LoginView.as_view()),
    path("auth/logout", api.LogoutView.as_view()),
    path("auth/me", api.MeView.as_view()),
    path("settings", settings_api.SettingsView.as_view()),
    path("keys", keys_api.KeysView.as_view()),
    path("keys/<uuid:pk>", keys_api.KeyView.as_view()),
    path("users", team_api.UsersView.as_view()),
    path("users/<uuid:pk>", team_api.UserView.as_view()),
]
