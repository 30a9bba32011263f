"""The published Mustango (`declare-lab/mustango`): its files and names, their conversion, its predictors of plans.

Nothing is unpickled but tensors; a conversion that was stopped goes on where it was.
Public: `convert`, `is_published`, `layout_files`, `predict_plan`, `BeatPredictor`, `ChordPredictor`.
"""
