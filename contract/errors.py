"""What can be wrong with a policy bundle or a robot description.

    ContractError (ValueError)
     ├─ ConfigError       robot_config.yaml does not describe a robot
     ├─ SpecError         policy_spec.json does not describe a policy
     └─ BundleError       the files of a bundle do not fit together
         └─ ChecksumError a file is not the one that was exported; `allow_unverified` accepts it

Every message is one sentence: file, key, the value found, what was expected, and how to mend it.
"""

from __future__ import annotations

MOST_CHARACTERS = 800
"""Of a sentence: names and values of a broken file may be of any length, and are then repeated in part."""


class ContractError(ValueError):
    """A file that describes a policy or a robot cannot be used."""

    def __init__(self, text: str) -> None:
        text = "".join(map(_plain, text))
        half = MOST_CHARACTERS // 2
        super().__init__(text if len(text) <= MOST_CHARACTERS else f"{text[:half]} ... {text[-half:]}")


def _plain(letter: str) -> str:
    """What names in a broken file may hold is not for a terminal."""
    if letter.isprintable():
        return letter
    return " " if letter.isspace() else repr(letter)[1:-1]


class ConfigError(ContractError):
    """robot_config.yaml is not usable."""


class SpecError(ContractError):
    """policy_spec.json is not usable."""


class BundleError(ContractError):
    """The files of a bundle do not fit together."""


class ChecksumError(BundleError):
    """A file in the bundle is not the one that was exported."""
