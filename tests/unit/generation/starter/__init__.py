"""Tests of the model in the box."""
