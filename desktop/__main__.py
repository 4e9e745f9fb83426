"""The program: the window, a child for it, or the terminal chat where there is no display.

Which of them is decided before anything heavy is imported: a child never imports Qt.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Entry point of `theragen` and of the frozen app."""
    if sys.argv[1:] in (["--engine-host"], ["--guard-host"]):
        from theragen_core import host

        host.main()
    if sys.argv[1:2] == ["--models"]:
        from theragen_core import cli

        return cli.main(["models", *sys.argv[2:]])
    if sys.argv[1:] == ["--back-end-probe"]:
        from theragen_core import backends

        return backends.main([])
    from desktop import arguments, display

    options = arguments.parse(sys.argv[1:])
    if not display.available():
        return display.open_terminal_chat(options)
    from desktop import app

    return app.run(options)


if __name__ == "__main__":
    sys.exit(main())
