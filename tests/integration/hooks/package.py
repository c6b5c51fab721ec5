"""A package with hooks of every kind of behaviour, as its installer would have put it on the path."""

from pathlib import Path

CODE = """
import os, subprocess, sys, time
from changes.hooks.interface import Objection

LOG = os.environ.get("COUNTERSIGN_HOOK_LOG", "")


class Base:
    api = 1
    points = ("before_plan", "after_plan", "before_wave", "after_device", "after_run")

    def call(self, event):
        with open(LOG, "a") as log:
            device = event.device.name if event.device else ""
            wave = event.wave.number if event.wave else ""
            print(event.point, event.change.number, wave, device, event.run.outcome if event.run else "", file=log)


class Watcher(Base):
    pass


class Objector(Base):
    def call(self, event):
        if os.path.exists(LOG + ".agree"):
            return None
        return Objection("The site has a festival on.")


class Hanger(Base):
    def call(self, event):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        while True:
            try:
                time.sleep(60)
            except BaseException:
                pass


class Sleeper(Base):
    def call(self, event):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        with open(LOG, "a") as log:
            print(os.getpid(), child.pid, file=log)
        time.sleep(60)


class Forker(Base):
    def call(self, event):
        if os.fork() == 0:
            time.sleep(60)
        return None


class Crasher(Base):
    def call(self, event):
        raise RuntimeError("no luck with hunter2-of-hooks")


class Killer(Base):
    def call(self, event):
        os.kill(os.getpid(), 9)


class Liar(Base):
    def call(self, event):
        return {"agrees": True, "approved_by": "everybody"}


class Flooder(Base):
    def call(self, event):
        os.write(1, b"x" * 100_000)
        print("noise " * 10_000)
        return Objection("y" * 10_000_000)


class Hungry(Base):
    def call(self, event):
        return bytearray(8 * 1024**3) and None


class Spy(Base):
    def call(self, event):
        seen = {name: value for name, value in os.environ.items() if "SECRET" in name or "DATABASE" in name}
        import django.conf
        return Objection(f"saw {sorted(seen)} {django.conf.settings.configured}")


class Future(Base):
    api = 2


class Pointless(Base):
    points = ("whenever",)


broken = object()
"""


def install(folder: Path) -> None:
    """Write module and metadata; the folder goes on ``sys.path``."""
    (folder / "acme_hooks.py").write_text(CODE)
    names = (
        "Watcher",
        "Objector",
        "Hanger",
        "Sleeper",
        "Forker",
        "Crasher",
        "Killer",
        "Liar",
        "Flooder",
        "Hungry",
        "Spy",
        "Future",
        "Pointless",
    )
    lines = [f"{name.lower()} = acme_hooks:{name}" for name in names]
    lines += ["broken = acme_hooks:broken", "absent = acme_hooks:Nothing", "bad name = acme_hooks:Watcher"]
    metadata = folder / "acme_hooks-2.5.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-hooks\nVersion: 2.5\n")
    (metadata / "entry_points.txt").write_text("[countersign.hooks]\n" + "\n".join(lines) + "\n")
