from django.urls import path

from messaging.message_log import views

urlpatterns = [
    path("", views.list_page, name="messages"),
    path("<uuid:pk>/", views.show, name="message"),
    path("<uuid:pk>/decide/", views.decide, name="message-decide"),
]
