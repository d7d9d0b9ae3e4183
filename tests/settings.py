"""The settings under test: the real ones, on a data folder of their own.

The folder is `test` under the data folder, so that a run neither sees nor touches the demo's books.
Tests that run side by side have a folder each below that one, and servers of their own in it.
"""

import os

from backoffice import embedded

# A worker of xdist inherits the folder that its controller chose.
folder = os.environ.get("PYTEST_XDIST_WORKER", "test")
os.environ["MAKEWHOLE_DATA"] = str(embedded.places().data / folder)

from backoffice import settings as real

globals().update({name: getattr(real, name) for name in dir(real) if name.isupper()})

# PBKDF2 makes a password expensive to guess, and a thousand sign-ins of a test run expensive too.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# No collectstatic before a test; names stay unhashed.
STORAGES = {
    **real.STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# The test client speaks plain HTTP.
HTTPS = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 0
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
