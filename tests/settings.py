"""The settings under test: the real ones, on a data folder of their own.

The folder is `test` under the data folder, so that a run neither sees nor touches the demo's books.
"""

import os

from backoffice import embedded

if "PYTEST_XDIST_WORKER" not in os.environ:  # a worker inherits what its controller chose
    os.environ["MAKEWHOLE_DATA"] = str(embedded.places().data / "test")

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
