"""The sky as a page: one HTML file with a plan, and what a run measured, that any browser opens from disk."""
