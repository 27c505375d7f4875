"""Addresses beneath /manage/ of this app."""

from django.urls import path

from chatrooms import views

urlpatterns = [
    path("chatrooms/", views.manage, name="manage-chatrooms"),
    path("chatrooms/create/", views.create, name="manage-chatrooms-create"),
    path("chatrooms/people/<uuid:user_pk>/", views.access_of_person, name="manage-access-of-person"),
    path("chatrooms/<uuid:pk>/", views.chatroom, name="manage-chatroom"),
    path("chatrooms/<uuid:pk>/change/", views.change, name="manage-chatroom-change"),
    path("chatrooms/<uuid:pk>/archive/", views.archive, name="manage-chatroom-archive"),
    path("chatrooms/<uuid:pk>/restore/", views.restore, name="manage-chatroom-restore"),
    path("chatrooms/<uuid:pk>/people/", views.access_to_room, name="manage-access-to-room"),
    path("chatrooms/<uuid:pk>/people/<uuid:user_pk>/", views.access, name="manage-access"),
]
