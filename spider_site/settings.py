"""Django settings of Spider. What an operator may choose is a variable of `environment.py`; the rest is fixed here."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import structlog
from csp.constants import NONCE, NONE, SELF
from kombu import Exchange, Queue

from spider_site import places
from spider_site.environment import env, flag, items, number, text
from store.keepalive import KEEPALIVE

BASE_DIR = places.BASE
DATA_DIR = places.data_folder()
SECRET_KEY = text("SPIDER_SECRET_KEY") or places.kept_secret("secret-key")
MASK_KEY = (text("SPIDER_MASK_KEY") or places.kept_secret("mask-key")).encode()
DEBUG = flag("SPIDER_DEBUG")
ALLOWED_HOSTS = items("SPIDER_ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = items("SPIDER_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_htmx",
    "csp",
    "axes",
    "django_celery_beat",
    "apps.core",
    "apps.whisperers",
    "apps.captures",
    "apps.httpcomms",
    "apps.monitoring",
    "spider_site.apps.SiteConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Every view needs a login unless it says otherwise; REST views have their own permission, below.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "apps.core.zones.ZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "spider_site.urls"
WSGI_APPLICATION = "spider_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "apps.whisperers.context.navigation",
                "apps.monitoring.context.health",
            ],
        },
    },
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Servers --------------------------------------------------------------------------------------------------------

DATABASE_URL = places.database_url()
REDIS_URL = places.redis_url()
ELASTICSEARCH_URL = text("SPIDER_ELASTICSEARCH_URL")
# Where documents are kept: Elasticsearch when there is one, else the site's own PostgreSQL.
DOCUMENT_STORE_URL = ELASTICSEARCH_URL or DATABASE_URL
# A statement of the site's own tables that takes longer is given up, whether the server says so or hangs.
DATABASE_SECONDS = env("SPIDER_DATABASE_SECONDS")


def _database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    return {
        "ENGINE": "apps.core.postgresql",
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            "application_name": "spider",
            "options": f"-c statement_timeout={DATABASE_SECONDS * 1000:.0f}",
            **KEEPALIVE,
        },
    }


# Failures in a row after which a server is left alone, and the seconds until one call tries it again.
BREAKER_FAILURES = number("SPIDER_BREAKER_FAILURES")
BREAKER_SECONDS = env("SPIDER_BREAKER_SECONDS")

DATABASES = {"default": _database(DATABASE_URL)}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- Limits ---------------------------------------------------------------------------------------------------------

CHUNKS_SOFT = number("SPIDER_CHUNKS_SOFT")
CHUNKS_HARD = number("SPIDER_CHUNKS_HARD")
CHUNKS_SHARE = number("SPIDER_CHUNKS_SHARE")
OUTBOX_LIMIT = number("SPIDER_OUTBOX_LIMIT")
STATE_LIMIT = number("SPIDER_STATE_LIMIT")
CHUNK_LIMIT = number("SPIDER_CHUNK_LIMIT")
QUERY_SECONDS = env("SPIDER_QUERY_SECONDS")
WINDOW = number("SPIDER_WINDOW")
PARTITIONS = number("SPIDER_PARTITIONS")
REPROCESS_SECONDS = number("SPIDER_REPROCESS_SECONDS")
CAPTURE_IDLE_SECONDS = number("SPIDER_CAPTURE_IDLE_SECONDS")
BODY_TEXT = number("SPIDER_BODY_TEXT")
BODY_LIMIT = number("SPIDER_BODY_LIMIT")
GAP_BYTES = number("SPIDER_GAP_BYTES")
GAP_SECONDS = env("SPIDER_GAP_SECONDS")
SESSION_IDLE_SECONDS = number("SPIDER_SESSION_IDLE_SECONDS")
RETENTION_DAYS = number("SPIDER_RETENTION_DAYS")
PACKET_RETENTION_DAYS = number("SPIDER_PACKET_RETENTION_DAYS")
UPLOAD_FOLDER = DATA_DIR / "uploads"
UPLOAD_LIMIT = number("SPIDER_UPLOAD_LIMIT")
UPLOAD_SPACE = number("SPIDER_UPLOAD_SPACE")
UPLOAD_FREE = number("SPIDER_UPLOAD_FREE")
STORE_FREE = number("SPIDER_STORE_FREE")
UPLOAD_HOURS = number("SPIDER_UPLOAD_HOURS")
# Files are received by at most this many threads of a web process, so that others are left for the pages.
UPLOADS_AT_ONCE = max(1, number("SPIDER_WEB_THREADS") // 2)
# Communications that one export takes, by what its format reads for each of them.
EXPORT_LIMITS = {
    "documents": number("SPIDER_EXPORT_DOCUMENTS"),
    "bodies": number("SPIDER_EXPORT_BODIES"),
    "packets": number("SPIDER_EXPORT_PACKETS"),
    "requests": number("SPIDER_EXPORT_REQUESTS"),
}
EXPORT_BYTES = number("SPIDER_EXPORT_BYTES")
# Each holds a thread of a web process for as long as its download lasts.
EXPORTS_AT_ONCE = max(1, number("SPIDER_WEB_THREADS") // 4)
# Chunks are read from the request by the ingest API itself, with its own limit; forms stay small.
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 << 20

# --- Celery ---------------------------------------------------------------------------------------------------------

CELERY_QUEUES = ("split", "drain", "upload", "reprocess", "monitoring", "maintenance")
# Work of a later turn waits until no worker finds any of an earlier one, in whatever queue.
TURNS = 4
CELERY_BROKER_URL = places.broker_url()
# Messages are hints and Redis is the truth: a message lost is found again by redrive, one delivered twice does nothing.
# So: acknowledged when taken, one ahead, no results, no retries, and nothing redelivered by a time-out.
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 10 * 365 * 86400,
    # Few keys, and no fan-out to workers of another copy that shares the server.
    "fanout_prefix": True,
    "fanout_patterns": True,
    # A list in Redis for each turn of each queue; those of the first are read first.
    "priority_steps": list(range(TURNS)),
}
# A step that never ends would hold its worker, and then the next one, for ever: the worker is killed instead, its lease
# runs out, and the third that dies of the same row or chunk puts it aside. Steps take a second or two, and a second
# try, which takes a whole chunk row after row, some more.
CELERY_TASK_ANNOTATIONS = {
    "tasks.split.split": {"time_limit": 60},
    "tasks.drain.drain": {"time_limit": 60},
    "tasks.drain.sweep": {"time_limit": 60},
    "tasks.reprocess.second_try": {"time_limit": 300},
    "tasks.reprocess.step": {"time_limit": 1800},  # a page may have a session of a day
}
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_DEFAULT_QUEUE = "maintenance"
CELERY_TASK_QUEUES = [Queue(name, Exchange(name), routing_key=name) for name in CELERY_QUEUES]
CELERY_TASK_ROUTES = {f"tasks.{name}.*": {"queue": name} for name in CELERY_QUEUES}
CELERY_IMPORTS = [f"tasks.{name}" for name in CELERY_QUEUES]
# Celery closes a task's database connection behind it, which costs both ends 10 ms for the next: ours live as long as
# the web's, and what became of one is looked at before each task (spider_site/celery.py).
CELERY_DB_REUSE_MAX = 1_000_000_000
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "spider_site.beat:Scheduler"
# Beat repeats these; a message not taken in time is dropped, so a pause leaves no pile.
CELERY_BEAT_SCHEDULE = {
    # A moment of expiry is beat's clock against the worker's: hosts whose clocks differ by less lose none of these.
    "redrive": {"task": "tasks.monitoring.redrive", "schedule": 1.0, "options": {"queue": "monitoring", "expires": 30}},
    "retention": {
        "task": "tasks.maintenance.retention",
        "schedule": 3600.0,
        "options": {"queue": "maintenance", "expires": 3600},
    },
    "uploads": {
        "task": "tasks.maintenance.uploads",
        "schedule": 3600.0,
        "options": {"queue": "maintenance", "expires": 3600},
    },
    "purges": {
        "task": "tasks.maintenance.purges",
        "schedule": 60.0,
        "options": {"queue": "maintenance", "expires": 60},
    },
    "minute": {"task": "tasks.monitoring.minute", "schedule": 60.0, "options": {"queue": "monitoring", "expires": 60}},
}

# --- REST -----------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.core.parsers.JsonParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
# Who knows the tokens of service accounts: takes the text, gives user and token, raises what refuses it.
API_TOKENS = "apps.whisperers.services.accounts.account_use"
SPECTACULAR_SETTINGS = {
    "TITLE": "Spider",
    "DESCRIPTION": "What services say to each other, recorded, rebuilt and searchable.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": ["apps.core.api.TokenAuthentication", "apps.core.api.SessionAuthentication"],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    # One name for each set of words, wherever it is used.
    "ENUM_NAME_OVERRIDES": {
        "PurgedEnum": "apps.httpcomms.purges.KINDS",
        "RightEnum": "apps.whisperers.models.access.RIGHTS",
        "AgentStateEnum": "apps.whisperers.models.instances.Instance.State",
        "YesNoEnum": ["yes", "no"],
    },
}

# --- Login and browsers ---------------------------------------------------------------------------------------------

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Ten wrong passwords for one name from one address close that pair for a quarter of an hour.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_LOCKOUT_CALLABLE = "apps.core.views.locked_out"
AXES_IPWARE_PROXY_COUNT = 1 if flag("SPIDER_BEHIND_PROXY") else None
AXES_IPWARE_META_PRECEDENCE_ORDER = ["HTTP_X_FORWARDED_FOR"] if flag("SPIDER_BEHIND_PROXY") else ["REMOTE_ADDR"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_NAME = "spider_session"
CSRF_COOKIE_NAME = "spider_csrf"
SESSION_COOKIE_AGE = 7 * 86400
if flag("SPIDER_HTTPS"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 365 * 86400
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# --- Static files ---------------------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# Files of npm packages that pages use, served under static/vendor/ by the same path as in the package.
NODE_MODULES = BASE_DIR / "node_modules"
VENDOR_FILES = [
    "echarts/dist/echarts.min.js",
    "cytoscape/dist/cytoscape.min.js",
    "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2",
    "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
    "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-ext-wght-normal.woff2",
]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "spider_site.vendor.VendorFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Named by their content, so a browser may keep them for ever; compressing is the proxy's work in a deployment.
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# --- Language, time, logs -------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = text("SPIDER_TIME_ZONE")

_LOG_STEPS = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]
_LOG_END = (
    [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    if flag("SPIDER_LOG_JSON")
    # Plain traces: rich ones show local variables, and those hold traffic.
    else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structlog": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _LOG_STEPS,
            "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_LOG_END],
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structlog"}},
    "root": {"handlers": ["console"], "level": text("SPIDER_LOG_LEVEL")},
    "loggers": {
        "django.server": {"handlers": ["console"], "propagate": False},
        # A line for every task and every request to the store would bury the rest.
        "elastic_transport": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "django_celery_beat.schedulers": {"level": "WARNING"},
    },
}
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_LOG_STEPS,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
