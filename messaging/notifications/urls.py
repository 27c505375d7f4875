from django.urls import path

from messaging.notifications import views

urlpatterns = [
    path("", views.notifications, name="notifications"),
    path("seen/", views.see_all, name="notifications-seen"),
]
