from django.urls import path

from chatrooms import api

urlpatterns = [
    path("chatrooms", api.ChatroomsView.as_view()),
    path("chatrooms/<uuid:pk>", api.ChatroomView.as_view()),
    path("user-chatrooms", api.UserChatroomsView.as_view()),
]
