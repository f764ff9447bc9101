"""Why the served net decides as it does: SHAP attributions, overlays, a pointing game against reference boxes."""
