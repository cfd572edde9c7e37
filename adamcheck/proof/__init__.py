"""Theorems, and the small kernel that accepts only decidable steps."""
