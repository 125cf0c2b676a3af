"""Registries: one adapter each, from tables as exported to one row per patient."""
