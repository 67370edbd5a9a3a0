"""Django's settings; what an operator may change is in `carillon.bus.config`, read here once."""

from __future__ import annotations

from logging import LogRecord
from pathlib import Path

from csp.constants import SELF
from django.utils.log import CallbackFilter
from django.utils.translation import gettext_lazy as _

from carillon.bus.config import Config, read_config
from carillon.portal.cipher import derive_key

CONFIG: Config = read_config()
PORTAL = Path(__file__).resolve().parent.parent

SECRET_KEY = derive_key(CONFIG.secret(), "django").hex()
DEBUG = False
# The portal answers whatever name its machine is reached by; links it makes are relative.
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "carillon.portal.site.urls"
ASGI_APPLICATION = "carillon.portal.site.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "carillon.portal.mail",
    "carillon.portal.accounts",
    "carillon.portal.companies",
    "carillon.portal.extensions",
    "carillon.portal.routing",
    "carillon.portal.calls",
    "carillon.portal.voicemail",
    "carillon.portal.followup",
    "carillon.portal.trials",
    "carillon.portal.attention",
    "carillon.portal.setupfile",
    "carillon.portal.wizard",
    "carillon.portal.integrations",
    "carillon.portal.journal",
    "carillon.portal.demo",
    "carillon.portal.onboarding",
    "carillon.portal.me",
    "carillon.portal.softphone",
    "carillon.portal.api",
    "carillon.portal.help",
    "carillon.portal.identity",
    "carillon.portal.site",
]
MIDDLEWARE = [
    "carillon.portal.site.proxies.TrustedProxies",
    "carillon.portal.site.proxies.SecureCookies",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "carillon.portal.site.files.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "carillon.portal.companies.middleware.InCompany",
    "carillon.portal.site.methods.OnlyPosted",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "carillon.portal.site.context.frame",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.l10n",
                "django.templatetags.static",
                "carillon.portal.site.templatetags.look",
                "carillon.portal.site.templatetags.boxes",
                "carillon.portal.words",
            ],
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(CONFIG.database),
        "OPTIONS": {
            # IMMEDIATE: a transaction that will write waits its turn at its start, where waiting works.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8000;",
        },
        "TEST": {"NAME": str(CONFIG.data / "test.sqlite3")},
    }
}

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "/sign-in"
LOGIN_REDIRECT_URL = "/"
AUTHENTICATION_BACKENDS = ["carillon.portal.accounts.backends.EmailOrPhone"]
PASSWORD_HASHERS = ["carillon.portal.accounts.hashers.LeanArgon2"]
PASSWORD_RESET_TIMEOUT = 48 * 3600
AUTH_PASSWORD_VALIDATORS = [{"NAME": "carillon.portal.accounts.checking.CriteriaValidator"}]
SESSION_COOKIE_NAME = "carillon"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "carillon_csrf"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "carillon.portal.site.views.csrf_failure"
X_FRAME_OPTIONS = "DENY"
# Set by TrustedProxies alone: no header of a visitor has such a name.
SECURE_PROXY_SSL_HEADER = ("carillon.protocol", "https")
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        # Widths and colours of drawings are CSS variables in `style`, never rules.
        "style-src-attr": ["'unsafe-inline'"],
        "img-src": [SELF, "data:"],
        "media-src": [SELF],
        "frame-ancestors": ["'none'"],
        "form-action": [SELF],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
LOCALE_PATHS = [str(PORTAL / "locale")]
LANGUAGE_COOKIE_NAME = "carillon_language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = str(CONFIG.data / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "carillon.portal.site.files.HashedFiles"},
}
# One greeting of 10 MB and the fields around it; everything else is far smaller.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
FILE_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 300


def _is_news(record: LogRecord) -> bool:
    """A 503 of /healthz is an answer, not an event: monitors ask every few seconds."""
    return getattr(record, "status_code", None) != 503


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {"asked-for": {"()": CallbackFilter, "callback": _is_news}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["asked-for"]}
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"django": {"handlers": [], "level": "WARNING"}},
}
