"""Reference motions: what they are, how to make one, how to import one, and whether the robot can do it."""
