"""The web app for a WSGI server: `gunicorn examples.forum.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "examples.forum.settings")

application = get_wsgi_application()
