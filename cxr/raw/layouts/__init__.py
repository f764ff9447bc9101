"""How a batch names files, labels and patients: one module for each layout."""
