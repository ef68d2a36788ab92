"""What the CLI's aliases stand for, as its processes have said."""

from claude_run.claude.names import is_alias, without_context
from claude_run.turn import JsonObject


class Aliases:
    """Learnt from every process that starts: another version means other models by them."""

    def __init__(self) -> None:
        self._full: dict[str, str] = {}

    def learn(self, info: JsonObject | None) -> None:
        """Take in what a process said of itself at its start."""
        for model in (info or {}).get("models") or ():
            match model:
                case {"value": str(alias), "resolvedModel": str(full)}:
                    self._full[alias] = full
                case _:
                    pass

    def full(self, model: str) -> str | None:
        """The id of what `resolve` calls `model`; None as long as it is not known."""
        name = without_context(model)
        return self._full.get(name) if is_alias(name) else name
