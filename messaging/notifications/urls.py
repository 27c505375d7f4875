from django.urls import path

from messaging.notifications import push_views, views

urlpatterns = [
    path("", views.notifications, name="notifications"),
    path("seen/", views.see_all, name="notifications-seen"),
    path("browser/", push_views.turn_on, name="push"),
    path("browser/off/", push_views.turn_off, name="push-off"),
]
