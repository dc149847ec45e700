"""Devices that are not there: the bytes and pins of servos, IMU and foot switches, with faults on demand."""
