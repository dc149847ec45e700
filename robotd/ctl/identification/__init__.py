"""What `robotctl sysid` does: move one joint, record it, and find the servo that explains the record."""
