"""Django's settings, from the environment (``environment.py``). Importing them starts nothing."""

import os
from datetime import timedelta
from math import ceil
from typing import Any

import dj_database_url
from csp.constants import NONCE, NONE, SELF

from audit.database_roles import APPLICATION, SEALER
from portal.audit_environment import read_audit
from portal.credential_environment import read_rules_path, read_vault
from portal.embedded_postgres import DATABASE, ROLE, Layout
from portal.environment import BASE_DIR, read_environment
from portal.mail_environment import read_mail
from portal.netbox_environment import read_netbox

_environment = read_environment(os.environ)
_netbox = read_netbox(os.environ)
_mail = read_mail(os.environ)
_audit = read_audit(os.environ, _environment.home)

# ---- the installation
COUNTERSIGN_HOME = _environment.home
COUNTERSIGN_URL = _environment.url
# Whose X-Forwarded-For is believed; empty: nobody's.
COUNTERSIGN_TRUSTED_PROXIES = _environment.trusted_proxies
COUNTERSIGN_TRUSTS_SOCKET = _environment.trusts_socket
COUNTERSIGN_WORKERS = _environment.workers
COUNTERSIGN_THREADS = _environment.threads
COUNTERSIGN_PIN_WORKERS = _environment.pin_workers
DEVICE_CREDENTIALS = _environment.device_credentials
DEVICE_CREDENTIAL_RULES = read_rules_path(os.environ)
# Without tokens and ids: those are taken from the environment or their files when they are used.
VAULT = read_vault(os.environ, DEVICE_CREDENTIALS)
SECRET_KEY = _environment.secret_key
DEBUG = _environment.debug
ALLOWED_HOSTS = list(_environment.allowed_hosts)

# ---- the audit log's seal: the sealer alone opens the key's file, everything else knows public keys
AUDIT_KEY_FILE = _audit.key_file
AUDIT_VERIFIERS = _audit.verifiers
AUDIT_ANCHORS = _audit.anchors
AUDIT_ARCHIVES = _audit.archives

# ---- database
EMBEDDED_POSTGRES = not _environment.database_url
EMBEDDED_POSTGRES_DURABLE = True


def _database(url: str, embedded_role: str) -> dict[str, Any]:
    if url:
        return dict(dj_database_url.parse(url))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": str(Layout.of(COUNTERSIGN_HOME).socket_directory),
        "NAME": DATABASE,
        "USER": embedded_role,
    }


# Over TCP, a server that vanished without a word has to be noticed well before a worker's lease ends, and by the server
# a host that vanished, whose sessions hold devices and rows. PostgreSQL ignores its part on a unix socket.
_SERVER_PATIENCE = {
    "tcp_keepalives_idle": "5s",
    "tcp_keepalives_interval": "2s",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "11s",
}
_TCP_PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,
    "options": " ".join(f"-c {name}={value}" for name, value in _SERVER_PATIENCE.items()),
}


def _with_patience(database: dict[str, Any]) -> dict[str, Any]:
    options = {**_TCP_PATIENCE, "prepare_threshold": 2, **database.get("OPTIONS", {})}
    return {**database, "OPTIONS": options}


# No OPTIONS["pool"]: qcluster forks after the pool's sockets are open, and the children would share them.
DATABASES = {
    "default": {
        **_with_patience(_database(_environment.database_url, APPLICATION)),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}
# How migrations connect, to become the owner of the tables; empty: they use the same connection as everything else.
DATABASE_OWNER: dict[str, Any] = (
    _with_patience(_database(_environment.database_owner_url, ROLE))
    if _environment.database_owner_url or EMBEDDED_POSTGRES
    else {}
)
# Migrations make the roles first: where the server is ours.
DATABASE_ROLES_BY_ITSELF = EMBEDDED_POSTGRES
# How the sealer connects; empty: a served database without a login of its own for it.
DATABASE_SEALER: dict[str, Any] = (
    _with_patience(_database(_environment.database_sealer_url, SEALER))
    if _environment.database_sealer_url or EMBEDDED_POSTGRES
    else {}
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ---- applications
INSTALLED_APPS = [
    # Above Django's own: of two commands of one name the upper app's counts.
    "portal.account_commands",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "axes",
    "csp",
    "django_filters",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "audit",
    "devices",
    "changes",
    # The composition root is set up after all that have an admin: it takes back what others have put into it.
    "portal",
    # Below it: of two commands of one name the upper app's counts, and `qcluster` is ours.
    "django_q",
]

MIDDLEWARE = [
    "portal.client_address.ClientAddressMiddleware",
    "portal.middleware.RequestIdMiddleware",
    "portal.refusal_events.RefusalEventsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.middleware.UnkeptAnswersMiddleware",
    "portal.middleware.BodyLimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    # axes asks to be last: it turns a refused sign-in into its own response.
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context_processors.shell",
            ],
        },
    },
]

# ---- language and time
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# ---- static files: served from where they are, so nothing has to be collected first
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

# ---- people
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "portal.passwords.RecordedPasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "sign-in"

# One name from one address: nobody can lock a colleague out from elsewhere.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
# Who is refused tries again, and must not be refused for longer by that.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_USERNAME_CALLABLE = "portal.sign_in_events.counted_name"
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

# ---- what a browser may do
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [COUNTERSIGN_URL]
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if _environment.https:
    # The proxy's X-Forwarded-Proto is judged by gunicorn (`forwarded_allow_ips`), not believed from anybody here.
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_SECURE = True
    CSRF_COOKIE_NAME = "__Host-csrf"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# portal.middleware.BodyLimitMiddleware refuses larger bodies with a sentence, on pages and in the API.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 12_000

# ---- API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.api.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["portal.api.parsers.StrictJSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["portal.api.throttles.PersonThrottle", "portal.api.throttles.RefusalThrottle"],
    "DEFAULT_THROTTLE_RATES": {"password": "30/min", "tokens": "30/hour", "person": "1200/min"},
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "portal.api.errors.exception_handler",
    # What X-Forwarded-For claims is not believed when attempts are counted.
    "NUM_PROXIES": 0,
    # ?format= is a parameter of its own for the export, and an unknown filter everywhere else.
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
KNOX_TOKEN_MODEL = "portal.ApiToken"  # noqa: S105 - the name of a model
REST_KNOX = {"TOKEN_TTL": timedelta(days=30), "AUTH_HEADER_PREFIX": "Token", "TOKEN_PREFIX": "cs_"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Countersign",
    "DESCRIPTION": "Network change management where the approval signs exactly the bytes that will be sent.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "PATH_CONVERTER_OVERRIDES": {"id": int},
    "ENUM_NAME_OVERRIDES": {
        "EvidencePackScope": "changes.domain.evidence.PackScope.choices",
        "EvidencePackState": "changes.domain.evidence.PackState.choices",
        "RedactionState": "audit.models.RedactionState",
        "ChangeType": "changes.domain.states.ChangeType.choices",
        "ChangeState": "changes.domain.states.ChangeState.choices",
        "PlanState": "changes.domain.states.PlanState.choices",
        "PolicyState": "changes.domain.policy_versions.PolicyState.choices",
        "DevicePlanState": "changes.domain.states.DevicePlanState.choices",
        "RunState": "changes.domain.run_states.RunState.choices",
        "RunOutcome": "changes.domain.run_states.RunOutcome.choices",
        "DeviceRunState": "changes.domain.run_states.DeviceRunState.choices",
        "StepOutcome": "changes.models.StepOutcome",
        "Decision": "changes.models.Decision",
        "CloseCode": "changes.domain.states.CloseCode.choices",
        "RiskLevel": "changes.domain.risk.levels.RiskLevel.choices",
        "ReportKind": "changes.domain.reports.periods.ReportKind.choices",
        "ReviewState": "changes.domain.reviews.content.ReviewState.choices",
        "ReviewOutcome": "changes.domain.reviews.content.ReviewOutcome.choices",
        "ReviewActionState": "changes.domain.reviews.content.ActionState.choices",
        "ReviewGround": "changes.domain.reviews.duty.Ground.choices",
        "TemplateState": "changes.domain.templates.states.TemplateState.choices",
        "TemplateDecision": "changes.domain.templates.states.ReviewDecision.choices",
        "GateName": "changes.domain.gates.Gate.choices",
        "HumanGate": "changes.domain.strategy.HumanGate.choices",
        "InFlight": "changes.domain.strategy.InFlight.choices",
        "WaveState": "changes.domain.run_states.WaveState.choices",
        "MeetingOutcome": "changes.domain.meetings.Outcome.choices",
        "ManualStepState": "changes.domain.decision_steps.StepState.choices",
        "HookCallState": "changes.domain.hooks.HookCallState.choices",
        "DeviceStatus": "devices.models.DeviceStatus",
        "HostKeyState": "devices.models.HostKeyState",
        "SnapshotPurpose": "devices.models.SnapshotPurpose",
        "BackupState": "devices.models.BackupState",
        "BackupRunState": "devices.models.BackupRunState",
        "BackupTrigger": "devices.models.BackupTrigger",
        "StartupState": "devices.models.StartupState",
        "SourceKind": "devices.models.SourceKind",
        "SyncScope": "devices.models.SyncScope",
        "SyncState": "devices.models.SyncState",
    },
}

# ---- the queue: a doorbell only; what is to be done stands in our own tables
# The only modules whose functions a worker runs.
COUNTERSIGN_TASK_MODULES: tuple[str, ...] = ("changes.tasks", "devices.tasks", "audit.tasks", "portal.tasks")
# Redis's address, if the queue is there; it may hold a password.
COUNTERSIGN_BROKER_SECRET_URL = _environment.broker_url
_BROKER = "redis_broker.RedisDoorbellBroker" if COUNTERSIGN_BROKER_SECRET_URL else "broker.DoorbellBroker"
_TASK_TIMEOUT_S = 120
_QUEUE_LIMIT = 1
_BULK = 1
# Prefetched tasks wait behind others; delivered again before they began, they would run twice.
_LONGEST_WAIT_S = _TASK_TIMEOUT_S * (1 + ceil((_QUEUE_LIMIT + _BULK) / COUNTERSIGN_WORKERS))
Q_CLUSTER = {
    "name": "countersign",
    "orm": "default",
    "broker_class": f"portal.supervision.{_BROKER}",
    "workers": COUNTERSIGN_WORKERS,
    "poll": 0.2,
    "queue_limit": _QUEUE_LIMIT,
    "bulk": _BULK,
    "timeout": _TASK_TIMEOUT_S,
    "retry": max(300, _LONGEST_WAIT_S + 60),
    "max_attempts": 1,
    "ack_failures": True,
    # Results are pickles that nobody needs: what came of the work stands in our own tables.
    "save_limit": -1,
    "catch_up": False,
    # The dispatcher takes this part; a row in the schedule table could name any function.
    "scheduler": False,
    "recycle": 500,
    "log_level": "WARNING",
}

# Recurring work: a function of a task module, and the seconds between two calls (0: never).
COUNTERSIGN_PERIODIC: dict[str, int] = {
    "changes.tasks.approvals_due": 60,
    "changes.tasks.windows_near": 60,
    "devices.tasks.backup_scheduled": _environment.backup_every_s,
    "devices.tasks.addresses_fill": 3600,
    "devices.tasks.credential_uses_settle": 300,
    "devices.tasks.drift_fall_due": 3600,
    "changes.tasks.reviews_remind": 3600,
    "changes.tasks.reports_due": 3600,
    "changes.tasks.evidence_packs_expire": 3600,
    "changes.tasks.notifications_forget": 24 * 3600,
    "devices.tasks.inventory_sync_due": _netbox.sync_s,
    "devices.tasks.inventory_sync_waiting": 20 if _netbox.url else 0,
    "devices.tasks.inventory_journal_due": 30 if _netbox.url else 0,
    "devices.tasks.inventory_deliveries_due": 60 if _netbox.url and _netbox.webhook_secret else 0,
}

# What makes the report for readers in an evidence pack.
EVIDENCE_REPORT = "portal.evidence_report.evidence_report"

# ---- e-mail, and what webhooks may reach beside public addresses
COUNTERSIGN_MAIL_ON = _mail.is_on
EMAIL_BACKEND = str(_mail.settings["EMAIL_BACKEND"])
EMAIL_HOST = str(_mail.settings.get("EMAIL_HOST", "localhost"))
EMAIL_PORT = int(str(_mail.settings.get("EMAIL_PORT", 25)))
EMAIL_HOST_USER = str(_mail.settings.get("EMAIL_HOST_USER", ""))
EMAIL_HOST_PASSWORD = str(_mail.settings.get("EMAIL_HOST_PASSWORD", ""))
EMAIL_USE_TLS = bool(_mail.settings.get("EMAIL_USE_TLS", False))
EMAIL_USE_SSL = bool(_mail.settings.get("EMAIL_USE_SSL", False))
EMAIL_FILE_PATH = _mail.settings.get("EMAIL_FILE_PATH")
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _mail.sender
WEBHOOK_ALLOWED_NETWORKS = _mail.networks
WEBHOOK_CA_FILE = _mail.ca_file
WEBHOOK_TIMEOUT_S = 10.0

# ---- NetBox as the source of devices; an empty address: there is none
NETBOX_URL = _netbox.url
NETBOX_TOKEN = _netbox.token
NETBOX_FILTER = _netbox.filter
NETBOX_WEBHOOK_SECRET = _netbox.webhook_secret
NETBOX_FULL_SYNC_S = _netbox.full_sync_s
NETBOX_TIMEOUT_S = _netbox.timeout_s
NETBOX_PLATFORM_FIELD = _netbox.platform_field
NETBOX_CREDENTIAL_FIELD = _netbox.credential_field
NETBOX_CRITICALITY_FIELD = _netbox.criticality_field
NETBOX_CRITICALITY_TAG = _netbox.criticality_tag
NETBOX_CREDENTIAL = _netbox.credential

# ---- errors: what a report shows, in debug mode too
DEFAULT_EXCEPTION_REPORTER = "portal.error_reports.SecretReporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "portal.error_reports.SecretReporterFilter"

# ---- logs: one line each, to stderr, without secrets
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "filters": {"secrets": {"()": "portal.log_filter.SecretFilter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["secrets"]}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        # Below that it quotes a page's whole context for each variable that a template does not find.
        "django.template": {"level": "WARNING"},
        "django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "django-q": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "axes": {"level": "WARNING"},
        "portal": {"level": "INFO"},
        "changes": {"level": "INFO"},
        "devices": {"level": "INFO"},
        "audit": {"level": "INFO"},
        "paramiko": {"level": "CRITICAL"},
        "asyncssh": {"level": "ERROR"},
    },
}

# ---- execution: seconds, unless a name says otherwise
COUNTERSIGN_LEASE_S = 15
COUNTERSIGN_RUNNER_DEADLINE_S = 60
COUNTERSIGN_BUSY_WAIT_S = 2
# Calls of hooks at once in the whole installation; one worker makes them all, so that the others are left to devices.
COUNTERSIGN_HOOKS_AT_ONCE = _environment.hooks_at_once
# Sessions of backups at once in the whole installation; a busy device is waited for this often, with growing pauses.
COUNTERSIGN_BACKUP_SESSIONS = _environment.backup_sessions
COUNTERSIGN_BACKUP_BUSY_WAITS = 5
COUNTERSIGN_BACKUP_KEEP = _environment.backup_keep
COUNTERSIGN_BACKUP_LOG_DAYS = 30
# The targets by which key figures are judged, where they are not the product's own.
COUNTERSIGN_KPI_TARGETS = _environment.kpi_targets
COUNTERSIGN_RECONNECT_WAIT_S = 2
# With pauses of up to a minute this waits some ten minutes: as long as a large switch takes to restart.
COUNTERSIGN_RECONCILE_ATTEMPTS = 15
COUNTERSIGN_RING_AGAIN_S = 5
# A change that is to start by itself is not started any more so long after its window opened; its people are told.
COUNTERSIGN_START_GRACE_S = 900
# Transient errors before any write are tried again; the pause grows by the factor, and is spread by the jitter's share.
DEVICE_CONNECT_ATTEMPTS = _environment.connect_attempts
DEVICE_RETRY_BASE_S = _environment.retry_base_s
DEVICE_RETRY_FACTOR = _environment.retry_factor
DEVICE_RETRY_JITTER = _environment.retry_jitter
# After so many failures in a row within the window nothing is tried until the cool-down is over; 0: no breaker.
COUNTERSIGN_BREAKER_CREDENTIAL_FAILURES = _environment.breaker_credential_failures
COUNTERSIGN_BREAKER_SITE_FAILURES = _environment.breaker_site_failures
COUNTERSIGN_BREAKER_WINDOW_S = _environment.breaker_window_s
COUNTERSIGN_BREAKER_COOL_DOWN_S = _environment.breaker_cool_down_s
COUNTERSIGN_BREAKER_GIVE_UP_S = _environment.breaker_give_up_s
# How long a success shows that a credential is right; without one, only as many sign-ins run at once as may fail.
COUNTERSIGN_BREAKER_PROOF_S = 600
DEVICE_CONNECT_TIMEOUT_S = 10.0
DEVICE_READ_TIMEOUT_S = 20.0
# How long a device waits for a commit to be confirmed, on top of the post-checks' own time.
DEVICE_CONFIRM_WITHIN_S = 120
# HTTPS: authorities one of which must have signed a device's pinned certificate, too (a PEM file); empty: any signer.
DEVICE_CA_FILE = _environment.device_ca_file
# eAPI over plain HTTP beyond this machine shows passwords to everyone on the way.
DEVICE_ALLOW_PLAIN_HTTP = _environment.device_allow_plain_http
