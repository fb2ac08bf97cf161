"""The web app's addresses: the forum's pages, the admin, and the pipeline's HTTP face."""

from django.contrib import admin
from django.urls import path, re_path

from clarion.pipeline.api import api
from examples.forum import sign_in
from examples.forum.views import break_it, jobs, moderation, mutes, operator, people, reputation, side_by_side, threads

_PERSON = r"^people/(?P<username>[\w.@+-]{1,150})/"

urlpatterns = [
    path("", threads.threads, name="threads"),
    path("threads/new/", threads.new_thread, name="new-thread"),
    path("threads/<int:pk>/", threads.thread, name="thread"),
    path("threads/<int:pk>/moderate/", moderation.moderate_thread, name="moderate-thread"),
    path("threads/<int:pk>/export/", jobs.export_thread, name="export-thread"),
    path("messages/<int:pk>/", threads.message, name="message"),
    path("messages/<int:pk>/vote/", reputation.vote, name="vote"),
    path("messages/<int:pk>/accept/", reputation.accept, name="accept"),
    path("messages/<int:pk>/moderate/", moderation.moderate_message, name="moderate-message"),
    re_path(_PERSON + "$", people.person, name="person"),
    re_path(_PERSON + "award/$", people.award, name="award"),
    path("inbox/", people.inbox, name="inbox"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("documents/new/", jobs.new_document, name="new-document"),
    path("documents/<int:pk>/", jobs.document, name="document"),
    path("documents/<int:pk>/publicize/", jobs.publicize, name="publicize"),
    path("documents/<int:pk>/extract/", jobs.extract, name="extract"),
    path("documents/<int:pk>/analyse/", jobs.analyse, name="analyse"),
    path("collections/new/", jobs.new_collection, name="new-collection"),
    path("exports/<int:pk>/", jobs.export, name="export"),
    path("exports/<int:pk>/download/", jobs.export_download, name="export-download"),
    path("threads/<int:pk>/mute/", mutes.mute_thread, name="mute-thread"),
    path("settings/", mutes.settings, name="settings"),
    path("operator/", operator.operator, name="operator"),
    path("operator/<int:event_id>/", operator.burst, name="burst"),
    path("operator/break/", break_it.request_break, name="break"),
    path("operator/break/status/", break_it.status, name="break-status"),
    path("side-by-side/", side_by_side.side_by_side, name="side-by-side"),
    path("side-by-side/<str:username>/token/", side_by_side.token, name="side-by-side-token"),
    path("side-by-side/<str:username>/say/", side_by_side.say, name="side-by-side-say"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-in/as/", sign_in.sign_in_as, name="sign-in-as"),
    path("sign-out/", sign_in.SignOut.as_view(), name="sign-out"),
    path("api/", api.urls),
    path("admin/", admin.site.urls),
]
