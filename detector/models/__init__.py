"""Backbones: how their weights are stored, and how their graphs and features are built."""
