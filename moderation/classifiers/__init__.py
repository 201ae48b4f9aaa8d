"""Detectors for pictures and prompts, one file each."""
