"""Tests of the GPU half."""
