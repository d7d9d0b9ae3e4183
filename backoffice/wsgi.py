"""The web server's way in: `granian --interface wsgi backoffice.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

from backoffice import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")

embedded.ensure()
application = get_wsgi_application()
