"""Whole processes against local peers."""
