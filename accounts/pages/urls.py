from django.urls import path

from accounts.pages import me_views, saved_view_views, views

urlpatterns = [
    path("login/", views.login, name="login"),
    path("login/code/", views.login_code, name="login-code"),
    path("logout/", views.logout, name="logout"),
    path("invitation/<str:part>/", views.invitation, name="invitation"),
    path("password/reset/", views.password_reset, name="password-reset"),
    path("password/reset/<str:uid>/<str:token>/", views.password_new, name="password-new"),
    path("me/", me_views.me, name="me"),
    path("me/name/", me_views.name, name="me-name"),
    path("me/theme/", me_views.theme, name="me-theme"),
    path("me/notifications/", me_views.notifications, name="me-notifications"),
    path("me/language/", me_views.language, name="me-language"),
    path("me/rows/", me_views.rows, name="me-rows"),
    path("me/password/", me_views.password, name="me-password"),
    path("me/second-factor/", me_views.second_factor_set_up, name="me-second-factor"),
    path("me/second-factor/picture.svg", me_views.second_factor_picture, name="me-second-factor-picture"),
    path("me/second-factor/remove/", me_views.second_factor_remove, name="me-second-factor-remove"),
    path("me/recovery-codes/", me_views.recovery_codes, name="me-recovery-codes"),
    path("me/sign-ins/<uuid:pk>/end/", me_views.end_sign_in, name="me-sign-in-end"),
    path("me/views/", saved_view_views.save_view, name="saved-views"),
    path("me/views/<uuid:pk>/delete/", saved_view_views.delete_view, name="saved-view-delete"),
    path("me/keys/", me_views.make_key, name="me-keys"),
    path("me/keys/<uuid:pk>/delete/", me_views.delete_key, name="me-key-delete"),
]
