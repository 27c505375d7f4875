from django.urls import path

from integrations import api

urlpatterns = [
    path("sender-numbers", api.SenderNumbersView.as_view()),
    path("sender-numbers/sync", api.SyncView.as_view()),
    path("sender-numbers/<uuid:pk>", api.SenderNumberView.as_view()),
]
