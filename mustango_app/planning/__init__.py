"""Words -> plan: a lexer and readers on its tokens, what styles and moods suggest, and the planner that completes it.

No torch but in the model's own planner; the same text and seed give the same plan everywhere.
Public: `plan_from_text`, `plan_with_sources`, `explain`, `ModelPlanner`, `fields.read_key` and its like, `Origin`.
"""
