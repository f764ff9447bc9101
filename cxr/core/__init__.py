"""What decides bytes and every stage needs: how files are written and checked, and what a process may compute with."""
