"""Mass and inertia: are they those of real bodies, do left and right agree, and what does the scale say?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from contract.errors import ConfigError
from contract.schema import read

from .export import Array, Export, Link, RuleError
from .facts import Facts, Tolerances

_MIRROR = np.diag([1.0, -1.0, 1.0])


class Audit(NamedTuple):
    """Figures of an aligned export: masses kg by link; com (3,) m of the whole with all joints at 0, in the base's
    axes; how far the worst pair of links differs, in shares of mass and inertia and in m."""

    mass_kg: dict[str, float]
    com_m: Array
    mass_share: float
    inertia_share: float
    length_m: float

    @property
    def total_kg(self) -> float:
        """The robot's mass."""
        return sum(self.mass_kg.values())


@dataclass(frozen=True)
class Weighing:
    """What lay on the scale, which links that is (none named: the whole robot), and what it said."""

    what: str
    mass_kg: float
    links: tuple[str, ...] = ()


@dataclass(frozen=True)
class WeighIn:
    """A sheet of weighings; `tolerance`: the share by which the model may be off."""

    weighings: tuple[Weighing, ...]
    tolerance: float = 0.03


class Finding(NamedTuple):
    """One weighing beside the model."""

    what: str
    measured_kg: float
    model_kg: float
    passed: bool

    def sentence(self) -> str:
        """What the scale said, what the model says, and what to do."""
        off = self.measured_kg / self.model_kg - 1
        line = f"{self.what}: {self.measured_kg:.3f} kg on the scale, {self.model_kg:.3f} kg in the model ({off:+.1%})"
        return line if self.passed else f"{line}; correct its material in CAD and export again"


def audit(export: Export, facts: Facts) -> Audit:
    """Check every link of an aligned export, then each pair of links. Raises RuleError."""
    for link in export.links:
        _check_mass(link)
        _check_inertia(link)
    worst = [_differences(link, export, facts) for link in export.links if facts.side_of(link.name) == 0]
    for link in export.links:
        if facts.side_of(link.name) == 1 and export.link(facts.mirror_of(link.name)) is None:
            raise RuleError(_alone(link.name, facts))
    mass, inertia, length = np.max(np.array(worst), axis=0) if worst else (0.0, 0.0, 0.0)
    masses = {link.name: link.mass for link in export.links}
    return Audit(masses, _centre(export), float(mass), float(inertia), float(length))


def _check_mass(link: Link) -> None:
    if not link.mass > 0:
        raise RuleError(f"body {link.name}: mass is {link.mass} kg, the rule is more than 0; give its parts a material")


def _check_inertia(link: Link) -> None:
    principal = np.sort(np.linalg.eigvalsh(link.inertia))
    if not principal[0] > 0:
        raise RuleError(
            f"body {link.name}: inertia has the principal value {principal[0]:.3g} kg m^2, the rule is "
            "more than 0; give its parts a material"
        )
    if principal[0] + principal[1] < principal[2] * (1 - 1e-6):
        raise RuleError(
            f"body {link.name}: principal inertias {principal[0]:.4g} + {principal[1]:.4g} < "
            f"{principal[2]:.4g} kg m^2, which no body of positive mass has; export again"
        )


def _differences(left: Link, export: Export, facts: Facts) -> tuple[float, float, float]:
    """How a left link differs from its right twin: share of mass, share of inertia, m. Raises RuleError."""
    right = export.link(facts.mirror_of(left.name))
    if right is None:
        raise RuleError(_alone(left.name, facts))
    tol = facts.tolerances
    mass = abs(right.mass / left.mass - 1)
    if mass > tol.mass_share:
        raise RuleError(
            f"body {right.name}: mass is {right.mass:g} kg, the rule is that of {left.name} ({left.mass:g} "
            f"kg) within {tol.mass_share:.0%}; export both from one part"
        )
    com = _apart(right, "centre of mass", right.com, left.com, left, tol)
    mirrored = _MIRROR @ left.inertia @ _MIRROR
    inertia = float(np.abs(right.inertia - mirrored).max() / np.abs(mirrored).max())
    if inertia > tol.inertia_share:
        raise RuleError(
            f"body {right.name}: inertia differs by {inertia:.1%} from the mirror image of {left.name}, "
            f"the rule is {tol.inertia_share:.0%}; export both from one part"
        )
    pos = _apart(right, "origin in its parent", right.pos, left.pos, left, tol)
    if left.joint is not None and right.joint is not None:
        _check_pair(left, right, facts)
    return mass, inertia, max(com, pos)


def _apart(right: Link, what: str, found: Array, of_left: Array, left: Link, tol: Tolerances) -> float:
    apart = float(np.abs(found - _MIRROR @ of_left).max())
    if apart > tol.length_m:
        raise RuleError(
            f"body {right.name}: its {what} is {1e3 * apart:.1f} mm from the mirror image of "
            f"{left.name}'s, the rule is {1e3 * tol.length_m:g} mm; mirror the part in CAD"
        )
    return apart


def _check_pair(left: Link, right: Link, facts: Facts) -> None:
    assert left.joint is not None and right.joint is not None
    name = left.joint.name
    if facts.mirror_of(name) != right.joint.name:
        raise RuleError(
            f"joint {right.joint.name}: moves {right.name}, the rule is {facts.mirror_of(name)} as {name} "
            f"moves {left.name}; exchange the names"
        )
    sign = symmetry_sign(left.joint.axis, right.joint.axis)
    if sign == 0:
        raise RuleError(
            f"joint {right.joint.name}: axis {right.joint.axis.tolist()} is no mirror image of {name}'s "
            f"{left.joint.axis.tolist()}, the rule is +-(-x, y, -z); correct axis"
        )
    assert left.joint.limits is not None and right.joint.limits is not None
    low, high = sorted(sign * x for x in left.joint.limits)
    if not np.allclose((low, high), right.joint.limits, rtol=0, atol=1e-6):
        raise RuleError(
            f"joint {right.joint.name}: range is {right.joint.limits[0]:g} to {right.joint.limits[1]:g} "
            f"rad, the rule is that of {name} in the mirror, {low:g} to {high:g}; set both mates' limits alike"
        )


def symmetry_sign(axis: Array, image: Array) -> int:
    """+1 or -1 where `image` is a mirror's picture of a turn about `axis`, 0 where it is none.

    Mirroring y turns a rotation about (x, y, z) into one about (-x, y, -z)."""
    expected = axis * np.array([-1.0, 1.0, -1.0])
    return next((sign for sign in (1, -1) if np.allclose(image, sign * expected, atol=1e-9)), 0)


def _alone(name: str, facts: Facts) -> str:
    twin = facts.mirror_of(name)
    return f"body {name}: has no twin {twin}, the rule is left and right for every limb; export the whole robot"


def _centre(export: Export) -> Array:
    """(3,) m: the whole robot's centre of mass."""
    places: dict[str, Array] = {}
    for link in export.links:
        places[link.name] = link.pos + (places[link.parent] if link.parent is not None else 0.0)
    moments = [link.mass * (places[link.name] + link.com) for link in export.links]
    centre: Array = np.sum(moments, axis=0) / sum(link.mass for link in export.links)
    return centre


def compare_weights(result: Audit, sheet: Path) -> list[Finding]:
    """Each weighing of a sheet beside the model. Raises ConfigError: the sheet is not one."""
    try:
        data = yaml.safe_load(sheet.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{sheet}: {error.strerror}, expected a weigh-in sheet; check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{sheet}: not YAML ({' '.join(str(error).split())}), expected a weigh-in sheet") from None
    weigh_in = read(WeighIn, data, sheet.name, ConfigError)
    findings = []
    for weighing in weigh_in.weighings:
        lost = [name for name in weighing.links if name not in result.mass_kg]
        if lost or not weighing.mass_kg > 0:
            problem = f"no link {lost[0]!r} (known: {', '.join(result.mass_kg)})" if lost else f"{weighing.mass_kg} kg"
            raise ConfigError(
                f"{sheet.name}: {weighing.what}: {problem}, expected links of the robot and kg; correct it"
            )
        model = sum(result.mass_kg[name] for name in weighing.links or result.mass_kg)
        passed = abs(weighing.mass_kg / model - 1) <= weigh_in.tolerance
        findings.append(Finding(weighing.what, weighing.mass_kg, model, passed))
    return findings
