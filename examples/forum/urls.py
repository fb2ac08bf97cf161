"""The web app's addresses: the forum's pages, the admin, and the pipeline's HTTP face."""

from django.contrib import admin
from django.urls import path, re_path

from examples.forum import sign_in, views
from pipeline.api import api

urlpatterns = [
    path("", views.threads, name="threads"),
    path("threads/new/", views.new_thread, name="new-thread"),
    path("threads/<int:pk>/", views.thread, name="thread"),
    path("messages/<int:pk>/", views.message, name="message"),
    re_path(r"^people/(?P<username>[\w.@+-]{1,150})/$", views.person, name="person"),
    path("inbox/", views.inbox, name="inbox"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-in/as/", sign_in.sign_in_as, name="sign-in-as"),
    path("sign-out/", sign_in.SignOut.as_view(), name="sign-out"),
    path("api/", api.urls),
    path("admin/", admin.site.urls),
]
