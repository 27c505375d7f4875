from django.urls import path

from accounts import views

urlpatterns = [
    path("login/", views.login, name="login"),
    path("logout/", views.logout, name="logout"),
    path("invitation/<str:part>/", views.invitation, name="invitation"),
    path("password/reset/", views.password_reset, name="password-reset"),
    path("password/reset/<str:uid>/<str:token>/", views.password_new, name="password-new"),
]
