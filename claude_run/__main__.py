"""`claude-run`, and `python -m claude_run`, which is the same."""

import gc

from claude_run.isolated import isolate


def main() -> None:
    gc.disable()  # whatever is imported stays: to look for garbage among it takes time
    isolate()
    from claude_run.cli import main as typed  # noqa: PLC0415 - imported from where it may be

    gc.enable()
    typed()


if __name__ == "__main__":
    main()
