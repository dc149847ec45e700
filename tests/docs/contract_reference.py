"""docs/contract-reference.md out of the contract: versions, terms, layouts, mappings, every key, files, functions."""

from __future__ import annotations

import inspect
from typing import Any

from key_tables import cell, dataclass_table, prose, table, tables_below

import contract
from contract import TERMS, PolicySpec, RobotConfig, assets_dir, bundle_files, errors, load_deployment
from contract.onnx_operators import OPERATORS
from contract.robot_params import RobotParams
from contract.signals import FOOT_SWITCHES, Command, PolicyState, Signals
from contract.spec import CONTRACT_NAME, CONTRACT_VERSION, SPEC_VERSION
from contract.spec_reader import MAPPING_IDS, POSTPROCESS_IDS

HEAD = """# The contract, every key

Generated from the code by `make docs`; a test says when it is stale. [The policy contract](contract.md) explains what
stands here in tables.

"""


def page() -> str:
    """The whole page."""
    parts = (versions(), terms(), layouts(), ids(), spec(), robot_config(), robot_params(), files(), carriers(), api())
    return HEAD + "".join(parts)


def versions() -> str:
    """What a spec must say that it is."""
    rows = [("`contract_name`", CONTRACT_NAME), ("`contract_version`", f"{CONTRACT_VERSION} is written, 1.x is read")]
    return "## Versions\n" + table(("key", "value"), [*rows, ("`spec_version`", SPEC_VERSION)])


def terms() -> str:
    """The terms of an observation."""
    rows = [(f"`{name}`", sizes(term), term.frame or "-", f"`{term.units}`") for name, term in TERMS.items()]
    said = "J is the number of joints. Formulas stand in [the contract](contract.md#terms-of-the-observation).\n"
    return f"## Terms\n{said}" + table(("term", "size", "frame", "units"), rows)


def sizes(term: Any) -> str:
    """The size in words: a number, or J."""
    few, many = term.size(2), term.size(3)
    return str(few) if few == many else "J"


def layouts() -> str:
    """Where each term lies in the shipped policies."""
    text = "## Layouts of the shipped policies\n"
    bundles, _ = load_deployment(assets_dir() / "bundles" / "wildrobot", _no_session)
    for name, bundle in sorted(bundles.items()):
        observation = bundle.spec.observation
        rows = []
        for entry in observation.layout:
            place = observation.slice_of(entry.name)
            rows.append((f"`{entry.name}`", f"{place.start} to {place.stop - 1}", entry.size))
        text += f"### {name}\n{bundle.spec.model.obs_dim} numbers in, {bundle.spec.model.action_dim} out; "
        text += f"mapping `{bundle.spec.action.mapping_id}`, post-processing `{bundle.spec.action.postprocess_id}`.\n"
        text += table(("term", "places", "size"), rows)
    return text


def _no_session(content: bytes) -> Any:
    from robotd.policy import open_session

    return open_session(content)


def ids() -> str:
    """Names of what turns an output into a target."""
    rows = [("action.mapping_id", ", ".join(f"`{name}`" for name in MAPPING_IDS))]
    rows += [("action.postprocess_id", ", ".join(f"`{name}`" for name in POSTPROCESS_IDS))]
    rows += [("operators of policy.onnx", ", ".join(f"`{name}`" for name in sorted(OPERATORS)))]
    rows += [("robot_config.foot_switches, in this order", ", ".join(f"`{name}`" for name in FOOT_SWITCHES))]
    return "## Names that are known\n" + table(("where", "names"), rows)


def spec() -> str:
    """Every key of policy_spec.json."""
    return "## policy_spec.json\n" + tables_below(PolicySpec, dataclass_table)


def robot_config() -> str:
    """Every key of robot_config.yaml."""
    return "## robot_config.yaml\n" + tables_below(RobotConfig, dataclass_table)


def robot_params() -> str:
    """Every key of robot_params.yaml."""
    said = "Written by `robotctl sysid`, read by `trainer train --robot-params`. "
    return f"## robot_params.yaml\n{said}" + tables_below(RobotParams, dataclass_table)


def files() -> str:
    """The files of a bundle that code knows by name."""
    names = {name: value for name, value in vars(bundle_files).items() if name.endswith("_FILE")}
    rows = [(f"`{value}`", f"`contract.bundle_files.{name}`") for name, value in names.items()]
    return "## Files of a bundle\n" + table(("file", "name in code"), rows)


def carriers() -> str:
    """What goes in and out of a control step."""
    text = "## Carriers\n"
    for cls in (Signals, Command, PolicyState):
        fields = ", ".join(f"`{name}`" for name in cls._fields)
        text += f"### {cls.__name__}\n{prose(cls)}\n\nFields: {fields}.\n\n"
    return text


def api() -> str:
    """Everything that `contract` exports, with the first sentence of what it is."""
    rows = []
    for name in contract.__all__:
        thing = getattr(contract, name)
        if inspect.isfunction(thing):
            said = cell((inspect.getdoc(thing) or "").split("\n\n")[0])
            rows.append((f"`{name}{signature(thing)}`".replace("|", "\\|"), said))
    problems = [
        (f"`{name}`", cell((inspect.getdoc(kind) or "").split("\n\n")[0]))
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ]
    return "## Functions\n" + table(("function", ""), rows) + "## Errors\n" + table(("error", ""), problems)


def signature(function: Any) -> str:
    """Names of the arguments."""
    return f"({', '.join(inspect.signature(function).parameters)})"
