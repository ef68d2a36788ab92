"""`claude-run`, and `python -m claude_run`, which is the same."""

from claude_run.isolated import isolate


def main() -> None:
    isolate()
    from claude_run.cli import main as typed  # noqa: PLC0415 - imported from where it may be

    typed()


if __name__ == "__main__":
    main()
