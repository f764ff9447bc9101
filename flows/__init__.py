"""Orchestration: knows stages by their names in dvc.yaml, and DVC. Never imports TensorFlow, a stage, SHAP or GE."""
