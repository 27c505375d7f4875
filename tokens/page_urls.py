from django.urls import path

from tokens import views

urlpatterns = [
    path("tokens/", views.manage, name="manage-tokens"),
    path("tokens/grant/", views.grant, name="manage-tokens-grant"),
]
