"""What holds for the project as a whole: its contracts, its entry points and its pages."""

import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import theragen_core
from scripts import setup_environment

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]


def test_import_contracts_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_entry_points_can_be_called() -> None:
    for target in PROJECT["scripts"].values():
        module, _, name = target.partition(":")
        assert callable(getattr(import_module(module), name))


def test_version_is_the_same_everywhere() -> None:
    assert PROJECT["version"] == theragen_core.__version__


def test_every_dependency_is_pinned() -> None:
    extras = PROJECT["optional-dependencies"].values()
    for requirement in [*PROJECT["dependencies"], *(pin for extra in extras for pin in extra)]:
        assert re.fullmatch(r"[\w-]+==[\w.]+", requirement), requirement


def test_every_resource_is_packaged() -> None:
    patterns = PYPROJECT["tool"]["setuptools"]["package-data"]["*"]
    for path in (ROOT / "resources").rglob("*.*"):
        assert any(path.match(pattern) for pattern in patterns), path


def test_every_decision_is_listed() -> None:
    decisions = {path.name for path in (ROOT / "docs/adr").glob("[0-9]*.md")}
    index = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\(([^)]+)\)", index)) == decisions


def test_pages_name_only_commands_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    command = re.compile(r"^[ `]*(?:\w+=\S+ )*make (?:\w+=\S+ )*(\w+)", re.MULTILINE)
    for page in ("README.md", "CONTRIBUTING.md"):
        named = command.findall(code_in(ROOT / page))
        assert named, page
        assert set(named) <= targets, page


def code_in(page: Path) -> str:
    """The lines and words of a Markdown page that are set as code."""
    text = page.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"```.*?```|`[^`]+`|^ {4}.*$", text, re.DOTALL | re.MULTILINE))


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
        for target in targets:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_setup_refuses_unknown_words() -> None:
    assert setup_environment.main(["everything"]) == 2


def test_setup_names_the_package_of_a_missing_library() -> None:
    part = setup_environment.Missing("libgone.so.1", "libgone1")
    assert not setup_environment.loads(part.what)
    assert part.package in setup_environment.remedy([part])
