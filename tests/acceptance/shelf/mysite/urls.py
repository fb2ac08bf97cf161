"""The project's pages."""

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.urls import path
from shelf import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view(template_name="shelf/login.html")),
    path("", views.books),
    path("books/<int:pk>/", views.book),
]
