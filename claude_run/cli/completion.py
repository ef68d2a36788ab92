"""`claude-run completion SHELL`: the shell's side of completion, which asks `complete`."""

import sys
from collections.abc import Mapping
from typing import Final

from claude_run.cli.arguments import UsageError
from claude_run.cli.verbs import Call

BASH: Final = """\
_claude_run() {
    local found line
    found=$(claude-run complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [ $? -eq 3 ]; then
        if declare -F _command_offset >/dev/null; then
            _command_offset $((found + 1))
        elif [ "$COMP_CWORD" -eq $((found + 1)) ]; then
            COMPREPLY=($(compgen -c -- "${COMP_WORDS[COMP_CWORD]}"))
        fi
        return
    fi
    COMPREPLY=()
    while IFS= read -r line; do
        [ -n "$line" ] && COMPREPLY+=("${line%%$'\\t'*}")
    done <<< "$found"
}
complete -o bashdefault -o default -F _claude_run claude-run
"""
ZSH: Final = """\
#compdef claude-run
_claude_run() {
    local found line
    local -a names told
    found=$(claude-run complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
    if [ $? -eq 3 ]; then
        shift $((found + 1)) words
        (( CURRENT -= found + 1 ))
        _normal
        return
    fi
    for line in "${(@f)found}"; do
        [ -n "$line" ] || continue
        names+=("${line%%$'\\t'*}")
        told+=("${line%%$'\\t'*} -- ${line#*$'\\t'}")
    done
    if (( $#names )); then
        compadd -l -d told -a names
    else
        _files
    fi
}
compdef _claude_run claude-run
"""
FISH: Final = """\
function __claude_run_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found (claude-run complete -- $words[2..-1] 2>/dev/null)
    if test $status -eq 3
        set -l skipped (math $found[1] + 2)
        complete -C (string join -- ' ' (string escape -- $words[$skipped..-2]) $words[-1])
        return
    end
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c claude-run -e
complete -c claude-run -f -a '(__claude_run_complete)'
"""
SCRIPTS: Final[Mapping[str, str]] = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def act(call: Call) -> int:
    shell = call.words[0] if call.words else ""
    if shell not in SCRIPTS:
        raise UsageError("name your shell: claude-run completion bash|zsh|fish")
    sys.stdout.write(SCRIPTS[shell])
    return 0
