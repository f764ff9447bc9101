"""Why the served net said so: SHAP attributions, overlays, and a pointing game against the reference boxes."""
