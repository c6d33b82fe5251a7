"""What a run meant: its tables, their truth, the verdict, figures and reports."""
