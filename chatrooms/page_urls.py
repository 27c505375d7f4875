"""Addresses beneath /manage/ of this app."""

from django.urls import path

from chatrooms import views

urlpatterns = [
    path("chatrooms/", views.show_chatrooms, name="manage-chatrooms"),
    path("chatrooms/create/", views.add_chatroom, name="manage-chatrooms-create"),
    path("chatrooms/people/<uuid:user_pk>/", views.save_row, name="manage-access-of-person"),
    path("chatrooms/<uuid:pk>/", views.show_chatroom, name="manage-chatroom"),
    path("chatrooms/<uuid:pk>/change/", views.save_chatroom, name="manage-chatroom-change"),
    path("chatrooms/<uuid:pk>/archive/", views.hide_chatroom, name="manage-chatroom-archive"),
    path("chatrooms/<uuid:pk>/restore/", views.bring_back_chatroom, name="manage-chatroom-restore"),
    path("chatrooms/<uuid:pk>/people/", views.save_people, name="manage-access-to-room"),
    path("chatrooms/<uuid:pk>/people/<uuid:user_pk>/", views.save_cell, name="manage-access"),
]
