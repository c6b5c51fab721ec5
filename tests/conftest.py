"""The session's database, and what every test may use."""

import gc
import os
import re
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

import hypothesis
import pytest
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.management import create_contenttypes
from django.core.management import sql
from django.core.management.color import Style
from django.core.management.commands import flush
from django.db import connections
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.models.signals import post_migrate
from pytest_django import DjangoDbBlocker
from whitenoise.middleware import WhiteNoiseMiddleware

from audit.database_roles import APPLICATION
from portal.embedded_postgres import attach, roles_prepare
from tests.database import as_superuser, sign_in_as_superuser
from tests.migrated_home import prepared_data_forget
from tests.template_database import template_drop, template_prepare

TRUNCATED = frozenset({"audit_event", "audit_opening"})  # their rows leave by archives alone
NEVER_EMPTIED = frozenset({"audit_stateful", "auth_permission", "django_content_type", "django_migrations"})
# The database refuses to empty these, to their owner too unless it is told to look away: only here.
KEPT_BY_TRIGGERS = {
    "audit_event": "audit_event_only_grows",
    "auth_user": "auth_user_needs_event",
    "auth_user_groups": "auth_user_groups_needs_event",
    "auth_user_user_permissions": "auth_user_permissions_needs_event",
    "auth_group_permissions": "auth_group_permissions_needs_event",
    "auth_group": "auth_group_needs_event",
    "portal_apitoken": "portal_apitoken_needs_event",
    "portal_calendarfeed": "portal_calendarfeed_needs_event",
    "audit_pending": "audit_pending_leaves_sealed",
    "audit_leaf": "audit_leaf_stays",
    "audit_tile": "audit_tile_stays",
    "audit_checkpoint": "audit_checkpoint_stays",
    "audit_opening": "audit_opening_never_goes",
    "audit_redaction": "audit_redaction_never_goes",
    "audit_legal_hold": "audit_legal_hold_stays",
    "audit_retention_period": "audit_retention_period_stays",
    "audit_archive": "audit_archive_stays",
    "audit_archived_event": "audit_archived_event_stays",
    "audit_retrieval_test": "audit_retrieval_test_stays",
    "changes_approval": "changes_approval_stays",
    "changes_approvalpolicyversion": "changes_policy_stays",
    "changes_changerequest_editors": "changes_editors_stay",
    "changes_run_implementers": "changes_implementers_stay",
    "changes_delegation": "changes_delegation_stays",
    "changes_deviceplan": "changes_deviceplan_stays",
    "changes_report": "changes_report_stays",
    "changes_review": "changes_review_stays",
    "changes_review_writers": "changes_review_writers_stay",
    "changes_riskanswer": "changes_riskanswer_stays",
    "changes_riskassessment": "changes_riskassessment_stays",
    "changes_riskoverride": "changes_riskoverride_stays",
    "changes_preapprovalrestoration": "changes_restorations_stay",
    "changes_templatereview": "changes_templatereview_guard",
    "changes_templateversion": "changes_templateversion_guard",
    "changes_templateversion_editors": "changes_template_editors_stay",
    "changes_thread": "changes_thread_stays",
    "changes_threadcomment": "changes_threadcomment_stays",
    "changes_meeting": "changes_meeting_stays",
    "changes_agendaitem": "changes_agenda_frozen",
    "changes_attendance": "changes_attendance_stays",
    "changes_agendaitem_decisions": "changes_meeting_decision_stays",
}
LONGEST = (
    "tests/integration/supervision/test_worker.py",
    "tests/e2e/story/test_story.py",
    "tests/integration/supervision/test_demo.py",
    "tests/chaos/test_sample.py",
    "tests/e2e/change_pages/test_looks.py",
    "tests/e2e/pages/test_browsing_looks.py",
    "tests/integration/changes/test_awkward_devices.py",
    "tests/integration/changes/test_rollback.py",
    "tests/e2e/design/test_style_guide.py",
    "tests/integration/changes/test_recovery.py",
    "tests/integration/drivers/test_napalm_ios.py",
)
PERMISSIONS = "django.contrib.auth.management.create_permissions"
TEST_DATABASE = re.compile(r"test_(?P<session>\d+)(_gw\d+|_template|_unfinished)?")

# Machines are noisy: no example has a deadline. In CI everybody gets the same examples; elsewhere new ones are tried.
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")

pytest_plugins = ["tests.integration.lab_fixtures", "tests.integration.sealing_fixtures"]


def pytest_configure(config: pytest.Config) -> None:
    """Hold on to the embedded server for as long as the session lives, and sign in as who may make databases."""
    if settings.EMBEDDED_POSTGRES:
        attachment = attach(settings.COUNTERSIGN_HOME, durable=settings.EMBEDDED_POSTGRES_DURABLE)
        roles_prepare(attachment.layout)
    sign_in_as_superuser()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The workers have ended, and with them the need for what they copied."""
    if hasattr(config, "workerinput"):
        return
    if getattr(config.option, "dist", "no") != "no":
        template_drop()
    prepared_data_forget()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests are made and none is let go of: each worker looked for garbage among them for a second."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: at the end, one worker would go on while the others have nothing left."""
    place = {file: number for number, file in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    django_db_blocker: DjangoDbBlocker,
    request: pytest.FixtureRequest,
) -> None:
    """Each xdist worker has a database of its own; those that killed sessions left are dropped first."""
    if settings.EMBEDDED_POSTGRES:
        _drop_databases_of_dead_sessions()
    if hasattr(request.config, "workerinput"):
        with django_db_blocker.unblock():
            template_prepare()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database was made by a superuser and migrated as its owner; every connection of a test is the application."""
    options = connections["default"].settings_dict["OPTIONS"]
    with django_db_blocker.unblock():
        connections["default"].close()
    options["assume_role"] = APPLICATION
    yield
    del options["assume_role"]
    with django_db_blocker.unblock():
        connections["default"].close()


def _drop_databases_of_dead_sessions() -> None:
    import psycopg
    from psycopg.sql import SQL, Identifier

    default = settings.DATABASES["default"]
    with psycopg.connect(host=default["HOST"], user=default["USER"], dbname="postgres", autocommit=True) as connection:
        names = [row[0] for row in connection.execute("SELECT datname FROM pg_database").fetchall()]
        for name in names:
            match = TEST_DATABASE.fullmatch(name)
            if match and not Path("/proc", match["session"]).exists():
                connection.execute(SQL("DROP DATABASE IF EXISTS {}").format(Identifier(name)))


@pytest.fixture(autouse=True, scope="session")
def _empty_what_is_filled() -> Iterator[None]:
    """After a transactional test, delete the rows of those tables that have any.

    To truncate them all, as Django does, takes ten times as long. Tables that exist count, not those that Django's
    models name: tables of models that were swapped for others refer to ours. The audit log is emptied too: events of
    one test must not stand in another's way, whose rows may get the same numbers. Then the rows that come with the
    tables, as roles do, are made again, but for the content types and permissions: those were kept.
    """

    def sql_flush(operations: DatabaseOperations, style: Style, tables: Sequence[str], **options: bool) -> list[str]:
        with as_superuser() as cursor:  # the application may not look into every table
            names = sorted(set(operations.connection.introspection.table_names(cursor)) - NEVER_EMPTIED)
            asked = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names)  # noqa: S608 - the catalogue says them
            cursor.execute(" UNION ALL ".join(asked))
            filled = [name for (name,) in cursor.fetchall()]
        triggers = [(table, trigger) for table, trigger in KEPT_BY_TRIGGERS.items() if table in filled]
        return [
            "SET LOCAL ROLE NONE",  # the superuser who signed in
            "SET LOCAL session_replication_role = replica",  # no foreign key is looked after meanwhile
            *(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}" for table, trigger in triggers),
            *(f"{'TRUNCATE' if name in TRUNCATED else 'DELETE FROM'} {name}" for name in filled),
            *(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}" for table, trigger in triggers),
        ]

    def emit_post_migrate_signal(*args: object, **named: object) -> None:
        post_migrate.disconnect(create_contenttypes)
        post_migrate.disconnect(dispatch_uid=PERMISSIONS)
        try:
            sql.emit_post_migrate_signal(*args, **named)  # type: ignore[arg-type]
        finally:
            post_migrate.connect(create_contenttypes)
            post_migrate.connect(create_permissions, dispatch_uid=PERMISSIONS)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        patch.setattr(flush, "emit_post_migrate_signal", emit_post_migrate_signal)
        yield


@pytest.fixture(autouse=True, scope="session")
def _look_for_static_files_once() -> Iterator[None]:
    """Each test's client builds the middleware anew, which would look for every static file again: 40 ms each time."""
    found: dict[str, object] = {}

    def add(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            look(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    look = WhiteNoiseMiddleware.add_files_from_finders
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", add)
        yield


@pytest.fixture
def process_environment(transactional_db: None) -> dict[str, str]:
    """The environment for a real process (a worker, a web server) that shall see this test's database."""
    default = connections["default"].settings_dict
    url = (
        f"postgresql://{APPLICATION}@/{default['NAME']}?host={quote(default['HOST'])}"
        if settings.EMBEDDED_POSTGRES
        else _with_database(os.environ["DATABASE_URL"], default["NAME"])
    )
    return {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}


def _with_database(url: str, name: str) -> str:
    """The served database of a test: the login stays, and becomes the application as it connects."""
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, f"options={quote(f'-c role={APPLICATION}')}")))
    return parts._replace(path=f"/{name}", query=query).geturl()
