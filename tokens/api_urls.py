from django.urls import path

from tokens import api

urlpatterns = [
    path("tokens/get", api.GetView.as_view()),
    path("tokens/update", api.UpdateView.as_view()),
    path("tokens/list", api.ListView.as_view()),
    path("tokens/entries", api.EntriesView.as_view()),
]
