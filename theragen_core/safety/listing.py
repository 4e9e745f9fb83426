"""The directory's numbers and lines as text, for replies and for the terminal."""

from __future__ import annotations

from theragen_core.directory import CrisisResources, EmergencyNumber, HelpLine, Method, Service
from theragen_core.resources import text


def emergency_text(resources: CrisisResources) -> str:
    """The emergency numbers as a Markdown list, in the order in which to try them."""
    if not resources.emergency:
        return f"- **{text('help.emergency_unknown')}**"
    by_label: dict[Service, list[EmergencyNumber]] = {}
    for entry in resources.emergency:
        by_label.setdefault(entry.label, []).append(entry)
    return "\n".join(_numbers_of(label, entries) for label, entries in by_label.items())


def _numbers_of(label: Service, entries: list[EmergencyNumber]) -> str:
    first, *others = (entry.number for entry in entries)
    line = f"- **{text(f'help.{label}')}: {first}**"
    return f"{line} {text('help.or_try', numbers=', '.join(others))}" if others else line


def lines_text(resources: CrisisResources) -> str:
    """The helplines as a Markdown list that ends with where to find more."""
    lines = [f"- **{line.name}**: {_how_to_reach(line)}" for line in resources.lines]
    more = "help.more_lines" if lines else "help.no_lines"
    return "\n".join([*lines, "- " + text(more, finder=resources.finder_url)])


def _how_to_reach(line: HelpLine) -> str:
    way = "_".join(line.methods) + ("_keyword" if line.keyword else "")
    how = text(f"help.by_{way}", number=line.number, keyword=line.keyword, url=line.url)
    details = [line.hours or text("help.hours_unknown")]
    if line.free and Method.CHAT not in line.methods:
        details.append(text("help.free"))
    return f"{how} ({', '.join(details)})"
