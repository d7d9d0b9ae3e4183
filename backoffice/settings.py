"""The settings: one file, every deployment. What differs between machines comes from the
environment (docs/configuration.md); a value that cannot be meant stops the start.
"""

import fcntl
import os
import secrets
from pathlib import Path
from typing import Any

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from backoffice import embedded, environment

BASE_DIR = Path(__file__).resolve().parent.parent
DATA = embedded.places().data
# For whoever asks the environment itself, from whatever folder it was started in.
os.environ["MAKEWHOLE_DATA"] = str(DATA)


def secret_key() -> str:
    """$SECRET_KEY, else one made on the first start and kept in the data folder, readable by us."""
    if given := os.environ.get("SECRET_KEY"):
        if len(given) < 40:
            raise ImproperlyConfigured("SECRET_KEY is shorter than 40 characters.")
        return given
    file = DATA / "secret_key"
    try:
        DATA.mkdir(parents=True, exist_ok=True)
        key = file.read_text().strip() if file.exists() else ""
        if not key:
            with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+") as kept:
                # Of two first starts at once, one makes the key and both use it.
                fcntl.flock(kept, fcntl.LOCK_EX)
                key = kept.read().strip()
                if not key:
                    key = secrets.token_urlsafe(48)
                    kept.write(key)
    except OSError as error:
        raise embedded.EmbeddedError(
            f"cannot keep a secret key in {file} ({error.strerror}): make {DATA} writable, "
            "or set SECRET_KEY."
        ) from error
    if len(key) < 40:
        raise ImproperlyConfigured(f"{file} holds no whole key: remove it and a new one is made.")
    return key


# Who we are
SECRET_KEY = secret_key()
DEBUG = environment.switch("MAKEWHOLE_DEBUG", default=False)
HTTPS = environment.switch("MAKEWHOLE_HTTPS", default=not DEBUG)
ALLOWED_HOSTS = environment.words("MAKEWHOLE_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = environment.origins("MAKEWHOLE_ORIGINS")
PUBLIC_URL = environment.public_url()

ROOT_URLCONF = "backoffice.urls"
WSGI_APPLICATION = "backoffice.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "backoffice",
    "exchange",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "drf_spectacular",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "backoffice.middleware.content_security_policy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "backoffice.context.frame",
            ],
        },
    }
]

# The books. A verb opens its own transaction, the outermost one, hence no ATOMIC_REQUESTS.
DATABASES = {
    "default": {
        **environment.database(
            environment.text("DATABASE_URL", embedded.database_url(embedded.places()))
        ),
        "CONN_MAX_AGE": environment.number("MAKEWHOLE_DB_MAX_AGE_SECONDS", 600),
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }
}
# The legs of a batch are posted in one transaction or not at all. A million take about a second, in
# which nobody else moves those balances; at ten million that is a pause people notice, and beyond
# it the answer is a narrower remedy, not a posting in parts.
BATCH_LEGS_MAX = environment.number("MAKEWHOLE_BATCH_LEGS_MAX", 10_000_000, least=1)
REDIS_URL = environment.text("REDIS_URL", embedded.redis_url(embedded.places()))
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "makewhole",
    }
}

# Workers. A task is a nudge: it is acknowledged when it is done, so a dead worker's task comes
# again, and every effect has a unique key in PostgreSQL, so it may.
CELERY_BROKER_URL = environment.broker(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # after an hour's outage there are still workers
CELERY_WORKER_CONSUMER = "backoffice.consumer:Consumer"
# Redis hands a task out again when it was not acknowledged within this time, finished or not. It is
# longer than the longest task we expect; a longer one runs twice, and the second finds its row
# taken.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": environment.number("MAKEWHOLE_VISIBILITY_SECONDS", 3600, least=60),
    **environment.broker_options(REDIS_URL),
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, object]] = {
    "sweep": {"task": "backoffice.sweep", "schedule": 15.0, "options": {"expires": 15}},
}

# People: sign-in by e-mail, then a one-time code or a passkey. Staff are invited, nobody signs up.
AUTH_USER_MODEL = "backoffice.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "backoffice.accounts.InvitedOnly"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # whoever invites someone vouches for the address
ACCOUNT_MAX_EMAIL_ADDRESSES = 1  # and nobody changes it for themselves
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Makewhole"
MFA_TOTP_TOLERANCE = 1  # one step of 30 seconds either way, as for approvals: telephones drift
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
# Where an officer's passkey signs a decision; a passkey belongs to one site and to no other.
PASSKEY_SITE, PASSKEY_ORIGINS = environment.relying_party(PUBLIC_URL)

# Languages and time. Everything is UTC; the market's zone is shown beside it, never stored.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# Static files: hashed names in production, straight from the tree while developing.
STATIC_URL = "static/"
STATIC_ROOT = DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"] if (BASE_DIR / "static").is_dir() else []
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
MEDIA_ROOT = DATA / "media"

# Mail. The default is the catcher of the demo: a real SMTP server that keeps what it is given.
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = environment.text("MAKEWHOLE_EMAIL_HOST", "127.0.0.1")
EMAIL_PORT = environment.number("MAKEWHOLE_EMAIL_PORT", 8025, least=1, most=65535)
EMAIL_HOST_USER = environment.text("MAKEWHOLE_EMAIL_USER", "")
EMAIL_HOST_PASSWORD = environment.text("MAKEWHOLE_EMAIL_PASSWORD", "")
EMAIL_USE_TLS = environment.switch("MAKEWHOLE_EMAIL_STARTTLS", default=False)
EMAIL_USE_SSL = environment.switch("MAKEWHOLE_EMAIL_TLS", default=False)
EMAIL_TIMEOUT = environment.number("MAKEWHOLE_EMAIL_TIMEOUT_SECONDS", 20, least=1)
DEFAULT_FROM_EMAIL = environment.text("MAKEWHOLE_EMAIL_FROM", "Makewhole <desk@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
MAIL_ROOT = DATA / "mail"
if EMAIL_USE_TLS and EMAIL_USE_SSL:
    raise ImproperlyConfigured(
        "MAKEWHOLE_EMAIL_STARTTLS and MAKEWHOLE_EMAIL_TLS exclude each other."
    )

# What a browser may do. Scripts and styles come from us and from files: no inline, no other host.
CONTENT_SECURITY_POLICY = {
    "default-src": "'self'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SECURE_SSL_REDIRECT = HTTPS and environment.switch("MAKEWHOLE_HTTPS_REDIRECT", default=True)
SECURE_HSTS_SECONDS = environment.number("MAKEWHOLE_HSTS_SECONDS", 31536000 if HTTPS else 0)
# Whether other hosts of the domain speak HTTPS is not ours to promise.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if environment.switch("MAKEWHOLE_BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {"TITLE": "Makewhole", "VERSION": "1", "SERVE_INCLUDE_SCHEMA": False}

# Hosts that webhooks may be sent to although they are private, or speak plain HTTP.
WEBHOOK_HOSTS = environment.words("MAKEWHOLE_WEBHOOK_HOSTS", "")

# Empty: no metrics. They name no customer, and still are nobody's business.
METRICS_TOKEN = environment.text("MAKEWHOLE_METRICS_TOKEN", "")

# Logs: JSON for a machine, lines for a terminal; both with the time in UTC.
LOG_LEVEL = environment.word(
    "MAKEWHOLE_LOG_LEVEL", "INFO", among=("DEBUG", "INFO", "WARNING", "ERROR")
)
LOG_JSON = environment.switch("MAKEWHOLE_LOG_JSON", default=not DEBUG)
_log_steps: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
structlog.configure(
    processors=[*_log_steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "lines": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _log_steps,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer()
                if LOG_JSON
                else structlog.dev.ConsoleRenderer(colors=False),
            ],
        }
    },
    "handlers": {"stream": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"handlers": ["stream"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        # The catcher would log every line it reads, addresses included.
        "mail.log": {"level": "WARNING"},
        # Which passkey signed is in the books, not in the log.
        "fido2": {"level": "WARNING"},
    },
}
