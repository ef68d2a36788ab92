"""A cassette as a run's settings have it: opened, put in Claude's place or around it, told of."""

import time
from pathlib import Path

from claude_run.cassette.files import CassetteError, Files
from claude_run.cassette.masks import Masks, masks
from claude_run.cassette.mode import is_writable
from claude_run.cassette.recorder import Manner, Recorder
from claude_run.cassette.replayer import Replayer, Resolve
from claude_run.cassette.runs import keep_run
from claude_run.cassette.tape import Tape, Tell
from claude_run.patterns import PatternError
from claude_run.settings import Settings
from claude_run.turn import Answerer, JsonObject


class Cassette:
    """The cassette that `settings` name; they have been `mode.settled`.

    Raises:
        CassetteError: a file of it, or a pattern, cannot be used, or nothing can be recorded.
    """

    def __init__(self, settings: Settings, resolve: Resolve, tell: Tell) -> None:
        assert settings.cassette is not None  # noqa: S101 - callers look
        self._settings = settings
        self._resolve = resolve
        self._began = time.time()
        self._files = Files(Path(settings.cassette))
        if settings.record != "none" and not is_writable(self._files.directory):
            raise CassetteError(  # better known before anything is asked
                f"{self._files.directory} cannot be written. Choose another place with --cassette,"
                " or only replay what is there: --record none."
            )
        self._tape = Tape(
            self._files.read_all(),
            masks_of(self._files, settings),
            rehearses=settings.rehearse,
            repeats=settings.repeat,
            tell=tell,
        )

    def replayer(self) -> Answerer:
        return Replayer(
            self._tape,
            self._resolve,
            self._settings.recorded_by or "",
            self._settings.replay_speed,
        )

    def recorder(self, inner: Answerer) -> Answerer:
        manner = Manner(
            anew=self._settings.record == "all",
            errors=self._settings.record_errors,
            rehearsed=self._settings.rehearse,
            speed=self._settings.replay_speed,
        )
        return Recorder(inner, self._tape, self._files, self._resolve, manner)

    def close(self) -> JsonObject:
        """For the run's report; what was used is kept for `prune`."""
        unused = [] if self._settings.record == "all" else self._tape.unused()
        keep_run(self._files.directory, self._began, self._tape.used())
        return {
            "directory": self._settings.cassette,
            "mode": self._settings.record,
            **self._tape.score.told(),
            "unused": unused,
        }


def masks_of(files: Files, settings: Settings) -> Masks:
    """The masks of a run with `settings` on a cassette, which may have some of its own.

    Raises:
        CassetteError: its settings or a pattern cannot be used.
    """
    own = files.settings()
    try:
        return masks(
            (*settings.ignore, *own.get("ignore", ())),
            (*settings.redact, *own.get("redact", ())),
        )
    except PatternError as error:
        raise CassetteError(str(error)) from None
