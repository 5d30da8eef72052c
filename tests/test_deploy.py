"""What `deploy/` tells an administrator to copy is valid, and names every setting it needs."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
INSTALLED = "/opt/allo-quartiers/.venv/bin/"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """The commands are replaced by one that exists: verify refuses a missing executable."""
    for unit in UNITS:
        text = re.sub(f"{INSTALLED}\\S+", "/bin/true", unit.read_text())
        (tmp_path / unit.name).write_text(text)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
    )
    ours = [line for line in checked.stderr.splitlines() if "allo-quartiers" in line]
    assert (checked.returncode, ours) == (0, [])


def test_the_units_start_what_the_lock_installs() -> None:
    started = {
        Path(match).name
        for unit in UNITS
        for match in re.findall(rf"ExecStart=({INSTALLED}\S+)", unit.read_text())
    }
    lock = (ROOT / "deploy/requirements.lock").read_text()
    assert started == {"granian", "celery"}
    assert all(re.search(rf"^{name}==", lock, re.MULTILINE) for name in started)


def test_the_example_names_every_setting_that_has_no_default() -> None:
    example = (ROOT / "deploy/env.example").read_text()
    for name in ("SECRET_KEY", "PHONE_KEY_SECRET", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL"):
        assert re.search(rf"^{name}=", example, re.MULTILINE), name
    # Nothing in it may start a server: both secrets are left to be made.
    assert re.search(r"^SECRET_KEY=$", example, re.MULTILINE)
    assert not re.search(r"^(DEMO|DEBUG)=1", example, re.MULTILINE)


@pytest.mark.skipif(
    not (shutil.which("nginx") and shutil.which("openssl")), reason="no nginx or no openssl here"
)
def test_nginx_accepts_the_site(tmp_path: Path) -> None:
    """With a certificate of its own and on ports that nobody needs to be root for."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=cati.example.org"
        f" -keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    site = (ROOT / "deploy/nginx/allo-quartiers.conf").read_text()
    site = re.sub(r"/etc/\S+/fullchain.pem", str(certificate), site)
    site = re.sub(r"/etc/\S+/privkey.pem", str(key), site)
    site = site.replace("listen 80;", "listen 18080;").replace("listen 443", "listen 18443")
    conf = tmp_path / "nginx.conf"
    conf.write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\nhttp {{\n{site}\n}}\n"
    )
    checked = subprocess.run(
        ["nginx", "-t", "-q", "-c", str(conf), "-p", str(tmp_path)], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr
