from django.urls import path

from messaging.message_log import views

urlpatterns = [
    path("", views.show_message_log, name="messages"),
    path("<uuid:pk>/", views.show_message, name="message"),
    path("<uuid:pk>/decide/", views.decide, name="message-decide"),
]
