"""Words -> plan: what a sentence states, what style and mood suggest, and what a model itself predicts or refuses.

No torch but in the model's own planner; the same text and seed give the same plan everywhere.
Public: `plan_from_text`, `plan_with_sources`, `explain`, `ModelPlanner`.
"""
