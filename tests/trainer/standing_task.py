"""Where the trainer's configs lie."""

from pathlib import Path

CONFIGS = Path(__file__).resolve().parents[2] / "trainer" / "configs"
STANDING = CONFIGS / "standing.yaml"
WALKING = CONFIGS / "walking.yaml"
