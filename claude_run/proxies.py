"""What is kept from HTTP proxies: a request to this machine must not go through another."""

from collections.abc import Mapping


def past_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep loopback from the proxies which `environment` names."""
    upper, lower = environment.get("NO_PROXY", ""), environment.get("no_proxy", "")
    return {
        "NO_PROXY": _with_loopback(upper or lower),
        "no_proxy": _with_loopback(lower or upper),
    }


def _with_loopback(entries: str) -> str:
    named = [entry for entry in map(str.strip, entries.split(",")) if entry]
    if named == ["*"]:  # everything already, but only as long as it stands alone
        return "*"
    return ",".join(dict.fromkeys([*named, "127.0.0.1", "localhost"]))
