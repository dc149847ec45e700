"""What `robotctl calibrate` does, step by step: each step asks the person, moves one joint, and keeps what it found."""
