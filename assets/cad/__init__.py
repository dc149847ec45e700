"""From a CAD export to the robot's MJCF and robot_config.yaml: readers, frames, fitted primitives, audit, writers."""
