"""Sign-in and sign-out: by name and password, or in development by one click on a seeded user.

Input: credentials or a name. Output: a session. In production the one-click sign-in does not exist (404).
"""

from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from examples.forum.demo_users import PEOPLE


class SignIn(LoginView):
    """The sign-in page."""

    template_name = "forum/sign_in.html"
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the users that one click signs in as."""
        people = User.objects.filter(username__in=PEOPLE, is_active=True).order_by("username")
        return super().get_context_data(people=people if settings.FORUM_OPEN_DOORS else (), **kwargs)


class SignOut(LogoutView):
    """Ends the session; POST only."""


@require_POST
def sign_in_as(request: HttpRequest) -> HttpResponse:
    """Sign in as the seeded person of that `username`."""
    username = request.POST.get("username", "")
    if not settings.FORUM_OPEN_DOORS or username not in PEOPLE:
        raise Http404
    user = get_object_or_404(User, username=username, is_active=True)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return redirect(target if safe else resolve_url(settings.LOGIN_REDIRECT_URL))
