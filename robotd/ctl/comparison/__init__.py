"""What `robotctl compare` does: a log's commands once more, on the physics twin, and how far its joints are off."""
