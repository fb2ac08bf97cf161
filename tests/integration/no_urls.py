"""The urls of a project without Clarion's API."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
