"""What can be wrong with a policy bundle or a robot description.

    ContractError (ValueError)
     ├─ ConfigError       robot_config.yaml does not describe a robot
     ├─ SpecError         policy_spec.json does not describe a policy
     └─ BundleError       the files of a bundle do not fit together
         └─ ChecksumError a file is not the one that was exported; `allow_unverified` accepts it

Every message is one sentence: file, key, the value found, what was expected, and how to mend it.
"""

from __future__ import annotations


class ContractError(ValueError):
    """A file that describes a policy or a robot cannot be used."""


class ConfigError(ContractError):
    """robot_config.yaml is not usable."""


class SpecError(ContractError):
    """policy_spec.json is not usable."""


class BundleError(ContractError):
    """The files of a bundle do not fit together."""


class ChecksumError(BundleError):
    """A file in the bundle is not the one that was exported."""
