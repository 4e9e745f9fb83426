"""The models on this computer and in the catalogue: list, fetch, add, check and remove them.

What is asked for goes to stdout, as lines or with --json as objects; how far a job is goes to
stderr, or with --json to stdout as {"event": "progress"}. Ctrl+C pauses a download, which the same
command resumes. The window runs its downloads with this command, in a process of their own.
"""

from __future__ import annotations

import _thread
import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from theragen_core import catalog, hardware, model_list, model_store, process, settings
from theragen_core.cli.lines import print_lines, printable
from theragen_core.errors import SettingsError, UserError
from theragen_core.faults import Fault
from theragen_core.model_list import ListedModel
from theragen_core.model_store import Progress, Stage, StoredModel
from theragen_core.protocol import TemplateChoice
from theragen_core.resources import fault_text, text

TEMPLATE_S = 30.0  # a chat template is a program of someone else's, which may never end
INTERRUPTED = 130

_TELL_S = 0.2
_FAREWELL_S = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="one JSON object a line")
    common.add_argument("--folder", type=Path, help="another model folder than in the settings")
    common.add_argument(
        "--catalogue", type=Path, default=catalog.CATALOGUE, metavar="FILE", help="another list"
    )
    common.add_argument("--until-stdin-ends", action="store_true", help=argparse.SUPPRESS)
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def action(name: str, run: Any) -> argparse.ArgumentParser:
        sub = actions.add_parser(name, parents=[common], help=text(f"cli.models_{name}"))
        sub.set_defaults(action=run)
        return sub

    action("list", _list)
    action("show", _show).add_argument("id", metavar="ID")
    fetch = action("download", _download)
    fetch.add_argument("id", metavar="ID")
    fetch.add_argument("--accept-licence", action="store_true", help="after reading it")
    fetch.add_argument(
        "--silence",
        type=_seconds,
        default=30.0,
        metavar="SECONDS",
        help="without a byte, after which a connection is given up",
    )
    add = action("import", _import)
    add.add_argument("file", type=Path, metavar="FILE")
    add.add_argument("--link", action="store_true", help="leave the file where it is")
    _add_template(add)
    action("remove", _remove).add_argument("id", metavar="ID")
    check = action("check", _check)
    check.add_argument("file", type=Path, metavar="FILE")
    _add_template(check)


def run(options: argparse.Namespace) -> int:
    """Do one thing with models. Returns the exit code: 2 with a sentence, 130 when paused."""
    if options.until_stdin_ends:
        _end_with_stdin()
    folder = options.folder or model_store.folder_for(current_settings(options.json).model_folder)
    options.folder = folder.absolute()
    try:
        code: int = options.action(options)
    except UserError as error:
        _complain(error, options)
        return 2
    except KeyboardInterrupt:
        if options.action is _download and not options.json:
            print(text("cli.models_paused"), file=sys.stderr)
        return INTERRUPTED
    return code


def _add_template(parser: argparse.ArgumentParser) -> None:
    choices = [str(choice) for choice in TemplateChoice]
    parser.add_argument("--template", choices=choices, default="file", help="how turns are marked")


def _seconds(word: str) -> float:
    try:
        seconds = float(word)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(text("cli.out_of_range", least=1, most=3600))
    return seconds


# What can be asked for --------------------------------------------------------------------------


def _list(options: argparse.Namespace) -> int:
    listed = _listed(options)
    if options.json:
        for model in listed:
            _print_json(asdict(model))
    else:
        folder = text("cli.models_folder", path=str(options.folder))
        print_lines([*map(_line, listed), folder])
    return 0


def _show(options: argparse.Namespace) -> int:
    found = next((model for model in _listed(options) if model.id == options.id), None)
    if found is None:
        raise UserError(Fault.MODEL_UNKNOWN, id=options.id)
    _print_row(asdict(found), options)
    return 0


def _download(options: argparse.Namespace) -> int:
    from theragen_core.download import download  # with the network, which nothing else here needs

    entry = catalog.entry(options.id, options.catalogue)
    job = download(entry, options.folder, options.accept_licence, options.silence)
    return _done(_follow(job, entry.file, options), options)


def _import(options: argparse.Namespace) -> int:
    template = TemplateChoice(options.template)
    job = model_store.add(options.file, options.folder, template, copy=not options.link)
    return _done(_follow(job, options.file.name, options), options)


def _remove(options: argparse.Namespace) -> int:
    stored = model_store.find(options.id, options.folder)
    entry = next((e for e in catalog.entries(options.catalogue) if e.id == options.id), None)
    if stored is None and entry is None:
        raise UserError(Fault.MODEL_UNKNOWN, id=options.id)
    if stored is not None:
        if str(stored.path) == current_settings(options.json).model:
            raise UserError(Fault.MODEL_IN_USE, name=stored.name)
        model_store.remove(stored, options.folder)
    if entry is not None:
        model_store.discard(entry.file, options.folder)
    if options.json:
        _print_json({"event": "finished", "id": options.id})
    return 0


def _check(options: argparse.Namespace) -> int:
    with _limited(options.file.name, options):
        header = model_store.check(options.file, TemplateChoice(options.template))
    row = {
        "name": header.name,
        "architecture": header.architecture,
        "licence": header.license,
        "size": header.file_size,
        "context": header.context_length,
        "fits": catalog.fits(header.file_size, hardware.probe()),
    }
    _print_row(row, options)
    return 0


def _listed(options: argparse.Namespace) -> tuple[ListedModel, ...]:
    return model_list.models(options.catalogue, options.folder, hardware.probe())


# Telling ----------------------------------------------------------------------------------------


def _line(model: ListedModel) -> str:
    percent = 100 * model.fetched // model.size
    parts = (
        model.id,
        model.name,
        f"{model.size / 1e9:.1f} GB",
        model.licence,
        "" if model.fits else text("cli.models_too_large"),
        text(f"cli.models_{model.state}", percent=percent),
    )
    return " · ".join(filter(None, parts))


def _done(model: StoredModel, options: argparse.Namespace) -> int:
    if options.json:
        _print_json({"event": "finished", "id": model.id, "path": str(model.path)})
    else:
        print_lines([text("cli.models_ready", name=model.name, path=str(model.path))])
    return 0


def _follow(
    job: Generator[Progress, None, StoredModel], file: str, options: argparse.Namespace
) -> StoredModel:
    """Run a job to its end, and say from time to time how far it is."""
    told = Progress(Stage.CHECKING, -1, 0)
    told_at = 0.0
    with ExitStack() as limit:
        while True:
            try:
                now = next(job)
            except StopIteration as end:
                model: StoredModel = end.value
                break
            limit.close()
            if now.stage is Stage.CHECKING:
                limit.enter_context(_limited(file, options))
            if now.stage is not told.stage or time.monotonic() - told_at >= _TELL_S:
                _tell(now, options)
                told, told_at = now, time.monotonic()
    if sys.stderr.isatty() and not options.json:
        print(file=sys.stderr)
    return model


def _tell(progress: Progress, options: argparse.Namespace) -> None:
    if options.json:
        _print_json({"event": "progress", **asdict(progress)})
        return
    percent = 100 * progress.done / max(1, progress.total)
    words = text(f"cli.models_{progress.stage}", percent=percent)
    if sys.stderr.isatty():
        print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)
    else:
        print(words, file=sys.stderr, flush=True)


def _complain(error: UserError, options: argparse.Namespace) -> None:
    words = fault_text(error.fault, error.details)
    if options.json:
        _print_json({"event": "failed", "fault": error.fault, "text": words})
    else:
        print(printable(words), file=sys.stderr, flush=True)


def _print_row(row: dict[str, Any], options: argparse.Namespace) -> None:
    if options.json:
        _print_json(row)
        return
    print_lines(f"{name}: {value}" for name, value in row.items() if value != "")


def _print_json(row: dict[str, Any]) -> None:
    print(json.dumps(row), flush=True)


# Ends -------------------------------------------------------------------------------------------


def current_settings(quiet: bool) -> settings.Settings:
    """The defaults where they cannot be read, which is said unless `quiet`."""
    try:
        return settings.load(settings.default_path())
    except SettingsError as error:
        if not quiet:
            print(printable(fault_text(error.fault, error.details)), file=sys.stderr, flush=True)
        return settings.Settings()


def _end_with_stdin() -> None:
    """So that no download outlives the window that asked for it; it may end at any point."""
    process.end_with_parent()

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):  # without a buffer, which has a lock
            pass
        _thread.interrupt_main()  # a copy tidies up behind itself
        time.sleep(_FAREWELL_S)
        os._exit(INTERRUPTED)  # it waits for the network; a download may end at any point

    threading.Thread(target=wait, daemon=True, name="stdin").start()


@contextmanager
def _limited(file: str, options: argparse.Namespace) -> Iterator[None]:
    """Within, the template of a file is run; where that has no end, this program has one."""

    def give_up() -> None:
        _complain(UserError(Fault.MODEL_BAD_TEMPLATE, path=file), options)
        os._exit(2)

    timer = threading.Timer(TEMPLATE_S, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
