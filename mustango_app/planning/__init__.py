"""Statements -> plan: what styles and moods suggest for what a text leaves open, and the planner that completes it.

No torch but in the model's own planner; the same text and seed give the same plan everywhere.
Public: `plan_from_text`, `plan_with_sources`, `explain`, `ModelPlanner`, `Origin`.
"""
