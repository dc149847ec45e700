"""The exported log as Foxglove takes it: typed channels, messages that keep to them, a robot in 3-D, and panels whose
every path names something that is there.

There is no Foxglove here: its rules are those of its documentation and of how it reads JSON schemas.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import numpy as np
import pytest
from bench_rig import Robotctl
from black_box_rig import box_at, config_of, session, shipped
from flight_rig import other_robot
from robot_builder import setup_of, tilted

from contract import assets_dir
from robotd.ctl import cli
from robotd.ctl.log_foxglove import LEVELS
from robotd.places import blackbox_path

TICKS = 200
LAYOUT = assets_dir().parent / "docs" / "foxglove_layout.json"
JsonObject = dict[str, Any]


class Exported(NamedTuple):
    """box: the black box; schemas and names of schemas by topic; messages: (log time ns, message) by topic."""

    box: Path
    schemas: dict[str, JsonObject]
    names: dict[str, str]
    messages: dict[str, list[tuple[int, JsonObject]]]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A flight that ends on its side, with a NaN in a signal and one in the observation before that."""
    from mcap.reader import make_reader

    def changes(number: int) -> JsonObject:
        if number == 180:
            return {"gyro_rad_s": np.array([np.nan, 0, 0], np.float32)}
        swing = np.linspace(0.05, 0.2, setup.spec.num_joints, dtype=np.float32) * np.float32(np.sin(number / 20))
        return {"quat_wxyz": tilted(60)} if number >= 190 else {"joint_pos_rad": setup.spec.robot.home + swing}

    setup = setup_of(config=config_of())
    folder = tmp_path_factory.mktemp("exported")
    box = box_at(folder / "box.bin", setup)
    for record in session(setup, TICKS, changes):
        box(record)
    box.close()
    assert cli.run(["log", "export", str(box.path), "--output", str(folder / "a.mcap")]) == 0
    found = Exported(box.path, {}, {}, {})
    with (folder / "a.mcap").open("rb") as stream:
        for schema, channel, message in make_reader(stream, validate_crcs=True).iter_messages():
            assert schema is not None and (channel.message_encoding, schema.encoding) == ("json", "jsonschema")
            found.schemas[channel.topic], found.names[channel.topic] = json.loads(schema.data), schema.name
            found.messages.setdefault(channel.topic, []).append((message.log_time, json.loads(message.data)))
    return found


def test_every_message_keeps_to_the_schema_of_its_channel(exported: Exported) -> None:
    count = 0
    for topic, messages in exported.messages.items():
        validator = jsonschema.Draft202012Validator(exported.schemas[topic])
        validator.check_schema(exported.schemas[topic])
        for _, message in messages:
            validator.validate(message)
            unknown = set(message) - set(exported.schemas[topic]["properties"])
            assert not unknown, f"{topic} has {unknown}, which its schema does not name"
            count += 1
    assert count > 8 * TICKS


def test_every_schema_is_of_kinds_that_foxglove_reads(exported: Exported) -> None:
    for topic, schema in exported.schemas.items():
        assert foxglove_refuses(schema, topic) == []


def foxglove_refuses(schema: JsonObject, where: str) -> list[str]:
    """What its reader throws at: an object without properties, a kind other than these, alternatives that are no
    numbers."""
    if schema.get("type") != "object" or "properties" not in schema:
        return [f"{where}: no object"]
    found: list[str] = []
    for name, inner in schema["properties"].items():
        place = f"{where}.{name}"
        inner = inner["items"] if inner.get("type") == "array" else inner
        if "oneOf" in inner:
            found += [place for option in inner["oneOf"] if not isinstance(option.get("const"), int)]
        elif inner.get("type") == "object":
            found += foxglove_refuses(inner, place)
        elif inner.get("type") not in ("boolean", "string", "number", "integer"):
            found.append(place)
    return found


def test_the_reader_of_kinds_refuses_what_foxglove_would() -> None:
    for bad in ({"type": ["number", "null"]}, {"type": "null"}, {"type": "array", "items": {}}, {"type": "object"}):
        assert foxglove_refuses({"type": "object", "properties": {"x": bad}}, "/t") != []


def test_known_schemas_have_the_names_by_which_foxglove_knows_them(exported: Exported) -> None:
    names = {topic: exported.names[topic] for topic in ("/log", "/tf", "/robot")}
    assert names == {"/log": "foxglove.Log", "/tf": "foxglove.FrameTransforms", "/robot": "foxglove.SceneUpdate"}


def test_the_log_tells_of_modes_faults_and_wishes(exported: Exported) -> None:
    told = [(message["level"], message["message"]) for _, message in exported.messages["/log"]]
    assert (LEVELS["INFO"], "homing -> standby") in told
    assert any(level == LEVELS["ERROR"] and words.startswith("NONFINITE is raised: ") for level, words in told)
    for at_ns, message in exported.messages["/log"]:
        assert message["timestamp"]["sec"] * 10**9 + message["timestamp"]["nsec"] == at_ns


def test_the_robot_in_3d_stands_where_its_joints_say(exported: Exported) -> None:
    """Every frame hangs on the world, each body has its shapes, and a foot is where MuJoCo has it."""
    from robotd.hal.sim import open_twin

    (_, scene), *_ = exported.messages["/robot"]
    at_ns, moved = exported.messages["/tf"][40]
    parents = {t["child_frame_id"]: t for t in moved["transforms"]}
    assert {entity["frame_id"] for entity in scene["entities"]} == set(parents)
    assert sum(len(entity[kind]) for entity in scene["entities"] for kind in ("cubes", "spheres", "cylinders")) > 30
    signals = next(message for stamp, message in exported.messages["/signals"] if stamp == at_ns)
    twin = open_twin(shipped("standing"))
    joints = np.array(list(signals["joint_pos_rad"].values()))
    twin.place(joints, tuple(signals["quat_wxyz"].values()), supported=False)
    for body in ("left_foot", "right_foot", "pelvis"):
        found = in_world(body, parents)
        base = in_world("pelvis", parents)
        expected = twin.data.body(body).xpos - twin.data.body("pelvis").xpos
        np.testing.assert_allclose(found - base, expected, atol=1e-3)


def in_world(frame: str, parents: dict[str, JsonObject]) -> np.ndarray:
    """Where the origin of a frame is, (3,) m."""
    at = np.zeros(3)
    while frame != "world":
        transform = parents[frame]
        w, x, y, z = (transform["rotation"][axis] for axis in "wxyz")
        turn = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
        at = turn @ at + np.array([transform["translation"][axis] for axis in "xyz"])
        frame = transform["parent_frame_id"]
    return at


def test_without_a_robot_that_fits_the_rest_is_exported(robotctl: Robotctl, tmp_path: Path) -> None:
    other_robot(blackbox_path(), 5)
    said = robotctl("log", "export", "--output", tmp_path / "a.mcap")
    assert said.code == 0 and said.out.endswith("5 ticks\n")
    assert "without the robot for a 3-D view: test_robot has other joints" in said.err
    bundle = assets_dir() / "bundles" / "walking"
    said = robotctl("log", "export", "--output", tmp_path / "b.mcap", "--bundle", bundle)
    assert said.code == 2 and "take the bundle that ran there" in said.sentence and not (tmp_path / "b.mcap").exists()


def test_every_path_of_the_layout_names_a_channel_and_a_key(exported: Exported) -> None:
    layout = json.loads(LAYOUT.read_text(encoding="utf-8"))
    paths = [path["value"] for panel in layout["configById"].values() for path in panel.get("paths", ())]
    assert len(paths) > 60
    for path in paths:
        topic, *keys = re.split(r"\.(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", path)
        schema = exported.schemas[topic]
        for key in keys:
            assert key.strip('"') in schema["properties"], f"{path}: no {key}"
            schema = schema["properties"][key.strip('"')]
        assert schema["type"] in ("number", "boolean", "string"), f"{path} is no single value"
    assert set(layout["configById"]["3D!robot"]["topics"]) <= set(exported.schemas)
    assert layout["configById"]["RosOut!log"]["topicToRender"] in exported.schemas


def test_every_panel_has_its_place(exported: Exported) -> None:
    layout = json.loads(LAYOUT.read_text(encoding="utf-8"))
    tabs = layout["configById"]["Tab!plots"]["tabs"]
    places = [place for part in (layout["layout"], *(tab["layout"] for tab in tabs)) for place in leaves(part)]
    assert sorted(places) == sorted(layout["configById"])


def leaves(mosaic: Any) -> list[str]:
    """Names of the panels in a layout or a part of it."""
    if isinstance(mosaic, str):
        return [mosaic]
    assert set(mosaic) == {"direction", "first", "second", "splitPercentage"} and 0 < mosaic["splitPercentage"] < 100
    return [*leaves(mosaic["first"]), *leaves(mosaic["second"])]


def test_the_layout_in_the_docs_is_the_one_that_the_verb_writes(
    exported: Exported, robotctl: Robotctl, tmp_path: Path
) -> None:
    said = robotctl("log", "layout", exported.box, "--output", tmp_path / "robot.json")
    assert said.code == 0 and (tmp_path / "robot.json").read_text() == LAYOUT.read_text(), (
        "write it anew: robotctl log layout --output docs/foxglove_layout.json"
    )


def test_a_layout_that_cannot_be_written_is_one_sentence(
    exported: Exported, robotctl: Robotctl, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    said = robotctl("log", "layout", exported.box, "--output", tmp_path / "file" / "robot.json")
    assert said.code == 2 and "expected a file that can be written" in said.sentence
