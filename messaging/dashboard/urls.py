from django.urls import path

from messaging.dashboard import views

urlpatterns = [path("", views.show_dashboard, name="home")]
