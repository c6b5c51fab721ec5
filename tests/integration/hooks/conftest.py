import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from changes.domain.policy import Role
from changes.models import HookSetting
from changes.services.hook_settings import hook_configure
from tests.factories import PersonFactory, actor
from tests.integration.hooks.package import install


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site-packages")
    install(folder)
    return folder


@pytest.fixture
def hooks(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package is installed; the file into which its hooks write."""
    log = tmp_path / "hooks.log"
    log.touch()
    monkeypatch.setattr(sys, "path", [*sys.path, str(package)])
    monkeypatch.setenv("COUNTERSIGN_HOOK_LOG", str(log))
    return log


@pytest.fixture
def administrator() -> User:
    return PersonFactory.create(username="root", roles=[Role.ADMINISTRATOR])


def switch_on(administrator: User, name: str, **data: object) -> HookSetting:
    return hook_configure(name=name, actor=actor(administrator), data={"enabled": True, **data})
