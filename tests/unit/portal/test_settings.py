from django.conf import settings

import portal.settings


def test_connections_are_kept_checked_and_not_pooled() -> None:
    database = settings.DATABASES["default"]
    assert (database["CONN_MAX_AGE"], database["CONN_HEALTH_CHECKS"]) == (60, True)
    assert "pool" not in database.get("OPTIONS", {}), "qcluster's children would share the pool's sockets"


def test_a_database_server_that_vanished_is_noticed_before_a_lease_ends() -> None:
    options = settings.DATABASES["default"]["OPTIONS"]
    keepalive_s = options["keepalives_idle"] + options["keepalives_interval"] * options["keepalives_count"]
    assert max(options["tcp_user_timeout"] / 1000, keepalive_s) < portal.settings.COUNTERSIGN_LEASE_S * 0.75


def test_queue_keeps_no_results_schedules_nothing_and_repeats_nothing() -> None:
    queue = settings.Q_CLUSTER
    assert (queue["save_limit"], queue["scheduler"], queue["catch_up"]) == (-1, False, False)
    assert (queue["max_attempts"], queue["ack_failures"]) == (1, True)


def test_queue_is_not_in_the_admin() -> None:
    from django.contrib import admin

    assert not [model for model in admin.site._registry if model._meta.app_label == "django_q"]


def test_order_of_the_middleware_that_depends_on_it() -> None:
    order = [path.rpartition(".")[2] for path in settings.MIDDLEWARE]
    expected = [
        "RequestIdMiddleware",
        "SecurityMiddleware",
        "WhiteNoiseMiddleware",
        "CSPMiddleware",
        "BodyLimitMiddleware",
        "SessionMiddleware",
        "CsrfViewMiddleware",
        "AuthenticationMiddleware",
        "AxesMiddleware",
    ]
    assert [name for name in order if name in expected] == expected
    assert order[-1] == "AxesMiddleware"


def test_content_security_policy_allows_nothing_inline() -> None:
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    assert directives["style-src"] == ["'self'"]
    assert "unsafe" not in str(directives)
    assert directives["frame-ancestors"] == ["'none'"]
