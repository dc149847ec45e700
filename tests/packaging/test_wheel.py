"""What a stranger gets from pip: the robot's side without jax and MuJoCo, and the demo with the extra `sim`.

WILDROBOT_PACKAGING=1 installs from the package index, as `pip install` would; the short form links what the wheel asks
for out of the environment that runs the tests.
"""

from __future__ import annotations

import email
import json
import re
import signal
import socket
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from install_rig import Environment, build

LONG_S = 120.0
"""The most that a test waits for what comes in a second: other work on this machine must not fail it."""
MAX_RSS_MB = 150


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """sdist and wheel; skipped only where the tools that build them are out of reach."""
    try:
        return build(tmp_path_factory.mktemp("dist"))
    except LookupError as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="module")
def base(made: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """`pip install wildrobot`."""
    return Environment(tmp_path_factory.mktemp("base"), made[1])


@pytest.fixture(scope="module")
def shipped(base: Environment) -> Path:
    """The bundles in the wheel."""
    said = base.run("python", "-c", "from contract import assets_dir; print(assets_dir() / 'bundles')")
    path = Path(said.stdout.strip())
    assert path.is_relative_to(base.folder), said
    return path


@pytest.fixture
def robotd(base: Environment, shipped: Path) -> Iterator[subprocess.Popen[str]]:
    """On mock with the walking bundle, ready as systemd would hear it."""
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.bind(str(base.home / "notify"))
    heard.settimeout(LONG_S)
    command = [str(base.bin / "robotd"), "--hal", "mock", "--bundle", str(shipped / "walking")]
    variables = {**base.variables, "NOTIFY_SOCKET": str(base.home / "notify")}
    begin_s = time.monotonic()
    how = {"env": variables, "cwd": base.home, "stderr": subprocess.DEVNULL}
    with heard, subprocess.Popen(command, text=True, **how) as process:
        while b"READY=1" not in heard.recv(4096):
            assert process.poll() is None
        print(f"start to READY {time.monotonic() - begin_s:.2f} s")
        yield process
        process.kill()
    (base.home / "notify").unlink()


def test_the_wheel_holds_the_rooms_their_data_and_nothing_else(made: tuple[Path, Path]) -> None:
    sdist, wheel = made
    with zipfile.ZipFile(wheel) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    tops = {name.partition("/")[0] for name in sizes}
    rooms = {"contract", "firmware_bridge", "pages", "robotd", "trainer"}
    assert rooms <= tops and all(top in rooms or re.fullmatch(r"wildrobot-.*\.dist-info", top) for top in tops), tops
    for name in (
        "contract/_assets/wildrobot.xml",
        "contract/_assets/robot_config.yaml",
        "contract/_assets/bundles/walking/policy.onnx",
        "contract/_assets/bundles/wildrobot/deployment.json",
        "robotd/_systemd/robotd.service",
        "trainer/configs/walking.yaml",
    ):
        assert sizes.get(name), name
    stray = [name for name in sizes if re.search(r"__pycache__|\.pyc$|(^|/)\.|MUJOCO_LOG|\.key$", name)]
    assert stray == []
    assert max(sizes.values()) < 2 << 20 and sum(sizes.values()) < 20 << 20
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive}
    assert {"pyproject.toml", "README.md", "requirements.lock", "tests/conftest.py", "systemd/robotd.service"} <= names
    assert "mkdocs.yml" in names, "make docs needs it"


def test_the_metadata_say_what_it_is_for_and_promise_nothing_that_is_not_decided(made: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(made[1]) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    classifiers = metadata.get_all("Classifier") or []
    assert "Operating System :: POSIX :: Linux" in classifiers
    assert "Programming Language :: Python :: 3.11" in classifiers and metadata["Requires-Python"] == ">=3.11"
    assert metadata["Summary"] and metadata["Keywords"] and metadata["Description-Content-Type"] == "text/markdown"
    assert not any(key.startswith("License") for key in metadata), "the owner has not chosen one"


def test_the_base_install_has_neither_jax_nor_mujoco(base: Environment) -> None:
    look = "import importlib.util as u; print([n for n in ('jax', 'mujoco', 'onnx', 'scipy') if u.find_spec(n)])"
    assert base.run("python", "-c", look).stdout.strip() == "[]"
    said = base.run("robotctl", "demo", "--headless", "--seconds", "1")
    assert said.returncode == 2 and said.stderr.count("\n") == 1 and "pip install 'wildrobot[sim]'" in said.stderr


def test_robotd_starts_on_mock_in_little_memory_and_answers(
    base: Environment, robotd: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    status = base.run("robotctl", "status", "--json")
    assert status.returncode == 0 and json.loads(status.stdout)["mode"] == "idle", status
    lines = Path(f"/proc/{robotd.pid}/status").read_text().splitlines()
    rss_mb = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
    maps = Path(f"/proc/{robotd.pid}/maps").read_text()
    with capsys.disabled():
        print(f"\nrobotd on mock with the walking bundle: {rss_mb:.0f} MB resident (at most {MAX_RSS_MB})")
    assert "jaxlib" not in maps and "libmujoco" not in maps
    assert rss_mb < MAX_RSS_MB
    robotd.send_signal(signal.SIGTERM)
    assert robotd.wait(LONG_S) == 0


def test_bundle_service_and_check_work_without_a_checkout(base: Environment, tmp_path: Path) -> None:
    installed = base.run("robotctl", "bundle", "install", "wildrobot", "--json")
    assert installed.returncode == 0, installed.stderr
    check = base.run("robotd", "--hal", "mock", "--check")
    assert check.returncode == 0 and json.loads(installed.stdout)["bundle"] in check.stdout
    service = base.run("robotctl", "service", "install", "--root", tmp_path)
    assert service.returncode == 0, service.stderr
    unit = (tmp_path / "etc/systemd/system/robotd.service").read_text()
    assert f"ExecStart={base.bin}/robotd --hal real" in unit
    assert base.run("robotctl", "service", "uninstall", "--root", tmp_path).returncode == 0
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"etc/robotd/robotd.yaml"}


def test_with_the_twin_the_demo_stands_and_walks(made: tuple[Path, Path], tmp_path: Path) -> None:
    twin = Environment(tmp_path, made[1], ("sim",))
    assert twin.run("python", "-c", "import importlib.util as u; assert not u.find_spec('jax')").returncode == 0
    for words in ((), ("--bundle", assets(twin) / "walking", "--velocity", "0.3")):
        how = ("--headless", "--fast", "--episodes", "1", "--hal", "sim", "--seconds", "4", "--no-pictures", "--json")
        said = twin.run("robotctl", "demo", *how, *words)
        assert said.returncode == 0 and json.loads(said.stdout), (said.stdout[-600:], said.stderr[-600:])


def assets(environment: Environment) -> Path:
    said = environment.run("python", "-c", "from contract import assets_dir; print(assets_dir() / 'bundles')")
    return Path(said.stdout.strip())


def test_the_environment_of_the_tests_is_not_seen(base: Environment) -> None:
    said = base.run("python", "-c", "import contract; print(contract.__file__)")
    assert Path(said.stdout.strip()).is_relative_to(base.folder / "env")
    assert base.run("robotctl", "--help").returncode == 0
